//! Samples of the daemon's process, and how fast a number grows.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::program::field;

/// The process at one moment. Memory is in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub at: Instant,
    pub rss: f64,
    pub anonymous: f64,
    pub files: f64,
    pub threads: f64,
}

/// Samples a process each second until it is stopped.
pub struct Sampler {
    samples: Arc<Mutex<Vec<Sample>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    pub fn start(pid: u32) -> Self {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let (all, ended) = (Arc::clone(&samples), Arc::clone(&over));
        let thread = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                if let Some(sample) = sample(pid) {
                    all.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(sample);
                }
                thread::sleep(Duration::from_secs(1));
            }
        });
        Self {
            samples,
            over,
            thread: Some(thread),
        }
    }

    /// Ends it and returns its samples.
    pub fn stop(mut self) -> Vec<Sample> {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the sampler ends");
        }
        std::mem::take(&mut self.samples.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn sample(pid: u32) -> Option<Sample> {
    let number = |name| Some(field(pid, name)? as f64);
    Some(Sample {
        at: Instant::now(),
        rss: number("VmRSS:")?,
        anonymous: number("RssAnon:")?,
        files: fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as f64,
        threads: number("Threads:")?,
    })
}

/// A straight line through points by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// Growth an hour.
    pub hourly: f64,
    /// Its standard error.
    pub error: f64,
}

impl Slope {
    /// The slope of `points`, which are seconds and values. Neighbours depend on each other, so the
    /// points are the means of `blocks` equal times; the standard error is theirs. There must be
    /// points in three of them.
    pub fn of(points: &[(f64, f64)], blocks: usize) -> Option<Self> {
        let (first, last) = (points.first()?.0, points.last()?.0);
        let mut sums = vec![(0.0, 0.0, 0.0); blocks];
        for (second, value) in points {
            let share = (second - first) / (last - first).max(f64::MIN_POSITIVE);
            let block = &mut sums[((share * blocks as f64) as usize).min(blocks - 1)];
            *block = (block.0 + second / 3600.0, block.1 + value, block.2 + 1.0);
        }
        sums.retain(|block| block.2 > 0.0);
        let means: Vec<_> = sums.iter().map(|b| (b.0 / b.2, b.1 / b.2)).collect();
        let count = means.len() as f64;
        if count < 3.0 {
            return None;
        }
        let middle = means
            .iter()
            .fold((0.0, 0.0), |m, p| (m.0 + p.0 / count, m.1 + p.1 / count));
        let spread: f64 = means.iter().map(|p| (p.0 - middle.0).powi(2)).sum();
        let both = means.iter().map(|p| (p.0 - middle.0) * (p.1 - middle.1));
        let hourly = both.sum::<f64>() / spread;
        let misses = means
            .iter()
            .map(|p| (p.1 - middle.1 - hourly * (p.0 - middle.0)).powi(2));
        let error = (misses.sum::<f64>() / (count - 2.0) / spread).sqrt();
        Some(Self { hourly, error })
    }
}

#[test]
fn a_slope_and_its_error_are_those_of_least_squares() {
    let slope = |value: fn(f64) -> f64| {
        let points: Vec<_> = (0..400)
            .map(|n| (9.0 * n as f64, value(n as f64)))
            .collect();
        Slope::of(&points, 20).expect("enough points")
    };
    let steady = slope(|n| 1000.0 + n * 9.0 / 3600.0 * 7.0);
    assert!(
        (steady.hourly - 7.0).abs() < 1e-6 && steady.error < 1e-6,
        "{steady:?}"
    );
    // By hand: block means of -1 and 1 in turn, at twenty equal distances.
    let saw = slope(|n| {
        if (n as u64 / 20).is_multiple_of(2) {
            -1.0
        } else {
            1.0
        }
    });
    assert!((saw.hourly - 0.30075).abs() < 1e-4, "{saw:?}");
    assert!(saw.error > 0.7 && saw.error < 0.9, "{saw:?}");
    assert_eq!(Slope::of(&[(0.0, 1.0), (1.0, 2.0)], 20), None);
}
