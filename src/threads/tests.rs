use std::process::{Command, Output};
use std::sync::mpsc;

use super::*;
use crate::exit;

/// The thread that [`spawn`] refuses, as the system does at its limit.
static REFUSED: Mutex<Option<String>> = Mutex::new(None);

pub(super) fn refuse(name: &str) -> io::Result<()> {
    let refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    match refused.as_deref() == Some(name) {
        true => Err(io::Error::from_raw_os_error(libc::EAGAIN)),
        false => Ok(()),
    }
}

/// Runs the ignored test `name` in a process of its own.
fn alone(name: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args([&format!("threads::tests::{name}"), "--exact"])
        .args(["--ignored", "--nocapture"])
        .output()
        .unwrap()
}

#[test]
fn a_thread_that_ends_early_ends_the_process_with_one_line() {
    let output = alone("ends_early");
    assert_eq!(output.status.code(), Some(exit::SOFTWARE.into()));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let line = stderr.lines().find(|l| l.starts_with("goldcrest: "));
    assert_eq!(
        line,
        Some(
            "goldcrest: the thread hasty ended without being told to; this is a bug: please report it"
        )
    );
}

#[test]
#[ignore = "ends the process; another test runs it in one of its own"]
fn ends_early() {
    let hasty = spawn("hasty", None, || -> End<()> { End::Early }).unwrap();
    drop(hasty.join());
    thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_thread_is_known_until_it_was_told_to_end() {
    let (end, told) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let thread = spawn("patient", Some(SMALL), move || {
        begin.send(()).unwrap();
        let _ = told.recv();
        End::Told(7)
    })
    .unwrap();
    begun.recv().unwrap();
    let known = || all().iter().any(|entry| entry.name == "patient");
    assert!(known());
    drop(end);
    assert_eq!(thread.join().unwrap(), 7);
    assert!(!known());
}

#[test]
fn a_refused_thread_is_an_error() {
    *REFUSED.lock().unwrap() = Some("too many".into());
    let refused = spawn("too many", None, || End::Told(())).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EAGAIN));
    *REFUSED.lock().unwrap() = None;
}

#[test]
fn a_thread_whose_state_is_gone_is_gone() {
    let (end, told) = mpsc::channel::<()>();
    let (tell, state) = mpsc::channel();
    let thread = thread::spawn(move || {
        tell.send(state_file()).unwrap();
        let _ = told.recv();
    });
    let state = state.recv().unwrap();
    assert!(state.is_some());
    let entry = Entry {
        number: 0,
        name: "a".into(),
        state,
    };
    assert!(!entry.is_gone());
    drop(end);
    thread.join().unwrap();
    // The kernel may take a moment longer.
    let start = Instant::now();
    while !entry.is_gone() && start.elapsed() < Duration::from_secs(20) {
        thread::yield_now();
    }
    assert!(entry.is_gone());
}

#[test]
fn the_state_stands_behind_a_name_with_parentheses() {
    assert_eq!(state_in(b"7 (mqtt) S 1 7"), Some(b'S'));
    assert_eq!(state_in(b"7 (a) Z (b)) Z 1 7"), Some(b'Z'));
    assert_eq!(state_in(b"7 (cut"), None);
    assert_eq!(state_in(b""), None);
}
