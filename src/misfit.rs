//! Values of the configuration that are out of their range.

use std::fmt::Display;
use std::ops::RangeInclusive;

/// A key whose value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} {message}")]
pub struct Misfit {
    /// The key below its section, dotted where it stands in a table of its own (`tls.ca_file`).
    pub key: String,
    /// The allowed values and the one given, to be read after the key.
    pub message: String,
}

impl Misfit {
    /// A misfit of `key`.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
        }
    }
}

/// Checks that `value` lies in `range`; `unit` follows the bounds in the message.
///
/// # Errors
/// A value outside of the range, and NaN.
pub fn within<T: PartialOrd + Display>(
    key: &str,
    value: T,
    range: RangeInclusive<T>,
    unit: &str,
) -> Result<(), Misfit> {
    if range.contains(&value) {
        return Ok(());
    }
    let (low, high) = (range.start(), range.end());
    let space = if unit.is_empty() { "" } else { " " };
    Err(Misfit::new(
        key,
        format!("must be {low} to {high}{space}{unit}, and is {value}"),
    ))
}

/// Fails a test unless each section of `rows` is refused with this key, and with this part of a
/// message.
#[cfg(test)]
pub(crate) fn expect_misfits<C: serde::de::DeserializeOwned>(
    check: impl Fn(&C) -> Result<(), Misfit>,
    rows: &[(&str, &str, &str)],
) {
    for (text, key, part) in rows {
        let config: C = toml::from_str(text).expect(text);
        let misfit = check(&config).expect_err(text);
        assert_eq!(misfit.key, *key, "{text}");
        assert!(misfit.message.contains(part), "{text}: {misfit}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_the_range_and_nan_does_not() {
        for value in [0.1, 1.0, 60.0] {
            assert_eq!(within("hold", value, 0.1..=60.0, "seconds"), Ok(()));
        }
        for value in [0.09, 60.1, f64::INFINITY, f64::NAN] {
            let misfit = within("hold", value, 0.1..=60.0, "seconds").unwrap_err();
            assert_eq!(
                misfit.to_string(),
                format!("hold must be 0.1 to 60 seconds, and is {value}")
            );
        }
    }

    #[test]
    fn a_message_shows_the_number_that_the_user_wrote() {
        let misfit = within("threshold", 1.1_f32, 0.0..=1.0, "").unwrap_err();
        assert_eq!(misfit.message, "must be 0 to 1, and is 1.1");
        let misfit = within("threads", 17_usize, 1..=16, "").unwrap_err();
        assert_eq!(misfit.message, "must be 1 to 16, and is 17");
    }
}
