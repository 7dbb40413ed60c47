//! A panic in any thread ends the process with one line and an exit code that systemd restarts on.
//!
//! The exceptions are parsers of what strangers send: [`contain`] turns their panics into values.

use std::cell::Cell;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::thread;

use crate::escape::OneLine;
use crate::exit;

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// A contained panic. The log has its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

/// Installs the hook that ends the process with [`exit::SOFTWARE`].
///
/// No goodbye is sent to the broker, which then publishes the last will.
pub fn end_the_process() {
    panic::set_hook(Box::new(|info| {
        let line = line(info);
        if CONTAINED.get() {
            log::debug!("{line}");
            return;
        }
        end(&line);
    }));
}

/// Ends the process with [`exit::SOFTWARE`] because of a bug, of which `line` tells.
pub(crate) fn end(line: &str) -> ! {
    let line = OneLine(line);
    write(format!("goldcrest: {line}; this is a bug: please report it\n").as_bytes());
    std::process::exit(exit::SOFTWARE.into());
}

/// Ends the process with [`exit::SOFTWARE`] because the thread of this name is gone, which has no
/// control characters, and zeros at its end.
///
/// That thread may hold any lock for good. So nothing here takes one, the heap's included, and
/// [`exit_at_once`] does the rest.
pub(crate) fn end_without(thread: &[u8; 32]) -> ! {
    let name = thread.split(|byte| *byte == 0).next().unwrap_or(thread);
    let mut line = [0; 128];
    let mut rest = &mut line[..];
    for part in [
        &b"goldcrest: the thread "[..],
        name,
        b" is gone; this is a bug: please report it\n",
    ] {
        // It has room for the longest name.
        let _ = rest.write_all(part);
    }
    let unused = rest.len();
    write(&line[..line.len() - unused]);
    exit_at_once();
}

/// Ends the process with [`exit::SOFTWARE`], without what is done at an exit: that takes locks.
pub(crate) fn exit_at_once() -> ! {
    signal_hook::low_level::exit(exit::SOFTWARE.into());
}

/// Writes to standard error, not through its lock.
fn write(mut rest: &[u8]) {
    use rustix::io::{retry_on_intr, write};
    while let Ok(written @ 1..) = retry_on_intr(|| write(io::stderr().as_fd(), rest)) {
        rest = &rest[written..];
    }
}

/// Calls `parse`, code that may panic on foreign input.
///
/// # Errors
/// [`Panicked`], once the stack is unwound. Values that `parse` changed may be half changed.
pub fn contain<T>(parse: impl FnOnce() -> T) -> Result<T, Panicked> {
    let before = CONTAINED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(parse));
    CONTAINED.set(before);
    done.map_err(|_| Panicked)
}

fn line(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("no message");
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let thread = thread::current();
    let name = thread.name().unwrap_or("unnamed").to_string();
    match info.location() {
        Some(at) => format!("thread {name} panicked at {at}: {message}"),
        None => format!("thread {name} panicked: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contained_panic_is_a_value() {
        assert_eq!(contain(|| 7), Ok(7));
        assert_eq!(contain(|| panic!("foreign input")), Err::<(), _>(Panicked));
        assert!(!CONTAINED.get());
    }

    #[test]
    fn a_panic_in_a_thread_ends_the_process_with_one_line() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["panics::tests::panics_in_a_thread", "--exact"])
            .args(["--ignored", "--nocapture"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(exit::SOFTWARE.into()));
        let text = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = text.lines().filter(|l| l.contains("panicked")).collect();
        let [line] = lines[..] else {
            panic!("{text}");
        };
        assert!(line.starts_with("goldcrest: thread worker panicked at src/panics.rs:"));
        assert!(
            line.contains(": a bug of two lines; this is a bug"),
            "{line}"
        );
    }

    /// Never returns.
    #[test]
    #[ignore = "the test above runs it in a process of its own"]
    fn panics_in_a_thread() {
        end_the_process();
        let worker = thread::Builder::new().name("worker".into());
        let worker = worker.spawn(|| panic!("a bug\nof two lines")).unwrap();
        drop(worker.join());
        thread::sleep(std::time::Duration::from_secs(60));
    }
}
