//! A quantised linear layer: its shape and where its weights lie.

/// A quantised linear layer: `y[n] = scale[n] * sum_k (x[k] - zero_point) * w[k, n] + bias[n]`.
///
/// Weights lie in blocks of 16 columns. A block holds its inputs in fours: for each four, 16
/// columns of 4 bytes. Inputs are filled with zero weights to a multiple of 64, columns to a
/// multiple of 16.
#[derive(Clone, Copy, Debug)]
pub struct Linear<'a> {
    /// Inputs, a multiple of 16; weights of filled inputs are zero.
    pub inputs: usize,
    /// The weights, in the layout above.
    pub weights: &'a [i8],
    /// Sum of the weights of each column.
    pub sums: &'a [i32],
    /// Scale of the input times scale of each column's weights.
    pub scales: &'a [f32],
    /// Bias of each column.
    pub biases: &'a [f32],
    /// Zero point of the input.
    pub zero_point: u8,
}

/// The size of a linear layer, filled. A manifest's check bounds the products of its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// Inputs, a multiple of 16.
    pub inputs: usize,
    /// Columns, a multiple of 16.
    pub columns: usize,
}

impl LayerShape {
    /// As [`Linear::row_bytes`].
    pub(super) fn row_bytes(self) -> usize {
        self.inputs.next_multiple_of(64)
    }

    /// Bytes of the weights.
    pub(super) fn weight_bytes(self) -> usize {
        self.row_bytes() * self.columns
    }

    /// Bytes of `rows` rows of the input, filled so that a kernel may read whole tiles.
    pub(super) fn input_bytes(self, rows: usize) -> usize {
        rows.next_multiple_of(16) * self.row_bytes()
    }
}

impl Linear<'_> {
    /// The shape.
    pub(super) fn shape(&self) -> LayerShape {
        LayerShape {
            inputs: self.inputs,
            columns: self.columns(),
        }
    }

    /// Columns, filled to a multiple of 16.
    pub fn columns(&self) -> usize {
        self.sums.len()
    }

    /// Bytes between the rows of an input, so that every kernel may read whole tiles.
    pub fn row_bytes(&self) -> usize {
        self.shape().row_bytes()
    }

    /// The index of the weight of input `k` and column `n`, for rows of `row_bytes`.
    pub fn place(row_bytes: usize, k: usize, n: usize) -> usize {
        n / 16 * row_bytes * 16 + k / 4 * 64 + n % 16 * 4 + k % 4
    }

    /// Bytes of one block of weights.
    pub(super) fn block_bytes(&self) -> usize {
        self.row_bytes() * 16
    }

    pub(super) fn check(&self) {
        let n = self.columns();
        assert!(
            self.inputs.is_multiple_of(16) && n.is_multiple_of(16),
            "layers are filled to 16"
        );
        assert!(
            self.scales.len() == n
                && self.biases.len() == n
                && self.weights.len() == n * self.row_bytes()
        );
    }
}
