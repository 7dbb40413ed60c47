//! What a fit promises whatever the examples are.

use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::*;
use crate::engine::{read_head, write_head};
use crate::teach::Moment;

const WIDTH: usize = 24;

fn options() -> Options {
    Options {
        backbone: HexDigest::of(b"model"),
        made: UNIX_EPOCH,
        scene: Vec::new(),
    }
}

fn noise(seed: usize) -> impl FnMut() -> f32 {
    let mut state = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Label, features and moment of each example, with `spread` around a point of each label.
type Row = (String, Vec<f32>, Moment);

fn rows(counts: &[(&str, usize)], spread: f32, seed: usize) -> Vec<Row> {
    let mut all = Vec::new();
    for (k, (label, count)) in counts.iter().enumerate() {
        let mut centre = noise(k + 1);
        let centre: Vec<f32> = (0..WIDTH).map(|_| centre()).collect();
        let mut random = noise(seed + 1000 * (k + 1));
        for i in 0..*count {
            let row = centre.iter().map(|c| c + spread * random()).collect();
            let moment = Moment {
                group: i as u32,
                seconds: 0.0,
            };
            all.push((label.to_string(), row, moment));
        }
    }
    all
}

fn examples(labels: &[&str], rows: &[Row]) -> Examples {
    let texts = labels.iter().map(|l| l.to_string()).collect();
    let mut examples = Examples::new(texts, WIDTH).unwrap();
    for (label, row, moment) in rows {
        let index = labels.iter().position(|l| l == label).unwrap();
        examples.push(index, row, *moment).unwrap();
    }
    examples
}

fn taught(labels: &[&str], rows: &[Row]) -> Taught {
    fit(&examples(labels, rows), &options()).unwrap()
}

/// The label that the head tells of `row`, and how familiar it is.
fn told(taught: &mut Taught, row: &[f32]) -> (String, f32) {
    taught.head.run(row);
    let logits = taught.head.logits();
    assert!(logits.iter().all(|l| l.is_finite()));
    let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
    (
        taught.labels[best.unwrap()].clone(),
        taught.head.familiarity(),
    )
}

#[test]
fn other_pictures_are_told_as_the_left_out_ones_are() {
    let counts = [("open", 12), ("shut", 12), ("half", 12)];
    let labels = ["open", "shut", "half"];
    let mut head = taught(&labels, &rows(&counts, 1.2, 1));
    let quality = head.quality.clone();
    let others = rows(&[("open", 300), ("shut", 300), ("half", 300)], 1.2, 7);
    let right = others
        .iter()
        .filter(|(label, row, _)| told(&mut head, row).0 == *label);
    let share = right.count() as f32 / others.len() as f32;
    let found = quality.accuracy.unwrap();
    assert!(
        (found - share).abs() < 0.1,
        "left out {found}, others {share}"
    );
    assert!(quality.interval[0] <= share && share <= quality.interval[1]);
    assert!(
        quality
            .classes
            .iter()
            .all(|c| (c.examples, c.bursts) == (12, 12))
    );
}

#[test]
fn strangers_are_unfamiliar_and_the_taught_are_not() {
    let mut head = taught(&["a", "b"], &rows(&[("a", 10), ("b", 10)], 0.5, 3));
    let known = rows(&[("a", 50), ("b", 50)], 0.5, 9);
    let share = |all: &[Row], head: &mut Taught| {
        let all: Vec<f32> = all.iter().map(|(_, row, _)| told(head, row).1).collect();
        all.iter().sum::<f32>() / all.len() as f32
    };
    assert!(share(&known, &mut head) > 0.9);
    // Other labels are around other points.
    let strangers = &rows(&[("", 0), ("", 0), ("c", 50), ("d", 50)], 0.5, 9);
    assert!(share(strangers, &mut head) < 0.2);
}

#[test]
fn one_example_a_label_works_and_tells_how_little_that_is() {
    let mut head = taught(&["a", "b"], &rows(&[("a", 1), ("b", 1)], 0.3, 3));
    assert_eq!(
        (head.quality.accuracy, head.quality.interval),
        (None, [0.0, 1.0])
    );
    let others = rows(&[("a", 20), ("b", 20)], 0.3, 5);
    let right = others
        .iter()
        .filter(|(label, row, _)| told(&mut head, row).0 == *label);
    assert!(right.count() >= 38);
    let warnings = head.quality.warnings.join("\n");
    assert!(
        warnings.contains("\"a\" has one example") && warnings.contains("add 4"),
        "{warnings}"
    );
    assert!(head.quality.classes.iter().all(|c| c.accuracy.is_none()));
}

#[test]
fn one_label_tells_strangers_and_none_alone_is_refused() {
    let mut head = taught(&["a"], &rows(&[("a", 8)], 0.3, 3));
    assert!(head.quality.warnings[0].contains("only label"));
    assert!(told(&mut head, &rows(&[("a", 1)], 0.3, 8)[0].1).1 > 0.5);
    let none = examples(&[NOTHING], &rows(&[(NOTHING, 8)], 0.3, 3));
    assert!(matches!(fit(&none, &options()), Err(Error::OnlyNothing(_))));
    let nobody = examples(&["a"], &[]);
    assert_eq!(fit(&nobody, &options()).unwrap_err(), Error::Empty);
}

#[test]
fn forty_to_four_stays_balanced_and_is_warned_of() {
    let labels = ["many", "few"];
    let mut uneven = taught(&labels, &rows(&[("many", 40), ("few", 4)], 1.0, 3));
    let others = rows(&[("many", 200), ("few", 200)], 1.0, 9);
    for label in labels {
        let own: Vec<&Row> = others.iter().filter(|(l, _, _)| l == label).collect();
        let right = own
            .iter()
            .filter(|(l, row, _)| told(&mut uneven, row).0 == *l);
        assert!(right.count() as f32 >= 0.85 * own.len() as f32, "{label}");
    }
    let warnings = uneven.quality.warnings.join("\n");
    assert!(warnings.contains("add 10 of \"few\""), "{warnings}");
}

#[test]
fn claimed_strangers_are_warned_of_while_examples_are_few() {
    let warned = |counts: &[(&str, usize)]| {
        let labels: Vec<&str> = counts.iter().map(|(label, _)| *label).collect();
        let quality = taught(&labels, &rows(counts, 0.3, 3)).quality;
        let about = |warning: &String| warning.contains("three in ten pictures");
        quality.warnings.iter().any(about)
    };
    assert!(warned(&[("a", 5), ("b", 9)]));
    assert!(!warned(&[("a", 5), ("b", 10)]));
    assert!(!warned(&[("a", 5), (NOTHING, 5)]));
}

#[test]
fn labels_that_look_alike_are_named() {
    let mut all = rows(&[("a", 16), ("b", 8)], 0.8, 3);
    // Every second picture of "a" is called "c".
    for (label, _, _) in all.iter_mut().filter(|(l, _, _)| l == "a").step_by(2) {
        *label = "c".into();
    }
    let quality = taught(&["a", "b", "c"], &all).quality;
    let warnings = quality.warnings.join("\n");
    assert!(
        warnings.contains("\"a\" and \"c\" look alike"),
        "{warnings}"
    );
    assert!(!warnings.contains("\"a\" and \"b\" look"), "{warnings}");
    assert_eq!(quality.classes[0].confused_with.as_deref(), Some("c"));
}

#[test]
fn equal_examples_are_warned_of_and_give_finite_numbers() {
    let mut all = rows(&[("a", 6), ("b", 6)], 0.5, 3);
    let first = all[0].1.clone();
    for equal in [first, vec![0.0; WIDTH]] {
        all.iter_mut()
            .for_each(|(_, row, _)| row.clone_from(&equal));
        let mut head = taught(&["a", "b"], &all);
        assert!(head.quality.warnings.join("\n").contains("look the same"));
        head.check().unwrap();
        told(&mut head, &equal);
        told(&mut head, &[1.0; WIDTH]);
    }
}

#[test]
fn labels_without_examples_are_left_out_with_a_warning() {
    let head = taught(&["z", "gone", "a"], &rows(&[("a", 5), ("z", 5)], 0.5, 3));
    assert_eq!(head.labels, ["z", "a"]);
    let classes: Vec<&str> = head
        .quality
        .classes
        .iter()
        .map(|c| c.label.as_str())
        .collect();
    assert_eq!(classes, ["z", "a"]);
    assert!(
        head.quality
            .warnings
            .join("\n")
            .contains("\"gone\" has no examples")
    );
}

#[test]
fn a_head_that_was_fitted_can_be_written_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.head");
    // Nothing to tell them apart by, so that every pair of labels is warned of.
    let many: Vec<String> = (0..60)
        .map(|i| format!("{i:02}{}", "🛏️".repeat(31)))
        .collect();
    let mut all = Vec::new();
    for label in &many {
        all.push((
            label.clone(),
            vec![1.0; WIDTH],
            Moment {
                group: 0,
                seconds: 0.0,
            },
        ));
    }
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    write_head(&path, &taught(&many, &all)).unwrap();
    let labels = ["Tür offen 🚪", "geschlossen", NOTHING];
    let counts = labels.map(|l| (l, 7));
    let head = taught(&labels, &rows(&counts, 0.9, 2));
    write_head(&path, &head).unwrap();
    let (read, _) = read_head(&path).unwrap();
    assert_eq!(format!("{head:?}"), format!("{read:?}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn order_of_examples_and_labels_changes_nothing(
        counts in prop::collection::vec(1_usize..9, 2..5),
        seed in 0_usize..1000,
        turn in 0_usize..100,
    ) {
        let names = ["d", "b", "none", "c"];
        let counts: Vec<(&str, usize)> = names.into_iter().zip(counts).collect();
        let all = rows(&counts, 0.9, seed);
        let labels: Vec<&str> = counts.iter().map(|(l, _)| *l).collect();
        let first = taught(&labels, &all);
        let (mut turned, mut other) = (all.clone(), labels.clone());
        turned.rotate_left(turn % all.len());
        turned.reverse();
        other.rotate_left(turn % labels.len());
        let second = taught(&other, &turned);
        prop_assert_eq!(&second.labels, &other);
        let (mut a, mut b) = (first.clone(), second.clone());
        for (_, row, _) in &all {
            a.head.run(row);
            b.head.run(row);
            for (i, label) in labels.iter().enumerate() {
                let j = other.iter().position(|l| l == label).unwrap();
                prop_assert_eq!(a.head.logits()[i].to_bits(), b.head.logits()[j].to_bits());
                prop_assert_eq!(&first.quality.classes[i], &second.quality.classes[j]);
            }
            prop_assert_eq!(a.head.familiarity().to_bits(), b.head.familiarity().to_bits());
        }
        prop_assert_eq!(first.quality.accuracy, second.quality.accuracy);
        prop_assert_eq!(first.quality.interval, second.quality.interval);
        prop_assert_eq!(first.temperature, second.temperature);
        prop_assert_eq!(first.rule, second.rule);
        // The same once more gives the same bits.
        prop_assert_eq!(format!("{:?}", taught(&labels, &all)), format!("{first:?}"));
    }

    #[test]
    fn whatever_the_examples_are_the_head_is_whole(
        features in prop::collection::vec(prop::collection::vec(-1e3_f32..1e3, 3), 1..30),
        kinds in prop::collection::vec(0_usize..3, 30),
        scale in prop::sample::select(vec![0.0_f32, 1e-30, 1e-6, 1.0, 1e6]),
        step in prop::sample::select(vec![0.0, 1.0, 30.0]),
    ) {
        let labels = ["a", "b", "none"].map(String::from).to_vec();
        let mut examples = Examples::new(labels, 3).unwrap();
        for (i, row) in features.iter().enumerate() {
            let row: Vec<f32> = row.iter().map(|v| v * scale).collect();
            let moment = Moment { group: 0, seconds: step * i as f64 };
            examples.push(kinds[i], &row, moment).unwrap();
        }
        match fit(&examples, &options()) {
            Ok(mut taught) => {
                prop_assert!(taught.check().is_ok());
                for row in features.iter().chain(&[vec![0.0; 3], vec![1e30; 3]]) {
                    taught.head.run(row);
                    prop_assert!(taught.head.logits().iter().all(|l| l.is_finite()));
                    prop_assert!((0.0..=1.0).contains(&taught.head.familiarity()));
                }
            }
            Err(error) => prop_assert_eq!(error, Error::OnlyNothing(NOTHING)),
        }
    }
}
