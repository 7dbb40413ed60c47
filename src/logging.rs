//! Log lines on standard error: plain on a terminal, with the priority that journald reads under
//! systemd.

use std::io::Write;

use ::log::{Level, LevelFilter};
use env_logger::Target;
use serde::Deserialize;

use crate::escape::OneLine;
use crate::misfit::Misfit;
use crate::terminal;

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
        .target(Target::Pipe(Box::new(terminal::Above)))
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
