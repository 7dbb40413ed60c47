//! The fields that several payloads share: version, times and scores.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

/// The version of the format of all payloads, written as `v`.
pub(crate) const VERSION: u8 = 1;

/// The last second that RFC 3339 can express, 9999-12-31T23:59:59Z, in seconds since 1970.
const LAST_SECOND: u64 = 253_402_300_799;

/// What a label was told of and by: the region, and the hashes of the network and of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes<'a> {
    /// The region's name; `None` for the whole picture.
    pub region: Option<&'a str>,
    /// SHA-256 of the model's ONNX file, in hex.
    pub model: &'a str,
    /// SHA-256 of the taught head's file, in hex; `None` with the network's own classifier.
    pub head: Option<&'a str>,
}

impl<'a> From<&'a str> for Hashes<'a> {
    /// The model of this hash with its own classifier.
    fn from(model: &'a str) -> Self {
        Self {
            region: None,
            model,
            head: None,
        }
    }
}

/// A point in time, written as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) SystemTime);

impl Time {
    /// Time since 1970, clamped to what RFC 3339 can express: a board without a battery-backed
    /// clock may report any date.
    fn since_epoch(self) -> Duration {
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        since.min(Duration::from_secs(LAST_SECOND))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH + self.since_epoch();
        humantime::format_rfc3339_millis(time).fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A score of 0 to 1, rounded to four decimals when written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Score(pub(crate) f32);

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((f64::from(self.0) * 1e4).round() / 1e4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_outside_of_rfc_3339_are_clamped() {
        let text = |time| serde_json::to_string(&Time(time)).unwrap();
        let hour = Duration::from_secs(3600);
        assert_eq!(text(UNIX_EPOCH - hour), r#""1970-01-01T00:00:00.000Z""#);
        let far = UNIX_EPOCH + Duration::from_secs(LAST_SECOND) + hour;
        assert_eq!(text(far), r#""9999-12-31T23:59:59.000Z""#);
    }

    #[test]
    fn scores_are_rounded_to_four_decimals() {
        for (score, text) in [
            (0.1f32, "0.1"),
            (0.99996, "1.0"),
            (1.0 / 3.0, "0.3333"),
            (0.0, "0.0"),
        ] {
            assert_eq!(serde_json::to_string(&Score(score)).unwrap(), text);
        }
    }
}
