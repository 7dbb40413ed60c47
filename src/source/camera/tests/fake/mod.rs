//! A kernel for tests: cameras with queues of their own, a clock that moves only when someone
//! waits, and every failure that can be asked for.

mod camera;
mod device;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

pub use self::camera::{FakeCamera, Sent};
use self::device::FakeNode;
use crate::source::camera::system::{Device, Node, System};

pub const WEBCAM: &str = "/dev/video0";

/// The calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Open,
    SetFormat,
    RequestBuffers,
    Map,
    Queue,
    Dequeue,
    Poll,
    StreamOn,
    StreamOff,
}

/// All that the fake kernel knows.
#[derive(Default)]
pub struct World {
    pub now: Duration,
    pub cameras: Vec<FakeCamera>,
    pub fail: HashMap<Call, VecDeque<i32>>,
    pub holders: Vec<String>,
    pub descriptors: usize,
    pub mappings: usize,
    pub calls: HashMap<Call, u64>,
    /// Buffers that were queued while the kernel owned them.
    pub queued_twice: u64,
    /// Time that was spent asleep.
    pub paused: Duration,
}

/// A handle on the world.
#[derive(Clone, Default)]
pub struct Fake {
    world: Arc<Mutex<World>>,
    frozen: Arc<(Mutex<bool>, Condvar)>,
}

impl Fake {
    /// A world with one webcam on `/dev/video0`, at an hour after boot.
    pub fn with_webcam() -> Self {
        let fake = Self::default();
        let mut world = fake.world();
        world.now = Duration::from_secs(3600);
        world.cameras.push(FakeCamera::webcam(WEBCAM));
        drop(world);
        fake
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Changes the first camera.
    pub fn webcam(&self, change: impl FnOnce(&mut FakeCamera)) {
        change(&mut self.world().cameras[0]);
    }

    /// Makes the next `times` of these calls fail.
    pub fn fail(&self, call: Call, errno: i32, times: usize) {
        let mut world = self.world();
        let queue = world.fail.entry(call).or_default();
        queue.extend(std::iter::repeat_n(errno, times));
    }

    /// Lets STREAMOFF and close hang, or go on.
    pub fn freeze(&self, frozen: bool) {
        *self.frozen.0.lock().unwrap() = frozen;
        self.frozen.1.notify_all();
    }

    fn enter(&self, call: Call) -> io::Result<MutexGuard<'_, World>> {
        let mut world = self.world();
        *world.calls.entry(call).or_default() += 1;
        match world.fail.get_mut(&call).and_then(VecDeque::pop_front) {
            Some(code) => Err(errno(code)),
            None => Ok(world),
        }
    }
}

fn errno(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

impl System for Fake {
    fn nodes(&self) -> io::Result<Vec<Node>> {
        let world = self.world();
        Ok(world.cameras.iter().map(|c| c.node.clone()).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Device>> {
        let mut world = self.enter(Call::Open)?;
        if !world.cameras.iter().any(|c| c.node.path == path) {
            return Err(errno(libc::ENOENT));
        }
        world.descriptors += 1;
        Ok(Box::new(FakeNode {
            fake: self.clone(),
            path: path.into(),
        }))
    }

    fn holders(&self, _: &Path) -> Vec<String> {
        self.world().holders.clone()
    }

    fn now(&self) -> Duration {
        self.world().now
    }

    fn pause(&self, time: Duration) {
        let mut world = self.world();
        world.now += time;
        world.paused += time;
    }
}
