//! An open node and its ioctls.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use v4l::buffer::Flags;
use v4l::device::Handle;
use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc;
use v4l::{FourCC, Fraction};

use super::mapping::Mapped;
use super::plain::{Plain, plain_pix, text, zeroed};
use crate::source::camera::system::{
    Buffer, Capability, Control, Device, DriverFormat, FrameInterval, FrameSize, MappedBuffer,
    too_large,
};

const CAPTURE: u32 = sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;
const MMAP: u32 = sys::v4l2_memory_V4L2_MEMORY_MMAP;

/// An open node. The handle's `close` cannot fail: a V4L2 device has nothing to flush.
pub struct OpenNode {
    handle: Arc<Handle>,
}

impl OpenNode {
    pub fn new(handle: Arc<Handle>) -> Self {
        Self { handle }
    }

    fn call<T: Plain>(&self, request: vidioc::_IOC_TYPE, argument: &mut T) -> io::Result<()> {
        // An ioctl number carries the size of its argument in bits 16 to 29.
        if (request >> 16) & 0x3fff != size_of::<T>() as vidioc::_IOC_TYPE {
            return Err(io::Error::from_raw_os_error(libc::ENOTTY));
        }
        // SAFETY: the handle keeps the descriptor open. The kernel reads and writes only
        // `argument`, which is borrowed for the call and has the size in the request, as was just
        // checked. Any bytes are a value of a `Plain` type. No structure carries a pointer to other
        // memory: buffers are of the MMAP kind.
        unsafe {
            v4l::v4l2::ioctl(
                self.handle.fd(),
                request,
                std::ptr::from_mut(argument).cast(),
            )
        }
    }

    /// Asks for a format by VIDIOC_S_FMT or VIDIOC_TRY_FMT.
    fn format(
        &self,
        request: vidioc::_IOC_TYPE,
        format: FourCC,
        size: (u32, u32),
    ) -> io::Result<DriverFormat> {
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
        self.call(request, &mut asked)?;
        // SAFETY: the type CAPTURE makes `pix` the valid member, which this function wrote before
        // the kernel did; it and its own union have integers only, so any bytes are a value.
        let (given, encoding) = unsafe {
            let pix = asked.fmt.pix;
            (pix, pix.__bindgen_anon_1.ycbcr_enc)
        };
        Ok(DriverFormat {
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

    fn buffer(index: u32) -> sys::v4l2_buffer {
        sys::v4l2_buffer {
            index,
            type_: CAPTURE,
            memory: MMAP,
            ..zeroed()
        }
    }
}

impl Device for OpenNode {
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
            // SAFETY: `found` began as zeros and the kernel wrote the member that the type names;
            // it has integers only, so any bytes are a value.
            let size = unsafe { found.__bindgen_anon_1.discrete };
            return Ok(FrameSize::Discrete(size.width, size.height));
        }
        // SAFETY: `found` began as zeros, so all of the union is initialised; `stepwise` has
        // integers only, so any bytes are a value.
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
            // SAFETY: `found` began as zeros and the kernel wrote the member that the type names;
            // it has integers only, so any bytes are a value.
            let interval = unsafe { found.__bindgen_anon_1.discrete };
            return Ok(FrameInterval::Discrete(interval.into()));
        }
        // SAFETY: `found` began as zeros, so all of the union is initialised; `stepwise` has
        // integers only, so any bytes are a value.
        let range = unsafe { found.__bindgen_anon_1.stepwise };
        Ok(FrameInterval::Range(range.min.into(), range.max.into()))
    }

    fn set_format(&self, format: FourCC, size: (u32, u32)) -> io::Result<DriverFormat> {
        self.format(vidioc::VIDIOC_S_FMT, format, size)
    }

    fn try_format(&self, format: FourCC, size: (u32, u32)) -> io::Result<DriverFormat> {
        self.format(vidioc::VIDIOC_TRY_FMT, format, size)
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
        // SAFETY: the type CAPTURE makes `capture` the valid member, which this function wrote
        // before the kernel did; it has integers only, so any bytes are a value.
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

    fn map(&self, index: u32, most: usize) -> io::Result<Box<dyn MappedBuffer>> {
        let mut found = Self::buffer(index);
        self.call(vidioc::VIDIOC_QUERYBUF, &mut found)?;
        let length = found.length as usize;
        if length > most {
            return Err(too_large(index, length, most));
        }
        // SAFETY: `found` began as zeros, and the kind MMAP makes `offset`, an integer, the member
        // that the kernel wrote.
        let offset = unsafe { found.m.offset };
        // `off_t` has 32 bits on armv7.
        #[allow(clippy::unnecessary_fallible_conversions)]
        let offset = libc::off_t::try_from(offset)
            .map_err(|_| io::Error::from_raw_os_error(libc::EOVERFLOW))?;
        Ok(Box::new(Mapped::new(self.handle.fd(), length, offset)?))
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
        // The structure is packed, so the union is copied out: a reference to it could be
        // unaligned.
        let entry = found.__bindgen_anon_1;
        // SAFETY: `found` began as zeros, so all of the union is initialised; `name` is an array of
        // bytes, and any bytes are a value.
        Ok(text(&unsafe { entry.name }))
    }

    fn set_control(&self, id: u32, value: i32) -> io::Result<()> {
        self.call(vidioc::VIDIOC_S_CTRL, &mut sys::v4l2_control { id, value })
    }
}
