//! `goldcrest pick`: the frames of a recording that differ most, as files to be sorted.

mod candidates;
mod features;
mod held;
mod page;
mod write;

use std::path::{Path, PathBuf};

use self::candidates::{Candidate, Candidates};
use self::features::{Features, Seen};
use super::featured::featured;
use super::progress::Progress;
use super::{ConfigOption, say};
use crate::config::Loaded;
use crate::escape::OneLine;
use crate::exit;
use crate::frame::Frame;
use crate::record;
use crate::setup::{self, Failure};
use crate::signals::Stop;
use crate::source::{self, Fetched, Recording, RecordingOptions};
use crate::vision::Gate;

/// Options of `goldcrest pick`.
#[derive(clap::Args)]
pub struct Options {
    /// What `replay` reads: a folder that `record` made, a folder of pictures, MJPEG, Y4M or a
    /// video file, a FIFO, or - for standard input
    recording: PathBuf,
    /// A folder that is new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Frames to pick, 1 to 500
    #[arg(long, value_name = "N", default_value = "30", value_parser = clap::value_parser!(u16).range(1..=500))]
    count: u16,
    #[command(flatten)]
    config: ConfigOption,
}

/// What was found in a recording.
struct Found {
    candidates: Candidates,
    /// Frames that were looked at, and those that cannot be read.
    frames: u64,
    bad: u64,
    /// Whether one file holds all.
    one_file: bool,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let path = &options.recording;
    let loaded = setup::configuration(options.config.path.as_deref())?;
    let stop = Stop::on_signals().map_err(Failure::system)?;
    record::check_vacant(&options.out)?;
    let once = Recording::is_stream(path)?;
    let mut recording = open(path, &loaded, &stop)?;
    let film = recording.is_film(false);
    let pictures = || write::Pictures::new(&options.out, &loaded.config.vision, path, film);
    // What comes once cannot be read again for the picked frames.
    let mut holding = once.then(pictures).transpose()?;
    let found = look(&mut recording, &loaded, holding.as_mut(), &stop)?;
    drop(recording);
    let (frames, bad) = (found.frames, found.bad);
    if frames == bad {
        if once {
            // Nothing was held, so it is empty.
            let _ = std::fs::remove_dir(&options.out);
        }
        let message = format!(
            "{}: none of its frames could be decoded; is it a recording?",
            source::shown_path(path).display()
        );
        return Err(Failure::new(exit::DATA, message));
    }
    let one_file = found.one_file;
    let picked = found.candidates.pick(options.count.into());
    let mut written = match holding {
        Some(holding) => holding,
        None => pictures()?,
    };
    if once {
        picked.iter().try_for_each(|one| written.take(one))?;
    } else if one_file {
        let mut again = open(path, &loaded, &stop)?;
        from_one_file(&mut again, &picked, &mut written, &stop)?;
    } else {
        from_files(&picked, &mut written)?;
    }
    let pictures = written.finish()?;
    let out = OneLine(options.out.display());
    let passed_over = match bad {
        0 => String::new(),
        n => format!(", {n} passed over"),
    };
    say(&format!(
        "{} of {frames} frames{passed_over}, in {out}\n\
         Look at {out}/index.html, sort the pictures into a folder for each label, then:\n\n    \
         goldcrest teach {out} --out my.head",
        pictures.len(),
    ))
}

/// Opens the recording at `path` for one round.
fn open(path: &Path, loaded: &Loaded, stop: &Stop) -> Result<Recording, Failure> {
    let options = RecordingOptions {
        frame_rate: loaded.config.source.frame_rate,
        ..RecordingOptions::default()
    };
    let mut recording = Recording::open_until(path, options, stop)?;
    recording.heed(loaded.config.memory.bytes());
    Ok(recording)
}

/// Takes all frames through the stages of the daemon, with its gate for a film, and holds those
/// that differ: with their pictures, where there is a place for them.
fn look(
    recording: &mut Recording,
    loaded: &Loaded,
    mut pictures: Option<&mut write::Pictures>,
    stop: &Stop,
) -> Result<Found, Failure> {
    let config = &loaded.config;
    let (model, width) = featured(loaded, "pick")?;
    let gate = Gate::new(&config.gate, &config.vision, &model.card.input);
    let mut features = Features::new(loaded, model);
    if recording.is_film(false) && config.gate.enabled {
        features = features.gated(gate);
    }
    let mut found = Found {
        candidates: Candidates::new(width),
        frames: 0,
        bad: 0,
        one_file: recording.is_one_file_of_many(),
    };
    let mut bar = Progress::new(recording.len_hint(), "frames");
    let mut frame = Frame::empty();
    loop {
        if stop.requested() {
            return Err(Failure::new(exit::INTERRUPTED, "interrupted"));
        }
        let fault = match recording.step(&mut frame)? {
            Fetched::End => break,
            Fetched::Idle => continue,
            Fetched::Lost { count, .. } => {
                (found.frames, found.bad) = (found.frames + count, found.bad + count);
                continue;
            }
            Fetched::Bad { message, .. } => Some(message),
            Fetched::Frame => match features.of(&mut frame)? {
                Seen::Features(features) => {
                    let pictures = pictures.as_deref_mut();
                    found.candidates.offer(features, || {
                        Ok(Candidate {
                            seq: frame.seq,
                            elapsed: frame.captured.elapsed,
                            path: frame.name.clone(),
                            held: match pictures {
                                Some(pictures) => pictures.hold(&frame)?,
                                None => None,
                            },
                        })
                    })?;
                    None
                }
                Seen::Still => None,
                Seen::Bad(why) => Some(why.into()),
            },
        };
        found.frames += 1;
        bar.inc(1);
        if let Some(why) = fault {
            found.bad += 1;
            bar.suspend(|| log::warn!("frame {} {}: {why}; passed over", frame.seq, frame.name));
        }
    }
    bar.finish();
    Ok(found)
}

/// Writes the picked frames of a recording that is one file, in a second round.
fn from_one_file(
    recording: &mut Recording,
    picked: &[Candidate],
    written: &mut write::Pictures,
    stop: &Stop,
) -> Result<(), Failure> {
    let mut frame = Frame::empty();
    let mut left = picked.iter().peekable();
    while let Some(next) = left.peek() {
        if stop.requested() {
            return Err(Failure::new(exit::INTERRUPTED, "interrupted"));
        }
        match recording.step(&mut frame)? {
            Fetched::End => {
                log::warn!("{}: it became shorter meanwhile", next.path);
                break;
            }
            Fetched::Frame if frame.seq == next.seq => {
                written.add(&frame, next)?;
                left.next();
            }
            // It became another file, or its frame is damaged.
            Fetched::Frame | Fetched::Bad { .. } | Fetched::Lost { .. } if frame.seq > next.seq => {
                left.next();
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes picked frames that are files.
fn from_files(picked: &[Candidate], written: &mut write::Pictures) -> Result<(), Failure> {
    let mut frame = Frame::empty();
    for candidate in picked {
        let path = Path::new(&candidate.path);
        let one = Recording::open(path, RecordingOptions::default());
        match one.and_then(|mut one| one.step(&mut frame)) {
            Ok(Fetched::Frame) => written.add(&frame, candidate)?,
            _ => log::warn!("{}: it cannot be read any more", candidate.path),
        }
    }
    Ok(())
}
