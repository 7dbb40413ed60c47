use super::*;
use crate::engine::Resize;

pub(super) const INPUT: Input = Input {
    width: 128,
    height: 128,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    resize: Resize::Squash,
};

/// Levels of a scene of boxes of all sizes and shades, shifted by so many pixels.
fn levels(across: f64, down: f64) -> Vec<f64> {
    let mut state = 7_u32;
    let mut next = |most: f64| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24) * most
    };
    let boxes: Vec<[f64; 5]> = (0..60)
        .map(|_| {
            [
                next(200.0) - 40.0,
                next(200.0) - 40.0,
                5.0 + next(40.0),
                5.0 + next(40.0),
                30.0 + next(200.0),
            ]
        })
        .collect();
    let level = |x: f64, y: f64| {
        let inside =
            |b: &&[f64; 5]| (b[0]..b[0] + b[2]).contains(&x) && (b[1]..b[1] + b[3]).contains(&y);
        boxes.iter().rfind(inside).map_or(90.0, |b| b[4])
    };
    let place = |at: usize| ((at % 128) as f64 - across, (at / 128) as f64 - down);
    (0..128 * 128)
        .map(place)
        .map(|(x, y)| level(x, y))
        .collect()
}

/// The levels as the model's input.
fn input(levels: &[f64]) -> Vec<f32> {
    let plane = |c: usize| {
        levels
            .iter()
            .map(move |level| (*level as f32 / 255.0 - INPUT.mean[c]) / INPUT.std[c])
    };
    (0..3).flat_map(plane).collect()
}

/// The picture of the scene, shifted by so many pixels of 128.
pub(super) fn picture(across: f64, down: f64) -> Vec<f32> {
    input(&levels(across, down))
}

fn seen(picture: &[f32]) -> Scene {
    let mut scene = Scene::new();
    scene.see(picture, &INPUT);
    scene
}

fn fit(present: &[f32]) -> Option<f32> {
    seen(&picture(0.0, 0.0)).fit(&seen(present))
}

#[test]
fn a_shift_of_a_twelfth_is_a_move_and_a_tremble_is_none() {
    assert!(fit(&picture(0.0, 0.0)).unwrap() > 0.5);
    assert!(fit(&picture(2.0, -1.0)).unwrap() > MOVED);
    for (across, down) in [(10.3, 0.0), (0.0, -10.3), (-20.0, 15.0), (30.0, 0.0)] {
        let fit = fit(&picture(across, down)).unwrap();
        assert!(fit < MOVED, "{across} {down}: {fit}");
    }
}

#[test]
fn other_light_and_a_person_are_no_move() {
    let day = levels(0.0, 0.0);
    let dusk: Vec<f64> = day.iter().map(|level| 0.3 * level + 5.0).collect();
    let negative: Vec<f64> = day.iter().map(|level| 255.0 - level).collect();
    let mut person = day.clone();
    for y in 30..128 {
        person[y * 128 + 50..y * 128 + 92].fill(200.0);
    }
    for (name, levels) in [("dusk", dusk), ("negative", negative), ("person", person)] {
        let fit = fit(&input(&levels)).unwrap();
        assert!(fit > MOVED, "{name}: {fit}");
    }
}

#[test]
fn too_few_edges_tell_nothing() {
    let dark = vec![3.0; 128 * 128];
    assert_eq!(fit(&input(&dark)), None);
    assert_eq!(seen(&input(&dark)).fit(&seen(&picture(0.0, 0.0))), None);
    assert_eq!(Scene::new().fit(&Scene::new()), None);
}

#[test]
fn the_edge_of_a_mask_and_of_a_letterbox_are_no_edges() {
    let mut masked = levels(0.0, 0.0);
    masked.fill(120.0);
    for y in 20..90 {
        masked[y * 128 + 20..y * 128 + 100].fill(0.0);
    }
    assert_eq!(seen(&input(&masked)).strong, 0);
    let mut boxed = input(&vec![250.0; 128 * 128]);
    for plane in boxed.chunks_exact_mut(128 * 128) {
        plane[..30 * 128].fill(0.0);
    }
    assert_eq!(seen(&boxed).strong, 0);
}

#[test]
fn a_door_is_learnt_in_both_states() {
    let shut = levels(0.0, 0.0);
    let mut open = shut.clone();
    for y in 40..110 {
        open[y * 128 + 30..y * 128 + 80].fill(20.0);
    }
    let mut scene = Scene::new();
    for state in [&shut, &open, &shut] {
        scene.learn(&input(state), &INPUT);
    }
    assert_eq!(scene.count(), 3);
    for state in [&shut, &open] {
        assert!(scene.fit(&seen(&input(state))).unwrap() > 0.5);
    }
    assert!(scene.fit(&seen(&picture(12.0, 0.0))).unwrap() < MOVED);
}

#[test]
fn what_is_written_is_read_again_and_goes_on_learning() {
    let mut scene = seen(&picture(0.0, 0.0));
    let bytes = scene.to_bytes();
    assert_eq!(bytes.len(), 1027);
    let mut read = Scene::from_bytes(&bytes).unwrap();
    assert_eq!(read.to_bytes(), bytes);
    let present = seen(&picture(1.0, 0.0));
    let difference = scene.fit(&present).unwrap() - read.fit(&present).unwrap();
    assert!(difference.abs() < 0.03, "{difference}");
    read.learn(&picture(0.0, 0.0), &INPUT);
    scene.learn(&picture(0.0, 0.0), &INPUT);
    assert_eq!(read.count(), scene.count());
    for bytes in [&bytes[..1026], &[2; 1027], &[]] {
        assert_eq!(Scene::from_bytes(bytes), Err(Unfit));
    }
}
