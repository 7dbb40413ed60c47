//! The operations that kernels need from a processor.
//!
//! Kernels are generic over two traits: [`Simd`] computes with vectors of floats, [`Dot`] sums
//! products of bytes. Their implementors are **tokens**: types without data that only their own
//! `detect` can make, and only on a processor that has the instruction set. Code
//! that holds a token may compute with it safely; only loads and stores stay unsafe, for their
//! pointers.
//!
//! Float operations are exact IEEE ones (a fused multiply-add rounds once) and no kernel's order of
//! summation depends on the width of a vector, so every processor computes the same bits.

/// Vectors of `LANES` floats or integers, where `LANES` divides 16.
///
/// # Safety
/// `Floats` and `Integers` are `LANES` numbers of 32 bits and `Bytes` is `LANES` bytes. None has
/// padding, and any bits are a value of each.
pub(super) unsafe trait Simd: Copy {
    /// f32.
    type Floats: Copy;
    /// i32.
    type Integers: Copy;
    /// u8.
    type Bytes: Copy;
    /// Elements of a vector, at least 4.
    const LANES: usize;
    /// The most pixels whose sums fit the registers at once, 8 or 4.
    const PIXELS: usize = 8;

    fn splat(self, x: f32) -> Self::Floats;
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn sub(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn min(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn max(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a * b + c`, rounded once.
    fn fma(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    fn add_integers(self, a: Self::Integers, b: Self::Integers) -> Self::Integers;
    fn to_floats(self, a: Self::Integers) -> Self::Floats;
    /// Rounds half to even and clamps to 0..=255.
    fn to_bytes(self, v: Self::Floats) -> Self::Bytes;

    /// Reads `LANES` floats.
    ///
    /// # Safety
    /// They can be read at `p`, which is aligned as a float is.
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> Self::Floats {
        // SAFETY: the caller promises the floats, and `Floats` is just that many.
        unsafe { read(p) }
    }

    /// Reads `LANES` integers.
    ///
    /// # Safety
    /// They can be read at `p`, which is aligned as an integer is.
    #[inline(always)]
    unsafe fn load_integers(self, p: *const i32) -> Self::Integers {
        // SAFETY: the caller promises the integers, and `Integers` is just that many.
        unsafe { read(p) }
    }

    /// Writes `LANES` floats.
    ///
    /// # Safety
    /// They can be written at `p`, which is aligned as a float is.
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: Self::Floats) {
        // SAFETY: the caller promises the room, and `Floats` is just that many.
        unsafe { write(p, v) }
    }

    /// Converts as [`Simd::to_bytes`] does and writes `LANES` bytes.
    ///
    /// # Safety
    /// They can be written at `p`.
    #[inline(always)]
    unsafe fn store_bytes(self, p: *mut u8, v: Self::Floats) {
        // SAFETY: the caller promises the room, and `Bytes` is just that many.
        unsafe { write(p, self.to_bytes(v)) }
    }
}

/// Reads a vector whose elements are aligned, while it need not be.
///
/// # Safety
/// `V` is elements of type `E`, all of which can be read at `p`.
#[inline(always)]
unsafe fn read<E, V: Copy>(p: *const E) -> V {
    // SAFETY: the caller's promise; a vector of lesser alignment is aligned where its elements are.
    unsafe {
        if align_of::<V>() <= align_of::<E>() {
            p.cast::<V>().read()
        } else {
            p.cast::<V>().read_unaligned()
        }
    }
}

/// Writes a vector whose elements are aligned, while it need not be.
///
/// # Safety
/// `V` is elements of type `E`, all of which can be written at `p`.
#[inline(always)]
unsafe fn write<E, V: Copy>(p: *mut E, v: V) {
    // SAFETY: as in `read`.
    unsafe {
        if align_of::<V>() <= align_of::<E>() {
            p.cast::<V>().write(v);
        } else {
            p.cast::<V>().write_unaligned(v);
        }
    }
}

/// Memory in which one thread prepares its activations. Only the AVX2 kernels do.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code))]
pub(super) struct ThreadScratch {
    /// Where it begins.
    pub at: *mut u8,
    /// Its size in bytes.
    pub bytes: usize,
}

/// Products of u8 activations and s8 weights, summed in 32 bits without saturation.
pub(super) trait Dot: Copy {
    /// The vectors that turn the sums into results: a processor with these products has them.
    type Vectors: Simd;
    /// The most rows of one tile.
    const ROWS: usize;
    /// The most blocks of 16 columns of one tile.
    const BLOCKS: usize;

    /// The token of the vectors.
    fn vectors(self) -> Self::Vectors;

    /// The number that is subtracted from each activation before it is multiplied: 128 where the
    /// instruction wants signed bytes.
    fn shift(_zero_point: u8) -> i32 {
        0
    }

    /// Bytes that [`Dot::prepare`] needs for rows of `k` inputs, a multiple of 64.
    fn scratch_bytes(_k: usize) -> usize {
        0
    }

    /// Makes the thread ready for [`Dot::tile`].
    #[inline(always)]
    fn begin(self) {}

    /// Ends what [`Dot::begin`] began.
    #[inline(always)]
    fn end(self) {}

    /// Prepares the first of `rows` rows of `k` inputs in `scratch` and returns how many: all, or
    /// whole tiles and at least one.
    ///
    /// # Safety
    /// `a` has `rows` rows `lda` bytes apart and can be read to the next multiple of 16 rows; `k`
    /// is a multiple of 16 and at most `lda`; `scratch` has [`Dot::scratch_bytes`] of `k`.
    #[inline(always)]
    unsafe fn prepare(
        self,
        _a: *const u8,
        _lda: usize,
        rows: usize,
        _k: usize,
        _zero_point: u8,
        _scratch: ThreadScratch,
    ) -> usize {
        rows
    }

    /// The input of [`Dot::tile`] for the tile that begins at `row`, a multiple of `ROWS` below the
    /// number of rows that [`Dot::prepare`] returned.
    ///
    /// # Safety
    /// `a`, `lda` and `scratch` are those that were prepared.
    #[inline(always)]
    unsafe fn input(
        self,
        a: *const u8,
        lda: usize,
        row: usize,
        _scratch: ThreadScratch,
    ) -> *const u8 {
        // SAFETY: the row is one of those that the caller promises.
        unsafe { a.add(row * lda) }
    }

    /// Writes the sums of `rows` rows of `a` (`lda` bytes apart) with `blocks` blocks of weights
    /// (`stride` bytes apart) over `k` inputs to `out`, whose rows are `16 * BLOCKS` sums apart.
    ///
    /// # Safety
    /// `a` is what [`Dot::input`] returned for at least `rows` rows, 1 to `ROWS`, of `k` inputs, a
    /// multiple of 16 and not 0. `b` has `blocks` blocks, 1 to `BLOCKS`, of `k` inputs filled to a
    /// multiple of 64, times 16 columns. `out` has room for `ROWS * BLOCKS * 16` sums. The thread
    /// is between [`Dot::begin`] and [`Dot::end`].
    #[allow(clippy::too_many_arguments)]
    unsafe fn tile(
        self,
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

/// Writes methods of a token. Each body is safe code: the compiler sees it with the features
/// enabled, so intrinsics without pointers need no `unsafe` in it.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! with_features {
    ($features:literal: $(
        fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty $body:block
    )*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: $type),*) -> $result {
            #[inline]
            #[target_feature(enable = $features)]
            fn with_features($($argument: $type),*) -> $result $body
            // SAFETY: `self` exists only on a processor with these features.
            unsafe { with_features($($argument),*) }
        }
    )*};
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) use with_features;

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
