//! The keeper: a small process between the daemon and the program that gives frames.
//!
//! It ends all that started below it when the daemon is gone, however that ended, and when the
//! program is.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, getppid, kill_process, set_child_subreaper,
    set_parent_process_death_signal, wait,
};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::exit;
use crate::meter::tree;
use crate::source::live::start_thread;

/// This program, whatever became of its file since.
pub(super) const OURSELVES: &str = "/proc/self/exe";

/// How a program is asked to end before it is killed, and how long it may take each time.
const ASKED: [(Signal, Duration); 2] = [
    (Signal::INT, Duration::from_secs(1)),
    (Signal::TERM, Duration::from_secs(1)),
];

/// The same for what a program left behind that ended by itself.
const LEFT: [(Signal, Duration); 1] = [(Signal::TERM, Duration::from_millis(300))];

/// How often what is left is killed again, and for how long in all.
const AGAIN: Duration = Duration::from_millis(50);
const KILLING: u32 = 40;

/// The longest that a keeper lives on once it is to end everything.
pub(super) const LONGEST: Duration = Duration::from_secs(4);

/// What the service manager tells the daemon alone.
const OURS_ALONE: [&str; 5] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
];

/// How much sooner the system kills the program than the daemon when memory is short, of 1000.
const SOONER: i32 = 300;

/// Stack of a thread, in bytes.
const STACK: usize = 64 << 10;

/// Runs `argv` until it ends, standard input closes or a signal asks for the end. Then ends all
/// that started below this process, and returns the program's exit code, or 128 and the number of
/// the signal that ended it.
///
/// # Errors
/// The system refused a process, a handler or a thread.
pub fn keep(argv: &[OsString]) -> io::Result<u8> {
    set_child_subreaper(Some(getpid()))?;
    let mut signals = Signals::new([SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT])?;
    let mut program = Command::new(OURSELVES);
    program
        .args(["child", "--parent", &getpid().to_string(), "--"])
        .args(argv)
        .stdin(Stdio::null());
    for name in OURS_ALONE {
        program.env_remove(name);
    }
    let program = program.spawn()?.id();
    start_thread("lifeline", STACK, || {
        // Nothing is ever written; only the end means something.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = low_level::raise(SIGTERM);
    })?;
    let mut code = None;
    let mut ending = false;
    for signal in signals.forever() {
        let mut end = signal != SIGCHLD;
        if signal == SIGCHLD {
            let all_gone = reap(program, &mut code);
            if all_gone {
                break;
            }
            end = code.is_some();
        }
        if end && !ending {
            ending = true;
            let steps: &[_] = if code.is_some() { &LEFT } else { &ASKED };
            start_thread("ladder", STACK, || descend(steps))?;
        }
    }
    Ok(code.unwrap_or(exit::SOFTWARE))
}

/// Reaps all that has ended, and notes the exit code of `program`. Returns whether nothing is left.
fn reap(program: u32, code: &mut Option<u8>) -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((id, status))) if u32::try_from(id.as_raw_nonzero().get()) == Ok(program) => {
                let signalled = status.terminating_signal().map(|signal| 128 + signal);
                let number = status.exit_status().or(signalled).unwrap_or(0);
                *code = Some(number as u8);
            }
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// Asks all below this process to end, then kills them. The main thread reaps them, and ends the
/// process with the last one.
fn descend(steps: &[(Signal, Duration)]) {
    for (signal, grace) in steps {
        tell(*signal);
        thread::sleep(*grace);
    }
    for _ in 0..KILLING {
        tell(Signal::KILL);
        thread::sleep(AGAIN);
    }
    // What the kernel does not let go of cannot be waited for.
    std::process::exit(128 + Signal::KILL.as_raw());
}

fn tell(signal: Signal) {
    for id in tree::below(std::process::id()) {
        let id = i32::try_from(id).ok().and_then(Pid::from_raw);
        // It may have ended meanwhile.
        let _ = id.map(|id| kill_process(id, signal));
    }
}

/// Becomes `argv`, which the kernel kills once `parent` is gone. Returns only if that fails.
pub fn become_program(parent: u32, argv: &[OsString]) -> io::Error {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // It may have ended before the kernel knew.
    let present = getppid().map_or(0, |id| id.as_raw_nonzero().get());
    if u32::try_from(present) != Ok(parent) {
        return io::Error::other("the keeper is gone");
    }
    prefer_for_killing();
    match argv {
        [program, arguments @ ..] => Command::new(program).args(arguments).exec(),
        [] => io::Error::other("no program is named"),
    }
}

/// When memory is short, the program goes before the daemon. Without that it goes by size.
fn prefer_for_killing() {
    const FILE: &str = "/proc/self/oom_score_adj";
    let present = fs::read_to_string(FILE).ok();
    let present: i32 = present
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    let _ = fs::write(FILE, present.saturating_add(SOONER).min(1000).to_string());
}
