//! The kernel's structures, which start as zero bytes, and the names in them.

use v4l::v4l_sys as sys;

/// A C structure for which any bytes are a value, all zeros among them, and that holds no pointer
/// for the kernel to follow in the calls made here.
///
/// # Safety
/// The type must have integers, arrays of them and unions of both alone. A pointer among the
/// members of a union is allowed where no call makes the kernel use it.
pub unsafe trait Plain {}

macro_rules! plain {
    ($($name:ty),*) => { $(
        // SAFETY: an integer or a C structure of the kernel's interface: integers, arrays and
        // unions. Pointers occur only in unions, for kinds of memory and formats that this folder
        // never asks for.
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

/// The value with all bytes zero.
pub fn zeroed<T: Plain>() -> T {
    // SAFETY: any bytes are a value of a `Plain` type.
    unsafe { std::mem::zeroed() }
}

/// The pixel format with all bytes zero.
pub fn plain_pix() -> sys::v4l2_pix_format {
    let blank: sys::v4l2_format = zeroed();
    // SAFETY: `blank` is all zeros, and any bytes are a `v4l2_pix_format`: it has integers only.
    unsafe { blank.fmt.pix }
}

/// The name in a fixed field: up to the first zero byte, with invalid UTF-8 replaced and control
/// characters removed.
pub fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0);
    let name = String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]);
    name.chars()
        .filter(|c| !c.is_control())
        .collect::<String>()
        .trim()
        .to_string()
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
}
