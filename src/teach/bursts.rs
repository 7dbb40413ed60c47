//! Which examples tell something of their own: copies, and bursts.

use std::cmp::Ordering;
use std::ops::Range;

use super::Examples;
use crate::engine::dot;

/// Cosine of the features of two examples of a label from which they count once. Pictures of a
/// still scene, a second apart, reach 0.999; other pictures of one kind stay below 0.95.
pub(super) const COPY: f32 = 0.999;
/// Cosine from which they are one burst, however far apart in time.
const ALIKE: f32 = 0.997;
/// Seconds between two pictures up to which they are one burst.
const NEAR: f64 = 10.0;
/// The longest burst in seconds: what is further from its first picture begins another one.
const LONGEST: f64 = 60.0;
/// The most examples of a burst; of a longer one, so many are taken, evenly.
pub(super) const MOST: usize = 64;

/// The examples that are taught, in an order that does not depend on the one in which they came:
/// by label, and within a label by burst.
#[derive(Clone, Debug)]
pub(super) struct Lessons<'e> {
    pub examples: &'e Examples,
    /// Indices of the labels that have examples, sorted by their text. What follows counts labels
    /// by their place in this list.
    pub labels: Vec<usize>,
    /// Indices of the examples.
    pub rows: Vec<usize>,
    /// The label of each row.
    pub kinds: Vec<usize>,
    /// Rows of each label.
    pub segments: Vec<Range<usize>>,
    /// Rows of each burst.
    pub bursts: Vec<Range<usize>>,
}

impl<'e> Lessons<'e> {
    pub fn of(examples: &'e Examples) -> Self {
        let mut labels: Vec<usize> = (0..examples.labels().len())
            .filter(|&label| (0..examples.len()).any(|i| examples.kind(i) == label))
            .collect();
        labels.sort_by_key(|&label| &examples.labels()[label]);
        let mut lessons = Self {
            examples,
            labels: Vec::new(),
            rows: Vec::new(),
            kinds: Vec::new(),
            segments: Vec::new(),
            bursts: Vec::new(),
        };
        for (kind, &label) in labels.iter().enumerate() {
            let begin = lessons.rows.len();
            let all = (0..examples.len()).filter(|&i| examples.kind(i) == label);
            for burst in bursts(examples, all.collect()) {
                let first = lessons.rows.len();
                lessons.rows.extend(thinned(&burst));
                lessons.bursts.push(first..lessons.rows.len());
            }
            lessons.kinds.resize(lessons.rows.len(), kind);
            lessons.segments.push(begin..lessons.rows.len());
        }
        lessons.labels = labels;
        lessons
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The features of row `i`.
    pub fn row(&self, i: usize) -> &'e [f32] {
        self.examples.row(self.rows[i])
    }

    /// The text of the label `kind`.
    pub fn label(&self, kind: usize) -> &'e str {
        &self.examples.labels()[self.labels[kind]]
    }

    /// Bursts of the label `kind`.
    pub fn bursts_of(&self, kind: usize) -> usize {
        let of = |burst: &&Range<usize>| self.kinds[burst.start] == kind;
        self.bursts.iter().filter(of).count()
    }
}

/// The bursts of `rows`, which are of one label, without copies.
fn bursts(examples: &Examples, mut rows: Vec<usize>) -> Vec<Vec<usize>> {
    rows.sort_by(|&a, &b| order(examples, a, b));
    let mut union = Union::new(rows.len());
    let mut copy = vec![false; rows.len()];
    let scales: Vec<f32> = rows.iter().map(|&i| scale(examples.row(i))).collect();
    for a in 0..rows.len() {
        for b in 0..a {
            // A copy of a copy is one of the first.
            if copy[b] {
                continue;
            }
            let product = dot(examples.row(rows[a]), examples.row(rows[b]));
            let cosine = product * scales[a] * scales[b];
            // Rows of zeros have no direction and are the same.
            if cosine >= ALIKE || scales[a] + scales[b] == 0.0 {
                union.join(a, b);
                if cosine >= COPY || scales[a] + scales[b] == 0.0 {
                    copy[a] = true;
                    break;
                }
            }
        }
    }
    join_near(examples, &rows, &mut union);
    let mut found: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    for (a, &row) in rows.iter().enumerate() {
        if !copy[a] {
            found[union.root(a)].push(row);
        }
    }
    found.retain(|burst| !burst.is_empty());
    found
}

/// Joins what is near in time.
fn join_near(examples: &Examples, rows: &[usize], union: &mut Union) {
    let mut times: Vec<usize> = (0..rows.len()).collect();
    let moment = |a: usize| examples.moment(rows[a]);
    times.sort_by(|&a, &b| {
        let (x, y) = (moment(a), moment(b));
        let time = x.group.cmp(&y.group).then(x.seconds.total_cmp(&y.seconds));
        time.then(a.cmp(&b))
    });
    let mut first = times.first().map_or(0.0, |&a| moment(a).seconds);
    for pair in times.windows(2) {
        let (before, after) = (moment(pair[0]), moment(pair[1]));
        let near = before.group == after.group
            && after.seconds - before.seconds <= NEAR
            && after.seconds - first <= LONGEST;
        if near {
            union.join(pair[0], pair[1]);
        } else {
            first = after.seconds;
        }
    }
}

/// At most [`MOST`] of a burst.
fn thinned(burst: &[usize]) -> impl Iterator<Item = usize> {
    let taken = burst.len().min(MOST);
    (0..taken).map(move |n| burst[n * burst.len() / taken])
}

/// By features, then by moment.
fn order(examples: &Examples, a: usize, b: usize) -> Ordering {
    let pairs = examples.row(a).iter().zip(examples.row(b));
    let by_features = pairs.map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne());
    let (x, y) = (examples.moment(a), examples.moment(b));
    let by_moment = x.group.cmp(&y.group).then(x.seconds.total_cmp(&y.seconds));
    by_features.unwrap_or(by_moment)
}

/// What brings `row` to length 1; 0 if it has none.
pub(super) fn scale(row: &[f32]) -> f32 {
    let length = dot(row, row).sqrt();
    if length > 0.0 { 1.0 / length } else { 0.0 }
}

/// Sets that are joined; each is known by its first member.
struct Union(Vec<usize>);

impl Union {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut a: usize) -> usize {
        while self.0[a] != a {
            self.0[a] = self.0[self.0[a]];
            a = self.0[a];
        }
        a
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teach::Moment;

    /// Examples of one label at these angles, groups and seconds.
    fn examples(all: &[(f32, u32, f64)]) -> Examples {
        let mut examples = Examples::new(vec!["a".into()], 2).unwrap();
        for &(angle, group, seconds) in all {
            let (sin, cos) = angle.to_radians().sin_cos();
            let moment = Moment { group, seconds };
            examples.push(0, &[3.0 * cos, 3.0 * sin], moment).unwrap();
        }
        examples
    }

    fn sizes(examples: &Examples) -> Vec<usize> {
        let lessons = Lessons::of(examples);
        let mut sizes: Vec<usize> = lessons.bursts.iter().map(Range::len).collect();
        sizes.sort();
        sizes
    }

    #[test]
    fn pictures_near_in_time_are_one_burst() {
        let all = [
            (0.0, 1, 0.0),
            (10.0, 1, 9.0),
            (20.0, 1, 18.0),
            (30.0, 1, 29.0),
            (40.0, 2, 19.0),
        ];
        assert_eq!(sizes(&examples(&all)), [1, 1, 3]);
    }

    #[test]
    fn a_long_film_is_a_burst_a_minute() {
        let all: Vec<_> = (0..18)
            .map(|i| (20.0 * i as f32, 1, 10.0 * f64::from(i)))
            .collect();
        assert_eq!(sizes(&examples(&all)), [4, 7, 7]);
    }

    #[test]
    fn copies_count_once_and_what_is_alike_is_one_burst() {
        // Cosines: 1, 0.998 and 0.98.
        let all = [(0.0, 1, 0.0), (0.1, 2, 0.0), (3.5, 3, 0.0), (15.0, 4, 0.0)];
        assert_eq!(sizes(&examples(&all)), [1, 2]);
    }

    #[test]
    fn the_order_of_the_examples_does_not_matter() {
        let mut all: Vec<_> = (0..40)
            .map(|i| (7.0 * i as f32, i % 3, f64::from(i * 4)))
            .collect();
        let first = examples(&all);
        all.reverse();
        let second = examples(&all);
        let rows = |e| {
            let lessons = Lessons::of(e);
            let rows: Vec<Vec<u32>> = (0..lessons.len())
                .map(|i| lessons.row(i).iter().map(|v| v.to_bits()).collect())
                .collect();
            (rows, lessons.bursts)
        };
        assert_eq!(rows(&first), rows(&second));
    }

    #[test]
    fn a_burst_has_a_most_and_zeros_are_one() {
        let all: Vec<_> = (0..90)
            .map(|i| (4.0 * i as f32, 1, 0.1 * f64::from(i)))
            .collect();
        assert_eq!(sizes(&examples(&all[..60])), [60]);
        assert_eq!(sizes(&examples(&all)), [MOST]);
        let mut zeros = Examples::new(vec!["a".into()], 2).unwrap();
        for group in 0..3 {
            zeros
                .push(
                    0,
                    &[0.0; 2],
                    Moment {
                        group,
                        seconds: 0.0,
                    },
                )
                .unwrap();
        }
        assert_eq!(sizes(&zeros), [1]);
    }
}
