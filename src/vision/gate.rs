//! Whether a picture is worth an inference: the motion gate, and what else is told by looking at pictures over time.
//!
//! The prepared picture is reduced to the mean luma of 16 by 16 cells. The gate opens when a cell differs from what
//! the last inference saw, stays open for a while, so that what is said can settle, and opens at the latest after
//! the maximum interval. Slow changes open it too, because the comparison is not with the frame before.

use std::time::Duration;

use serde::Deserialize;

use crate::engine::Input;

/// Cells a side.
const CELLS: usize = 16;
/// ITU-R BT.601 luma of red, green and blue.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// When inference may be skipped, section `[gate]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateConfig {
    /// Whether still scenes are skipped at all.
    pub enabled: bool,
    /// Luma levels, of 255, by which one of the 256 cells of the picture must change, above 0 to 255.
    pub threshold: f32,
    /// Seconds for which frames are looked at after the last motion, 0 to 3600.
    pub hold: f64,
    /// Seconds after which a frame is looked at even if nothing moves, 0.1 to 86400.
    pub max_interval: f64,
    /// Mean luma, of 255, below which the picture counts as dark, 0 to 255.
    pub dark: f32,
    /// Seconds of bit-identical pictures after which the camera counts as stuck, 1 to 86400.
    pub stuck: f64,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            threshold: 6.0,
            hold: 2.0,
            max_interval: 10.0,
            dark: 12.0,
            stuck: 30.0,
        }
    }
}

impl GateConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// The first key that is out of its range, and what is allowed.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let within = |key, value: f64, low: f64, high: f64, unit: &str| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err((
                key,
                format!("must be {low} to {high}{unit}, and is {value}"),
            ))
        };
        if self.threshold <= 0.0 {
            return Err(("threshold", "must be above 0: noise alone reaches 0".into()));
        }
        within("threshold", self.threshold.into(), 0.0, 255.0, " levels")?;
        within("hold", self.hold, 0.0, 3600.0, " seconds")?;
        within("max_interval", self.max_interval, 0.1, 86400.0, " seconds")?;
        within("dark", self.dark.into(), 0.0, 255.0, " levels")?;
        within("stuck", self.stuck, 1.0, 86400.0, " seconds")
    }
}

/// What one picture is, seen after those before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Whether it is worth an inference.
    pub open: bool,
    /// The largest change of a cell since the last inference, in luma levels of 255.
    pub motion: f32,
    /// Mean luma, 0 to 255.
    pub luma: f32,
    /// Whether it is too dark to see anything.
    pub dark: bool,
    /// Whether the camera has sent the very same picture for too long.
    pub stuck: bool,
}

/// The gate, with what it must remember.
#[derive(Clone, Debug)]
pub struct Gate {
    config: GateConfig,
    hold: Duration,
    max_interval: Duration,
    stuck: Duration,
    width: usize,
    height: usize,
    /// What a normalised value is in luma levels: factor and offset of each channel.
    scale: [f32; 3],
    offset: f32,
    cells: [f32; CELLS * CELLS],
    reference: [f32; CELLS * CELLS],
    /// When the last inference, the last motion, and the last picture unlike its predecessor were.
    inferred: Option<Duration>,
    moved: Option<Duration>,
    changed: Duration,
    print: Option<u64>,
}

impl Gate {
    /// A gate for pictures prepared for `input`. It is open for the first one.
    pub fn new(config: &GateConfig, input: &Input) -> Self {
        let time = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let channel = |c: usize| LUMA[c] * input.std[c] * 255.0;
        Self {
            hold: time(config.hold),
            max_interval: time(config.max_interval),
            stuck: time(config.stuck),
            config: config.clone(),
            width: input.width,
            height: input.height,
            scale: [channel(0), channel(1), channel(2)],
            offset: (0..3).map(|c| LUMA[c] * input.mean[c] * 255.0).sum(),
            cells: [0.0; CELLS * CELLS],
            reference: [0.0; CELLS * CELLS],
            inferred: None,
            moved: None,
            changed: Duration::ZERO,
            print: None,
        }
    }

    /// Looks at a prepared picture, f32 `[3, height, width]`, captured at `elapsed`. If the gate is open the picture
    /// is taken to be inferred, and the next ones are compared with it.
    pub fn look(&mut self, input: &[f32], elapsed: Duration) -> Look {
        self.reduce(input);
        let luma = self.cells.iter().sum::<f32>() / self.cells.len() as f32;
        let changes = self.cells.iter().zip(&self.reference);
        let motion = changes.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let since = |then: Duration| elapsed.saturating_sub(then);

        let print = fingerprint(input);
        if self.print.replace(print) != Some(print) {
            self.changed = elapsed;
        }
        let first = self.inferred.is_none();
        if first || motion >= self.config.threshold {
            self.moved = Some(elapsed);
        }
        let open = !self.config.enabled
            || self.moved.is_some_and(|moved| since(moved) <= self.hold)
            || self
                .inferred
                .is_none_or(|then| since(then) >= self.max_interval);
        if open {
            self.inferred = Some(elapsed);
            self.reference = self.cells;
        }
        let dark = luma < self.config.dark;
        Look {
            open,
            motion: if first { 0.0 } else { motion },
            luma,
            dark,
            // A sensor in the dark may well send nothing but zeros.
            stuck: !dark && since(self.changed) >= self.stuck,
        }
    }

    /// The mean luma of each cell.
    fn reduce(&mut self, input: &[f32]) {
        let (width, height) = (self.width, self.height);
        let plane = width * height;
        if input.len() < 3 * plane || plane == 0 {
            return;
        }
        let part = |index: usize, size: usize| {
            let first = (index * size / CELLS).min(size - 1);
            first..((index + 1) * size / CELLS).max(first + 1)
        };
        for row in 0..CELLS {
            let rows = part(row, height);
            for column in 0..CELLS {
                let columns = part(column, width);
                let pixels = (rows.len() * columns.len()) as f32;
                let mut luma = self.offset;
                for (channel, scale) in self.scale.iter().enumerate() {
                    let lines = rows.clone().map(|y| channel * plane + y * width);
                    let sum: f32 = lines
                        .map(|at| {
                            input[at + columns.start..at + columns.end]
                                .iter()
                                .sum::<f32>()
                        })
                        .sum();
                    luma += scale * sum / pixels;
                }
                self.cells[row * CELLS + column] = luma;
            }
        }
    }
}

/// Tells pictures apart that differ in a single bit, as any sensor's do by its noise; FNV-1a over words.
fn fingerprint(input: &[f32]) -> u64 {
    input.iter().fold(0xcbf2_9ce4_8422_2325, |print, value| {
        (print ^ u64::from(value.to_bits())).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Resize;

    fn input() -> Input {
        Input {
            width: 128,
            height: 128,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
            resize: Resize::Squash,
        }
    }

    /// A grey picture of this level with a square of another one in it.
    fn picture(level: f32, square: f32) -> Vec<f32> {
        let model = input();
        let mut picture = Vec::new();
        for c in 0..3 {
            for at in 0..128 * 128 {
                let inside = (40..48).contains(&(at % 128)) && (40..48).contains(&(at / 128));
                let level = if inside { square } else { level };
                picture.push((level / 255.0 - model.mean[c]) / model.std[c]);
            }
        }
        picture
    }

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn the_defaults_pass_and_each_key_out_of_its_range_is_named() {
        assert_eq!(GateConfig::default().check(), Ok(()));
        for (text, key) in [
            ("threshold = 0.0", "threshold"),
            ("threshold = nan", "threshold"),
            ("hold = -1.0", "hold"),
            ("max_interval = 0.0", "max_interval"),
            ("dark = 300.0", "dark"),
            ("stuck = 0.0", "stuck"),
        ] {
            let config: GateConfig = toml::from_str(text).unwrap();
            assert_eq!(config.check().unwrap_err().0, key, "{text}");
        }
    }

    #[test]
    fn a_still_scene_closes_the_gate_after_a_while_and_opens_it_at_the_maximum_interval() {
        let mut gate = Gate::new(&GateConfig::default(), &input());
        let still = picture(100.0, 100.0);
        let open: Vec<_> = (0..300)
            .map(|i| f64::from(i) / 10.0)
            .filter(|&time| gate.look(&still, at(time)).open)
            .collect();
        // Two seconds after the first picture, then one every ten seconds.
        assert_eq!(open.len(), 21 + 2);
        assert_eq!(open[20..], [2.0, 12.0, 22.0]);
    }

    #[test]
    fn a_small_thing_that_moves_opens_it_and_noise_does_not() {
        let mut gate = Gate::new(&GateConfig::default(), &input());
        gate.look(&picture(100.0, 100.0), at(0.0));
        let look = gate.look(&picture(100.0, 102.0), at(5.0));
        assert!(!look.open && (look.motion - 2.0).abs() < 0.01, "{look:?}");
        let look = gate.look(&picture(100.0, 112.0), at(5.1));
        assert!(look.open && (look.motion - 12.0).abs() < 0.01, "{look:?}");
    }

    #[test]
    fn a_slow_change_opens_it_too() {
        let mut gate = Gate::new(&GateConfig::default(), &input());
        gate.look(&picture(100.0, 100.0), at(0.0));
        let steps = (1..80).map(|i| i as f32 / 10.0);
        let opened = steps.clone().find(|&step| {
            let time = 3.0 + f64::from(step) / 2.0;
            gate.look(&picture(100.0, 100.0 + step), at(time)).open
        });
        let opened = opened.unwrap();
        assert!((6.0..6.3).contains(&opened), "{opened}");
    }

    #[test]
    fn a_gate_that_is_off_is_open() {
        let config = GateConfig {
            enabled: false,
            ..GateConfig::default()
        };
        let mut gate = Gate::new(&config, &input());
        let still = picture(100.0, 100.0);
        assert!((0..50).all(|i| gate.look(&still, at(f64::from(i))).open));
    }

    #[test]
    fn the_dark_and_a_stuck_camera_are_noticed() {
        let mut gate = Gate::new(&GateConfig::default(), &input());
        let night = gate.look(&picture(4.0, 4.0), at(0.0));
        assert!(night.dark && (night.luma - 4.0).abs() < 0.01, "{night:?}");
        assert!(!gate.look(&picture(4.0, 4.0), at(100.0)).stuck);
        let day = picture(90.0, 120.0);
        assert!(!gate.look(&day, at(101.0)).stuck);
        assert!(!gate.look(&day, at(130.0)).stuck);
        assert!(gate.look(&day, at(131.0)).stuck);
        // One bit of noise, and it is not.
        let mut noisy = day.clone();
        noisy[7] += 1e-4;
        let look = gate.look(&noisy, at(132.0));
        assert!(!look.stuck && !look.dark);
    }

    #[test]
    fn a_picture_smaller_than_the_cells_is_looked_at() {
        let model = Input {
            width: 5,
            height: 3,
            ..input()
        };
        let mut gate = Gate::new(&GateConfig::default(), &model);
        assert!(gate.look(&[0.0; 45], at(0.0)).open);
        assert!(!gate.look(&[0.0; 45], at(5.0)).open);
    }
}
