//! `goldcrest record`: frames of the configured source into a folder, for replay, teaching and
//! calibration.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::ConfigOption;
use crate::config::Config;
use crate::escape::{Lines, OneLine};
use crate::exit;
use crate::frame::Frame;
use crate::meter::Tally;
use crate::record::{self, Limits, Recorder, Written};
use crate::setup::{self, Failure};
use crate::signals::Stop;
use crate::source::{self, AtEnd, Monitor, Next, Source, SourceKind};

/// Options of `goldcrest record`.
#[derive(clap::Args)]
pub struct Options {
    /// A folder that is new or empty; it is created with the first frame
    #[arg(value_name = "OUT_DIR")]
    folder: PathBuf,
    /// A recording or an address, as of `replay`, instead of the configured source
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigOption,
    /// Frames to write; without it, until Ctrl-C, the end of the source or --max-bytes
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
    /// Most bytes to write, as in 500M or 2G
    #[arg(long, value_name = "BYTES", default_value = "1G", value_parser = bytes)]
    max_bytes: u64,
    /// Bytes of the disk to leave free
    #[arg(long, value_name = "BYTES", default_value = "256M", value_parser = bytes)]
    keep_free: u64,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let mut loaded = setup::configuration(options.config.path.as_deref())?;
    if let Some(from) = &options.from {
        read_from(&mut loaded.config, from)?;
    }
    let config = &loaded.config;
    let stop = Stop::on_signals().map_err(Failure::system)?;
    let limits = Limits {
        max_bytes: options.max_bytes,
        keep_free: options.keep_free,
    };
    let mut recorder = Recorder::new(&options.folder, limits, &config.vision)?;
    let mut opened = source::open(config.sections(loaded.folder()), &stop)?;
    opened.camera.allow(config.memory.bytes());
    log::info!(
        "recording {} into {}",
        opened.says,
        options.folder.display()
    );
    let mut bad = Tally::new();
    let ended = fill(
        &mut recorder,
        &mut *opened.source,
        &opened.camera,
        options.frames,
        &mut bad,
        &stop,
    );
    let synced = recorder.sync().map_err(Failure::from);
    opened.camera.note_bad(opened.source.passed_over());
    let mut drops = opened.camera.counters().drops();
    drops.add_all(&bad);
    let written = match recorder.frames() {
        0 => "0 frames, nothing was written".into(),
        frames => {
            let mib = recorder.bytes() as f64 / f64::from(1 << 20);
            format!(
                "{frames} frames, {mib:.1} MiB, in {}",
                OneLine(options.folder.display())
            )
        }
    };
    // Nothing can be said to one who closed it.
    let _ = writeln!(io::stdout(), "{}; dropped: {drops}", Lines(written));
    ended.and(synced)
}

/// Makes `from` the source of `config`.
fn read_from(config: &mut Config, from: &Path) -> Result<(), Failure> {
    let address = from.to_str().filter(|text| source::is_web(text));
    if let Some(address) = address {
        config.source.kind = SourceKind::Http;
        config.http = config.http.at(address);
        return Ok(());
    }
    config.source.kind = SourceKind::Recording;
    config.source.at_end = AtEnd::Stop;
    // A relative path starts here, not at the folder of the configuration.
    let whole = from == Path::new("-") || from.to_str().is_some_and(source::is_address);
    config.source.path = Some(if whole {
        from.into()
    } else {
        std::path::absolute(from).map_err(|e| Failure::new(exit::IO, e))?
    });
    Ok(())
}

/// Writes frames until there are enough, the source ends, or the end is asked for.
fn fill(
    recorder: &mut Recorder,
    source: &mut dyn Source,
    camera: &Monitor,
    frames: Option<u64>,
    bad: &mut Tally,
    stop: &Stop,
) -> Result<(), Failure> {
    let mut frame = Frame::empty();
    while !stop.requested() && frames.is_none_or(|frames| recorder.frames() < frames) {
        match source.next(&mut frame)? {
            Next::Frame => {}
            Next::Idle => continue,
            Next::End => break,
        }
        match recorder.write(&frame, || camera.status()) {
            Ok(Written::Whole) => {}
            Ok(Written::Beyond(needed)) if recorder.frames() == 0 => {
                let message = format!(
                    "--max-bytes has no room for one frame: the first takes {needed} bytes with its lines; allow more"
                );
                return Err(Failure::new(exit::USAGE, message));
            }
            Ok(Written::Beyond(_)) => {
                log::info!("the next frame would go beyond --max-bytes");
                break;
            }
            Err(record::Error::Frame(e)) => {
                bad.add(e.cause());
                log::warn!("frame {}: {e}; passed over", frame.seq);
            }
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// A number of bytes, with K, M or G for powers of 1024.
fn bytes(text: &str) -> Result<u64, &'static str> {
    let (number, shift) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number: Option<u64> = number.parse().ok();
    number
        .and_then(|n| n.checked_mul(1 << shift))
        .ok_or("must be a number of bytes, as in 1000000, 500M or 2G")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit() {
        assert_eq!(bytes("1000000"), Ok(1_000_000));
        assert_eq!(bytes("2k"), Ok(2048));
        assert_eq!(bytes("500M"), Ok(500 << 20));
        assert_eq!(bytes("1G"), Ok(1 << 30));
        for text in ["", "M", "1.5G", "-1", "1T", "99999999999G", "é"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
