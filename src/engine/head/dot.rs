//! The product of vectors in f32.

/// The product of two vectors of the same length, summed in an order that no vector width changes.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<16>();
    let (b, b_rest) = b.as_chunks::<16>();
    let mut lanes = [0.0_f32; 16];
    for (a, b) in a.iter().zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_exact_where_they_can_be() {
        for length in [0, 1, 15, 16, 19, 64] {
            let a: Vec<f32> = (0..length).map(|i| i as f32 - 9.0).collect();
            let b: Vec<f32> = (0..length).map(|i| 0.5 * (i % 7) as f32).collect();
            let wanted: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert_eq!(dot(&a, &b), wanted);
        }
    }
}
