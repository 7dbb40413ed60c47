//! The sums of linear layers, against plain integers.

use super::*;

const SHAPES: [(usize, usize, usize); 11] = [
    (1, 16, 16),
    (1, 768, 210),
    (2, 100, 33),
    (7, 48, 96),
    (9, 160, 40),
    (16, 64, 112),
    (17, 96, 48),
    (31, 128, 16),
    (33, 80, 64),
    (50, 384, 96),
    (70, 112, 272),
];

#[test]
fn sums_are_exact_on_every_kernel() {
    let mut r = Random(7);
    for extreme in [false, true] {
        for (rows, k, n) in SHAPES {
            let owned = Owned::random(&mut r, k, n, extreme);
            let layer = owned.layer();
            let a = owned.input(&mut r, rows, extreme);
            let columns = layer.columns();
            let wanted: Vec<f32> = (0..rows * columns)
                .map(|i| {
                    let sum = i32::try_from(owned.sum(&a, i / columns, i % columns)).unwrap();
                    (sum as f32).mul_add(layer.scales[i % columns], layer.biases[i % columns])
                })
                .collect();
            for mut machine in machines() {
                let mut out = vec![f32::NAN; rows * columns];
                let mut prepared = vec![0; machine.sizing().prepared_bytes(layer.shape())];
                machine.linear(&a, rows, &layer, &mut prepared, &mut out);
                assert_eq!(bits(&out), bits(&wanted), "{machine:?} {rows}x{k}x{n}");
            }
        }
    }
}

#[test]
fn accumulators_are_exact_integers_on_every_kernel() {
    // Up to 384 inputs a sum is below 2^24, so a float of scale 1 shows each of its bits.
    let mut r = Random(17);
    for (rows, k, n) in SHAPES.into_iter().filter(|(_, k, _)| *k <= 384) {
        for zero_point in [0, 1, 64, 128, 191, 254, 255] {
            let mut owned = Owned::random(&mut r, k, n, false);
            owned.zero_point = zero_point;
            owned.scales.fill(1.0);
            owned.biases.fill(0.0);
            let a = owned.input(&mut r, rows, false);
            check_sums(&owned, &a, rows);
        }
    }
}

#[test]
fn sums_are_exact_where_products_nearly_leave_sixteen_bits() {
    // The greatest weights, and activations at the limits above an offset where two, one or no
    // products of bytes fit.
    let (rows, k, n) = (5_usize, 144, 32);
    let mut r = Random(19);
    for zero_point in [0, 9, 64, 128, 190, 255_u8] {
        let offset = zero_point.saturating_sub(64).min(126);
        for level in [1, 63, 64, 65, 127, 128, 129, 130, 255] {
            let mut owned = Owned::random(&mut r, k, n, true);
            owned.zero_point = zero_point;
            owned.scales.fill(1.0);
            owned.biases.fill(0.0);
            let high = offset.saturating_add(level);
            let low = if level == 255 {
                offset.wrapping_sub(1)
            } else {
                offset
            };
            let rows_to = rows.next_multiple_of(16) * owned.layer().row_bytes();
            for one_in in [1, 2, 40] {
                let a: Vec<u8> = (0..rows_to)
                    .map(|_| if r.below(one_in) == 0 { high } else { low })
                    .collect();
                check_sums(&owned, &a, rows);
            }
        }
    }
}

/// Compares each kernel's result of scale 1 with plain integers.
fn check_sums(owned: &Owned, a: &[u8], rows: usize) {
    let layer = owned.layer();
    let columns = layer.columns();
    let wanted: Vec<i64> = (0..rows * columns)
        .map(|i| owned.sum(a, i / columns, i % columns))
        .collect();
    for mut machine in machines() {
        let mut out = vec![f32::NAN; rows * columns];
        let mut prepared = vec![0; machine.sizing().prepared_bytes(layer.shape())];
        machine.linear(a, rows, &layer, &mut prepared, &mut out);
        let found: Vec<i64> = out.iter().map(|v| *v as i64).collect();
        assert_eq!(found, wanted, "{machine:?} {}", owned.zero_point);
    }
}
