//! Where masks lie on pictures.

mod unseen;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::engine::{Input, Resize};
use crate::frame::{Colour, Frame, Orientation, PixelFormat, Rows};
use crate::vision::geometry::Turn;
use crate::vision::{Config, Flip, Gate, GateConfig};

fn input(side: usize) -> Input {
    Input {
        width: side,
        height: side,
        mean: [0.5; 3],
        std: [0.25; 3],
        resize: Resize::Squash,
    }
}

fn grey(width: usize, height: usize, level: u8) -> Frame {
    Frame {
        format: PixelFormat::Grey,
        width,
        height,
        stride: width,
        colour: Colour {
            full_range: true,
            ..Colour::default()
        },
        data: vec![level; width * height].into(),
        ..Frame::empty()
    }
}

/// Which pixels of a white picture are black when it is read.
fn black(config: &Config, frame: &Frame) -> Vec<Vec<bool>> {
    let mut cover = Cover::new(&config.masks);
    let view = frame.view();
    let grain = Grain::raw(&view);
    let full = (view.width, view.height);
    cover.fit(full, grain, Turn::new(config, frame.orientation));
    let mut rows = Rows::new(view).unwrap();
    let mut masked = Masked::new(&mut rows, &cover, grain.at(8));
    let row = |y| {
        let mut line = vec![0; full.0 * 3];
        masked.rgb(y, 0, &mut line).unwrap();
        line.as_chunks::<3>()
            .0
            .iter()
            .map(|p| *p == [0; 3])
            .collect()
    };
    (0..full.1).map(row).collect()
}

fn masked(masks: Vec<Mask>) -> Config {
    Config {
        masks,
        ..Config::default()
    }
}

#[test]
fn the_edge_of_a_mask_is_exact_and_a_touched_pixel_black() {
    let frame = grey(10, 8, 255);
    for (mask, columns, rows) in [
        ([0.2, 0.25, 0.5, 0.5], 2..7, 2..6),
        // 0.1 + 0.2 is a little above 0.3.
        ([0.1, 0.0, 0.2, 1.0], 1..3, 0..8),
        ([0.25, 0.3, 0.1, 0.1], 2..4, 2..4),
        ([0.999, 0.999, 0.001, 0.001], 9..10, 7..8),
        ([0.0, 0.0, 1.0, 1.0], 0..10, 0..8),
    ] {
        let found = black(&masked(vec![Mask::rectangle(mask)]), &frame);
        for (y, row) in found.iter().enumerate() {
            for (x, &black) in row.iter().enumerate() {
                let wanted = columns.contains(&x) && rows.contains(&y);
                assert_eq!(black, wanted, "{mask:?}: column {x}, row {y}");
            }
        }
    }
}

#[test]
fn pixels_that_share_their_colour_are_black_together() {
    for (format, columns, rows) in [
        (PixelFormat::Yuyv, 2..6, 3..4),
        (PixelFormat::Nv12, 2..6, 2..4),
        (PixelFormat::Yu12, 2..6, 2..4),
    ] {
        let mut frame = grey(9, 7, 255);
        frame.format = format;
        frame.stride = if format == PixelFormat::Yuyv { 20 } else { 10 };
        frame.data = vec![200; 400].into();
        let mask = Mask::rectangle([3.0 / 9.0, 3.0 / 7.0, 2.0 / 9.0, 1.0 / 7.0]);
        let found = black(&masked(vec![mask]), &frame);
        for (y, row) in found.iter().enumerate() {
            for (x, &black) in row.iter().enumerate() {
                let wanted = columns.contains(&x) && rows.contains(&y);
                assert_eq!(black, wanted, "{format}: column {x}, row {y}");
            }
        }
    }
}

#[test]
fn masks_lie_on_the_picture_as_it_is_seen() {
    // The left third as seen, of a source of 6 by 3 pixels.
    let left = Mask::rectangle([0.0, 0.0, 1.0 / 3.0, 1.0]);
    for (rotate, flip, orientation, columns, rows) in [
        (0, Flip::None, Orientation::Upright, 0..2, 0..3),
        (0, Flip::Horizontal, Orientation::Upright, 4..6, 0..3),
        (90, Flip::None, Orientation::Upright, 0..6, 2..3),
        (270, Flip::None, Orientation::Upright, 0..6, 0..1),
        (180, Flip::Horizontal, Orientation::Upright, 0..2, 0..3),
        (0, Flip::None, Orientation::QuarterClockwise, 0..6, 2..3),
    ] {
        let mut frame = grey(6, 3, 255);
        frame.orientation = orientation;
        let config = Config {
            rotate,
            flip,
            ..masked(vec![left.clone()])
        };
        for (y, row) in black(&config, &frame).iter().enumerate() {
            for (x, &black) in row.iter().enumerate() {
                let wanted = columns.contains(&x) && rows.contains(&y);
                assert_eq!(black, wanted, "{rotate} {flip:?}: column {x}, row {y}");
            }
        }
    }
}

#[test]
fn a_mask_does_not_make_a_room_dark() {
    let config = masked(vec![Mask::rectangle([0.0, 0.0, 0.95, 1.0])]);
    let mut gate = Gate::new(&GateConfig::default(), &config, &input(32));
    let room = grey(64, 64, 60);
    let reading = gate.look(room.view(), Duration::ZERO, false).unwrap();
    assert!((reading.luma - 60.0).abs() < 1.0, "{}", reading.luma);
}

/// Whether a point lies in the polygon: the even-odd rule.
fn inside(corners: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let next = corners.iter().cycle().skip(1);
    let crossings = corners.iter().zip(next).filter(|([ax, ay], [bx, by])| {
        (*ay > y) != (*by > y) && x < ax + (bx - ax) * (y - ay) / (by - ay)
    });
    crossings.count() % 2 == 1
}

/// A mask: a rectangle or a star-shaped polygon around a point, inside of the picture.
fn mask() -> impl Strategy<Value = Mask> {
    let rectangle = (0.0f64..0.9, 0.0f64..0.9, 0.01f64..0.6, 0.01f64..0.6)
        .prop_map(|(x, y, w, h)| Mask::rectangle([x, y, w.min(1.0 - x), h.min(1.0 - y)]));
    let polygon = prop::collection::vec(0.05f64..0.4, 3..9).prop_map(|radii| {
        let step = std::f64::consts::TAU / radii.len() as f64;
        let corner = |(i, radius): (usize, f64)| {
            let angle = 0.3 + i as f64 * step;
            [0.5 + radius * angle.cos(), 0.5 + radius * angle.sin()]
        };
        Mask {
            corners: radii.into_iter().enumerate().map(corner).collect(),
        }
    });
    prop_oneof![rectangle, polygon]
}

fn setting() -> impl Strategy<Value = Config> {
    let flips = prop::sample::select(vec![Flip::None, Flip::Horizontal, Flip::Vertical]);
    let turns = prop::sample::select(vec![0u16, 90, 180, 270]);
    (prop::collection::vec(mask(), 1..4), turns, flips).prop_map(|(masks, rotate, flip)| Config {
        rotate,
        flip,
        ..masked(masks)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_pixel_is_black_exactly_where_a_mask_touches_it(
        config in setting(),
        width in 1usize..20,
        height in 1usize..20,
    ) {
        prop_assume!(Mask::check(&config.masks).is_ok());
        let upright = masked(config.masks.clone());
        let found = black(&upright, &grey(width, height, 255));
        for (y, row) in found.iter().enumerate() {
            for (x, &black) in row.iter().enumerate() {
                // Any point of the pixel in a mask makes it black.
                let within = |dx: f64, dy: f64| {
                    let point = [(x as f64 + dx) / width as f64, (y as f64 + dy) / height as f64];
                    config.masks.iter().any(|mask| inside(&mask.corners, point))
                };
                let touched = (0..=10).any(|i| (0..=10).any(|j| {
                    within(0.02 + f64::from(i) * 0.096, 0.02 + f64::from(j) * 0.096)
                }));
                prop_assert!(black || !touched, "column {x}, row {y} shows a masked point");
                if black && !touched {
                    let side = |mask| grazes(mask, width, height, x, y);
                    prop_assert!(config.masks.iter().any(side), "column {x}, row {y} is black");
                }
            }
        }
    }
}

/// Whether a side of the mask passes through the pixel.
fn grazes(mask: &Mask, width: usize, height: usize, x: usize, y: usize) -> bool {
    let next = mask.corners.iter().cycle().skip(1);
    mask.corners.iter().zip(next).any(|(a, b)| {
        (0..=2000).any(|i| {
            let t = f64::from(i) / 2000.0;
            let point = |c: usize, side: usize| (a[c] + (b[c] - a[c]) * t) * side as f64;
            let (px, py) = (point(0, width), point(1, height));
            let (x, y) = (x as f64, y as f64);
            let near = |p: f64, from: f64| (from - 0.05..=from + 1.05).contains(&p);
            near(px, x) && near(py, y)
        })
    })
}
