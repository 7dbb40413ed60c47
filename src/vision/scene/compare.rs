//! Where in a scene the present view fits: at its own place, or elsewhere.
//!
//! Night, rain, a person and other light lower how well a view fits at its own place, and how well
//! it fits anywhere. A camera that was moved makes it fit elsewhere. So the two are compared, and
//! neither is compared with a bound.

use super::edges::{Cells, SIDE};

/// Half the side of the square of shifts that are tried, in cells: 31 % of the picture's sides.
const REACH: isize = 10;
/// Shifts below this many cells are none of the camera: wind shakes it, and its picture has a
/// grain.
const FAR: isize = 3;
/// Turns that are tried both ways, in degrees.
const TURNS: [f32; 4] = [5.0, 8.0, 12.0, 18.0];
/// How much wider than high the picture was before it was squashed into a square: about.
const ASPECTS: [f32; 2] = [1.0, 1.5];
/// Zooms that are tried, as factors.
const ZOOMS: [f32; 6] = [0.7, 0.77, 0.86, 1.16, 1.3, 1.45];
/// What a part of the picture that fits lacks to the whole counts against it: the less is left in
/// view, the sooner it fits by chance.
const LACK: f32 = 0.3;
/// A fit of this counts for nothing.
const CHANCE: f32 = 0.05;

/// How well `present` fits `scene` at its own place, as a share of that and of the best fit
/// elsewhere: 0 to 1, and 0.5 where both are as good.
pub(super) fn fit(scene: &Cells, present: &Cells) -> f32 {
    let both = Both::new(scene, present);
    let (mut here, mut there) = (0.0_f32, 0.0_f32);
    for down in -REACH..=REACH {
        for across in -REACH..=REACH {
            let far = across.abs().max(down.abs());
            if far <= 1 {
                here = here.max(both.shifted(across, down));
            } else if far >= FAR {
                there = there.max(both.shifted(across, down));
            }
        }
    }
    for degrees in TURNS.into_iter().flat_map(|turn| [turn, -turn]) {
        for aspect in ASPECTS {
            there = there.max(both.turned(degrees.to_radians(), aspect));
        }
    }
    for zoom in ZOOMS {
        there = there.max(both.zoomed(zoom));
    }
    here / (here + there + CHANCE)
}

/// A scene and the present view of it.
struct Both<'a> {
    scene: &'a Cells,
    present: &'a Cells,
    /// The product of the lengths of both as vectors.
    whole: f32,
}

/// Sums over the cells that both have in view.
#[derive(Default)]
struct Sums {
    product: f32,
    scene: f32,
    present: f32,
}

impl Sums {
    fn add(&mut self, [a, b]: [f32; 2], [c, d]: [f32; 2]) {
        self.product += a * c + b * d;
        self.scene += a * a + b * b;
        self.present += c * c + d * d;
    }
}

impl<'a> Both<'a> {
    fn new(scene: &'a Cells, present: &'a Cells) -> Self {
        let square = |cells: &Cells| cells.iter().map(|[a, b]| a * a + b * b).sum::<f32>();
        Self {
            scene,
            present,
            whole: (square(scene) * square(present)).sqrt(),
        }
    }

    /// The cosine of the angle between both, where they overlap.
    fn cosine(&self, sums: &Sums) -> f32 {
        let part = (sums.scene * sums.present).sqrt();
        sums.product / (part + LACK * self.whole + f32::MIN_POSITIVE)
    }

    /// How well they fit if what is at one place in the scene is this many cells further now.
    fn shifted(&self, across: isize, down: isize) -> f32 {
        let side = SIDE as isize;
        let mut sums = Sums::default();
        let span = |by: isize| 0.max(-by) as usize..side.min(side - by) as usize;
        for y in span(down) {
            let columns = span(across);
            let from = y * SIDE + columns.start;
            let to =
                (y.wrapping_add_signed(down)) * SIDE + columns.start.wrapping_add_signed(across);
            let scene = &self.scene[from..from + columns.len()];
            let present = &self.present[to..to + columns.len()];
            for (&a, &b) in scene.iter().zip(present) {
                sums.add(a, b);
            }
        }
        self.cosine(&sums)
    }

    /// How well they fit if the view was turned by `angle` before it was squashed from `aspect`.
    fn turned(&self, angle: f32, aspect: f32) -> f32 {
        let (sin, cos) = angle.sin_cos();
        let (sin2, cos2) = (2.0 * angle).sin_cos();
        let to = [[cos, -sin / aspect], [sin * aspect, cos]];
        self.warped(to, |[a, b]| [a * cos2 + b * sin2, b * cos2 - a * sin2])
    }

    /// How well they fit if the view is larger by `zoom`.
    fn zoomed(&self, zoom: f32) -> f32 {
        self.warped([[zoom, 0.0], [0.0, zoom]], |edge| edge)
    }

    /// How well they fit if the matrix `to` takes places of the scene to those of the view, from
    /// the middle, and `back` undoes what it does to directions.
    fn warped(&self, to: [[f32; 2]; 2], back: impl Fn([f32; 2]) -> [f32; 2]) -> f32 {
        let middle = (SIDE as f32 - 1.0) / 2.0;
        let mut sums = Sums::default();
        for (at, &edge) in self.scene.iter().enumerate() {
            let (x, y) = ((at % SIDE) as f32 - middle, (at / SIDE) as f32 - middle);
            let [x, y] = to.map(|[a, b]| (a * x + b * y + middle).round());
            let inside = 0.0..SIDE as f32;
            if inside.contains(&x) && inside.contains(&y) {
                let present = self.present[y as usize * SIDE + x as usize];
                sums.add(edge, back(present));
            }
        }
        self.cosine(&sums)
    }
}
