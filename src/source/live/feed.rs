//! The thread that reads a live stream. The newest frame waits for whoever asks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::ahead::Ahead;
use super::frames::Frames;
use crate::frame::{Captured, Frame, Slot, Taken};
use crate::meter::Tally;
use crate::source::parse::Fetched;
use crate::source::{Cause, FrameCounters, Loss};
use crate::threads::{self, End};

/// Stack of the thread, in bytes.
const STACK: usize = 256 << 10;

/// What became of the frames of all streams of one source, one after the other.
#[derive(Debug, Default)]
pub(in crate::source) struct Counts {
    /// Frames that came, bad ones too.
    seq: u64,
    /// Whole frames that a newer one replaced, without those that the present slot counts.
    replaced: u64,
    bad: Tally,
    /// Why the last bad one was bad.
    last_bad: String,
}

/// A thread that reads a stream, and the place where its newest frame waits.
pub(in crate::source) struct Feed {
    slot: Arc<Slot>,
    counts: Arc<Mutex<Counts>>,
    ending: Arc<AtomicBool>,
    thread: JoinHandle<Loss>,
}

/// What the thread of a feed works with.
pub(in crate::source) struct Outlet {
    slot: Arc<Slot>,
    counts: Arc<Mutex<Counts>>,
    ending: Arc<AtomicBool>,
    begun: Instant,
}

/// Closes the slot when the thread ends, however it does.
struct CloseAtEnd(Arc<Slot>);

impl Drop for CloseAtEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Feed {
    /// Starts a thread called `name` that does `work`, which returns why the stream is over. Times
    /// of frames count from `begun`.
    ///
    /// # Errors
    /// The system refused the thread.
    pub fn start(
        name: &str,
        begun: Instant,
        counts: &Arc<Mutex<Counts>>,
        work: impl FnOnce(&Outlet) -> Loss + Send + 'static,
    ) -> std::io::Result<Self> {
        let slot = Arc::new(Slot::new());
        let ending = Arc::new(AtomicBool::new(false));
        let outlet = Outlet {
            slot: Arc::clone(&slot),
            counts: Arc::clone(counts),
            ending: Arc::clone(&ending),
            begun,
        };
        let thread = start_thread(name, STACK, move || {
            let _closes = CloseAtEnd(Arc::clone(&outlet.slot));
            work(&outlet)
        })?;
        Ok(Self {
            slot,
            counts: Arc::clone(counts),
            ending,
            thread,
        })
    }

    /// Takes the newest frame in exchange for `frame`, or waits for one.
    pub fn take(&self, frame: &mut Frame, time: Duration) -> Taken {
        self.slot.take(frame, time)
    }

    /// Asks the thread to end at its next frame, without a wait.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Whether the thread has ended.
    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Copies the counts to `counters`. Allocates only for a new bad frame.
    pub fn count(&self, counters: &mut FrameCounters) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counters.replaced = counts.replaced + self.slot.dropped();
        if counters.bad.total() != counts.bad.total() {
            counters.bad.clone_from(&counts.bad);
        }
    }

    /// Why the last bad frame was bad.
    pub fn last_bad(&self) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.last_bad.clone()
    }

    /// Counts the frame that waits, if one does and nobody will take it, as replaced.
    pub fn give_up(&self) {
        self.slot.clear();
    }

    /// Why the stream is over; to be called once it is.
    pub fn why(self) -> Loss {
        let ended = self.thread.join();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.replaced += self.slot.dropped();
        // A panic ends the whole process before this.
        ended.unwrap_or_else(|_| Loss::new(Cause::Io, "the thread that reads it panicked"))
    }
}

/// Starts a thread of a live source, whose `work` may end at any time.
pub(in crate::source) fn start_thread<T: Send + 'static>(
    name: &str,
    stack: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    threads::spawn(name, Some(stack), || End::Told(work()))
}

impl Outlet {
    /// The flag that asks for the end.
    pub fn ending(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.ending)
    }

    /// Cuts the stream into frames until it ends, or is asked to. Returns why it is no good stream,
    /// if it is not.
    pub fn pump<R: Ahead>(&self, frames: &mut Frames<R>) -> Option<Loss> {
        let mut frame = Frame::empty();
        let mut burst = 0;
        loop {
            let fetched = match frames.next(&mut frame) {
                Ok(fetched) => fetched,
                Err(loss) => return Some(loss),
            };
            match fetched {
                Fetched::Frame => {}
                Fetched::Bad { cause, message } => {
                    self.count_bad(cause, message);
                    continue;
                }
                Fetched::End => return None,
                Fetched::Idle | Fetched::Lost { .. } => continue,
            }
            if self.ending.load(Ordering::Relaxed) {
                self.stamp(&mut frame, true);
                return None;
            }
            let length = frame.data.len();
            // What stands between pictures counts as waiting too, so that less may be left.
            let waiting = frames.waiting();
            burst = if burst == 0 {
                waiting
            } else {
                (burst - length.min(burst)).min(waiting)
            };
            let stale = burst >= length;
            self.stamp(&mut frame, stale);
            if !stale {
                burst = 0;
                self.slot.put(&mut frame);
            }
        }
    }

    /// Numbers a frame and notes its time. A stale one is counted too: a newer one waits already,
    /// or nobody will take it.
    fn stamp(&self, frame: &mut Frame, stale: bool) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        frame.seq = counts.seq;
        counts.seq += 1;
        counts.replaced += u64::from(stale);
        frame.captured = Captured {
            elapsed: self.begun.elapsed(),
            wall: SystemTime::now(),
        };
    }

    fn count_bad(&self, cause: &'static str, message: String) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.seq += 1;
        counts.bad.add(cause);
        counts.last_bad = message;
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::BufReader;

    use super::super::ahead::ahead;
    use super::super::format::Format;
    use super::*;
    use crate::frame::PixelFormat;
    use crate::source::parse::RawFormat;

    const RAW: RawFormat = RawFormat {
        format: PixelFormat::Grey,
        width: 64,
        height: 64,
        stride: 64,
    };

    impl Ahead for BufReader<File> {
        fn ahead(&self) -> usize {
            ahead(self.buffer(), self.get_ref())
        }
    }

    /// A pipe and a file with `count` frames of 4 KiB, numbered by their level.
    fn pipe(count: u8) -> (File, Vec<u8>) {
        let (read, mut write) = std::io::pipe().unwrap();
        let frames: Vec<u8> = (0..count).flat_map(|n| vec![n; 64 * 64]).collect();
        std::io::Write::write_all(&mut write, &frames).unwrap();
        (File::from(std::os::fd::OwnedFd::from(read)), frames)
    }

    fn over(loss: Option<Loss>) -> Loss {
        loss.unwrap_or_else(|| Loss::new(Cause::Exited, "over"))
    }

    #[test]
    fn the_newest_frame_of_a_full_pipe_wins() {
        let counts = Arc::default();
        let (pipe, _) = pipe(9);
        let feed = Feed::start("feed", Instant::now(), &counts, move |outlet| {
            over(outlet.pump(&mut Frames::new(Format::Raw(RAW), BufReader::new(pipe))))
        })
        .unwrap();
        let mut frame = Frame::empty();
        let long = Duration::from_secs(20);
        assert_eq!(feed.take(&mut frame, long), Taken::Frame);
        assert_eq!((frame.data[0], frame.seq), (8, 8));
        assert_eq!(feed.take(&mut frame, long), Taken::Closed);
        let mut counters = FrameCounters::default();
        feed.count(&mut counters);
        assert_eq!(counters.replaced, 8);
        assert_eq!(feed.why().cause, Cause::Exited);
    }

    #[test]
    fn frames_that_come_after_the_end_was_asked_for_are_counted() {
        let counts = Arc::default();
        let (go, wait) = std::sync::mpsc::channel();
        let feed = Feed::start("feed", Instant::now(), &counts, move |outlet| {
            // Two frames in a row, which nobody takes; then one after the end was asked for.
            let (first, _) = pipe(2);
            outlet.pump(&mut Frames::new(Format::Raw(RAW), BufReader::new(first)));
            wait.recv().unwrap();
            let (last, _) = pipe(1);
            over(outlet.pump(&mut Frames::new(Format::Raw(RAW), BufReader::new(last))))
        })
        .unwrap();
        feed.end();
        go.send(()).unwrap();
        while !feed.is_over() {
            std::thread::yield_now();
        }
        feed.give_up();
        let mut counters = FrameCounters::default();
        feed.count(&mut counters);
        let came = counts.lock().unwrap().seq;
        assert_eq!(counters.replaced, came);
        assert!(came >= 2, "{came}");
    }

    #[test]
    fn a_bad_frame_is_counted_with_its_reason() {
        let counts = Arc::default();
        let feed = Feed::start("feed", Instant::now(), &counts, |outlet| {
            over(outlet.pump(&mut Frames::new(Format::Raw(RAW), &[1; 5000][..])))
        })
        .unwrap();
        let mut frame = Frame::empty();
        let long = Duration::from_secs(20);
        assert_eq!(feed.take(&mut frame, long), Taken::Frame);
        assert_eq!(feed.take(&mut frame, long), Taken::Closed);
        let mut counters = FrameCounters::default();
        feed.count(&mut counters);
        assert_eq!(counters.bad.to_string(), "1 truncated");
        assert!(feed.last_bad().contains("904 of 4096"));
    }
}
