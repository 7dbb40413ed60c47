//! The pictures that differ most.

/// The indices of `count` rows of `width` features that differ most, in the order in which they
/// were chosen: the first is the one nearest to the mean direction, and each further one is the
/// farthest, in cosine distance, from all that were chosen before. Fewer if there are fewer rows,
/// or if all that are left point the same way as chosen ones.
///
/// The first is the most usual picture rather than the first frame: a person who sorts the pictures
/// sees at once what is normal, and the choice does not depend on where a recording begins. Of rows
/// that are equally far the earliest is chosen.
pub fn farthest(features: &[f32], width: usize, count: usize) -> Vec<usize> {
    let rows: Vec<Row> = features.chunks_exact(width.max(1)).map(Row::new).collect();
    let mut mean = vec![0.0; width];
    for row in &rows {
        for (m, v) in mean.iter_mut().zip(row.values) {
            *m += row.scale * f64::from(*v) / rows.len() as f64;
        }
    }
    let mut chosen = Vec::new();
    let usual: Vec<f64> = rows
        .iter()
        .map(|row| row.scale * product(row, &mean))
        .collect();
    let Some(mut next) = first_of(&usual, |a, b| a > b) else {
        return chosen;
    };
    let mut distances = vec![f64::INFINITY; rows.len()];
    let mut direction = vec![0.0; width];
    while chosen.len() < count {
        chosen.push(next);
        rows[next].write(&mut direction);
        for (distance, row) in distances.iter_mut().zip(&rows) {
            let cosine = row.scale * product(row, &direction);
            *distance = distance.min(1.0 - cosine);
        }
        // A chosen row is as near to itself as rounding allows.
        chosen.iter().for_each(|&i| distances[i] = 0.0);
        match first_of(&distances, |a, b| a > b) {
            Some(index) if distances[index] > SAME => next = index,
            _ => break,
        }
    }
    chosen
}

/// Cosine distance up to which two rows are the same but for rounding.
const SAME: f64 = 1e-9;

/// A row and the factor that brings it to length 1.
struct Row<'f> {
    values: &'f [f32],
    scale: f64,
}

impl<'f> Row<'f> {
    fn new(values: &'f [f32]) -> Self {
        let square: f64 = values.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
        let length = square.sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        Self { values, scale }
    }

    fn write(&self, out: &mut [f64]) {
        for (place, value) in out.iter_mut().zip(self.values) {
            *place = self.scale * f64::from(*value);
        }
    }
}

/// The product of a row and a direction, in lanes, so that any vector width gives the same bits.
fn product(row: &Row, direction: &[f64]) -> f64 {
    let (a, a_rest) = row.values.as_chunks::<8>();
    let (b, b_rest) = direction.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += f64::from(*a) * b;
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(*a) * b);
    lanes.iter().sum::<f64>() + rest.sum::<f64>()
}

/// The index of the first value that no other one beats.
fn first_of(values: &[f64], beats: impl Fn(f64, f64) -> bool) -> Option<usize> {
    (0..values.len()).reduce(|best, i| {
        if beats(values[i], values[best]) {
            i
        } else {
            best
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows at these angles, in degrees, of different lengths.
    fn at(angles: &[f64]) -> Vec<f32> {
        let row = |(i, angle): (usize, &f64)| {
            let (sin, cos) = angle.to_radians().sin_cos();
            let length = 1.0 + i as f64;
            [(length * cos) as f32, (length * sin) as f32]
        };
        angles.iter().enumerate().flat_map(row).collect()
    }

    #[test]
    fn the_usual_one_comes_first_and_then_the_farthest() {
        let rows = at(&[0.0, 1.0, 2.0, 90.0, 40.0, 3.0]);
        assert_eq!(farthest(&rows, 2, 4), [5, 3, 4, 0]);
        assert_eq!(farthest(&rows, 2, 1), [5]);
        assert_eq!(farthest(&rows, 2, 0), [] as [usize; 0]);
    }

    #[test]
    fn rows_that_are_the_same_are_chosen_once() {
        let rows = at(&[10.0, 10.0, 50.0, 50.0, 10.0]);
        let chosen = farthest(&rows, 2, 5);
        assert_eq!(chosen.len(), 2);
    }

    #[test]
    fn nothing_and_zeros_give_no_panic() {
        assert_eq!(farthest(&[], 2, 3), [] as [usize; 0]);
        assert_eq!(farthest(&[], 0, 3), [] as [usize; 0]);
        assert_eq!(farthest(&[0.0; 6], 2, 3)[0], 0);
    }

    #[test]
    fn each_choice_is_the_farthest_there_is() {
        let rows: Vec<f32> = (0..40 * 5).map(|i| ((i * i) as f32 * 0.7).sin()).collect();
        let chosen = farthest(&rows, 5, 40);
        assert_eq!(chosen.len(), 40);
        let row = |i: usize| Row::new(&rows[i * 5..][..5]);
        let distance = |i: usize, j: usize| {
            let mut direction = [0.0; 5];
            row(j).write(&mut direction);
            1.0 - row(i).scale * product(&row(i), &direction)
        };
        let gap = |i: usize, before: &[usize]| {
            before
                .iter()
                .map(|&j| distance(i, j))
                .fold(f64::INFINITY, f64::min)
        };
        for n in 1..40 {
            let taken = gap(chosen[n], &chosen[..n]);
            let most = (0..40)
                .filter(|i| !chosen[..n].contains(i))
                .map(|i| gap(i, &chosen[..n]));
            assert_eq!(taken, most.fold(0.0, f64::max), "{n}");
        }
    }
}
