//! A running child: its pipes, its end and what is said about it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::complaint::Complaint;
use super::keeper;
use super::secrets::Secrets;
use crate::source::live::{AHEAD, Ahead, Format, Frames, Outlet, ahead, start_thread};
use crate::source::{Cause, Loss, Monitor};

/// Stack of the thread that reads the standard error, in bytes.
const STACK: usize = 64 << 10;
/// How often a keeper that is to end is looked after.
const LOOK: Duration = Duration::from_millis(10);
/// How long the keeper's standard error may stay open after its end.
const GOODBYE: Duration = Duration::from_millis(500);

/// What to start, and how its output is read.
#[derive(Clone)]
pub(super) struct Plan {
    /// The program that has the command `child`: this one.
    pub keeper: PathBuf,
    /// Where the program is.
    pub program: PathBuf,
    pub name: String,
    pub arguments: Vec<String>,
    pub secrets: Secrets,
    pub format: Format,
}

/// The hold that two threads have on a child: the one that reads it, and the one that asks for
/// frames.
#[derive(Clone, Default)]
pub(super) struct Hold(Arc<Mutex<Held>>, Complaint);

#[derive(Default)]
struct Held {
    /// When this closes, the keeper ends everything.
    lifeline: Option<ChildStdin>,
    /// Set when the end was asked for.
    cut: Option<Instant>,
    /// The keeper, until it was reaped.
    keeper: Option<Child>,
    /// The pipe that the feed reads.
    output: Option<Arc<File>>,
}

/// The output of a child, which ends at once when the end is asked for.
struct Output {
    pipe: Arc<File>,
    ending: Arc<AtomicBool>,
}

impl Read for Output {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let over = |this: &Self| this.ending.load(Ordering::Relaxed);
        if over(self) {
            return Ok(0);
        }
        let read = (&*self.pipe).read(to)?;
        Ok(if over(self) { 0 } else { read })
    }
}

impl Ahead for BufReader<Output> {
    fn ahead(&self) -> usize {
        ahead(self.buffer(), &*self.get_ref().pipe)
    }
}

impl Hold {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keeper's number, while it is not reaped.
    pub fn id(&self) -> Option<u32> {
        self.lock().keeper.as_ref().map(Child::id)
    }

    /// Has the keeper end everything, without a wait.
    pub fn cut(&self) {
        let mut held = self.lock();
        held.cut.get_or_insert_with(Instant::now);
        held.lifeline = None;
    }

    /// How long ago the end was asked for.
    pub fn cut_since(&self) -> Duration {
        let cut = self.lock().cut;
        cut.map_or(Duration::ZERO, |cut| cut.elapsed())
    }

    /// The last line of the standard error.
    pub fn complaint(&self, secrets: &Secrets) -> Option<String> {
        self.1.last(secrets)
    }

    /// Kills the keeper's group and wakes a thread that reads a pipe which a stranger still holds
    /// open. For a keeper that did not do its work.
    pub fn force(&self) {
        let held = self.lock();
        if let Some(keeper) = &held.keeper {
            kill_group(keeper);
        }
        let Some(output) = &held.output else { return };
        // A byte of our own ends the read; the flag that is set tells that it means nothing.
        let path = format!("/proc/self/fd/{}", output.as_raw_fd());
        let opened = OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path);
        if let Ok(mut pipe) = opened {
            let _ = pipe.write(b"\n");
        }
    }

    /// Starts the child; returns its output.
    fn start(&self, plan: &Plan, ending: Arc<AtomicBool>) -> io::Result<BufReader<Output>> {
        let mut keeper = Command::new(&plan.keeper)
            .args(["child", "--"])
            .arg(&plan.program)
            .args(&plan.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let stderr = keeper.stderr.take();
        let stdout = keeper
            .stdout
            .take()
            .map(|out| File::from(OwnedFd::from(out)));
        let pipe = stdout.map(Arc::new);
        {
            let mut held = self.lock();
            // The end may have been asked for already.
            held.lifeline = keeper.stdin.take().filter(|_| held.cut.is_none());
            held.output.clone_from(&pipe);
            held.keeper = Some(keeper);
        }
        let complaint = self.1.clone();
        start_thread("complaints", STACK, move || {
            if let Some(stderr) = stderr {
                complaint.drain(stderr);
            }
        })?;
        let pipe = pipe.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(BufReader::with_capacity(AHEAD, Output { pipe, ending }))
    }

    /// Waits for the keeper, which has to end by now, and reaps it.
    fn reap(&self) -> io::Result<ExitStatus> {
        self.cut();
        self.lock().output = None;
        let end = Instant::now() + keeper::LONGEST;
        loop {
            let mut held = self.lock();
            let Some(keeper) = &mut held.keeper else {
                return Err(io::ErrorKind::NotFound.into());
            };
            if has_ended(keeper) {
                // What a keeper that was killed has left. Its number is its own until it is reaped.
                kill_group(keeper);
                let status = keeper.wait();
                held.keeper = None;
                return status;
            }
            if Instant::now() > end {
                kill_group(keeper);
            }
            drop(held);
            thread::sleep(LOOK);
        }
    }
}

/// Whether `keeper` has ended; it is not reaped yet.
fn has_ended(keeper: &Child) -> bool {
    let id = i32::try_from(keeper.id()).ok().and_then(Pid::from_raw);
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    // An error means that there is nothing to wait for.
    id.is_none_or(|id| !matches!(waitid(WaitId::Pid(id), peek), Ok(None)))
}

/// Kills the group that `keeper`, which was not reaped yet, leads.
fn kill_group(keeper: &Child) {
    let group = i32::try_from(keeper.id()).ok().and_then(Pid::from_raw);
    let _ = group.map(|group| kill_process_group(group, Signal::KILL));
}

/// Runs a child to its end, in the thread of a feed. Returns why there are no more frames.
pub(super) fn run(plan: &Plan, hold: &Hold, monitor: &Monitor, outlet: &Outlet) -> Loss {
    let name = &plan.name;
    let output = match hold.start(plan, outlet.ending()) {
        Ok(output) => output,
        Err(error) => {
            // A keeper without a reader is not left behind.
            let _ = hold.reap();
            return Loss::new(Cause::Io, format!("{name} cannot be started: {error}"));
        }
    };
    monitor.set_child(hold.id());
    let mut frames = Frames::new(plan.format, output);
    let broken = outlet.pump(&mut frames);
    drop(frames);
    let status = hold.reap();
    monitor.set_child(None);
    if let Some(loss) = broken {
        return Loss::new(loss.cause, format!("{name}: {}", loss.message));
    }
    // The last line may still be under way.
    let patience = Instant::now() + GOODBYE;
    while !hold.1.is_over() && Instant::now() < patience {
        thread::sleep(LOOK);
    }
    let ended = match status {
        Ok(status) => how(status),
        Err(error) => format!("cannot be waited for: {error}"),
    };
    let wrote = wrote(hold.complaint(&plan.secrets));
    Loss::new(Cause::Exited, format!("{name} {ended}{wrote}"))
}

/// The last line of standard error, to be read after what happened.
pub(super) fn wrote(complaint: Option<String>) -> String {
    match complaint {
        Some(line) => format!("; its last line: {line}"),
        None => "; it wrote nothing to standard error".into(),
    }
}

/// How the program ended, by the keeper's exit status.
fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(0) => "ended by itself".into(),
        Some(code @ 129..=192) => format!("was ended by signal {}", code - 128),
        Some(code) => format!("ended with code {code}"),
        None => "lost its keeper".into(),
    }
}
