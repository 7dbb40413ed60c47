//! The JPEG frame that takes the longest of all that a camera may send.

/// The frame of `width` by `height` pixels that takes longest to decode: four components without
/// subsampling, and in each block 63 values of two bits, each of which the transform uses.
pub fn slowest(width: u16, height: u16) -> Vec<u8> {
    let mut data = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    data.extend([1; 64]);
    // One bit for a mean without a difference; one bit for a value of one bit, two for the end.
    data.extend([0xff, 0xc4, 0, 20, 0, 1]);
    data.extend([0; 16]);
    data.extend([0xff, 0xc4, 0, 21, 0x10, 1, 1]);
    data.extend([0; 14]);
    data.extend([0x01, 0x00]);
    data.extend([0xff, 0xc0, 0, 20, 8]);
    data.extend(height.to_be_bytes().into_iter().chain(width.to_be_bytes()));
    data.extend([4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0]);
    data.extend([0xff, 0xda, 0, 14, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0]);
    let blocks = 4 * usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    // A block is 0, then 63 times 01.
    let mut bits = (0..blocks).flat_map(|_| (0..127).map(|i| u8::from(i > 0 && i % 2 == 0)));
    for _ in 0..(blocks * 127).div_ceil(8) {
        let byte = (0..8).fold(0, |byte, _| byte << 1 | bits.next().unwrap_or(1));
        data.push(byte);
    }
    data.extend([0xff, 0xd9]);
    data
}
