//! The kernel's structures, which may begin as zero bytes.

use v4l::v4l_sys as sys;

/// A plain C structure for which all zero bytes are a value.
///
/// # Safety
/// Only for such types.
pub unsafe trait Plain {}

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

/// The value of all zero bytes.
pub fn zeroed<T: Plain>() -> T {
    // SAFETY: all zero bytes are a value of every `Plain` type.
    unsafe { std::mem::zeroed() }
}

/// The same of the part of a format that is of pictures.
pub fn plain_pix() -> sys::v4l2_pix_format {
    let blank: sys::v4l2_format = zeroed();
    // SAFETY: all zero bytes are a `v4l2_pix_format`, which is integers only.
    unsafe { blank.fmt.pix }
}
