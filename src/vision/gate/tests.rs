use super::*;
use crate::engine::Resize;
use crate::frame::{Colour, Orientation};

fn gate(config: &GateConfig) -> Gate {
    let input = Input {
        width: 128,
        height: 128,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        resize: Resize::Squash,
    };
    Gate::new(config, &Config::default(), &input)
}

/// A grey picture of this level with a square of another one in it.
fn picture(level: u8, square: u8) -> Vec<u8> {
    let inside = |at: usize| (40..48).contains(&(at % 128)) && (40..48).contains(&(at / 128));
    let levels = (0..128 * 128).map(|at| if inside(at) { square } else { level });
    levels.collect()
}

fn view(data: &[u8]) -> View<'_> {
    View {
        format: PixelFormat::Grey,
        width: 128,
        height: 128,
        stride: 128,
        colour: Colour {
            full_range: true,
            ..Colour::default()
        },
        orientation: Orientation::Upright,
        limit: crate::frame::Limit::FILE,
        data,
    }
}

fn look(gate: &mut Gate, data: &[u8], seconds: f64) -> GateReading {
    let at = Duration::from_secs_f64(seconds);
    gate.look(view(data), at, false).unwrap()
}

#[test]
fn a_still_scene_opens_it_only_at_the_maximum_interval() {
    let mut gate = gate(&GateConfig::default());
    let still = picture(100, 100);
    let open: Vec<_> = (0..300)
        .map(|i| f64::from(i) / 10.0)
        .filter(|&time| look(&mut gate, &still, time).open)
        .collect();
    // Two seconds after the first picture, then one every ten seconds.
    assert_eq!(open.len(), 21 + 2);
    assert_eq!(open[20..], [2.0, 12.0, 22.0]);
}

#[test]
fn small_motion_opens_it_and_noise_does_not() {
    let mut gate = gate(&GateConfig::default());
    look(&mut gate, &picture(100, 100), 0.0);
    let seen = look(&mut gate, &picture(100, 102), 5.0);
    assert!(!seen.open && (seen.motion - 2.0).abs() < 0.01, "{seen:?}");
    let seen = look(&mut gate, &picture(100, 112), 5.3);
    assert!(seen.open && (seen.motion - 12.0).abs() < 0.01, "{seen:?}");
}

#[test]
fn a_still_scene_is_glanced_at_a_few_times_a_second() {
    let mut gate = gate(&GateConfig::default());
    let (still, other) = (picture(100, 100), picture(100, 150));
    // Thirty frames a second, each a little early or late, and something comes at the fourth
    // second.
    let time = |i: u32| f64::from(i) / 30.0 + if i.is_multiple_of(2) { 0.004 } else { 0.0 };
    let mut glances = 0;
    for i in 0..120 {
        let before = gate.closed;
        look(&mut gate, &still, time(i));
        glances += u32::from(i >= 90 && gate.closed != before);
    }
    assert_eq!(glances, 4);
    let opened = (120..150).find(|&i| look(&mut gate, &other, time(i)).open);
    let late = time(opened.unwrap()) - time(120);
    assert!(late < 0.25, "{late}");
    // From then on the gate is open for every frame.
    assert!((opened.unwrap()..180).all(|i| look(&mut gate, &other, time(i)).open));
}

#[test]
fn a_slow_change_opens_it_too() {
    let mut gate = gate(&GateConfig::default());
    look(&mut gate, &picture(100, 100), 0.0);
    let opened = (1..9).find(|&step| {
        let time = 3.0 + f64::from(step) / 2.0;
        look(&mut gate, &picture(100, 100 + step), time).open
    });
    assert_eq!(opened, Some(6));
}

#[test]
fn it_is_open_if_off_or_if_the_picture_is_wanted() {
    let config = GateConfig {
        enabled: false,
        ..GateConfig::default()
    };
    let still = picture(100, 100);
    let mut off = gate(&config);
    assert!((0..50).all(|i| look(&mut off, &still, f64::from(i)).open));
    let mut on = gate(&GateConfig::default());
    look(&mut on, &still, 0.0);
    assert!(!look(&mut on, &still, 5.0).open);
    let at = Duration::from_secs(6);
    assert!(on.look(view(&still), at, true).unwrap().open);
}

#[test]
fn dark_pictures_and_a_stuck_camera_are_noticed() {
    let mut gate = gate(&GateConfig::default());
    let state = |gate: &mut Gate, data: &[u8], at| look(gate, data, at).picture;
    let night = look(&mut gate, &picture(4, 4), 0.0);
    assert_eq!((night.picture, night.luma), (PictureState::Dark, 4.0));
    let same = state(&mut gate, &picture(4, 4), 100.0);
    assert_eq!(
        same,
        PictureState::Dark,
        "a sensor in the dark may send zeros alone"
    );
    // Dusk neither ends the night nor begins it.
    let dusk = picture(13, 13);
    assert_eq!(state(&mut gate, &dusk, 100.5), PictureState::Dark);
    let day = picture(90, 120);
    assert_eq!(state(&mut gate, &day, 101.0), PictureState::Ok);
    assert_eq!(state(&mut gate, &dusk, 102.0), PictureState::Ok);
    assert_eq!(state(&mut gate, &day, 103.0), PictureState::Ok);
    assert_eq!(state(&mut gate, &day, 132.0), PictureState::Ok);
    assert_eq!(state(&mut gate, &day, 133.0), PictureState::Stuck);
    // One bit of noise, outside the sampled rows, shows that the camera is alive.
    let mut noisy = day.clone();
    noisy[7] ^= 1;
    assert_eq!(state(&mut gate, &noisy, 134.0), PictureState::Ok);
}

#[test]
fn a_broken_picture_changes_nothing() {
    let mut gate = gate(&GateConfig::default());
    let day = picture(90, 120);
    look(&mut gate, &day, 0.0);
    let cut = view(&day[..500]);
    assert!(gate.look(cut, Duration::from_secs(1), false).is_err());
    assert_eq!(look(&mut gate, &day, 2.0).motion, 0.0);
}
