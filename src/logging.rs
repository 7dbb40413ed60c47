//! Log lines on standard error: plain on a terminal, with the priority that journald reads under
//! systemd.

use std::fmt;
use std::io::Write;

use ::log::{Level, LevelFilter};
use serde::Deserialize;

use crate::misfit::Misfit;

/// Section `[log]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: LevelFilter,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            level: LevelFilter::Info,
        }
    }
}

impl Config {
    /// Checks the section.
    ///
    /// # Errors
    /// None; serde refuses what is not a level.
    pub fn check(&self) -> Result<(), Misfit> {
        Ok(())
    }
}

/// The syslog priority of a level (RFC 5424), which journald takes from a `<N>` before the line.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// Starts logging. Under systemd (`JOURNAL_STREAM` is set) a line carries its priority, elsewhere
/// its level.
///
/// A second call changes the level alone.
pub fn start(config: &Config) {
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let made = env_logger::Builder::new()
        // The level is held by `log::set_max_level`, so that it can change while the daemon runs.
        .filter_module("goldcrest", LevelFilter::Trace)
        .filter_level(LevelFilter::Warn)
        // The publisher reports the same in its own words, at a limited rate.
        .filter_module("rumqttc", LevelFilter::Off)
        .format(move |out, record| {
            let line = OneLine(record.args());
            if journal {
                writeln!(out, "<{}>{line}", priority(record.level()))
            } else {
                writeln!(out, "{:<5} {line}", record.level())
            }
        })
        .try_init();
    // An error means that it had been started before.
    drop(made);
    ::log::set_max_level(config.level);
}

/// A text on one line, in which control characters are escaped: what a file or a stranger wrote
/// must not look like a line of its own, nor steer a terminal.
struct OneLine<T>(T);

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Write::write_fmt(&mut Escaped(f), format_args!("{}", self.0))
    }
}

/// Escapes what is written to it.
struct Escaped<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            let plain = part.trim_end_matches(char::is_control);
            self.0.write_str(plain)?;
            for control in part[plain.len()..].chars() {
                write!(self.0, "{}", control.escape_default())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        for (text, line) in [
            ("settings.json: a", "settings.json: a"),
            ("a\nb\r\nc\n", "a\\nb\\r\\nc\\n"),
            ("\x1b[31mred für alle", "\\u{1b}[31mred für alle"),
            ("", ""),
        ] {
            assert_eq!(OneLine(text).to_string(), line);
            assert_eq!(OneLine(format_args!("{}", text)).to_string(), line);
        }
    }
}
