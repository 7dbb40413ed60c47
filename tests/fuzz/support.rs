//! What all targets share: repeatable chance, the damage of bytes, and the heap of one test alone.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use goldcrest::engine::{Input, Resize};
use goldcrest::meter::heap;
use goldcrest::vision::{Config, Preparer};

/// A case that takes longer hangs; the slowest honest one takes some milliseconds.
const HANG: Duration = Duration::from_secs(5);

/// The heap's counters are the process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Where this program panicked since the case began.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `most`, which is at least 1.
    pub fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    pub fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    pub fn part(&mut self, data: &[u8]) -> std::ops::Range<usize> {
        let from = self.below(data.len() + 1);
        from..from + self.below((data.len() - from).min(400) + 1)
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |n| n.parse().expect("a number"))
}

/// How one case ended.
pub struct Ended {
    /// One word or two; the report counts them.
    pub outcome: &'static str,
    /// The most bytes of heap that the case may have held at once.
    pub most: i64,
}

/// Which cases are gone through.
pub struct Cases {
    /// Another seed, other cases.
    pub seed: u64,
    /// The first case.
    pub from: u64,
    /// How many.
    pub count: u64,
}

impl Cases {
    /// Those of the run that is part of all tests.
    pub fn few(count: u64) -> Self {
        Self {
            seed: 1,
            from: 0,
            count,
        }
    }

    /// One that was a finding.
    pub fn found(seed: u64, number: u64) -> Self {
        Self {
            seed,
            from: number,
            count: 1,
        }
    }

    /// Those that the environment names.
    pub fn many() -> Self {
        Self {
            seed: number("FUZZ_SEED", 7),
            from: number("FUZZ_FROM", 0),
            count: number("FUZZ_CASES", 1_000_000),
        }
    }

    /// Goes through the cases, prints how many ended in which way, and fails with all findings:
    /// panics, cases that took longer than [`HANG`] or more heap than they may, heap that was
    /// left behind, and damage of which fewer than `kinds` outcomes come.
    pub fn run(&self, kinds: usize, mut case: impl FnMut(u64, &mut Random) -> Ended) {
        let Self { seed, from, count } = *self;
        let hook = panic::take_hook();
        // Panics of libraries are contained where they are called. Those of this program are too in
        // places, and are findings all the same.
        panic::set_hook(Box::new(|info| {
            let own = info.location().filter(|at| at.file().starts_with("src/"));
            if let Some(at) = own {
                let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
                panics.push(format!("a panic at {at}"));
            }
        }));
        let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
        let mut findings = Vec::new();
        let (mut slowest, mut highest) = (Duration::ZERO, 0);
        let start = Instant::now();
        for number in from..from + count {
            let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number);
            let live = heap::now().live;
            heap::forget_peak();
            let began = Instant::now();
            let ran = panic::catch_unwind(AssertUnwindSafe(|| case(number, &mut random)));
            let (took, peak) = (began.elapsed(), heap::peak() - live);
            (slowest, highest) = (slowest.max(took), highest.max(peak));
            match ran {
                Ok(Ended { outcome, most }) => {
                    *outcomes.entry(outcome).or_insert(0) += 1;
                    if peak > most {
                        findings.push(format!(
                            "case {number}: {peak} bytes of heap at once, {most} are allowed"
                        ));
                    }
                }
                Err(cause) => {
                    let text = cause.downcast_ref::<String>().cloned();
                    let text = text.or_else(|| cause.downcast_ref().map(|s: &&str| (*s).into()));
                    findings.push(format!("case {number}: {}", text.unwrap_or_default()));
                }
            }
            let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
            findings.extend(panics.drain(..).map(|at| format!("case {number}: {at}")));
            if took > HANG {
                findings.push(format!("case {number}: it took {took:?}"));
            }
        }
        panic::set_hook(hook);
        println!(
            "{count} cases from {from} of seed {seed} in {:.0} s: {outcomes:?}; slowest {slowest:?}, most heap {} KiB",
            start.elapsed().as_secs_f64(),
            highest / 1024
        );
        assert!(
            findings.is_empty(),
            "{} findings: {findings:#?}",
            findings.len()
        );
        assert!(
            count < 1000 || outcomes.len() >= kinds,
            "the damage is too much alike: {outcomes:?}"
        );
    }
}

/// This test alone: the heap is counted for the whole process.
pub fn alone() -> MutexGuard<'static, ()> {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    settle();
    alone
}

/// For frames of any size, to the input of the model that ships.
pub fn preparer(config: &Config) -> Preparer {
    let input = Input {
        width: 128,
        height: 128,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        resize: Resize::Squash,
    };
    Preparer::new(config, &input)
}

/// Waits until no more than `most` bytes are live; a decoder's threads may still be ending.
pub fn settles(most: i64) {
    let end = Instant::now() + Duration::from_secs(10);
    while heap::now().live > most && Instant::now() < end {
        thread::sleep(Duration::from_millis(10));
    }
    let live = heap::now().live;
    assert!(live <= most, "{} bytes are left behind", live - most);
}

/// Waits until the test harness, in a thread of its own, has freed what it kept of the test before:
/// the heap is counted for the whole process.
fn settle() {
    let mut before = heap::now();
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = heap::now();
        if now == before {
            return;
        }
        before = now;
    }
}
