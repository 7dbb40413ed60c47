//! Whether a picture is worth an inference: the motion gate, and what else is told by looking at
//! pictures over time.
//!
//! Each picture is glanced at as the mean luma of 16 by 16 cells. The gate opens when a cell
//! differs from what the last inference saw, stays open for a while, so that what is said can
//! settle, and opens at the latest after the maximum interval. Slow changes open it too, because
//! the comparison is not with the frame before.
//!
//! While it is closed, no more than so many pictures a second are glanced at, and one that comes
//! between counts as the last one did.

use std::time::Duration;

use serde::Deserialize;

use crate::misfit::{Misfit, within};

use super::Config;
use super::glance::{Cells, Glance, SIDE};
use crate::engine::Input;
use crate::frame::{Error, PictureState, PixelFormat, View};

/// How much brighter than `dark` a picture must be to end the night, so that it does not end at
/// every flicker.
const DAWN: f32 = 1.25;

/// How much of the pause between two glances is enough, so that a frame that comes a little early
/// is not passed over for one that comes late.
const EARLY: f64 = 0.9;

/// When inference may be skipped, section `[gate]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateConfig {
    /// Whether still scenes are skipped at all.
    pub enabled: bool,
    /// Luma levels, of 255, by which one of the 256 cells of the picture must change, above 0 to
    /// 255.
    pub threshold: f32,
    /// Pictures a second, at most, that are glanced at while the gate is closed, 0.1 to 240.
    pub glances: f64,
    /// Seconds for which frames are classified after the last motion, 0 to 3600.
    pub hold: f64,
    /// Seconds after which a frame is classified even if nothing moves, 0.1 to 86400.
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
            glances: 4.0,
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
    pub fn check(&self) -> Result<(), Misfit> {
        if self.threshold <= 0.0 {
            return Err(Misfit::new(
                "threshold",
                "must be above 0: noise alone reaches 0",
            ));
        }
        within("threshold", self.threshold, 0.0..=255.0, "levels")?;
        within("glances", self.glances, 0.1..=240.0, "a second")?;
        within("hold", self.hold, 0.0..=3600.0, "seconds")?;
        within("max_interval", self.max_interval, 0.1..=86400.0, "seconds")?;
        within("dark", self.dark, 0.0..=255.0, "levels")?;
        within("stuck", self.stuck, 1.0..=86400.0, "seconds")
    }
}

/// What one picture is, seen after those before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateReading {
    /// Whether it is worth an inference.
    pub open: bool,
    /// The largest change of a cell since the last inference, in luma levels of 255.
    pub motion: f32,
    /// Mean luma, 0 to 255.
    pub luma: f32,
    /// Whether it is too dark to see anything, or the camera has sent the very same picture for too
    /// long.
    pub condition: PictureState,
}

/// The gate, with what it must remember.
pub struct Gate {
    config: GateConfig,
    hold: Duration,
    max_interval: Duration,
    stuck: Duration,
    /// Least time from one glance to the next while the gate is closed.
    pause: Duration,
    glance: Glance,
    cells: Cells,
    reference: Cells,
    /// When the last inference, the last motion, and the last picture unlike its predecessor were.
    inferred: Option<Duration>,
    moved: Option<Duration>,
    changed: Duration,
    print: Option<(usize, u32)>,
    dark: bool,
    /// What the last glance told, and when, if the gate is closed.
    closed: Option<(Duration, GateReading)>,
}

impl Gate {
    /// A gate for pictures of which `vision` cuts out a part for `input`. It is open for the first
    /// one.
    pub fn new(config: &GateConfig, vision: &Config, input: &Input) -> Self {
        let time = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        Self {
            hold: time(config.hold),
            max_interval: time(config.max_interval),
            stuck: time(config.stuck),
            pause: time(EARLY / config.glances),
            config: config.clone(),
            glance: Glance::new(vision, input),
            cells: [0.0; SIDE * SIDE],
            reference: [0.0; SIDE * SIDE],
            inferred: None,
            moved: None,
            changed: Duration::ZERO,
            print: None,
            dark: false,
            closed: None,
        }
    }

    /// Looks at a picture captured at `elapsed`; `wanted` opens the gate whatever the picture
    /// shows. If it is open the picture is taken to be inferred, and the next ones are compared
    /// with it.
    ///
    /// # Errors
    /// What is wrong with the picture, which then counts for nothing.
    pub fn look(
        &mut self,
        view: View<'_>,
        elapsed: Duration,
        wanted: bool,
    ) -> Result<GateReading, Error> {
        let since = |then: Duration| elapsed.saturating_sub(then);
        let max_interval = self.max_interval;
        let due = |then: Duration| since(then) >= max_interval;
        if let Some((then, look)) = self.closed
            && !wanted
            && elapsed
                .checked_sub(then)
                .is_some_and(|time| time < self.pause)
            && !self.inferred.is_none_or(due)
        {
            return Ok(look);
        }
        if self.is_new(view)? {
            self.changed = elapsed;
        }
        let luma = self.cells.iter().sum::<f32>() / self.cells.len() as f32;
        let changes = self.cells.iter().zip(&self.reference);
        let motion = changes.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let first = self.inferred.is_none();
        if first || motion >= self.config.threshold {
            self.moved = Some(elapsed);
        }
        let open = wanted
            || !self.config.enabled
            || self.moved.is_some_and(|moved| since(moved) <= self.hold)
            || self.inferred.is_none_or(due);
        if open {
            self.inferred = Some(elapsed);
            self.reference = self.cells;
        }
        self.dark = luma < self.config.dark * if self.dark { DAWN } else { 1.0 };
        let look = GateReading {
            open,
            motion: if first { 0.0 } else { motion },
            luma,
            condition: match (self.dark, since(self.changed) >= self.stuck) {
                // A sensor in the dark may well send nothing but zeros.
                (true, _) => PictureState::Dark,
                (false, true) => PictureState::Stuck,
                (false, false) => PictureState::Ok,
            },
        };
        self.closed = (!open).then_some((elapsed, look));
        Ok(look)
    }

    /// Glances at a picture, and says whether it differs from the one before in a single bit.
    ///
    /// All bytes of a JPEG picture are cheaper to compare than its blocks are to decode. Of a raw
    /// one they are many, and are compared only where the cells do not tell; at the first such
    /// picture there is nothing yet to compare with.
    fn is_new(&mut self, view: View<'_>) -> Result<bool, Error> {
        let print = || (view.data.len(), crc32fast::hash(view.data));
        if view.format == PixelFormat::Jpeg {
            let print = print();
            if self.print == Some(print) {
                return Ok(false);
            }
            self.print = None;
            self.glance.look(view, &mut self.cells)?;
            self.print = Some(print);
            return Ok(true);
        }
        let before = self.cells;
        let looked = self.glance.look(view, &mut self.cells);
        if looked.is_err() || self.cells != before {
            self.print = None;
            return looked.map(|()| true);
        }
        let print = print();
        Ok(self
            .print
            .replace(print)
            .is_some_and(|before| before != print))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Resize;
    use crate::frame::Colour;

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
            data,
        }
    }

    fn look(gate: &mut Gate, data: &[u8], seconds: f64) -> GateReading {
        let at = Duration::from_secs_f64(seconds);
        gate.look(view(data), at, false).unwrap()
    }

    #[test]
    fn the_defaults_pass_and_each_key_out_of_its_range_is_named() {
        assert_eq!(GateConfig::default().check(), Ok(()));
        for (text, key) in [
            ("threshold = 0.0", "threshold"),
            ("threshold = nan", "threshold"),
            ("glances = 0.0", "glances"),
            ("hold = -1.0", "hold"),
            ("max_interval = 0.0", "max_interval"),
            ("dark = 300.0", "dark"),
            ("stuck = 0.0", "stuck"),
        ] {
            let config: GateConfig = toml::from_str(text).unwrap();
            assert_eq!(config.check().unwrap_err().key, key, "{text}");
        }
    }

    #[test]
    fn a_still_scene_closes_the_gate_after_a_while_and_opens_it_at_the_maximum_interval() {
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
    fn a_small_thing_that_moves_opens_it_and_noise_does_not() {
        let mut gate = gate(&GateConfig::default());
        look(&mut gate, &picture(100, 100), 0.0);
        let seen = look(&mut gate, &picture(100, 102), 5.0);
        assert!(!seen.open && (seen.motion - 2.0).abs() < 0.01, "{seen:?}");
        let seen = look(&mut gate, &picture(100, 112), 5.3);
        assert!(seen.open && (seen.motion - 12.0).abs() < 0.01, "{seen:?}");
    }

    #[test]
    fn a_still_scene_is_glanced_at_a_few_times_a_second_and_motion_is_seen_at_the_next() {
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
        // From then on every frame counts.
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
    fn a_gate_that_is_off_or_a_picture_that_is_wanted_is_let_through() {
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
    fn the_dark_and_a_stuck_camera_are_noticed() {
        let mut gate = gate(&GateConfig::default());
        let condition = |gate: &mut Gate, data: &[u8], at| look(gate, data, at).condition;
        let night = look(&mut gate, &picture(4, 4), 0.0);
        assert_eq!((night.condition, night.luma), (PictureState::Dark, 4.0));
        let same = condition(&mut gate, &picture(4, 4), 100.0);
        assert_eq!(
            same,
            PictureState::Dark,
            "zeros are no sign of a stuck camera"
        );
        // It takes more to end the night than to begin it.
        let dusk = picture(13, 13);
        assert_eq!(condition(&mut gate, &dusk, 100.5), PictureState::Dark);
        let day = picture(90, 120);
        assert_eq!(condition(&mut gate, &day, 101.0), PictureState::Ok);
        assert_eq!(condition(&mut gate, &dusk, 102.0), PictureState::Ok);
        assert_eq!(condition(&mut gate, &day, 103.0), PictureState::Ok);
        assert_eq!(condition(&mut gate, &day, 132.0), PictureState::Ok);
        assert_eq!(condition(&mut gate, &day, 133.0), PictureState::Stuck);
        // One bit of noise, where the glance does not even look, and it is not.
        let mut noisy = day.clone();
        noisy[7] ^= 1;
        assert_eq!(condition(&mut gate, &noisy, 134.0), PictureState::Ok);
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
}
