use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError, mpsc};

use super::*;
use crate::exit;
use crate::meter::heap;

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

/// The process ended with this line.
#[track_caller]
fn assert_ended(output: Output, line: &str) {
    assert_eq!(output.status.code(), Some(exit::SOFTWARE.into()));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = stderr
        .lines()
        .filter(|l| l.starts_with("goldcrest: "))
        .collect();
    let wanted = format!("goldcrest: {line}; this is a bug: please report it");
    assert_eq!(lines, [wanted]);
}

#[test]
fn a_thread_that_ends_early_ends_the_process_with_one_line() {
    let line = "the thread hasty ended without being told to";
    assert_ended(alone("ends_early"), line);
}

#[test]
#[ignore = "ends the process; another test runs it in one of its own"]
fn ends_early() {
    let hasty = spawn("hasty", None, || -> End<()> { End::Early }).unwrap();
    drop(hasty.join());
    thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_dead_thread_with_locks_of_the_streams_is_noticed() {
    assert_ended(alone("dies_with_locks"), "the thread doomed is gone");
}

#[test]
#[ignore = "ends the process; another test runs it in one of its own"]
fn dies_with_locks() {
    watch().unwrap();
    // As if the kernel had ended it: it leaves its slot and what it locked.
    let doomed = thread::spawn(|| {
        Place::take("doomed").unwrap().begin();
        std::mem::forget((io::stdout().lock(), io::stderr().lock()));
    });
    doomed.join().unwrap();
    thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_thread_that_dies_before_it_begins_is_noticed() {
    assert_ended(alone("dies_early"), "the thread unborn is gone");
}

#[test]
#[ignore = "ends the process; another test runs it in one of its own"]
fn dies_early() {
    watch().unwrap();
    // Stands for the thread of libtest, which is in no list.
    Place::take("libtest").unwrap().begin();
    // As if the kernel had ended it before it said its number.
    Place::take("unborn").unwrap().started();
    thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_look_at_all_threads_takes_no_memory() {
    let output = alone("looks_without_the_heap");
    assert!(output.status.success(), "{output:?}");
}

#[test]
#[ignore = "counts what the whole process allocates; another test runs it in one of its own"]
fn looks_without_the_heap() {
    let (end, told) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let thread = spawn("patient", Some(SMALL), move || {
        begin.send(()).unwrap();
        let _ = told.recv();
        End::Told(())
    });
    begun.recv().unwrap();
    // That of libtest, which is in no list, hides that this one is not there.
    Place::take("hidden").unwrap().started();
    // The thread of libtest may allocate meanwhile; a look would do so each time.
    let takes_nothing = |_| {
        let before = heap::now();
        (0..5).for_each(|_| look_at_all());
        heap::now() == before
    };
    assert!((0..10).any(takes_nothing));
    drop(end);
    thread.unwrap().join().unwrap();
}

#[test]
fn a_thread_is_known_until_it_was_told_to_end() {
    let (end, told) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let thread = spawn("expected", Some(SMALL), move || {
        begin.send(()).unwrap();
        let _ = told.recv();
        End::Told(7)
    })
    .unwrap();
    begun.recv().unwrap();
    assert!(list::has("expected"));
    drop(end);
    assert_eq!(thread.join().unwrap(), 7);
    assert!(!list::has("expected"));
}

#[test]
fn a_refused_thread_is_an_error() {
    *REFUSED.lock().unwrap() = Some("too many".into());
    let refused = spawn("too many", None, || End::Told(())).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EAGAIN));
    assert!(!list::has("too many"));
    *REFUSED.lock().unwrap() = None;
}
