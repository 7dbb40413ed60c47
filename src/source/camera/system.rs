//! The calls that the camera makes to the system, as a thin layer that tests replace with a fake.
//!
//! Types are V4L2's, reduced to the needs of a capture device. Errors are the system's own; one
//! file, `loss`, gives each error number its meaning.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use v4l::buffer::Flags;
use v4l::{FourCC, Fraction};

/// How often an interrupted call is repeated before it counts as failed.
const INTERRUPTS: u32 = 64;

/// The system around the cameras: nodes, clock, other processes.
pub trait System: Send + Sync {
    /// Every `/dev/video*` node, ordered by number.
    fn nodes(&self) -> io::Result<Vec<Node>>;
    /// Opens a node for capture, never blocking on frames.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Device>>;
    /// The other processes that hold the node and are visible to this one: `name (pid)`.
    fn holders(&self, path: &Path) -> Vec<String>;
    /// The monotonic clock that also stamps the frames.
    fn now(&self) -> Duration;
    /// Sleeps.
    fn pause(&self, time: Duration);
}

/// A device node with its stable names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `/dev/videoN`.
    pub path: PathBuf,
    /// Links from `/dev/v4l/by-id` and `/dev/v4l/by-path`.
    pub links: Vec<PathBuf>,
}

/// One open device. Dropping it closes it.
pub trait Device: Send + Sync {
    /// VIDIOC_QUERYCAP.
    fn capability(&self) -> io::Result<Capability>;
    /// VIDIOC_ENUM_FMT; EINVAL after the last.
    fn pixel_format(&self, index: u32) -> io::Result<FourCC>;
    /// VIDIOC_ENUM_FRAMESIZES; EINVAL after the last.
    fn frame_size(&self, format: FourCC, index: u32) -> io::Result<FrameSize>;
    /// VIDIOC_ENUM_FRAMEINTERVALS; EINVAL after the last.
    fn frame_interval(
        &self,
        format: FourCC,
        size: (u32, u32),
        index: u32,
    ) -> io::Result<FrameInterval>;
    /// VIDIOC_S_FMT; returns the format that the driver chose.
    fn set_format(&self, format: FourCC, size: (u32, u32)) -> io::Result<DriverFormat>;
    /// VIDIOC_S_PARM; returns the interval that the driver chose.
    fn set_interval(&self, interval: Fraction) -> io::Result<Fraction>;
    /// VIDIOC_REQBUFS for mapped buffers; returns how many the driver gave. 0 frees them.
    fn request_buffers(&self, count: u32) -> io::Result<u32>;
    /// VIDIOC_TRY_FMT: the format that the driver would choose; changes nothing.
    fn try_format(&self, format: FourCC, size: (u32, u32)) -> io::Result<DriverFormat>;
    /// VIDIOC_QUERYBUF and mmap; `OutOfMemory` for a buffer of more than `most` bytes, of which
    /// nothing is mapped.
    fn map(&self, index: u32, most: usize) -> io::Result<Box<dyn MappedBuffer>>;
    /// VIDIOC_QBUF.
    fn queue(&self, index: u32) -> io::Result<()>;
    /// VIDIOC_DQBUF; EAGAIN when none is ready.
    fn dequeue(&self) -> io::Result<Buffer>;
    /// Waits for a ready buffer, at most for `time`; returns whether there is one.
    fn poll(&self, time: Duration) -> io::Result<bool>;
    /// VIDIOC_STREAMON.
    fn stream_on(&self) -> io::Result<()>;
    /// VIDIOC_STREAMOFF.
    fn stream_off(&self) -> io::Result<()>;
    /// The control after the one with this id (VIDIOC_QUERYCTRL); EINVAL after the last.
    fn next_control(&self, id: u32) -> io::Result<Control>;
    /// The name of a menu's entry (VIDIOC_QUERYMENU).
    fn menu_entry(&self, id: u32, index: u32) -> io::Result<String>;
    /// VIDIOC_S_CTRL.
    fn set_control(&self, id: u32, value: i32) -> io::Result<()>;
}

/// A buffer of the driver in this process's memory. Dropping it unmaps it.
pub trait MappedBuffer: Send + Sync {
    /// In bytes.
    fn length(&self) -> usize;
    /// All bytes; to be read only while the driver does not own the buffer, and only where nothing
    /// else writes to it then.
    fn bytes(&self) -> &[u8];
    /// Copies bytes from the place `from` on into `to`, as many as there are, and returns their
    /// number. Another process may write to them meanwhile: each byte is then an old or a new one.
    fn copy(&self, from: usize, to: &mut [u8]) -> usize;
}

/// The identity and abilities of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capability {
    /// The driver's name, such as `uvcvideo`.
    pub driver: String,
    /// The card's name, such as `HD Pro Webcam C920`.
    pub card: String,
    /// The bus that it is plugged into.
    pub bus: String,
    /// V4L2_CAP_* of this node.
    pub flags: u32,
}

/// Sizes that a driver offers for a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameSize {
    /// Exactly this.
    Discrete(u32, u32),
    /// All between, in steps.
    Range {
        /// Smallest width and height.
        min: (u32, u32),
        /// Largest width and height.
        max: (u32, u32),
        /// Steps of width and height.
        step: (u32, u32),
    },
}

/// Intervals that a driver offers for a format and size, in seconds.
#[derive(Clone, Copy, Debug)]
pub enum FrameInterval {
    /// Exactly this.
    Discrete(Fraction),
    /// All from the shortest to the longest.
    Range(Fraction, Fraction),
}

/// The format that VIDIOC_S_FMT returned.
#[derive(Clone, Copy, Debug, Default)]
pub struct DriverFormat {
    /// Pixel format.
    pub format: FourCC,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bytes from row to row; 0 for compressed formats.
    pub bytes_per_line: u32,
    /// Bytes of the largest picture.
    pub size_image: u32,
    /// V4L2_FIELD_*.
    pub field: u32,
    /// V4L2_COLORSPACE_*.
    pub colorspace: u32,
    /// V4L2_YCBCR_ENC_*.
    pub encoding: u32,
    /// V4L2_QUANTIZATION_*.
    pub quantization: u32,
}

/// The buffer that VIDIOC_DQBUF returned.
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    pub index: u32,
    /// Bytes of the picture.
    pub used: u32,
    /// V4L2_BUF_FLAG_*.
    pub flags: Flags,
    /// The driver's count of frames.
    pub sequence: u32,
    /// When it was captured, by the clock that `flags` name.
    pub timestamp: Duration,
}

/// One control of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// V4L2_CID_*.
    pub id: u32,
    /// The driver's name, such as `Power Line Frequency`.
    pub name: String,
    /// V4L2_CTRL_TYPE_*.
    pub kind: u32,
    /// V4L2_CTRL_FLAG_*.
    pub flags: u32,
    /// Smallest value.
    pub min: i32,
    /// Largest value.
    pub max: i32,
}

/// Whether the call can simply be repeated.
pub fn passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
    )
}

/// Repeats a call that a signal interrupted.
pub fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..INTERRUPTS {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
    Err(io::Error::from_raw_os_error(libc::EINTR))
}

/// The error for a buffer that is larger than was agreed.
pub fn too_large(index: u32, length: usize, most: usize) -> io::Error {
    let message =
        format!("the driver's buffer {index} has {length} bytes, at most {most} fit its mode");
    io::Error::new(io::ErrorKind::OutOfMemory, message)
}
