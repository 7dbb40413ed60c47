//! Which drivers' buffers may be read in place.
//!
//! A buffer that V4L2 handed over is the program's until it is queued again. The kernel keeps to
//! that where a driver fills its buffers itself: from USB packets, as `uvcvideo` does, or from its
//! own drawing or hardware. It cannot where another process writes into the same memory: the writer
//! of a v4l2loopback device maps the very buffers that its readers get, and may write whenever it
//! likes. Bytes that change under a decoder which checked them before are no `&[u8]`.
//!
//! So pictures of known drivers are lent, and those of all others are copied. A driver belongs in
//! the list if it is the kernel's own, uses its `videobuf2` and gives no other process a way to
//! write.

/// The names that VIDIOC_QUERYCAP gives.
const LENDERS: [&str; 3] = [
    // USB webcams.
    "uvcvideo",
    // The kernel's virtual camera, for tests.
    "vivid",
    // The Raspberry Pi's camera with its own firmware.
    "bm2835 mmal",
];

/// Whether frames may read the buffers of this driver in place.
pub fn lends(driver: &str) -> bool {
    LENDERS.contains(&driver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_drivers_lend() {
        assert!(lends("uvcvideo"));
        for other in ["v4l2 loopback", "akvcam", "", "uvcvideo2"] {
            assert!(!lends(other), "{other}");
        }
    }
}
