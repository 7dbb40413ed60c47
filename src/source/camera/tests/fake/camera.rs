//! One camera: what it is, and the frames that it sends.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use v4l::FourCC;
use v4l::v4l_sys as sys;

use crate::source::camera::system::{Capability, Control, DriverFormat, FrameSize, Node};

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
    pub adjust: Box<dyn Fn(&mut DriverFormat) + Send>,
    pub film: Film,
    pub picture: DriverFormat,
    pub interval: Duration,
    /// Sends nothing.
    pub silent: bool,
    /// The most buffers that it gives, however many are asked for.
    pub most_buffers: u32,
    /// The least buffers that it gives, however few are asked for.
    pub least_buffers: u32,
    /// The bytes of its buffers, if not those of its pictures.
    pub buffer_bytes: Option<u64>,
    /// What it tells of each frame instead of the truth: the buffer's index, the bytes in it.
    pub told: (Option<u32>, Option<u32>),
    /// Frames that it handed over.
    pub handed: u64,
    pub(super) streaming: bool,
    pub(super) next_at: Duration,
    pub(super) sequence: u32,
    pub(super) queued: VecDeque<u32>,
    pub(super) done: VecDeque<(u32, Sent)>,
    pub(super) ours: Vec<bool>,
    /// A file for each buffer, which is mapped as a driver's memory is.
    pub memory: Vec<Arc<File>>,
}

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
            picture: DriverFormat::default(),
            interval: Duration::from_millis(100),
            silent: false,
            most_buffers: 32,
            least_buffers: 0,
            buffer_bytes: None,
            told: (None, None),
            handed: 0,
            streaming: false,
            next_at: Duration::ZERO,
            sequence: 0,
            queued: VecDeque::new(),
            done: VecDeque::new(),
            ours: vec![],
            memory: vec![],
        }
    }

    /// The format that it gives if asked for this one.
    pub(super) fn given(&self, format: FourCC, size: (u32, u32)) -> DriverFormat {
        let mut picture = DriverFormat {
            format,
            width: size.0,
            height: size.1,
            bytes_per_line: size.0 * 2,
            size_image: size.0 * size.1 * 2,
            ..DriverFormat::default()
        };
        (self.adjust)(&mut picture);
        picture
    }

    /// Sends what is due; a frame that finds no buffer is dropped, as drivers do.
    pub(super) fn advance(&mut self, now: Duration) {
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
            let memory = &self.memory[index as usize];
            let fits = sent.bytes.len().min(self.picture.size_image as usize);
            memory.write_all_at(&sent.bytes[..fits], 0).unwrap();
            self.done.push_back((index, sent));
        }
    }

    pub(super) fn stop(&mut self) {
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
