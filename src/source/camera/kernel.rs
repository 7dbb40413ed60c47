//! The real system: V4L2 through the v4l crate's handle, types and ioctl numbers.
//!
//! The crate's own stream, capability and control readers are not used: they queue buffers that the kernel owns,
//! and panic on names that are not UTF-8. This file and its mapping are the only unsafe code of the camera.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use v4l::buffer::Flags;
use v4l::device::Handle;
use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc;
use v4l::{FourCC, Fraction};

use super::system::{
    Buffer, Capability, Control, Device, FrameInterval, FrameSize, Mapping, Node, Picture, System,
};

const CAPTURE: u32 = sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;
const MMAP: u32 = sys::v4l2_memory_V4L2_MEMORY_MMAP;

/// The running kernel.
#[derive(Debug, Default)]
pub struct Kernel;

impl System for Kernel {
    fn nodes(&self) -> io::Result<Vec<Node>> {
        let mut links = Vec::new();
        for folder in ["/dev/v4l/by-id", "/dev/v4l/by-path"] {
            // The folders are there only while a camera with such a name is.
            for link in fs::read_dir(folder).into_iter().flatten().flatten() {
                if let Ok(target) = fs::canonicalize(link.path()) {
                    links.push((link.path(), target));
                }
            }
        }
        links.sort();
        let mut nodes = Vec::new();
        for entry in fs::read_dir("/dev")?.flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|n| n.strip_prefix("video"));
            let Some(number) = number.and_then(|n| n.parse::<u32>().ok()) else {
                continue;
            };
            let path = entry.path();
            let own = links.iter().filter(|(_, target)| *target == path);
            let links = own.map(|(link, _)| link.clone()).collect();
            nodes.push((number, Node { path, links }));
        }
        nodes.sort_by_key(|(number, _)| *number);
        Ok(nodes.into_iter().map(|(_, node)| node).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Device>> {
        // Opening a pipe or a disk by mistake could block or do harm.
        if !fs::metadata(path)?.file_type().is_char_device() {
            return Err(io::Error::from_raw_os_error(libc::ENOTTY));
        }
        let handle = v4l::Device::with_path(path)?.handle();
        // SAFETY: fcntl with F_SETFD takes no pointer; the handle keeps the descriptor open.
        if unsafe { libc::fcntl(handle.fd(), libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(Box::new(Open { handle }))
    }

    fn holders(&self, path: &Path) -> Vec<String> {
        let Ok(path) = fs::canonicalize(path) else {
            return Vec::new();
        };
        let mut holders = Vec::new();
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = process.file_name();
            let Some(pid) = name.to_str().and_then(|n| n.parse::<u32>().ok()) else {
                continue;
            };
            if pid == std::process::id() {
                continue;
            }
            let open = fs::read_dir(process.path().join("fd"));
            let mut targets = open.into_iter().flatten().flatten();
            if targets.any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == path)) {
                let comm = fs::read(process.path().join("comm")).unwrap_or_default();
                holders.push(format!("{} ({pid})", String::from_utf8_lossy(&comm).trim()));
            }
        }
        holders
    }

    fn now(&self) -> Duration {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is a timespec that outlives the call. CLOCK_MONOTONIC always exists on Linux.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
    }

    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// A plain C structure for which all zero bytes are a value.
///
/// # Safety
/// Only for such types.
unsafe trait Plain {}

macro_rules! plain {
    ($($name:ty),*) => { $(
        // SAFETY: a C structure of the kernel's interface: integers, arrays and unions of them.
        unsafe impl Plain for $name {}
    )* };
}

plain!(
    sys::v4l2_capability,
    sys::v4l2_fmtdesc,
    sys::v4l2_frmsizeenum,
    sys::v4l2_frmivalenum,
    sys::v4l2_format,
    sys::v4l2_streamparm,
    sys::v4l2_requestbuffers,
    sys::v4l2_buffer,
    sys::v4l2_queryctrl,
    sys::v4l2_querymenu,
    sys::v4l2_control,
    libc::c_int
);

fn zeroed<T: Plain>() -> T {
    // SAFETY: all zero bytes are a value of every `Plain` type.
    unsafe { std::mem::zeroed() }
}

/// A node that is open. The handle's `close` cannot fail: a V4L2 device has no flush.
struct Open {
    handle: Arc<Handle>,
}

impl Open {
    fn call<T: Plain>(&self, request: vidioc::_IOC_TYPE, argument: &mut T) -> io::Result<()> {
        // An ioctl number carries the size of its argument in bits 16 to 29.
        if (request >> 16) & 0x3fff != size_of::<T>() as vidioc::_IOC_TYPE {
            return Err(io::Error::from_raw_os_error(libc::ENOTTY));
        }
        // SAFETY: `argument` is a live structure of the size that the request says.
        unsafe {
            v4l::v4l2::ioctl(
                self.handle.fd(),
                request,
                std::ptr::from_mut(argument).cast(),
            )
        }
    }

    fn buffer(index: u32) -> sys::v4l2_buffer {
        sys::v4l2_buffer {
            index,
            type_: CAPTURE,
            memory: MMAP,
            ..zeroed()
        }
    }
}

impl Device for Open {
    fn capability(&self) -> io::Result<Capability> {
        let mut found: sys::v4l2_capability = zeroed();
        self.call(vidioc::VIDIOC_QUERYCAP, &mut found)?;
        // Old drivers fill only `capabilities`, which is that of the whole card.
        let flags = if found.capabilities & sys::V4L2_CAP_DEVICE_CAPS != 0 {
            found.device_caps
        } else {
            found.capabilities
        };
        Ok(Capability {
            driver: text(&found.driver),
            card: text(&found.card),
            bus: text(&found.bus_info),
            flags,
        })
    }

    fn pixel_format(&self, index: u32) -> io::Result<FourCC> {
        let mut found = sys::v4l2_fmtdesc {
            index,
            type_: CAPTURE,
            ..zeroed()
        };
        self.call(vidioc::VIDIOC_ENUM_FMT, &mut found)?;
        Ok(FourCC::from(found.pixelformat))
    }

    fn frame_size(&self, format: FourCC, index: u32) -> io::Result<FrameSize> {
        let mut found = sys::v4l2_frmsizeenum {
            index,
            pixel_format: format.into(),
            ..zeroed()
        };
        self.call(vidioc::VIDIOC_ENUM_FRAMESIZES, &mut found)?;
        if found.type_ == sys::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE {
            // SAFETY: the type says which member of the union is filled; both are integers only.
            let size = unsafe { found.__bindgen_anon_1.discrete };
            return Ok(FrameSize::Discrete(size.width, size.height));
        }
        // SAFETY: as above.
        let range = unsafe { found.__bindgen_anon_1.stepwise };
        Ok(FrameSize::Range {
            min: (range.min_width, range.min_height),
            max: (range.max_width, range.max_height),
            step: (range.step_width, range.step_height),
        })
    }

    fn frame_interval(
        &self,
        format: FourCC,
        size: (u32, u32),
        index: u32,
    ) -> io::Result<FrameInterval> {
        let mut found = sys::v4l2_frmivalenum {
            index,
            pixel_format: format.into(),
            width: size.0,
            height: size.1,
            ..zeroed()
        };
        self.call(vidioc::VIDIOC_ENUM_FRAMEINTERVALS, &mut found)?;
        if found.type_ == sys::v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE {
            // SAFETY: the type says which member of the union is filled; both are integers only.
            let interval = unsafe { found.__bindgen_anon_1.discrete };
            return Ok(FrameInterval::Discrete(interval.into()));
        }
        // SAFETY: as above.
        let range = unsafe { found.__bindgen_anon_1.stepwise };
        Ok(FrameInterval::Range(range.min.into(), range.max.into()))
    }

    fn set_format(&self, format: FourCC, size: (u32, u32)) -> io::Result<Picture> {
        let mut asked: sys::v4l2_format = zeroed();
        asked.type_ = CAPTURE;
        asked.fmt.pix = sys::v4l2_pix_format {
            width: size.0,
            height: size.1,
            pixelformat: format.into(),
            field: sys::v4l2_field_V4L2_FIELD_NONE,
            // Without it the kernel clears the colour's encoding and range.
            priv_: sys::V4L2_PIX_FMT_PRIV_MAGIC,
            ..plain_pix()
        };
        self.call(vidioc::VIDIOC_S_FMT, &mut asked)?;
        // SAFETY: a capture format is `pix`, and all its members are integers.
        let (given, encoding) = unsafe {
            let pix = asked.fmt.pix;
            (pix, pix.__bindgen_anon_1.ycbcr_enc)
        };
        Ok(Picture {
            format: FourCC::from(given.pixelformat),
            width: given.width,
            height: given.height,
            bytes_per_line: given.bytesperline,
            size_image: given.sizeimage,
            field: given.field,
            colorspace: given.colorspace,
            encoding,
            quantization: given.quantization,
        })
    }

    fn set_interval(&self, interval: Fraction) -> io::Result<Fraction> {
        let mut asked: sys::v4l2_streamparm = zeroed();
        asked.type_ = CAPTURE;
        asked.parm.capture = sys::v4l2_captureparm {
            timeperframe: interval.into(),
            capability: 0,
            capturemode: 0,
            extendedmode: 0,
            readbuffers: 0,
            reserved: [0; 4],
        };
        self.call(vidioc::VIDIOC_S_PARM, &mut asked)?;
        // SAFETY: the parameters of a capture stream are `capture`, integers only.
        Ok(unsafe { asked.parm.capture }.timeperframe.into())
    }

    fn request_buffers(&self, count: u32) -> io::Result<u32> {
        let mut asked = sys::v4l2_requestbuffers {
            count,
            type_: CAPTURE,
            memory: MMAP,
            ..zeroed()
        };
        self.call(vidioc::VIDIOC_REQBUFS, &mut asked)?;
        Ok(asked.count)
    }

    fn map(&self, index: u32) -> io::Result<Box<dyn Mapping>> {
        let mut found = Self::buffer(index);
        self.call(vidioc::VIDIOC_QUERYBUF, &mut found)?;
        let length = found.length as usize;
        // SAFETY: for mapped buffers the union holds the offset.
        let offset = unsafe { found.m.offset };
        // `off_t` has 32 bits on armv7.
        #[allow(clippy::unnecessary_fallible_conversions)]
        let offset = libc::off_t::try_from(offset)
            .map_err(|_| io::Error::from_raw_os_error(libc::EOVERFLOW))?;
        // SAFETY: a new mapping at an address of the kernel's choice; it touches no memory that is in use.
        let start = unsafe {
            v4l::v4l2::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ,
                libc::MAP_SHARED,
                self.handle.fd(),
                offset,
            )?
        };
        let start = NonNull::new(start.cast::<u8>())
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        Ok(Box::new(Mapped { start, length }))
    }

    fn queue(&self, index: u32) -> io::Result<()> {
        self.call(vidioc::VIDIOC_QBUF, &mut Self::buffer(index))
    }

    fn dequeue(&self) -> io::Result<Buffer> {
        let mut found = Self::buffer(0);
        self.call(vidioc::VIDIOC_DQBUF, &mut found)?;
        let seconds = u64::try_from(found.timestamp.tv_sec).unwrap_or(0);
        let micros = u32::try_from(found.timestamp.tv_usec).unwrap_or(0);
        Ok(Buffer {
            index: found.index,
            used: found.bytesused,
            flags: Flags::from(found.flags),
            sequence: found.sequence,
            timestamp: Duration::new(seconds, micros.min(999_999) * 1000),
        })
    }

    fn poll(&self, time: Duration) -> io::Result<bool> {
        let millis = i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
        Ok(self.handle.poll(libc::POLLIN, millis)? > 0)
    }

    fn stream_on(&self) -> io::Result<()> {
        self.call(vidioc::VIDIOC_STREAMON, &mut (CAPTURE as libc::c_int))
    }

    fn stream_off(&self) -> io::Result<()> {
        self.call(vidioc::VIDIOC_STREAMOFF, &mut (CAPTURE as libc::c_int))
    }

    fn next_control(&self, id: u32) -> io::Result<Control> {
        let mut found = sys::v4l2_queryctrl {
            id: id | sys::V4L2_CTRL_FLAG_NEXT_CTRL,
            ..zeroed()
        };
        self.call(vidioc::VIDIOC_QUERYCTRL, &mut found)?;
        Ok(Control {
            id: found.id,
            name: text(&found.name),
            kind: found.type_,
            flags: found.flags,
            min: found.minimum,
            max: found.maximum,
        })
    }

    fn menu_entry(&self, id: u32, index: u32) -> io::Result<String> {
        let mut found = sys::v4l2_querymenu {
            id,
            index,
            ..zeroed()
        };
        self.call(vidioc::VIDIOC_QUERYMENU, &mut found)?;
        // The structure is packed: the union is copied out before it is looked at.
        let entry = found.__bindgen_anon_1;
        // SAFETY: both members of the union are plain bytes; this one spans all of it.
        Ok(text(&unsafe { entry.name }))
    }

    fn set_control(&self, id: u32, value: i32) -> io::Result<()> {
        self.call(vidioc::VIDIOC_S_CTRL, &mut sys::v4l2_control { id, value })
    }
}

fn plain_pix() -> sys::v4l2_pix_format {
    let blank: sys::v4l2_format = zeroed();
    // SAFETY: all zero bytes are a `v4l2_pix_format`, which is integers only.
    unsafe { blank.fmt.pix }
}

/// A name out of a fixed field: up to the first zero byte, whatever a driver wrote there made readable.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0);
    let name = String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]);
    name.chars()
        .filter(|c| !c.is_control())
        .collect::<String>()
        .trim()
        .to_string()
}

/// A mapped buffer of the driver.
struct Mapped {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to this value alone and may be read and unmapped from any thread.
unsafe impl Send for Mapped {}

impl Mapping for Mapped {
    fn length(&self) -> usize {
        self.length
    }

    fn look(&self, look: &mut dyn FnMut(&[u8])) {
        // SAFETY: `start` is mapped readable for `length` bytes until drop. The driver writes to it only while it
        // owns the buffer, and the stream looks at it only while it does not; no reference outlives this call.
        look(unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) });
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the very mapping that was made, unmapped once. A failure leaves nothing to do.
        let _ = unsafe { v4l::v4l2::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_bytes_are_read() {
        assert_eq!(text(b"C920\0junk"), "C920");
        assert_eq!(text(b"caf\xe9\n\0"), "caf\u{fffd}");
        assert_eq!(text(b"full"), "full");
    }

    #[test]
    fn what_is_no_camera_is_refused_without_harm() {
        let null = Kernel.open(Path::new("/dev/null")).unwrap();
        let error = null.capability().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
        let folder = Kernel.open(Path::new("/dev")).err().unwrap();
        assert_eq!(folder.raw_os_error(), Some(libc::ENOTTY));
        assert!(Kernel.open(Path::new("/dev/\0")).is_err());
    }
}
