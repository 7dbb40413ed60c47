//! The names of kept pictures: when, why, which label and with what score.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second that a name can express, 9999-12-31T23:59:59Z, in seconds since 1970.
const LAST_SECOND: u64 = 253_402_300_799;
/// Bytes of a name's time, as in `20261127T013500Z`.
const TIME: usize = 16;
/// The most bytes of a label in a name. File systems allow 255 in all.
const LABEL: usize = 120;
/// How a name ends.
const ENDING: &str = ".jpg";

/// Why a picture was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The published label changed.
    Changed,
    /// No label was claimed, or one was barely.
    Uncertain,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Uncertain => "uncertain",
        }
    }

    fn read(word: &str) -> Option<Self> {
        [Self::Changed, Self::Uncertain]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

/// The name of a kept picture, as in `20261127T013500Z-changed-open-0.93.jpg`: its time in UTC, the
/// kind, the label and the score. Names in the order of their bytes are in the order of time.
///
/// A label's letters and digits of all scripts, its emoji, `-`, `_`, `.` and `+` stand as they are.
/// Each other character becomes `_`, so that every file system and every shell takes the name. Long
/// labels are cut. A label may hold `-`: the parts before it and behind it hold none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name {
    /// When the picture was captured, in whole seconds.
    pub(crate) time: SystemTime,
    /// Why it was kept.
    pub(crate) kind: Kind,
    /// The label as it stands in the name.
    pub(crate) label: String,
    /// The label's score in hundredths, 0 to 100.
    pub(crate) hundredths: u8,
}

impl Name {
    /// The name for a picture of `label` with `score`, 0 to 1. A board without a clock may report
    /// any `time`, so it is clamped to the years 1970 to 9999.
    pub(crate) fn new(time: SystemTime, kind: Kind, label: &str, score: f32) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            time: UNIX_EPOCH + Duration::from_secs(since.as_secs().min(LAST_SECOND)),
            kind,
            label: safe(label),
            hundredths: (score.clamp(0.0, 1.0) * 100.0).round() as u8,
        }
    }

    /// Reads a file's name. Returns `None` for all that [`Name`] does not write.
    pub(crate) fn parse(file: &str) -> Option<Self> {
        let (time, rest) = file.split_at_checked(TIME)?;
        let rest = rest.strip_prefix('-')?.strip_suffix(ENDING)?;
        let (kind, rest) = rest.split_once('-')?;
        let (label, score) = rest.rsplit_once('-')?;
        let name = Self {
            time: read_time(time)?,
            kind: Kind::read(kind)?,
            label: label.into(),
            hundredths: read_hundredths(score)?,
        };
        (name.to_string() == file && safe(label) == label).then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = stamp(self.time);
        let (kind, label) = (self.kind.word(), &self.label);
        let (whole, rest) = (self.hundredths / 100, self.hundredths % 100);
        write!(f, "{time}-{kind}-{label}-{whole}.{rest:02}{ENDING}")
    }
}

/// A time as in `20261127T013500Z`.
fn stamp(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.replace(['-', ':'], "")
}

/// Reads a time as in `20261127T013500Z`. humantime reads none after 2038 on 32 bits.
fn read_time(time: &str) -> Option<SystemTime> {
    let part = |from: usize, to: usize| time.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hours, minutes, seconds) = (part(9, 11)?, part(11, 13)?, part(13, 15)?);
    // Years that begin in March have their leap day last. The days before each of their months
    // are those of a line, rounded down.
    let (year, month) = match month {
        1 | 2 => (year.checked_sub(1)?, month + 9),
        3..=12 => (year, month - 3),
        _ => return None,
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    // The first day of 1970 has the number that is taken away.
    let days = days.checked_sub(719_469)?;
    let since = ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
    let found = UNIX_EPOCH + Duration::from_secs(since.min(LAST_SECOND));
    // So a 30th of February or a 25th hour is none.
    (stamp(found) == time).then_some(found)
}

/// Reads a score as in `0.93`.
fn read_hundredths(score: &str) -> Option<u8> {
    let hundredths = (score.parse::<f32>().ok()? * 100.0).round() as u8;
    (hundredths <= 100).then_some(hundredths)
}

/// The label with only what every file system and every shell takes, and not too long.
fn safe(label: &str) -> String {
    let mut safe = String::new();
    for c in label.chars() {
        let c = if stands(c) { c } else { '_' };
        if safe.len() + c.len_utf8() > LABEL {
            break;
        }
        safe.push(c);
    }
    if safe.is_empty() {
        safe.push('_');
    }
    safe
}

/// Returns true for a character that stands in a name as it is.
fn stands(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || "-_.+".contains(c);
    }
    // Marks that nobody sees, some of which turn the order of what follows. U+200D joins emoji.
    let unseen = matches!(c, '\u{200b}'..='\u{200c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    !c.is_control() && !c.is_whitespace() && !unseen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-27T01:35:00Z.
    fn time() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_743_300)
    }

    fn written(label: &str, score: f32) -> String {
        Name::new(time(), Kind::Changed, label, score).to_string()
    }

    #[test]
    fn a_name_tells_time_kind_label_and_score() {
        let name = Name::new(time(), Kind::Changed, "open", 0.934);
        assert_eq!(name.to_string(), "20261127T013500Z-changed-open-0.93.jpg");
        let name = Name::new(time(), Kind::Uncertain, "half-open", 1.0);
        let text = "20261127T013500Z-uncertain-half-open-1.00.jpg";
        assert_eq!(name.to_string(), text);
        assert_eq!(Name::parse(text), Some(name));
    }

    #[test]
    fn every_label_makes_a_name_that_every_system_takes() {
        for (label, wanted) in [
            ("Tür auf", "Tür_auf"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("a\\b:c*?\"<>|$`'!;&", "a_b_c____________"),
            ("🚗 voll 👩‍👧", "🚗_voll_👩‍👧"),
            ("a\nb\u{202e}gpj.exe\0", "a_b_gpj.exe_"),
            ("", "_"),
        ] {
            let label_of = |name: &str| Name::parse(name).unwrap().label;
            assert_eq!(label_of(&written(label, 0.5)), wanted);
        }
        let long = written(&"🐿️ä".repeat(40), 0.5);
        assert!(long.len() <= 160 && Name::parse(&long).is_some(), "{long}");
    }

    #[test]
    fn every_score_is_read_as_it_was_written() {
        for hundredths in 0..=100_u8 {
            let text = written("a", f32::from(hundredths) / 100.0);
            assert_eq!(Name::parse(&text).unwrap().hundredths, hundredths);
        }
        assert!(written("a", f32::NAN).ends_with("-a-0.00.jpg"));
    }

    #[test]
    fn names_of_others_are_not_read() {
        for name in [
            "",
            "20261127T013500Z",
            "holiday.jpg",
            "20261127T013500Z-changed-open-0.93.png",
            "20261127T013500Z-changed-open-0.9.jpg",
            "20261127T013500Z-changed-open-+.93.jpg",
            "20261127T013500Z-changed-open-1.01.jpg",
            "20261127T013500Z-moved-open-0.93.jpg",
            "20261127T013500Z-changed--0.93.jpg",
            "20261127T013500Z-changed-a b-0.93.jpg",
            "20261327T013500Z-changed-open-0.93.jpg",
            "2026-11-27T0135Z-changed-open-0.93.jpg",
            "20261127T013500Z-changed-open-0.93.jpg.part",
            "äöüäöüäöüäöüäöü-changed-open-0.93.jpg",
        ] {
            assert_eq!(Name::parse(name), None, "{name}");
        }
    }

    #[test]
    fn days_of_eight_thousand_years_are_read_as_they_were_written() {
        for day in (0..=LAST_SECOND / 86_400).step_by(37) {
            let time = UNIX_EPOCH + Duration::from_secs(86_400 * day + day % 86_400);
            assert_eq!(read_time(&stamp(time)), Some(time), "{day}");
        }
        for none in [
            "20260229T000000Z",
            "20261301T000000Z",
            "20260101T240000Z",
            "20260101T006000Z",
        ] {
            assert_eq!(read_time(none), None, "{none}");
        }
    }

    #[test]
    fn a_clock_that_nobody_set_makes_a_name_too() {
        let hour = Duration::from_secs(3600);
        let late = UNIX_EPOCH + Duration::from_secs(LAST_SECOND) + hour;
        for (time, text) in [(UNIX_EPOCH - hour, "19700101T"), (late, "99991231T")] {
            let name = Name::new(time, Kind::Uncertain, "a", 0.0).to_string();
            assert!(name.starts_with(text) && Name::parse(&name).is_some());
        }
    }
}
