//! What a kernel needs from a processor.
//!
//! Float code is written once over [`Simd`] and compiled for each instruction set. All of its
//! operations are exact IEEE ones (a fused multiply-add rounds once) and no kernel's order of
//! summation depends on the width, so that every processor computes the same bits.

/// A vector of `LANES` floats or integers. `LANES` divides 16.
///
/// # Safety
/// Every function may only run where the instruction set that it is named for exists, and pointers
/// must be valid for `LANES` elements, and aligned as one element is.
pub trait Simd {
    /// Floats.
    type V: Copy;
    /// Integers of 32 bits.
    type I: Copy;
    /// Elements of a vector, at least 4.
    const LANES: usize;
    /// The most pixels whose sums the registers hold at once, 8 or 4.
    const PIXELS: usize = 8;

    unsafe fn splat(x: f32) -> Self::V;
    unsafe fn load(p: *const f32) -> Self::V;
    unsafe fn store(p: *mut f32, v: Self::V);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn load_int(p: *const i32) -> Self::I;
    unsafe fn add_int(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn to_float(a: Self::I) -> Self::V;
    /// Rounds half to even, clamps to 0..=255 and writes `LANES` bytes.
    unsafe fn store_bytes(p: *mut u8, v: Self::V);
}

/// Memory that one thread prepares its activations in. Only AVX2 does.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub struct Room {
    /// Where it begins.
    pub at: *mut u8,
    /// Its size.
    pub bytes: usize,
}

/// Products of u8 activations and s8 weights, summed in 32 bits without any saturation.
///
/// # Safety
/// As for [`Simd`].
pub trait Dot {
    /// The most rows of one tile.
    const ROWS: usize;
    /// The most blocks of 16 columns of one tile.
    const BLOCKS: usize;

    /// What is taken off each activation before it is multiplied: 128 where the instruction wants
    /// signed bytes.
    fn shift(_zero_point: u8) -> i32 {
        0
    }

    /// Bytes that [`Dot::prepare`] needs for rows of `k` inputs, a multiple of 64.
    fn room(_k: usize) -> usize {
        0
    }

    /// Makes the thread ready for [`Dot::tile`].
    unsafe fn begin() {}

    /// Ends what [`Dot::begin`] began.
    unsafe fn end() {}

    /// Makes the first of `rows` rows of `k` inputs ready in `room` and says how many: all or whole
    /// tiles, at least one.
    unsafe fn prepare(
        _a: *const u8,
        _lda: usize,
        rows: usize,
        _k: usize,
        _zero_point: u8,
        _room: Room,
    ) -> usize {
        rows
    }

    /// What [`Dot::tile`] takes as the tile that begins at `row` of the prepared ones.
    unsafe fn input(a: *const u8, lda: usize, row: usize, _room: Room) -> *const u8 {
        // SAFETY: the caller's.
        unsafe { a.add(row * lda) }
    }

    /// Writes the sums of `rows` rows of `a` (`lda` bytes apart) with `blocks` blocks of weights
    /// (`stride` bytes each) over `k` inputs, a multiple of 16, to `out`, whose rows are `16 *
    /// BLOCKS` apart.
    #[allow(clippy::too_many_arguments)]
    unsafe fn tile(
        a: *const u8,
        lda: usize,
        rows: usize,
        b: *const i8,
        stride: usize,
        blocks: usize,
        k: usize,
        out: *mut i32,
    );
}

/// Calls `$f::<R, N>` for the tile of `$rows` rows and `$blocks` blocks, cut into pieces that have
/// a kernel.
macro_rules! pieces {
    ($rows:expr, $blocks:expr, [$($r:literal)+], [$($n:literal)+], |$row:ident, $block:ident, $R:ident, $N:ident| $call:expr) => {{
        let mut $block = 0;
        while $block < $blocks {
            let left = $blocks - $block;
            pieces!(@n left, $block, $rows, [$($n)+], [$($r)+], |$row, $block, $R, $N| $call);
        }
    }};
    (@n $left:ident, $b:ident, $rows:expr, [$n:literal $($more:literal)*], $rs:tt, |$row:ident, $block:ident, $R:ident, $N:ident| $call:expr) => {
        if $left >= $n {
            const $N: usize = $n;
            let mut $row = 0;
            while $row < $rows {
                let rest = $rows - $row;
                pieces!(@r rest, $rs, |$row, $R| $call);
            }
            $block += $n;
            continue;
        }
        pieces!(@n $left, $b, $rows, [$($more)*], $rs, |$row, $block, $R, $N| $call);
    };
    (@n $left:ident, $b:ident, $rows:expr, [], $rs:tt, |$row:ident, $block:ident, $R:ident, $N:ident| $call:expr) => {};
    (@r $rest:ident, [$r:literal $($more:literal)*], |$row:ident, $R:ident| $call:expr) => {
        if $rest >= $r {
            const $R: usize = $r;
            $call;
            $row += $r;
            continue;
        }
        pieces!(@r $rest, [$($more)*], |$row, $R| $call);
    };
    (@r $rest:ident, [], |$row:ident, $R:ident| $call:expr) => {};
}
pub(super) use pieces;
