//! A live source that a test takes frames from, and what must be left of it in the end.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use goldcrest::frame::Frame;
use goldcrest::meter::heap;
use goldcrest::source::http::Http;
use goldcrest::source::process::Process;
use goldcrest::source::{Cause, Next, Source, SourceState, Status};

/// How soon pictures are back after what gives them behaves again.
pub const BACK: Duration = Duration::from_secs(5);
/// How long a state may take to show on a busy machine, beside the time-outs of the tests.
pub const LATEST: Duration = Duration::from_secs(30);
/// Bytes of heap by which the odds of the allocator and of the test's own threads differ.
pub const ODDS: i64 = 64 << 10;

static ALONE: Mutex<()> = Mutex::new(());

/// A source that tells its state.
pub trait Watched: Source {
    /// The state now.
    fn status(&self) -> &Status;
}

impl Watched for Http {
    fn status(&self) -> &Status {
        self.status()
    }
}

impl Watched for Process {
    fn status(&self) -> &Status {
        self.status()
    }
}

/// A source, and the frame that it fills.
pub struct Live<S> {
    pub source: S,
    pub frame: Frame,
}

impl<S: Watched> Live<S> {
    pub fn new(source: S) -> Self {
        Self {
            source,
            frame: Frame::empty(),
        }
    }

    /// The state now.
    pub fn status(&self) -> &Status {
        self.source.status()
    }

    /// Bad frames, by their causes.
    pub fn bad(&self) -> String {
        self.status().counters.bad.to_string()
    }

    /// Asks for a frame once, as the daemon does.
    pub fn turn(&mut self) -> Next {
        let begun = Instant::now();
        let next = self.source.next(&mut self.frame).unwrap();
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(2), "a turn took {took:?}");
        next
    }

    /// Takes frames until the source is lost for `cause`; returns what is said about it.
    pub fn lost(&mut self, cause: Cause) -> String {
        let end = Instant::now() + LATEST;
        loop {
            self.turn();
            if let Some(loss) = &self.status().loss {
                if loss.cause == cause {
                    assert_eq!(self.status().state, SourceState::Lost);
                    return loss.message.clone();
                }
                assert_eq!(loss.cause, Cause::Opening, "{}", loss.message);
            }
            assert!(Instant::now() < end, "{:?}", self.status());
        }
    }

    /// Takes `count` frames.
    pub fn frames(&mut self, count: u64) {
        let end = Instant::now() + LATEST;
        let want = self.status().counters.delivered + count;
        while self.status().counters.delivered < want {
            self.turn();
            assert!(Instant::now() < end, "{:?}", self.status());
        }
        assert_eq!(self.status().state, SourceState::Streaming);
    }

    /// Waits for pictures of what behaves again, and for `more` of them.
    pub fn comes_back(&mut self, more: u64) {
        let begun = Instant::now();
        self.frames(1);
        let took = begun.elapsed();
        assert!(took < BACK, "pictures were back after {took:?}");
        self.frames(more);
    }
}

/// What the process had before a source, of which there is one at a time: open files, children and
/// the heap are the whole process's.
pub struct Before {
    open: usize,
    heap: i64,
    _alone: MutexGuard<'static, ()>,
}

impl Before {
    /// Waits until no other test has a source.
    pub fn alone() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        // The harness still frees what it kept of the test before.
        thread::sleep(Duration::from_millis(100));
        Self {
            open: open_files(),
            heap: heap::now().live,
            _alone: alone,
        }
    }

    /// By how much the heap's peak is above what it was.
    pub fn peak(&self) -> i64 {
        heap::peak() - self.heap
    }

    /// Waits until nothing more is open, and until `gone` tells of nothing that is left. The heap
    /// is then as before.
    pub fn is_back(&self, gone: impl Fn() -> Option<String>) {
        let end = Instant::now() + LATEST;
        loop {
            let (files, left) = (open_files(), gone());
            if files <= self.open && left.is_none() {
                break;
            }
            let before = self.open;
            assert!(
                Instant::now() < end,
                "{files} files, {before} before; {left:?}"
            );
            thread::sleep(Duration::from_millis(20));
        }
        let grown = heap::now().live - self.heap;
        assert!(grown < ODDS, "the heap has {grown} bytes more");
    }
}

/// Open files of this process.
pub fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
