//! Sums and products of vectors in f64, in orders that no vector width changes.

/// Adds `factor * from` to the beginning of `to`.
pub(in crate::teach) fn add(to: &mut [f64], from: &[f64], factor: f64) {
    for (t, f) in to.iter_mut().zip(from) {
        *t += factor * f;
    }
}

/// Adds four rows of a triangle, from row `k` on, which `below` holds, each times its factor.
pub(super) fn add_four(to: &mut [f64], below: &[f64], k: usize, factors: [f64; 4]) {
    let (a, rest) = below.split_at(k + 1);
    let (b, rest) = rest.split_at(k + 2);
    let (c, d) = rest.split_at(k + 3);
    let [fa, fb, fc, fd] = factors;
    let (shared, tail) = to.split_at_mut(k + 1);
    let rows = a.iter().zip(b).zip(c.iter().zip(d));
    for (t, ((a, b), (c, d))) in shared.iter_mut().zip(rows) {
        *t += (fa * a + fb * b) + (fc * c + fd * d);
    }
    add(tail, &b[k + 1..], fb);
    add(tail, &c[k + 1..], fc);
    add(tail, &d[k + 1..], fd);
}

/// The product of two vectors of the same length, summed in an order that no vector width changes.
pub(in crate::teach) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut lanes = [0.0_f64; 8];
    for (a, b) in a.iter().zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f64>() + rest
}

/// The products of `a` with four vectors of the same length, which read `a` once.
pub(super) fn dots(a: &[f64], b: [&[f64]; 4]) -> [f64; 4] {
    let (a, a_rest) = a.as_chunks::<4>();
    let chunks = b.map(|b| b.as_chunks::<4>());
    let mut lanes = [[0.0_f64; 4]; 4];
    let [c0, c1, c2, c3] = chunks.map(|(chunks, _)| &chunks[..a.len()]);
    for ((a, (b0, b1)), (b2, b3)) in a.iter().zip(c0.iter().zip(c1)).zip(c2.iter().zip(c3)) {
        for (lanes, b) in lanes.iter_mut().zip([b0, b1, b2, b3]) {
            for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
                *lane += a * b;
            }
        }
    }
    std::array::from_fn(|r| {
        let rest: f64 = a_rest.iter().zip(chunks[r].1).map(|(a, b)| a * b).sum();
        let [w, x, y, z] = lanes[r];
        (w + x) + (y + z) + rest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_exact_where_they_can_be() {
        for length in [0, 1, 3, 4, 8, 19, 64] {
            let a: Vec<f64> = (0..length).map(|i| f64::from(i) - 7.0).collect();
            let b: Vec<f64> = (0..length).map(|i| 0.5 * f64::from(i * i % 11)).collect();
            let wanted: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert_eq!(dot(&a, &b), wanted);
            assert_eq!(dots(&a, [&b, &b, &a, &b])[3], wanted);
        }
    }
}
