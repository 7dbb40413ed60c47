//! What holds of an [`Observer`] for whatever scores and times.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::frame::Captured;

mod withdrawal;

const UNKNOWN: &str = "unknown";

fn at(seconds: f64) -> Captured {
    let elapsed = Duration::from_secs_f64(seconds);
    Captured {
        elapsed,
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + elapsed,
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("label {i}")).collect()
}

fn unsmoothed(frames: u32) -> Config {
    Config {
        smoothing: 0.0,
        frames,
        threshold: Some(0.5),
        spread: Some(0.0),
        heartbeat: 1e4,
        ..Config::default()
    }
}

/// The label that one frame claims by itself: above the threshold and ahead by the margin.
fn winner(config: &Config, scores: &[f32]) -> Option<usize> {
    let rule = config.rule(&Rule::default());
    let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]))?;
    let ahead = (0..scores.len()).all(|i| i == best || scores[best] - scores[i] >= rule.margin);
    (scores[best] >= rule.threshold && ahead).then_some(best)
}

/// Frames of scores in steps of 0.05, so that thresholds are met exactly and ties happen.
fn coarse(labels: usize) -> impl Strategy<Value = Vec<Vec<f32>>> {
    let score = (0u8..=20).prop_map(|s| f32::from(s) / 20.0);
    prop::collection::vec(prop::collection::vec(score, labels), 1..120)
}

proptest! {
    #[test]
    fn a_change_needs_as_many_frames_in_a_row_as_asked(frames in 1u32..6, history in coarse(3)) {
        let config = unsmoothed(frames);
        let mut observer = Observer::new(&config, &names(3));
        let needed = frames as usize;
        let release = config.rule(&Rule::default()).release;
        let (mut current, mut changed_at) = (None, None);
        for (n, scores) in history.iter().enumerate() {
            let Some(update) = observer.step(scores, n as u64, at(n as f64)) else { continue };
            let Update::Change { statement, previous } = update else {
                return Err(TestCaseError::fail("no heartbeat is due"));
            };
            prop_assert!(n + 1 >= needed, "changed at frame {n}");
            if let Some(before) = changed_at {
                prop_assert!(n - before >= needed, "changed at frames {before} and {n}");
            }
            let row = &history[n + 1 - needed..=n];
            match statement.index {
                Some(label) => prop_assert!(row.iter().all(|s| winner(&config, s) == Some(label))),
                None => {
                    let left = current.flatten();
                    let without = |s: &Vec<f32>| match (winner(&config, s), left) {
                        (other @ Some(_), _) => other != left,
                        (None, Some(left)) => s[left] < release,
                        (None, None) => true,
                    };
                    prop_assert!(row.iter().all(without));
                }
            }
            prop_assert_ne!(previous, Some(statement.label));
            prop_assert!(statement.since.elapsed <= row_start(n, needed).elapsed);
            changed_at = Some(n);
            current = Some(statement.index);
        }
    }

    #[test]
    fn a_change_is_near_one_frame_ahead(
        frames in 1u32..6,
        smoothing in 0.0f32..2.0,
        history in coarse(3),
        withdrawn in prop::collection::vec(0usize..120, 0..3),
    ) {
        let config = Config { smoothing, frames, heartbeat: 1.0, ..Config::default() };
        let mut observer = Observer::new(&config, &names(3));
        for (n, scores) in history.iter().enumerate() {
            if withdrawn.contains(&n) {
                observer.withdraw();
            }
            let (near, settled) = (observer.near(), observer.settled());
            let update = observer.step(scores, n as u64, at(n as f64 / 10.0));
            if matches!(update, Some(Update::Change { .. } | Update::Return(_))) {
                prop_assert!(near, "frame {n} changed the state unannounced");
            }
            // With more than one frame to agree, a quiet scene announces nothing.
            prop_assert!(!near || !settled || frames == 1);
        }
    }

    #[test]
    fn a_steady_winner_is_published_after_any_history(
        history in prop::collection::vec(
            (prop::collection::vec(prop::num::f32::ANY, 0..6), 0.0f64..1e6), 0..40),
        smoothing in 0.0f32..5.0,
        frames in 1u32..8,
        label in 0usize..4,
        step in 0.01f64..2.0,
    ) {
        let config = Config { smoothing, frames, ..Config::default() };
        let mut observer = Observer::new(&config, &names(4));
        let mut now = 0.0;
        for (n, (scores, time)) in history.iter().enumerate() {
            observer.step(scores, n as u64, at(*time));
            now = *time;
        }
        let mut steady = [0.05; 4];
        steady[label] = 0.85;
        // Scores differ from the steady ones by less than 0.05 after three time constants.
        let count = (3.0 * f64::from(smoothing) / step).ceil() as u64 + u64::from(frames) + 1;
        for n in 0..count {
            now += step;
            observer.step(&steady, n, at(now));
        }
        let current = observer.current().expect("a state");
        prop_assert_eq!(current.index, Some(label));
        let score = current.score.expect("a label has a score");
        prop_assert!((0.8..=0.86).contains(&score), "{}", score);
    }

    #[test]
    fn scores_within_the_band_never_change_the_state(
        band in prop::collection::vec((0.4f32..0.5, 0.0f32..0.49), 1..100),
        smoothing in 0.0f32..2.0,
        start in prop::bool::ANY,
    ) {
        let config = Config { smoothing, frames: 1, heartbeat: 1e4, ..Config::default() };
        let mut observer = Observer::new(&config, &names(2));
        let first = if start { [0.9, 0.0] } else { [0.45, 0.0] };
        observer.step(&first, 0, at(0.0));
        let label = observer.current().expect("one frame is enough").label.to_string();
        prop_assert_eq!(label.as_str(), if start { "label 0" } else { UNKNOWN });
        for (n, (score, other)) in band.iter().enumerate() {
            let update = observer.step(&[*score, *other], n as u64, at(n as f64));
            prop_assert_eq!(update, None);
        }
    }

    #[test]
    fn the_heartbeat_keeps_its_interval(
        heartbeat in 0.5f64..20.0,
        steps in prop::collection::vec(0.0f64..3.0, 1..200),
        history in coarse(2),
    ) {
        let config = Config { heartbeat, ..unsmoothed(2) };
        let mut observer = Observer::new(&config, &names(2));
        let (mut now, mut last) = (0.0, None);
        for (n, (step, scores)) in steps.iter().zip(history.iter().cycle()).enumerate() {
            now += step;
            let update = observer.step(scores, n as u64, at(now));
            match (update, last) {
                (Some(Update::Return(_)), _) => prop_assert!(false, "nothing was withdrawn"),
                (Some(Update::Heartbeat(_)), None) => prop_assert!(false, "repeats nothing"),
                (Some(Update::Heartbeat(_)), Some(last)) => prop_assert!(now - last > heartbeat - 1e-6),
                (None, Some(last)) => prop_assert!(now - last < heartbeat + 1e-6),
                _ => {}
            }
            if update.is_some() {
                last = Some(now);
            }
        }
    }

    #[test]
    fn the_order_of_the_labels_does_not_matter(
        history in prop::collection::vec(prop::collection::vec(0.0f32..1.0, 4), 1..60),
        order in Just([0usize, 1, 2, 3]).prop_shuffle(),
        smoothing in 0.0f32..1.0,
    ) {
        for scores in &history {
            for i in 0..4 {
                prop_assume!((0..i).all(|j| scores[i] != scores[j]));
            }
        }
        let config = Config { smoothing, frames: 2, ..Config::default() };
        let labels = names(4);
        let shuffled: Vec<String> = order.iter().map(|&i| labels[i].clone()).collect();
        let mut one = Observer::new(&config, &labels);
        let mut other = Observer::new(&config, &shuffled);
        for (n, scores) in history.iter().enumerate() {
            let moved: Vec<f32> = order.iter().map(|&i| scores[i]).collect();
            let a = one.step(scores, n as u64, at(n as f64 * 0.2));
            let b = other.step(&moved, n as u64, at(n as f64 * 0.2));
            prop_assert_eq!(a.map(|s| text(&s)), b.map(|s| text(&s)));
        }
    }

    #[test]
    fn scores_stay_probabilities_and_order_holds_whatever_comes(
        history in prop::collection::vec(
            (prop::collection::vec(prop::num::f32::ANY, 0..6), 0.0f64..1e9, any::<u64>()), 1..80),
        smoothing in 0.0f32..60.0,
    ) {
        let config = Config { smoothing, frames: 1, heartbeat: 0.1, ..Config::default() };
        let mut observer = Observer::new(&config, &names(4));
        for (scores, time, seq) in &history {
            let Some(update) = observer.step(scores, *seq, at(*time)) else { continue };
            let s = update.statement();
            prop_assert_eq!(s.score.is_some(), s.index.is_some());
            prop_assert!((0.0..=1.0).contains(&s.score.unwrap_or_default()));
            prop_assert_eq!((s.seq, s.captured), (*seq, at(*time)));
            prop_assert_eq!(s.top.len(), config.top);
            prop_assert!(s.top.windows(2).all(|w| w[0].score >= w[1].score));
        }
    }
}

fn row_start(n: usize, frames: usize) -> Captured {
    at((n + 1 - frames) as f64)
}

fn text(update: &Update<'_>) -> String {
    let s = update.statement();
    let top: Vec<_> = s.top_names().collect();
    let kind = matches!(update, Update::Change { .. });
    format!("{kind} {} {:?} {top:?} {:?}", s.label, s.score, s.since)
}

/// Steps through `frames` one second apart and returns the updates at each: the label, and `!` for
/// a change.
fn updates(observer: &mut Observer, frames: &[&[f32]]) -> Vec<Option<String>> {
    let mut all = Vec::new();
    for (n, scores) in frames.iter().enumerate() {
        let update = observer.step(scores, n as u64, at(n as f64));
        all.push(update.map(|update| match update {
            Update::Change { statement, .. } => format!("{}!", statement.label),
            Update::Return(statement) | Update::Heartbeat(statement) => statement.label.to_string(),
        }));
    }
    all
}

const A: &[f32] = &[0.9, 0.1];
const B: &[f32] = &[0.1, 0.9];
const NONE: &[f32] = &[0.2, 0.2];

#[test]
fn labels_come_and_go() {
    let mut observer = Observer::new(&unsmoothed(2), &names(2));
    let updates = updates(
        &mut observer,
        &[A, A, A, B, A, B, B, NONE, NONE, NONE, A, A],
    );
    let updates: Vec<&str> = updates.iter().map(|s| s.as_deref().unwrap_or("")).collect();
    assert_eq!(
        updates,
        [
            "", "label 0!", "", "", "", "", "label 1!", "", "unknown!", "", "", "label 0!"
        ]
    );
}

#[test]
fn a_change_tells_what_was_before_and_since_when() {
    let mut observer = Observer::new(&unsmoothed(3), &names(2));
    assert_eq!(observer.current(), None);
    for n in 0..3 {
        let update = observer.step(A, n, at(n as f64));
        assert_eq!(update.is_some(), n == 2);
    }
    observer.step(B, 3, at(3.0));
    observer.step(B, 4, at(4.0));
    let Some(Update::Change {
        statement,
        previous,
    }) = observer.step(B, 5, at(5.5))
    else {
        panic!("three in a row are a change");
    };
    assert_eq!(previous, Some("label 0"));
    assert_eq!((statement.label, statement.index), ("label 1", Some(1)));
    assert_eq!((statement.since, statement.captured), (at(3.0), at(5.5)));
    assert_eq!((statement.seq, statement.score), (5, Some(0.9)));
    let top: Vec<_> = statement.top_names().collect();
    assert_eq!(top, [("label 1", 0.9), ("label 0", 0.1)]);
}

#[test]
fn unknown_has_no_score_of_another_label() {
    let mut observer = Observer::new(&unsmoothed(1), &names(2));
    let update = observer
        .step(&[0.3, 0.45], 0, at(0.0))
        .expect("a first word");
    let s = update.statement();
    assert_eq!((s.label, s.index, s.score), (UNKNOWN, None, None));
    assert_eq!(s.top_names().next(), Some(("label 1", 0.45)));
}

#[test]
fn two_labels_that_are_level_are_unknown() {
    let mut observer = Observer::new(&unsmoothed(1), &names(2));
    let updates = updates(&mut observer, &[&[0.52, 0.48], &[0.55, 0.45]]);
    assert_eq!(updates, [Some("unknown!".into()), Some("label 0!".into())]);
}

#[test]
fn scores_with_a_long_tail_are_unknown_and_keep_a_published_label() {
    let config = Config {
        spread: Some(3.5),
        ..unsmoothed(1)
    };
    let mut observer = Observer::new(&config, &names(101));
    // Both lead the second by 0.65. The first one's scores are spread over 9 labels, the other's
    // over 1.6.
    let tailed: Vec<f32> = [0.66].into_iter().chain([0.0034; 100]).collect();
    let mut clear = vec![0.0; 101];
    (clear[0], clear[1]) = (0.82, 0.17);
    let updates = updates(&mut observer, &[&tailed, &clear, &tailed]);
    assert_eq!(
        updates,
        [Some("unknown!".into()), Some("label 0!".into()), None]
    );
}

#[test]
fn a_frame_that_fits_nothing_best_is_unknown_and_names_it_nowhere() {
    let labels = ["open", "none", "shut"].map(String::from);
    let config = unsmoothed(1);
    let rule = config.rule(&Rule::default());
    let mut observer = Observer::ruled(&config, rule, &labels, Some("none"));
    let open: &[f32] = &[0.8, 0.15, 0.05];
    // Each is above the release of the label before, and one leads by less than the margin.
    let found = updates(
        &mut observer,
        &[open, &[0.42, 0.5, 0.08], open, &[0.44, 0.46, 0.1]],
    );
    let found: Vec<_> = found.into_iter().flatten().collect();
    assert_eq!(found, ["open!", "unknown!", "open!", "unknown!"]);
    let state = observer.current().expect("a state");
    let top: Vec<_> = state.top_names().map(|(label, _)| label).collect();
    assert_eq!(top, ["open", "shut"]);
}

#[test]
fn labels_that_take_turns_end_in_unknown() {
    let mut observer = Observer::new(&unsmoothed(2), &names(3));
    let (a, b, c): (&[f32], &[f32], &[f32]) =
        (&[0.9, 0.0, 0.0], &[0.0, 0.9, 0.0], &[0.0, 0.0, 0.9]);
    let updates = updates(&mut observer, &[a, a, b, c, b, c, b, c, b, c, b]);
    let changes: Vec<_> = updates.into_iter().flatten().collect();
    assert_eq!(changes, ["label 0!", "unknown!"]);
}

#[test]
fn a_label_on_its_way_is_not_held_up_by_the_turns_before() {
    let mut observer = Observer::new(&unsmoothed(3), &names(3));
    let (a, b, c): (&[f32], &[f32], &[f32]) = (&[0.9, 0., 0.], &[0., 0.9, 0.], &[0., 0., 0.9]);
    let updates = updates(&mut observer, &[a, a, a, b, b, c, c, b, b, b]);
    let changes: Vec<_> = updates.into_iter().flatten().collect();
    assert_eq!(changes, ["label 0!", "label 1!"]);
}

#[test]
fn smoothing_follows_its_time_constant_at_any_frame_rate() {
    let config = Config {
        smoothing: 2.0,
        frames: 1,
        heartbeat: 0.1,
        ..Config::default()
    };
    for frames in [1, 7, 50] {
        let mut observer = Observer::new(&config, &names(1));
        observer.step(&[0.0], 0, at(0.0));
        for n in 1..=frames {
            observer.step(&[1.0], n, at(2.0 * n as f64 / frames as f64));
        }
        let score = observer.current().expect("a state").score.expect("a label");
        let expected = 1.0 - (-1.0f32).exp();
        assert!((score - expected).abs() < 1e-4, "{frames}: {score}");
    }
}

#[test]
fn a_clock_that_falls_back_delays_a_heartbeat_once() {
    let config = Config {
        heartbeat: 10.0,
        ..unsmoothed(1)
    };
    let mut observer = Observer::new(&config, &names(2));
    observer.step(A, 0, at(5000.0));
    assert_eq!(observer.step(A, 1, at(3.0)), None);
    assert_eq!(observer.step(A, 2, at(12.9)), None);
    assert!(observer.step(A, 3, at(13.0)).is_some());
}

#[test]
fn a_step_keeps_its_buffers() {
    let config = Config {
        top: 20,
        ..Config::default()
    };
    let mut observer = Observer::new(&config, &names(30));
    let scores: Vec<f32> = (0..30).map(|i| i as f32 / 60.0).collect();
    for n in 0..3 {
        observer.step(&scores, n, at(n as f64));
    }
    let buffer = observer.current().map(|s| s.top.as_ptr());
    for n in 3..1000 {
        observer.step(&scores, n, at(n as f64));
    }
    assert!(buffer.is_some());
    assert_eq!(observer.current().map(|s| s.top.as_ptr()), buffer);
}
