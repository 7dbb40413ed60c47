//! The temperature of the board.

use std::fs;
use std::path::Path;

/// The folder of the kernel's thermal zones.
const THERMAL: &str = "/sys/class/thermal";

/// The temperature of the hottest thermal zone, in degrees Celsius with one decimal; `None` on a
/// machine without thermal zones.
pub(crate) fn temperature() -> Option<f64> {
    hottest(Path::new(THERMAL))
}

fn hottest(folder: &Path) -> Option<f64> {
    let zones = fs::read_dir(folder).ok()?.flatten();
    let degrees = zones.filter_map(|zone| {
        let text = fs::read_to_string(zone.path().join("temp")).ok()?;
        let degrees = text.trim().parse::<f64>().ok()? / 1000.0;
        // A zone without a sensor reports 0 or an absurd value.
        (degrees > 0.0 && degrees < 200.0).then_some(degrees)
    });
    let hottest = degrees.fold(0.0, f64::max);
    (hottest > 0.0).then_some((hottest * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_zones_has_no_temperature() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(hottest(&folder.path().join("none")), None);
        assert_eq!(hottest(folder.path()), None);
    }

    #[test]
    fn the_hottest_plausible_zone_counts() {
        let folder = tempfile::tempdir().unwrap();
        for (zone, text) in [
            ("a", "41200\n"),
            ("b", "48312\n"),
            ("c", "-274000\n"),
            ("d", "x"),
        ] {
            let zone = folder.path().join(zone);
            fs::create_dir(&zone).unwrap();
            fs::write(zone.join("temp"), text).unwrap();
        }
        assert_eq!(hottest(folder.path()), Some(48.3));
    }
}
