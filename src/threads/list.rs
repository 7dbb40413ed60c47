//! The list of the threads that run.
//!
//! A thread that the kernel ends keeps the locks that it held for good: of a list, of the heap, of
//! standard error. So the list is a fixed table of atomics, and whoever looks at it neither waits
//! nor allocates.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};

/// Threads that there may be at once: an engine has at most 16, all else fewer than that.
const MOST: usize = 128;

/// Words of eight bytes that a name takes.
const WORDS: usize = 4;

/// Looks at a thread that has started and not said its number, after which it counts as gone: 10 s
/// at least. Counted, and not timed, because the process may be stopped meanwhile.
const PATIENCE: u32 = 80;

/// In place of a thread's number: the slot is free.
const FREE: u32 = 0;
/// The system was asked for the thread.
const ASKED: u32 = u32::MAX;
/// The thread is there and has not said its number yet.
const STARTED: u32 = u32::MAX - 1;
/// The thread has no number to look at, because there is no `/proc`.
const UNSEEN: u32 = u32::MAX - 2;

static SLOTS: [Slot; MOST] = [const { Slot::new() }; MOST];

/// Threads that have left the list.
static LEFT: AtomicU32 = AtomicU32::new(0);

/// Room for a thread in the list.
#[derive(Debug)]
struct Slot {
    /// How often it was taken, and the kernel's number of the thread or one of the constants above.
    state: AtomicU64,
    /// Looks since the thread has started.
    looks: AtomicU32,
    name: [AtomicU64; WORDS],
}

/// A thread's place in the list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    slot: &'static Slot,
    /// How often the slot was taken, this time included: it may be another's by now.
    taken: u32,
}

fn state(taken: u32, thread: u32) -> u64 {
    u64::from(taken) << 32 | u64::from(thread)
}

impl Place {
    /// Takes a place for a thread of this name, of which 32 bytes are kept.
    ///
    /// # Errors
    /// There are too many threads.
    pub fn take(name: &str) -> io::Result<Self> {
        let place = SLOTS.iter().find_map(Slot::take);
        let place = place.ok_or_else(|| io::Error::other("too many threads at once"))?;
        let mut bytes = [0; 8 * WORDS];
        let length = name.len().min(bytes.len());
        bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
        for (word, bytes) in place.slot.name.iter().zip(bytes.as_chunks().0) {
            word.store(u64::from_ne_bytes(*bytes), SeqCst);
        }
        Ok(place)
    }

    /// The system has made the thread.
    pub fn started(self) {
        let (asked, started) = (state(self.taken, ASKED), state(self.taken, STARTED));
        // It may have begun, and even ended, before.
        let _ = self
            .slot
            .state
            .compare_exchange(asked, started, SeqCst, SeqCst);
    }

    /// The calling thread is the one.
    pub fn begin(self) {
        let number = own_number().unwrap_or(UNSEEN);
        self.slot.state.store(state(self.taken, number), SeqCst);
    }

    /// The thread ends as it should.
    pub fn end(self) {
        self.slot.state.store(state(self.taken, FREE), SeqCst);
        LEFT.fetch_add(1, SeqCst);
    }
}

impl Slot {
    const fn new() -> Self {
        Self {
            state: AtomicU64::new(0),
            looks: AtomicU32::new(0),
            name: [const { AtomicU64::new(0) }; WORDS],
        }
    }

    fn take(&'static self) -> Option<Place> {
        let before = self.state.load(SeqCst);
        let taken = ((before >> 32) as u32).wrapping_add(1);
        let free = before as u32 == FREE;
        let asked = state(taken, ASKED);
        let exchange = |before| self.state.compare_exchange(before, asked, SeqCst, SeqCst);
        (free && exchange(before).is_ok()).then(|| {
            self.looks.store(0, SeqCst);
            Place { slot: self, taken }
        })
    }

    fn thread(&self) -> u32 {
        self.state.load(SeqCst) as u32
    }

    /// Whether its thread has said its number, and has not ended as it should.
    fn has_begun(&self) -> bool {
        !matches!(self.thread(), FREE | ASKED | STARTED)
    }

    /// The name, with zeros behind it.
    pub fn name(&self) -> [u8; 8 * WORDS] {
        let mut bytes = [0; 8 * WORDS];
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(&self.name) {
            *bytes = word.load(SeqCst).to_ne_bytes();
        }
        bytes
    }

    /// Looks whether the thread is gone without having told so.
    fn is_gone(&self) -> bool {
        let before = self.state.load(SeqCst);
        match before as u32 {
            FREE | ASKED | UNSEEN => false,
            STARTED => self.looks.fetch_add(1, SeqCst) >= PATIENCE,
            // A thread that ends as it should leaves the list before.
            thread => is_dead(thread) && self.state.load(SeqCst) == before,
        }
    }
}

/// The name of a thread that is gone without having told so, with zeros behind it.
pub(super) fn gone() -> Option<[u8; 8 * WORDS]> {
    let gone = SLOTS.iter().find(|slot| slot.is_gone());
    gone.or_else(gone_early).map(Slot::name)
}

/// A thread that is gone before it has said its number: the process has no more threads than have
/// said theirs. Threads that are not in the list may hide that, until [`PATIENCE`] is over.
fn gone_early() -> Option<&'static Slot> {
    let left = LEFT.load(SeqCst);
    let early = SLOTS.iter().find(|slot| slot.thread() == STARTED)?;
    let begun = SLOTS.iter().filter(|slot| slot.has_begun()).count();
    let none_is_left = threads_of_the_process().is_some_and(|threads| threads <= begun);
    // A thread that left the list meanwhile may have ended before the others were counted.
    (none_is_left && LEFT.load(SeqCst) == left && early.thread() == STARTED).then_some(early)
}

#[cfg(test)]
pub(super) fn has(name: &str) -> bool {
    let is_it = |slot: &Slot| slot.name().starts_with(format!("{name}\0").as_bytes());
    let runs = |slot: &&Slot| slot.thread() != FREE;
    SLOTS.iter().filter(runs).any(is_it)
}

/// The kernel's number of the calling thread, as `/proc` has it.
fn own_number() -> Option<u32> {
    // A link to `PID/task/NUMBER`.
    let link = fs::read_link("/proc/thread-self").ok()?;
    let number = link.file_name()?.to_str()?.parse().ok()?;
    matches!(state_of(number), Ok(Some(_))).then_some(number)
}

/// Whether this thread of the process has ended. The first one stays as a zombie.
fn is_dead(thread: u32) -> bool {
    match state_of(thread) {
        Ok(state) => matches!(state, Some(b'Z' | b'X')),
        // Too many open files, for example, tell nothing of the thread.
        Err(error) => {
            error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
        }
    }
}

/// The letter of its state.
fn state_of(thread: u32) -> io::Result<Option<u8>> {
    let mut path = [0; 48];
    let room = path.len();
    let mut rest = &mut path[..];
    write!(rest, "/proc/self/task/{thread}/stat")?;
    let length = room - rest.len();
    let mut stat = [0; 256];
    let stat = read(OsStr::from_bytes(&path[..length]), &mut stat)?;
    Ok(field(stat, 3).and_then(|state| state.first().copied()))
}

/// How many threads this process has. An emulator of programs, which does not know, says 0.
fn threads_of_the_process() -> Option<usize> {
    let mut stat = [0; 256];
    let stat = read(OsStr::new("/proc/self/stat"), &mut stat).ok()?;
    let threads = std::str::from_utf8(field(stat, 20)?).ok()?.parse().ok()?;
    Some(threads).filter(|threads| *threads > 0)
}

fn read<'b>(path: &OsStr, bytes: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let length = File::open(path)?.read(bytes)?;
    Ok(&bytes[..length])
}

/// A field of `stat`, by its number in proc(5), from the third on. They stand behind the name,
/// which is in parentheses and may hold some itself, and spaces too.
fn field(stat: &[u8], number: usize) -> Option<&[u8]> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = stat.get(end + 2..)?.split(|byte| *byte == b' ');
    fields.nth(number - 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_whose_state_is_gone_is_dead() {
        let (tell, number) = std::sync::mpsc::channel();
        let (end, told) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            tell.send(own_number().unwrap()).unwrap();
            let _ = told.recv();
        });
        let number = number.recv().unwrap();
        assert!(!is_dead(number));
        drop(end);
        thread.join().unwrap();
        // The kernel may take a moment longer.
        let start = std::time::Instant::now();
        while !is_dead(number) && start.elapsed().as_secs() < 20 {
            std::thread::yield_now();
        }
        assert!(is_dead(number));
    }

    #[test]
    fn fields_stand_behind_a_name_with_parentheses() {
        assert_eq!(field(b"7 (mqtt) S 1 7", 3), Some(&b"S"[..]));
        assert_eq!(field(b"7 (a) Z (b)) Z 12 7", 4), Some(&b"12"[..]));
        assert_eq!(field(b"7 (mqtt) S 1", 5), None);
        assert_eq!(field(b"7 (cut", 3), None);
        assert_eq!(field(b"", 3), None);
    }

    #[test]
    fn a_name_is_kept_up_to_32_bytes() {
        for (name, kept) in [
            ("", ""),
            ("engine-1", "engine-1"),
            (
                "a name of more than thirty-two bytes",
                "a name of more than thirty-two b",
            ),
        ] {
            let place = Place::take(name).unwrap();
            let bytes = place.slot.name();
            assert_eq!(bytes[..kept.len()], *kept.as_bytes());
            assert!(bytes[kept.len()..].iter().all(|byte| *byte == 0));
            place.end();
        }
    }

    #[test]
    fn a_thread_that_never_says_its_number_is_gone_after_a_while() {
        let slot = Slot::new();
        slot.state.store(state(1, STARTED), SeqCst);
        let looks = (0..).take_while(|_| !slot.is_gone()).count();
        assert_eq!(looks, PATIENCE as usize);
    }

    #[test]
    fn a_slot_that_is_another_threads_by_now_stays_as_it_is() {
        static SLOT: Slot = Slot::new();
        let first = SLOT.take().unwrap();
        assert!(SLOT.take().is_none());
        first.end();
        let second = SLOT.take().unwrap();
        first.started();
        assert_eq!(SLOT.thread(), ASKED);
        second.started();
        assert_eq!(SLOT.thread(), STARTED);
    }

    #[test]
    fn the_process_has_a_thread_for_each_that_is_started() {
        let threads = [(); 64].map(|()| std::thread::spawn(std::thread::park));
        assert!(threads_of_the_process().unwrap() > 32);
        for thread in threads {
            thread.thread().unpark();
            thread.join().unwrap();
        }
    }
}
