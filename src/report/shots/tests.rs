//! Which frames of long and of short replays have pictures.

use super::super::tests::shot;
use super::*;

#[test]
fn a_strip_has_the_changes_and_an_even_choice_of_the_rest() {
    let mut strip = Strip::new();
    let mut made = 0;
    for seq in 0..10_000 {
        let change = [10, 5_000, 9_999].contains(&seq);
        if strip.offer(change) {
            made += 1;
            strip.add(shot(seq));
        }
    }
    let seqs: Vec<u64> = strip.shots().iter().map(|shot| shot.seq).collect();
    assert!((60..=STRIP).contains(&seqs.len()), "{}", seqs.len());
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
    assert!([10, 5_000, 9_999].iter().all(|seq| seqs.contains(seq)));
    let gap = seqs.windows(2).map(|two| two[1] - two[0]).max();
    assert!(gap <= Some(128), "{gap:?}");
    assert!(made < 800, "{made} pictures were made");
}

#[test]
fn a_strip_of_nothing_but_changes_is_bounded() {
    let mut strip = Strip::new();
    for seq in 0..10_000 {
        if strip.offer(true) {
            strip.add(shot(seq));
        }
    }
    assert!(strip.shots().len() <= STRIP);
    let changes = strip.changes.shots().len();
    assert!((CHANGES / 2..=CHANGES).contains(&changes), "{changes}");
    assert!(strip.even.shots().len() <= STRIP);
}

/// Offers frames with these leads; returns the numbers of the shown, and how many were made.
fn shown(leads: impl Iterator<Item = f32>, stills: bool) -> (Vec<u64>, u64) {
    let (mut uncertain, mut made) = (Uncertain::default(), 0);
    for (seq, lead) in (0..).zip(leads) {
        let lead = (lead < 0.5).then_some(lead);
        if uncertain.offer(lead, seq, stills, || shot(seq)).0 {
            made += 1;
            uncertain.add(Some(Picture::default()));
        }
    }
    if uncertain.finish() {
        uncertain.add(Some(Picture::default()));
    }
    let shots = uncertain.least.shots();
    (shots.iter().map(|shot| shot.seq).collect(), made)
}

#[test]
fn neighbours_in_a_film_give_one_picture() {
    let leads = |seq: u64| match seq {
        100..=105 => 0.3 - (seq - 100) as f32 / 100.0,
        106..=112 => 0.3,
        300 => 0.1,
        _ => 0.9,
    };
    assert_eq!(shown((0..400).map(leads), false).0, [300, 105]);
    let (pictures, _) = shown((0..400).map(leads), true);
    assert_eq!(pictures.len(), 14);
}

#[test]
fn a_film_that_grows_uncertain_costs_few_pictures() {
    let (pictures, made) = shown((0..10_000).map(|i| 0.4 - i as f32 / 1e5), false);
    assert_eq!((pictures.len(), made), (1, 0));
    let (pictures, made) = shown((0..10_000).map(|i| 0.3 + i as f32 / 1e5), false);
    assert_eq!(pictures.len(), LARGE);
    assert!(made <= 1_000, "{made}");
}
