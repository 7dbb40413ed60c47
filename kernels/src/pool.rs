//! A fixed pool of threads that share the tasks of one job at a time.
//!
//! A job is over in some tens of microseconds and the next follows at once, so workers spin for a
//! while before they park. Nothing is allocated after the pool is made.

use std::cell::UnsafeCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*};
use std::thread::JoinHandle;

/// Times that a worker checks for work before it parks: some 50 µs.
const SPINS: u32 = 2000;

/// Stack of a worker, in bytes.
const STACK: usize = 128 << 10;

/// Starts a thread of this name, with a stack of so many bytes, that calls the function and ends.
/// The program has its own way, which notices a thread that dies.
pub type Spawn = fn(String, usize, Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>>;

type Job = *const (dyn Fn(usize, usize) + Sync + 'static);

/// `generation << 32 | tasks << 16 | next task`.
struct Ticket;

impl Ticket {
    fn tasks(t: u64) -> usize {
        (t >> 16 & 0xffff) as usize
    }
    fn next(t: u64) -> usize {
        (t & 0xffff) as usize
    }
}

/// The state that all threads of a pool share.
struct Shared {
    ticket: AtomicU64,
    job: UnsafeCell<Option<Job>>,
    finished: AtomicUsize,
    failed: AtomicBool,
    sleepers: AtomicUsize,
    stop: AtomicBool,
}

// SAFETY: `job` is written only while no task is claimed or open, and read only by a thread that
// holds a claimed task.
unsafe impl Sync for Shared {}
// SAFETY: the pointer in `job` is only followed while `Pool::run`, whose borrow it is, waits.
unsafe impl Send for Shared {}

impl Shared {
    /// Claims and runs tasks until none is open.
    fn work(&self, worker: usize) {
        loop {
            let seen = self.ticket.load(SeqCst);
            if Ticket::next(seen) >= Ticket::tasks(seen) {
                return;
            }
            let claimed = self.ticket.fetch_add(1, SeqCst);
            let task = Ticket::next(claimed);
            if task >= Ticket::tasks(claimed) {
                return;
            }
            // SAFETY: this task is claimed and not finished, so `run` waits and its job is alive.
            let job = unsafe { (*self.job.get()).map(|job| &*job) };
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                job.map(|job| job(task, worker))
            }));
            if done.is_err() {
                self.failed.store(true, SeqCst);
            }
            self.finished.fetch_add(1, SeqCst);
        }
    }
}

/// Threads that work together with the one that calls [`Pool::run`].
pub(super) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({})", self.threads())
    }
}

impl Pool {
    /// A pool of `threads` threads, the caller's among them. `spawn` starts the others.
    ///
    /// # Errors
    /// The system's reason for refusing a thread.
    pub(super) fn new(threads: usize, spawn: Spawn) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            ticket: AtomicU64::new(0),
            job: UnsafeCell::new(None),
            finished: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let mut pool = Self {
            shared,
            workers: Vec::new(),
        };
        for worker in 1..threads {
            let shared = pool.shared.clone();
            let serve = Box::new(move || serve(&shared, worker));
            pool.workers
                .push(spawn(format!("engine-{worker}"), STACK, serve)?);
        }
        Ok(pool)
    }

    /// Threads, the caller's among them.
    pub(super) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `job(task, worker)` once for each task in `0..tasks`, on any thread; `worker` is below
    /// [`Pool::threads`] and no two tasks run at once with the same one. Returns when all are done.
    ///
    /// # Panics
    /// When a task panicked, after all have ended; and for more than 65000 tasks.
    pub(super) fn run(&mut self, tasks: usize, job: &(dyn Fn(usize, usize) + Sync)) {
        if self.workers.is_empty() || tasks < 2 {
            (0..tasks).for_each(|task| job(task, 0));
            return;
        }
        assert!(tasks <= 65000, "a job has at most 65000 tasks");
        let shared = &*self.shared;
        // SAFETY: only the lifetime is changed; the pointer is followed only until this call
        // returns.
        let job: Job =
            unsafe { std::mem::transmute::<*const (dyn Fn(usize, usize) + Sync), Job>(job) };
        // SAFETY: the last job's tasks have all ended, so no thread reads.
        unsafe { *shared.job.get() = Some(job) };
        shared.finished.store(0, SeqCst);
        let generation = (shared.ticket.load(SeqCst) >> 32).wrapping_add(1);
        shared
            .ticket
            .store(generation << 32 | (tasks as u64) << 16, SeqCst);
        if shared.sleepers.load(SeqCst) > 0 {
            self.workers.iter().for_each(|w| w.thread().unpark());
        }
        shared.work(0);
        let mut spins = 0_u32;
        while shared.finished.load(SeqCst) < tasks {
            spins += 1;
            if spins.is_multiple_of(SPINS) {
                std::thread::yield_now();
            }
            std::hint::spin_loop();
        }
        assert!(
            !shared.failed.swap(false, SeqCst),
            "a task of the thread pool panicked"
        );
    }
}

/// A worker's life: works, spins, parks, until the pool is dropped.
fn serve(shared: &Shared, worker: usize) {
    let open = || {
        let t = shared.ticket.load(SeqCst);
        Ticket::next(t) < Ticket::tasks(t)
    };
    while !shared.stop.load(SeqCst) {
        shared.work(worker);
        let mut spins = 0;
        while spins < SPINS && !open() {
            std::hint::spin_loop();
            spins += 1;
        }
        if !open() {
            shared.sleepers.fetch_add(1, SeqCst);
            while !open() && !shared.stop.load(SeqCst) {
                std::thread::park();
            }
            shared.sleepers.fetch_sub(1, SeqCst);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker catches its tasks' panics, so there is nothing to report.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::spawn;

    #[test]
    fn every_task_runs_once_and_no_worker_twice_at_a_time() {
        for threads in 1..=4 {
            let mut pool = Pool::new(threads, spawn).unwrap();
            let busy: Vec<AtomicBool> = (0..threads).map(|_| AtomicBool::new(false)).collect();
            for round in 0..300 {
                let tasks = round % 19;
                let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                pool.run(tasks, &|task, worker| {
                    assert!(!busy[worker].swap(true, SeqCst));
                    counts[task].fetch_add(1, SeqCst);
                    busy[worker].store(false, SeqCst);
                });
                assert!(counts.iter().all(|c| c.load(SeqCst) == 1));
                if round == 150 {
                    // Long enough for the workers to park.
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            }
        }
    }

    #[test]
    fn a_panic_in_a_task_reaches_the_caller_and_the_pool_goes_on() {
        let mut pool = Pool::new(2, spawn).unwrap();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.run(4, &|task, _| assert!(task != 3, "on purpose"));
        }));
        assert!(result.is_err());
        let ran = AtomicUsize::new(0);
        pool.run(4, &|_, _| {
            ran.fetch_add(1, SeqCst);
        });
        assert_eq!(ran.load(SeqCst), 4);
    }
}
