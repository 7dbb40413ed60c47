//! Views of a place in all weathers, and after the camera was moved.

use image::{Rgb, RgbImage};

/// The part of a picture's sides that is in view.
const KEPT: f32 = 0.7;

/// Random numbers that are the same in each run.
pub struct Chance(u64);

impl Chance {
    /// Numbers of their own for each `seed`.
    pub fn new(seed: u64) -> Self {
        Self(77 * seed + 1)
    }

    /// 0 to 1.
    pub fn share(&mut self) -> f32 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 24) as f32
    }

    /// 1 or -1.
    pub fn sign(&mut self) -> f32 {
        if self.share() < 0.5 { -1.0 } else { 1.0 }
    }

    /// Of a whole turn, in radians.
    pub fn angle(&mut self) -> f32 {
        self.share() * std::f32::consts::TAU
    }

    /// Where a door is: a fifth of the view.
    pub fn door(&mut self) -> [f32; 4] {
        [0.6 * self.share(), 0.5 * self.share(), 0.4, 0.5]
    }

    /// Nearly normal, with a deviation of 1.
    fn normal(&mut self) -> f32 {
        (0..6).map(|_| self.share()).sum::<f32>() * std::f32::consts::SQRT_2 - 4.243
    }
}

/// How the camera was moved.
#[derive(Clone, Copy)]
pub struct Pose {
    /// To the right and down, as shares of the view's sides.
    pub shift: [f32; 2],
    /// Clockwise.
    pub degrees: f32,
    /// Above 1 the place is larger.
    pub zoom: f32,
}

impl Pose {
    const STILL: Self = Self {
        shift: [0.0; 2],
        degrees: 0.0,
        zoom: 1.0,
    };

    pub fn across(share: f32) -> Self {
        Self {
            shift: [share, 0.0],
            ..Self::STILL
        }
    }

    pub fn down(share: f32) -> Self {
        Self {
            shift: [0.0, share],
            ..Self::STILL
        }
    }

    pub fn shifted(share: f32, angle: f32) -> Self {
        Self {
            shift: [share * angle.cos(), share * angle.sin()],
            ..Self::STILL
        }
    }

    pub fn turned(degrees: f32) -> Self {
        Self {
            degrees,
            ..Self::STILL
        }
    }

    pub fn zoomed(zoom: f32) -> Self {
        Self {
            zoom,
            ..Self::STILL
        }
    }
}

/// What the camera sees of a place.
pub struct View<'a> {
    place: &'a RgbImage,
    door: [f32; 4],
    width: usize,
    height: usize,
    pixels: Vec<[f32; 3]>,
    /// The quality of the JPEG that it is sent as.
    pub quality: Option<u8>,
}

impl<'a> View<'a> {
    pub fn new(place: &'a RgbImage, door: [f32; 4]) -> Self {
        let side = |side: u32| (side as f32 * KEPT) as usize;
        let mut view = Self {
            place,
            door,
            width: side(place.width()),
            height: side(place.height()),
            pixels: Vec::new(),
            quality: None,
        };
        view.pose(Pose::STILL);
        view
    }

    /// The picture.
    pub fn picture(&self) -> RgbImage {
        let level = |level: f32| level.round().clamp(0.0, 255.0) as u8;
        RgbImage::from_fn(self.width as u32, self.height as u32, |x, y| {
            Rgb(self.pixels[y as usize * self.width + x as usize].map(level))
        })
    }

    /// Sees the place anew from where the camera is now.
    pub fn pose(&mut self, pose: Pose) {
        let (sin, cos) = pose.degrees.to_radians().sin_cos();
        let (wide, high) = (self.width as f32, self.height as f32);
        let middle = [
            self.place.width() as f32 / 2.0,
            self.place.height() as f32 / 2.0,
        ];
        let place = self.place;
        self.pixels = self.each(|x, y| {
            let (u, v) = ((x - wide / 2.0) / pose.zoom, (y - high / 2.0) / pose.zoom);
            let x = middle[0] + u * cos - v * sin + pose.shift[0] * wide;
            let y = middle[1] + u * sin + v * cos + pose.shift[1] * high;
            sample(place, x, y)
        });
    }

    /// Sees another place.
    pub fn instead(&mut self, other: &RgbImage) {
        self.paste(other, [0.0, 0.0, 1.0, 1.0]);
    }

    pub fn light(&mut self, gain: f32, offset: f32) -> &mut Self {
        self.pixels
            .iter_mut()
            .flatten()
            .for_each(|v| *v = *v * gain + offset);
        self
    }

    /// As a sensor has it: of brightness and of each colour.
    pub fn noise(&mut self, deviation: f32, chance: &mut Chance) {
        let half = deviation * std::f32::consts::FRAC_1_SQRT_2;
        for pixel in &mut self.pixels {
            let common = chance.normal();
            pixel
                .iter_mut()
                .for_each(|v| *v += half * (common + chance.normal()));
        }
    }

    /// Grey, with foliage and cloth brighter than by day.
    pub fn infrared(&mut self) {
        for pixel in &mut self.pixels {
            let luma = (0.6 * pixel[0] + 0.3 * pixel[1] + 0.1 * pixel[2]).max(0.0);
            *pixel = [255.0 * (luma / 255.0).powf(0.7); 3];
        }
    }

    pub fn rain(&mut self, chance: &mut Chance) {
        self.light(0.8, 25.0);
        let unit = self.height as f32 / 128.0;
        for _ in 0..120 {
            let (x, y) = (
                chance.share() * self.width as f32,
                (chance.share() * 138.0 - 10.0) * unit,
            );
            let (length, slope) = (
                (8.0 + 16.0 * chance.share()) * unit,
                0.15 + 0.1 * chance.share(),
            );
            let level = 30.0 + 30.0 * chance.share();
            for step in 0..length as usize {
                let (x, y) = (x + slope * step as f32, y + step as f32);
                if x >= 0.0 && y >= 0.0 && (x as usize) < self.width && (y as usize) < self.height {
                    let at = y as usize * self.width + x as usize;
                    self.pixels[at].iter_mut().for_each(|v| *v += level);
                }
            }
        }
    }

    /// A quarter of the view shows something else, as high as a person.
    pub fn person(&mut self, other: &RgbImage, chance: &mut Chance) {
        let place = [0.65 * chance.share(), 0.28 * chance.share(), 0.35, 0.72];
        self.paste(other, place);
    }

    /// The door is open, and something else is behind it.
    pub fn door(&mut self, other: &RgbImage) {
        self.paste(other, self.door);
    }

    pub fn headlights(&mut self, chance: &mut Chance) {
        self.light(0.25, 0.0);
        let unit = self.width as f32 / 128.0;
        let (x, y) = (
            (20.0 + 88.0 * chance.share()) * unit,
            (0.4 + 0.5 * chance.share()) * self.height as f32,
        );
        let glow = self.each(|i, j| {
            let lamp = |x: f32| {
                let far = ((i - x).powi(2) + (j - y).powi(2)) / (unit * unit);
                400.0 * (-far / 40.0).exp() + 60.0 * (-far / 1500.0).exp()
            };
            [lamp(x - 9.0 * unit) + lamp(x + 9.0 * unit); 3]
        });
        for (pixel, glow) in self.pixels.iter_mut().zip(glow) {
            pixel.iter_mut().zip(glow).for_each(|(v, g)| *v += g);
        }
    }

    pub fn shadow(&mut self, chance: &mut Chance) {
        let (sin, cos) = chance.angle().sin_cos();
        let off = (chance.share() - 0.5) * 0.3 * self.width as f32;
        let (wide, high) = (self.width as f32, self.height as f32);
        let light = self.each(|x, y| {
            let dark = (x - wide / 2.0) * cos + (y - high / 2.0) * sin > off;
            [if dark { 0.35 } else { 1.1 }; 3]
        });
        for (pixel, light) in self.pixels.iter_mut().zip(light) {
            pixel.iter_mut().zip(light).for_each(|(v, l)| *v *= l);
        }
    }

    /// White over the lower half.
    pub fn snow(&mut self) {
        let high = self.height as f32;
        for (at, pixel) in self.pixels.iter_mut().enumerate() {
            let down = (at / self.width) as f32 / high;
            let cover = 0.85 * ((down - 0.5) * 6.0).clamp(0.0, 1.0);
            pixel.iter_mut().for_each(|v| *v += cover * (225.0 - *v));
        }
    }

    pub fn jpeg(&mut self, quality: u8) {
        self.quality = Some(quality);
    }

    /// Puts the middle of another picture into a part of the view.
    fn paste(&mut self, other: &RgbImage, [left, top, width, height]: [f32; 4]) {
        let (wide, high) = (self.width as f32, self.height as f32);
        let (w, h) = (other.width() as f32, other.height() as f32);
        let edge = (1.0 - KEPT) / 2.0;
        let pasted = self.each(|x, y| {
            let (u, v) = ((x / wide - left) / width, (y / high - top) / height);
            if (0.0..1.0).contains(&u) && (0.0..1.0).contains(&v) {
                sample(other, w * (edge + KEPT * u), h * (edge + KEPT * v))
            } else {
                [f32::NAN; 3]
            }
        });
        for (pixel, pasted) in self.pixels.iter_mut().zip(pasted) {
            if !pasted[0].is_nan() {
                *pixel = pasted;
            }
        }
    }

    /// A value for the middle of each pixel.
    fn each(&self, value: impl Fn(f32, f32) -> [f32; 3]) -> Vec<[f32; 3]> {
        let place = |at: usize| {
            (
                (at % self.width) as f32 + 0.5,
                (at / self.width) as f32 + 0.5,
            )
        };
        let all = (0..self.width * self.height).map(place);
        all.map(|(x, y)| value(x, y)).collect()
    }
}

/// The colour at a point, between the four pixels around it.
fn sample(picture: &RgbImage, x: f32, y: f32) -> [f32; 3] {
    let (x, y) = (x - 0.5, y - 0.5);
    let (width, height) = picture.dimensions();
    let (x, y) = (
        x.clamp(0.0, width as f32 - 1.001),
        y.clamp(0.0, height as f32 - 1.001),
    );
    let (i, j) = (x as u32, y as u32);
    let (u, v) = (x - i as f32, y - j as f32);
    let at = |i: u32, j: u32, c: usize| f32::from(picture.get_pixel(i, j).0[c]);
    std::array::from_fn(|c| {
        let upper = at(i, j, c) * (1.0 - u) + at(i + 1, j, c) * u;
        let lower = at(i, j + 1, c) * (1.0 - u) + at(i + 1, j + 1, c) * u;
        upper * (1.0 - v) + lower * v
    })
}
