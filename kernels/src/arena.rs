//! One block of memory for all scratch.

/// As wide as a cache line and as any vector.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// The sizes of an [`Arena`]'s parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Floats of rows of pixels between the depthwise convolution and LayerNorm.
    pub rows: usize,
    /// Bytes of quantised activations.
    pub activations: usize,
    /// Bytes of hidden activations of MLPs.
    pub hidden: usize,
    /// Bytes in which kernels prepare activations, one part for each thread.
    pub prepared: usize,
}

/// The scratch of an engine, for as long as it lives.
pub struct Arena {
    lines: Vec<Line>,
    sizes: Sizes,
}

/// The parts of an [`Arena`].
#[derive(Debug)]
pub struct Scratch<'a> {
    /// Rows of pixels between the depthwise convolution and LayerNorm.
    pub rows: &'a mut [f32],
    /// Quantised activations.
    pub activations: &'a mut [u8],
    /// Hidden activations of MLPs.
    pub hidden: &'a mut [u8],
    /// One part for each thread, for kernels that prepare activations.
    pub prepared: &'a mut [u8],
}

impl Sizes {
    fn lines(self) -> [usize; 4] {
        let floats = self.rows.saturating_mul(4);
        [floats, self.activations, self.hidden, self.prepared].map(|n| n.div_ceil(64))
    }

    /// Bytes of the whole arena. The most that can be counted if there are more.
    pub fn bytes(self) -> usize {
        let lines = self.lines().into_iter().fold(0, usize::saturating_add);
        lines.saturating_mul(64)
    }

    /// The sizes that hold either this or `other`.
    pub fn max(self, other: Self) -> Self {
        Self {
            rows: self.rows.max(other.rows),
            activations: self.activations.max(other.activations),
            hidden: self.hidden.max(other.hidden),
            prepared: self.prepared.max(other.prepared),
        }
    }
}

impl Arena {
    /// An arena of these sizes, filled with zeros.
    pub fn new(sizes: Sizes) -> Self {
        Self {
            lines: vec![Line([0; 64]); sizes.bytes() / 64],
            sizes,
        }
    }

    /// The arena's parts, each aligned to 64 bytes.
    pub fn scratch(&mut self) -> Scratch<'_> {
        let [rows, activations, hidden, _] = self.sizes.lines();
        let (first, rest) = self.lines.split_at_mut(rows);
        let (second, rest) = rest.split_at_mut(activations);
        let (third, fourth) = rest.split_at_mut(hidden);
        let bytes = |part: &mut [Line], n: usize| {
            // SAFETY: lines are bytes without padding, the part has at least `n` of them, and each
            // part is used once and borrowed for as long as the result.
            unsafe { std::slice::from_raw_parts_mut(part.as_mut_ptr().cast::<u8>(), n) }
        };
        // SAFETY: as above; lines are aligned to 64 and any bits are a float.
        let floats = unsafe {
            std::slice::from_raw_parts_mut(first.as_mut_ptr().cast::<f32>(), self.sizes.rows)
        };
        Scratch {
            rows: floats,
            activations: bytes(second, self.sizes.activations),
            hidden: bytes(third, self.sizes.hidden),
            prepared: bytes(fourth, self.sizes.prepared),
        }
    }
}

impl std::fmt::Debug for Arena {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Arena({:?})", self.sizes)
    }
}
