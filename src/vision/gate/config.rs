//! The section `[gate]` of the configuration.

use serde::Deserialize;

use crate::misfit::{Misfit, within};

/// When inference may be skipped, section `[gate]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateConfig {
    /// Whether still scenes are skipped at all.
    pub enabled: bool,
    /// Luma levels by which one of the 256 cells of the picture must change, above 0 and at most
    /// 255.
    pub threshold: f32,
    /// Most pictures a second to glance at while the gate is closed, 0.1 to 240.
    pub glances: f64,
    /// Seconds after the last motion for which frames are classified, 0 to 3600.
    pub hold: f64,
    /// Seconds after which a frame is classified even if nothing moves, 0.1 to 86400.
    pub max_interval: f64,
    /// Mean luma, of 255, below which the picture counts as dark, 0 to 255.
    pub dark: f32,
    /// Seconds of bit-identical pictures after which the camera counts as stuck, 1 to 86400.
    pub stuck: f64,
    /// Whether a stuck camera is opened again, or its program started again.
    pub reopen_stuck: bool,
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
            reopen_stuck: false,
        }
    }
}

impl GateConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// The first key that is out of its range, with the range.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::misfit::expect_misfits;

    #[test]
    fn each_key_out_of_its_range_is_named() {
        assert_eq!(GateConfig::default().check(), Ok(()));
        expect_misfits(
            GateConfig::check,
            &[
                ("threshold = 0.0", "threshold", ""),
                ("threshold = nan", "threshold", ""),
                ("glances = 0.0", "glances", ""),
                ("hold = -1.0", "hold", ""),
                ("max_interval = 0.0", "max_interval", ""),
                ("dark = 300.0", "dark", ""),
                ("stuck = 0.0", "stuck", ""),
            ],
        );
    }
}
