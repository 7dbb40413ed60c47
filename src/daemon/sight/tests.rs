use super::*;
use crate::engine::{HexDigest, Quality, Resize};
use crate::frame::{Captured, Frame};
use crate::observe::Rule;
use crate::source::camera::Camera;
use crate::vision::Scene;

const INPUT: Input = Input {
    width: 128,
    height: 128,
    mean: [0.5; 3],
    std: [0.25; 3],
    resize: Resize::Squash,
};

/// Tiles of all shades, shifted by so many pixels.
fn tiles(shift: usize) -> Vec<f32> {
    let shade = |x: usize, y: usize| {
        let tile = ((x + shift) / 9 + 31 * (y / 11)) as u32;
        (tile.wrapping_mul(2_654_435_761) >> 24) as f32 / 64.0 - 2.0
    };
    let pixels = (0..128).flat_map(|y| (0..128).map(move |x| shade(x, y)));
    pixels.collect::<Vec<_>>().repeat(3)
}

fn head(scene: Vec<u8>, sha256: &str) -> HeadInUse {
    HeadInUse {
        labels: Vec::new(),
        temperature: 1.0,
        rule: Rule::default(),
        quality: Quality::default(),
        scene,
        made: SystemTime::UNIX_EPOCH,
        sha256: HexDigest::of(sha256.as_bytes()),
    }
}

/// Shows `input` for so many seconds from `start` on, every two seconds.
fn show(sight: &mut Sight, input: &[f32], start: u64, seconds: u64) {
    show_at(0, sight, input, start, seconds);
}

/// The same to the look at `place`.
fn show_at(place: usize, sight: &mut Sight, input: &[f32], start: u64, seconds: u64) {
    for second in (start..start + seconds).step_by(2) {
        let frame = Frame {
            captured: Captured {
                elapsed: Duration::from_secs(second),
                wall: SystemTime::UNIX_EPOCH,
            },
            ..Frame::empty()
        };
        let outcome = Outcome {
            frame: &frame,
            place,
            gate: None,
            made_up: 0.0,
            input: Some((input, &INPUT)),
            scores: &[],
            features: None,
            labels: &[],
            rule: Rule::default(),
            hashes: "".into(),
            update: None,
        };
        sight.outcome(&outcome, &mut Stages::default()).unwrap();
    }
}

#[test]
fn a_camera_that_was_moved_is_told_until_it_is_back_or_taught_anew() {
    let mut scene = Scene::new();
    scene.learn(&tiles(0), &INPUT);
    let mut sight = Sight::default();
    assert_eq!(sight.moved(), None);
    let first = head(scene.to_bytes(), "a");
    sight.set_heads([Some(&first)].into_iter(), &INPUT);
    assert!(std::mem::take(&mut sight.changed));
    show(&mut sight, &tiles(0), 0, 100);
    show(&mut sight, &tiles(13), 100, 170);
    assert_eq!((sight.moved(), sight.changed), (Some(false), false));
    show(&mut sight, &tiles(13), 270, 30);
    assert_eq!((sight.moved(), sight.changed), (Some(true), true));
    sight.set_heads([Some(&first)].into_iter(), &INPUT);
    assert_eq!(sight.moved(), Some(true));
    show(&mut sight, &tiles(0), 300, 100);
    assert_eq!(sight.moved(), Some(false));
    show(&mut sight, &tiles(13), 400, 200);
    assert_eq!(sight.moved(), Some(true));
    sight.set_heads([Some(&head(scene.to_bytes(), "b"))].into_iter(), &INPUT);
    assert_eq!(sight.moved(), Some(false));
    sight.set_heads([Some(&head(vec![9], "c"))].into_iter(), &INPUT);
    assert_eq!(sight.moved(), None);
    sight.set_heads([None].into_iter(), &INPUT);
    assert_eq!(sight.moved(), None);
}

#[test]
fn a_camera_that_is_being_opened_is_not_lost() {
    let mut sight = Sight::default();
    let camera = Camera::new(Default::default());
    sight.follow(&camera.monitor(), None);
    assert!(!sight.blind());
}

#[test]
fn a_try_to_open_that_fails_as_before_is_no_news() {
    let mut sight = Sight::default();
    let mut status = Camera::new(Default::default()).status().clone();
    assert!(sight.is_news(&CameraState::new(&status, PictureState::Ok)));
    status.counters.delivered += 1;
    assert!(!sight.is_news(&CameraState::new(&status, PictureState::Ok)));
    status.losses += 1;
    assert!(sight.is_news(&CameraState::new(&status, PictureState::Ok)));
}

#[test]
fn a_pause_comes_before_all_other_reasons() {
    let mut sight = Sight::default();
    let since = SystemTime::UNIX_EPOCH;
    sight.lost = Some(SystemTime::now());
    sight.set_paused(Some(since));
    let due = sight.due(60.0, Instant::now());
    assert_eq!(due, Some((Unknown::Paused, since)));
    sight.set_paused(None);
    let due = sight.due(60.0, Instant::now());
    assert_eq!(due.map(|(reason, _)| reason), Some(Unknown::CameraLost));
}

#[test]
fn a_reason_is_due_once_and_again_at_each_heartbeat() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut sight = Sight::default();
    assert_eq!(sight.due(60.0, at(0)), None);
    sight.picture = PictureState::Dark;
    sight.since = Some(SystemTime::UNIX_EPOCH);
    let dark = Some((Unknown::Dark, SystemTime::UNIX_EPOCH));
    assert_eq!(sight.due(60.0, at(1)), dark);
    assert_eq!(sight.due(60.0, at(60)), None);
    assert_eq!(sight.due(60.0, at(61)), dark);
    let lost = SystemTime::now();
    sight.lost = Some(lost);
    assert_eq!(sight.due(60.0, at(62)), Some((Unknown::CameraLost, lost)));
    (sight.lost, sight.picture) = (None, PictureState::Ok);
    assert_eq!(sight.due(60.0, at(63)), None);
    sight.picture = PictureState::Dark;
    assert_eq!(sight.due(60.0, at(64)), dark);
}

#[test]
fn pictures_are_dark_only_if_every_region_is() {
    use PictureState::{Dark, Ok, Stuck};
    let mut sight = Sight::default();
    sight.set_heads([None, None].into_iter(), &INPUT);
    for (place, found, picture) in [
        (0, Dark, Ok),
        (1, Ok, Ok),
        (1, Dark, Dark),
        (0, Stuck, Dark),
        (1, Stuck, Stuck),
        (0, Ok, Ok),
    ] {
        assert_eq!(sight.combined(place, found), picture, "{place} {found:?}");
    }
    // Another head of a region changes nothing of what it shows.
    assert_eq!(sight.combined(0, Dark), Dark);
    sight.set_heads([Some(&head(Vec::new(), "a")), None].into_iter(), &INPUT);
    assert_eq!(sight.combined(1, Stuck), Dark);
}

#[test]
fn one_region_is_enough_to_tell_that_the_camera_was_moved() {
    let mut scene = Scene::new();
    scene.learn(&tiles(0), &INPUT);
    let taught = head(scene.to_bytes(), "a");
    let mut sight = Sight::default();
    sight.set_heads([None, Some(&taught)].into_iter(), &INPUT);
    assert_eq!(sight.moved(), Some(false));
    // The first region has no scene, and what it shows tells nothing.
    show(&mut sight, &tiles(13), 0, 300);
    assert_eq!(sight.moved(), Some(false));
    show_at(1, &mut sight, &tiles(0), 300, 100);
    show_at(1, &mut sight, &tiles(13), 400, 300);
    assert_eq!(sight.moved(), Some(true));
}
