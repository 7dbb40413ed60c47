//! A kernel for tests: cameras with queues of their own, a clock that moves only when someone waits, and every
//! failure that can be asked for.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use v4l::buffer::Flags;
use v4l::v4l_sys as sys;
use v4l::{FourCC, Fraction};

use super::system::{
    Buffer, Capability, Control, Device, FrameInterval, FrameSize, Mapping, Node, Picture, System,
};

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

/// One frame as the camera sends it.
#[derive(Clone)]
pub struct Sent {
    pub bytes: Vec<u8>,
    pub error: bool,
    /// `None`: the moment at which it is sent.
    pub timestamp: Option<Duration>,
    pub sequence: u32,
}

type Film = Box<dyn Fn(u32) -> Sent + Send>;

/// What stands behind a node.
pub struct FakeCamera {
    pub node: Node,
    pub capability: Capability,
    pub formats: Vec<FourCC>,
    pub sizes: Vec<FrameSize>,
    pub rates: Vec<u32>,
    pub controls: Vec<Control>,
    pub menu: Vec<String>,
    pub control_values: HashMap<u32, i32>,
    /// Controls that are refused until this one is 1.
    pub locked_by: HashMap<u32, u32>,
    /// Turns what was asked for into what is given.
    pub adjust: Box<dyn Fn(&mut Picture) + Send>,
    pub film: Film,
    pub picture: Picture,
    pub interval: Duration,
    /// Sends nothing.
    pub silent: bool,
    streaming: bool,
    next_at: Duration,
    sequence: u32,
    queued: VecDeque<u32>,
    done: VecDeque<(u32, Sent)>,
    ours: Vec<bool>,
    memory: Vec<Arc<Mutex<Vec<u8>>>>,
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

pub const WEBCAM: &str = "/dev/video0";

impl FakeCamera {
    /// A webcam that sends YUYV and MJPG in a few sizes.
    pub fn webcam(path: &str) -> Self {
        Self {
            node: Node {
                path: path.into(),
                links: vec![],
            },
            capability: Capability {
                driver: "uvcvideo".into(),
                card: "Test Webcam".into(),
                bus: "usb-1".into(),
                flags: sys::V4L2_CAP_VIDEO_CAPTURE | sys::V4L2_CAP_STREAMING,
            },
            formats: vec![FourCC::new(b"YUYV"), FourCC::new(b"MJPG")],
            sizes: vec![FrameSize::Discrete(320, 240), FrameSize::Discrete(640, 480)],
            rates: vec![30, 10, 5],
            controls: vec![],
            menu: vec![],
            control_values: HashMap::new(),
            locked_by: HashMap::new(),
            adjust: Box::new(|_| ()),
            film: Box::new(|sequence| Sent::raw(sequence, 640 * 480 * 2)),
            picture: Picture::default(),
            interval: Duration::from_millis(100),
            silent: false,
            streaming: false,
            next_at: Duration::ZERO,
            sequence: 0,
            queued: VecDeque::new(),
            done: VecDeque::new(),
            ours: vec![],
            memory: vec![],
        }
    }

    /// Sends what is due; a frame that finds no buffer is dropped, as drivers do.
    fn advance(&mut self, now: Duration) {
        while self.streaming && self.next_at <= now {
            let at = self.next_at;
            self.next_at += self.interval;
            if self.silent {
                continue;
            }
            let mut sent = (self.film)(self.sequence);
            self.sequence += 1;
            sent.timestamp.get_or_insert(at);
            let Some(index) = self.queued.pop_front() else {
                continue;
            };
            let mut memory = self.memory[index as usize].lock().unwrap();
            let fits = sent.bytes.len().min(memory.len());
            memory[..fits].copy_from_slice(&sent.bytes[..fits]);
            drop(memory);
            self.done.push_back((index, sent));
        }
    }

    fn stop(&mut self) {
        self.streaming = false;
        self.queued.clear();
        self.done.clear();
        self.ours.fill(true);
    }
}

impl Sent {
    /// A raw frame of so many bytes, each with the frame's number.
    pub fn raw(sequence: u32, bytes: usize) -> Self {
        Self {
            bytes: vec![sequence as u8; bytes],
            error: false,
            timestamp: None,
            sequence,
        }
    }
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
        Ok(Box::new(Open {
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

struct Open {
    fake: Fake,
    path: PathBuf,
}

impl Open {
    /// Does something with the camera, unless it was unplugged.
    fn with<T>(
        &self,
        mut world: MutexGuard<'_, World>,
        act: impl FnOnce(&mut FakeCamera, Duration) -> io::Result<T>,
    ) -> io::Result<T> {
        let now = world.now;
        let camera = world.cameras.iter_mut().find(|c| c.node.path == self.path);
        let camera = camera.ok_or_else(|| errno(libc::ENODEV))?;
        camera.advance(now);
        act(camera, now)
    }

    fn look<T>(&self, act: impl FnOnce(&mut FakeCamera) -> io::Result<T>) -> io::Result<T> {
        self.with(self.fake.world(), |camera, _| act(camera))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut world = self.fake.world();
        world.descriptors -= 1;
        if let Some(camera) = world.cameras.iter_mut().find(|c| c.node.path == self.path) {
            camera.stop();
        }
    }
}

fn entry<T: Copy>(list: &[T], index: u32) -> io::Result<T> {
    let entry = list.get(index as usize).copied();
    entry.ok_or_else(|| errno(libc::EINVAL))
}

impl Device for Open {
    fn capability(&self) -> io::Result<Capability> {
        self.look(|camera| Ok(camera.capability.clone()))
    }

    fn pixel_format(&self, index: u32) -> io::Result<FourCC> {
        self.look(|camera| entry(&camera.formats, index))
    }

    fn frame_size(&self, _: FourCC, index: u32) -> io::Result<FrameSize> {
        self.look(|camera| entry(&camera.sizes, index))
    }

    fn frame_interval(&self, _: FourCC, _: (u32, u32), index: u32) -> io::Result<FrameInterval> {
        self.look(|camera| {
            let rate = entry(&camera.rates, index)?;
            Ok(FrameInterval::Discrete(Fraction::new(1, rate)))
        })
    }

    fn set_format(&self, format: FourCC, size: (u32, u32)) -> io::Result<Picture> {
        let world = self.fake.enter(Call::SetFormat)?;
        self.with(world, |camera, _| {
            let mut picture = Picture {
                format,
                width: size.0,
                height: size.1,
                bytes_per_line: size.0 * 2,
                size_image: size.0 * size.1 * 2,
                ..Picture::default()
            };
            (camera.adjust)(&mut picture);
            camera.picture = picture;
            Ok(picture)
        })
    }

    fn set_interval(&self, interval: Fraction) -> io::Result<Fraction> {
        self.look(|camera| {
            camera.interval =
                Duration::from_secs(interval.numerator.into()) / interval.denominator.max(1);
            Ok(interval)
        })
    }

    fn request_buffers(&self, count: u32) -> io::Result<u32> {
        let world = self.fake.enter(Call::RequestBuffers)?;
        self.with(world, |camera, _| {
            camera.stop();
            let size = camera.picture.size_image as usize;
            let memory = || Arc::new(Mutex::new(vec![0; size]));
            camera.memory = (0..count).map(|_| memory()).collect();
            camera.ours = vec![true; count as usize];
            Ok(count)
        })
    }

    fn map(&self, index: u32) -> io::Result<Box<dyn Mapping>> {
        let world = self.fake.enter(Call::Map)?;
        let memory = self.with(world, |camera, _| {
            let memory = camera.memory.get(index as usize).cloned();
            memory.ok_or_else(|| errno(libc::EINVAL))
        })?;
        self.fake.world().mappings += 1;
        Ok(Box::new(Mapped {
            fake: self.fake.clone(),
            memory,
        }))
    }

    fn queue(&self, index: u32) -> io::Result<()> {
        let mut world = self.fake.enter(Call::Queue)?;
        let camera = world.cameras.iter().find(|c| c.node.path == self.path);
        if camera.is_some_and(|c| !c.ours[index as usize]) {
            world.queued_twice += 1;
            return Err(errno(libc::EINVAL));
        }
        self.with(world, |camera, _| {
            camera.ours[index as usize] = false;
            camera.queued.push_back(index);
            Ok(())
        })
    }

    fn dequeue(&self) -> io::Result<Buffer> {
        let world = self.fake.enter(Call::Dequeue)?;
        self.with(world, |camera, _| {
            let next = camera.done.pop_front();
            let (index, sent) = next.ok_or_else(|| errno(libc::EAGAIN))?;
            camera.ours[index as usize] = true;
            let mut flags = Flags::TIMESTAMP_MONOTONIC;
            flags.set(Flags::ERROR, sent.error);
            Ok(Buffer {
                index,
                used: sent.bytes.len() as u32,
                flags,
                sequence: sent.sequence,
                timestamp: sent.timestamp.unwrap_or_default(),
            })
        })
    }

    fn poll(&self, time: Duration) -> io::Result<bool> {
        let mut world = self.fake.enter(Call::Poll)?;
        let end = world.now + time;
        loop {
            let now = world.now;
            let camera = world.cameras.iter_mut().find(|c| c.node.path == self.path);
            // A device that is gone wakes the poll, and the next call says so.
            let Some(camera) = camera else {
                return Ok(true);
            };
            camera.advance(now);
            if !camera.done.is_empty() {
                return Ok(true);
            }
            if now >= end {
                return Ok(false);
            }
            let next = camera.next_at;
            world.now = if next > now { next.min(end) } else { end };
        }
    }

    fn stream_on(&self) -> io::Result<()> {
        let world = self.fake.enter(Call::StreamOn)?;
        self.with(world, |camera, now| {
            camera.streaming = true;
            camera.sequence = 0;
            camera.next_at = now + camera.interval;
            Ok(())
        })
    }

    fn stream_off(&self) -> io::Result<()> {
        let mut frozen = self.fake.frozen.0.lock().unwrap();
        while *frozen {
            frozen = self.fake.frozen.1.wait(frozen).unwrap();
        }
        drop(frozen);
        let world = self.fake.enter(Call::StreamOff)?;
        self.with(world, |camera, _| {
            camera.stop();
            Ok(())
        })
    }

    fn next_control(&self, id: u32) -> io::Result<Control> {
        self.look(|camera| {
            let next = camera.controls.iter().find(|c| c.id > id).cloned();
            next.ok_or_else(|| errno(libc::EINVAL))
        })
    }

    fn menu_entry(&self, _: u32, index: u32) -> io::Result<String> {
        self.look(|camera| {
            let entry = camera.menu.get(index as usize).cloned();
            entry.ok_or_else(|| errno(libc::EINVAL))
        })
    }

    fn set_control(&self, id: u32, value: i32) -> io::Result<()> {
        self.look(|camera| {
            let lock = camera.locked_by.get(&id);
            if lock.is_some_and(|lock| camera.control_values.get(lock) != Some(&1)) {
                return Err(errno(libc::EACCES));
            }
            camera.control_values.insert(id, value);
            Ok(())
        })
    }
}

struct Mapped {
    fake: Fake,
    memory: Arc<Mutex<Vec<u8>>>,
}

impl Mapping for Mapped {
    fn length(&self) -> usize {
        self.memory.lock().unwrap().len()
    }

    fn look(&self, look: &mut dyn FnMut(&[u8])) {
        look(&self.memory.lock().unwrap());
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        self.fake.world().mappings -= 1;
    }
}
