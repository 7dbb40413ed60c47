//! Which labels can be taught, when they cannot, and when a lesson was.

use std::time::{Duration, SystemTime};

use crate::engine::{NOTHING, check_label};
use crate::publish::Unknown;

/// When a frame came. A recording's clock may be of any year; what is taught now is of now.
pub(super) fn moment(captured: SystemTime) -> SystemTime {
    let now = SystemTime::now();
    let apart = now
        .duration_since(captured)
        .unwrap_or_else(|e| e.duration());
    if apart < Duration::from_secs(60) {
        captured
    } else {
        now
    }
}

/// Refuses what can be no label.
pub(super) fn check(label: &str, unknown: &str) -> Result<(), String> {
    check_label(label)?;
    if label == unknown {
        return Err(format!(
            "{label:?} is observe.unknown, which stands for no label; teach {NOTHING:?} for pictures of nothing"
        ));
    }
    if label != NOTHING && label.eq_ignore_ascii_case(NOTHING) {
        return Err(format!("write {NOTHING:?} for pictures of nothing"));
    }
    Ok(())
}

/// Why a frame is no example.
pub(super) fn why_not(reason: Unknown) -> &'static str {
    match reason {
        Unknown::Paused => "frames are passed over while paused; send resume first",
        Unknown::CameraLost => "the camera is lost; teach again once it delivers pictures",
        Unknown::Dark => "the pictures are dark and show nothing to teach",
        Unknown::Stuck => "the camera repeats the same picture, which may be an old one",
        _ => "no picture shows the present",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_held_to_their_rules() {
        let longest = "🦀".repeat(64);
        for label in ["open", "halb öffen", "none", "a/b", &longest] {
            assert_eq!(check(label, "unknown"), Ok(()), "{label}");
        }
        let longer = "🦀".repeat(65);
        for (label, why) in [
            (longer.as_str(), "64 are the most"),
            ("", "blank"),
            (" ", "blank"),
            ("a\nb", "control character"),
            ("unknown", "is observe.unknown"),
            ("NONE", "write \"none\""),
        ] {
            let refused = check(label, "unknown").unwrap_err();
            assert!(refused.contains(why), "{label:?}: {refused}");
        }
    }

    #[test]
    fn a_lesson_is_of_now_whatever_a_recording_says() {
        let now = SystemTime::now();
        let recent = now - Duration::from_secs(2);
        assert_eq!(moment(recent), recent);
        for far in [SystemTime::UNIX_EPOCH, now + Duration::from_secs(86_400)] {
            let apart = moment(far).duration_since(now).unwrap();
            assert!(apart < Duration::from_secs(30), "{apart:?}");
        }
    }
}
