//! The number of elements of an array, computed once and bounded.

/// The most elements that one array, feature map or scratch area may have: 256 MiB of floats. A
/// process of 32 bits can count the bytes of any number of elements up to it.
const MOST: u64 = 1 << 26;

/// A number of elements, at most 2^26: the product of dimensions that a file claims.
///
/// Products of a file's numbers wrap in the `usize` of 32 bits, and a size that wrapped passes
/// every check while the arrays are read by their true dimensions. So they are multiplied here
/// alone, in 64 bits on every processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Extent(u32);

impl Extent {
    /// The product of `dims`; none if it is larger than any array may be.
    pub(crate) fn of(dims: &[usize]) -> Option<Self> {
        let product = dims.iter().try_fold(1_u64, |product, &dim| {
            product.checked_mul(u64::try_from(dim).ok()?)
        });
        let product = product.filter(|&product| product <= MOST)?;
        u32::try_from(product).ok().map(Self)
    }

    /// The bytes of so many elements of `size` bytes.
    pub(crate) fn bytes(self, size: usize) -> u64 {
        u64::from(self.0) * size as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_that_32_bits_wrap_is_refused_on_every_host() {
        // Each of them is 0 or small in 32 bits.
        for dims in [
            &[1 << 16, 1 << 16][..],
            &[1 << 16, (1 << 16) + 1],
            &[1 << 12, 1 << 12, 1 << 14],
            &[usize::MAX, 2],
            &[usize::MAX, usize::MAX, usize::MAX],
            &[(1 << 26) + 1],
        ] {
            assert_eq!(Extent::of(dims), None, "{dims:?}");
        }
    }

    #[test]
    fn a_product_up_to_the_cap_is_exact() {
        assert_eq!(Extent::of(&[]), Some(Extent(1)));
        assert_eq!(Extent::of(&[7, 0]), Some(Extent(0)));
        let most = Extent::of(&[1 << 13, 1 << 13]).unwrap();
        assert_eq!((most, most.bytes(4)), (Extent(1 << 26), 1 << 28));
        assert!(most.bytes(4) <= i32::MAX as u64);
    }
}
