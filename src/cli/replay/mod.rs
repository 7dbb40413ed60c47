//! `goldcrest replay`: a recording through the stages of the daemon.

mod kind;
mod output;
mod stills;
mod summary;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use self::kind::Kind;
use self::output::Output;
use self::summary::Labels;
use super::ConfigOption;
use crate::config::{Config, Loaded};
use crate::escape::Lines;
use crate::exit;
use crate::frame::Frame;
use crate::pipeline::{self, Listener, Pace, Pipeline, Publishing, Totals};
use crate::publish::{self, EventIds, Publisher, Topics, Unknown};
use crate::setup::{self, Failure, Model};
use crate::signals::Stop;
use crate::source::{self, Fetched, Recording, RecordingOptions};

/// How long a replay waits for the broker, at its start and at its end.
const CONNECT: Duration = Duration::from_secs(5);
const GOODBYE: Duration = Duration::from_millis(1500);

/// Options of `goldcrest replay`.
#[derive(clap::Args)]
pub struct Options {
    /// A folder of JPEG and PNG files, one such file, raw MJPEG, Y4M, or a video file (needs
    /// ffmpeg); a FIFO, or - for standard input, with MJPEG or Y4M; or an address, http:// and
    /// https:// of MJPEG or a JPEG picture, others such as rtsp:// through ffmpeg. Of one picture, the three best
    /// labels are printed. A folder is a film if it has the manifest that `record` writes, or with
    /// --fps or --realtime; otherwise each of its pictures is classified alone
    path: PathBuf,
    #[command(flatten)]
    config: ConfigOption,
    /// The model, instead of the configured one
    #[arg(long, value_name = "ONNX")]
    model: Option<PathBuf>,
    /// A taught head, instead of the configured one
    #[arg(long, value_name = "HEAD")]
    head: Option<PathBuf>,
    /// Print one JSON object a frame: seq, source (its name), path, time (seconds from the start),
    /// label, score, top, and state, which would be published. A frame that is passed over has one
    /// with error on standard error
    #[arg(long)]
    json: bool,
    /// Add each frame's features to its JSON object: the numbers behind the last LayerNorm, 768 in
    /// ConvNeXt-Tiny (needs --json and a packed model)
    #[arg(long)]
    features: bool,
    /// Keep to the recording's own pace
    #[arg(long)]
    realtime: bool,
    /// Frames a second of the recording's clock, 0.1 to 240, instead of the times it stores and of
    /// source.frame_rate
    #[arg(long, value_name = "N", value_parser = rate)]
    fps: Option<f64>,
    /// Publish to the configured broker too, below the id of the configuration and "-replay"
    #[arg(long)]
    mqtt: bool,
    /// Publish below this id instead
    #[arg(long, value_name = "ID", requires = "mqtt", value_parser = topic_level)]
    id: Option<String>,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    if options.features && !options.json {
        let message = "--features adds to the JSON objects of --json; give --json too";
        return Err(Failure::new(exit::USAGE, message));
    }
    let head = options.head.as_deref();
    let loaded = setup::configuration_for(options.config.path.as_deref(), head)?;
    let config = &loaded.config;
    let stop = Stop::on_signals().map_err(Failure::system)?;
    let mut recording = open(options, config, &stop)?;
    let paced = options.realtime || options.fps.is_some();
    let kind = Kind::of(&recording, &options.path, paced);
    let mut pipeline = pipeline(&loaded, options)?;
    if kind != Kind::Film {
        pipeline = pipeline.stills();
    }
    let publisher = options
        .mqtt
        .then(|| connect(config, options, &stop))
        .transpose()?;
    let mut totals = Totals::default();
    let mut labels = Labels::new(&config.observe.unknown);
    let lines = output::Lines::new(
        options,
        config.observe.top,
        kind,
        recording.is_one_file_of_many(),
    );
    let mut output = Output::new(lines, recording.len_hint());
    let mut publishing = publisher.as_ref().map(Publishing::new);
    publish_unknown(&publishing, Unknown::Starting, &pipeline);
    let begun = Instant::now();
    let played = play(
        &mut recording,
        &mut pipeline,
        &mut [&mut totals, &mut labels, &mut output, &mut publishing],
        options.realtime,
        &stop,
    );
    let took = begun.elapsed();
    let written = output.finish();
    if let Some(publisher) = &publisher {
        publisher.drain(GOODBYE);
    }
    publish_unknown(&publishing, Unknown::Stopped, &pipeline);
    let unsent = publisher.map_or(0, |publisher| {
        publisher.close(GOODBYE);
        publisher.counts().unsent()
    });
    match played.and(written.map_err(Ended::output)) {
        Err(Ended::ReaderGone) => return Ok(()),
        Err(Ended::Failed(failure)) => return Err(failure),
        Ok(()) => {}
    }
    let text = summary::text(kind, &totals, &labels, &pipeline.stages.times(), took);
    if options.json {
        eprintln!("{}", Lines(text));
    } else {
        // The exit code tells it all the same where nobody reads.
        let _ = writeln!(io::stdout(), "{}", Lines(text));
    }
    if stop.requested() {
        return Err(Failure::new(exit::INTERRUPTED, "interrupted"));
    }
    if unsent > 0 {
        return Err(Failure::new(
            exit::UNAVAILABLE,
            format!("{unsent} messages are lost: the broker did not acknowledge them"),
        ));
    }
    if totals.classified == 0 {
        let path = source::shown_path(&options.path);
        let path = path.display();
        return Err(Failure::new(
            exit::DATA,
            format!("{path}: none of its frames could be decoded; is it a recording?"),
        ));
    }
    Ok(())
}

/// The stages around the model and the head. The model must give features if the options ask for
/// them.
fn pipeline(loaded: &Loaded, options: &Options) -> Result<Pipeline, Failure> {
    let named = options.model.as_deref();
    let mut model = setup::model(loaded, named, None, setup::Packing::Cache)?;
    let head = setup::head(loaded, options.head.as_deref(), &mut model)?;
    if options.features && model.engine.features().is_none() {
        let path = model.path.display();
        let message = format!(
            "{path}: plain tract runs it and gives no features; --features needs a model that `goldcrest pack` packs"
        );
        return Err(Failure::new(exit::DATA, message));
    }
    let (vision, observe) = (&loaded.config.vision, &loaded.config.observe);
    let Model { card, engine, .. } = model;
    Ok(Pipeline::taught(vision, observe, &card, head, engine))
}

/// Opens the recording for one round.
fn open(options: &Options, config: &Config, stop: &Stop) -> Result<Recording, source::Error> {
    let recording_options = RecordingOptions {
        frame_rate: config.source.frame_rate,
        pace: options.fps,
        looping: false,
    };
    let mut recording = Recording::open_until(&options.path, recording_options, stop)?;
    recording.heed(config.memory.bytes());
    Ok(recording)
}

/// Connects to the broker. The client id and the topics are not those of a running daemon, whose
/// label and availability the replay would overwrite.
fn connect(config: &Config, options: &Options, stop: &Stop) -> Result<Publisher, Failure> {
    let id = match &options.id {
        Some(id) => id.to_string(),
        None => replay_id(&config.id),
    };
    let (mqtt, outbox) = (&config.mqtt, &config.outbox);
    let ids = EventIds::of_parts(&[&id, &options.path.to_string_lossy()]);
    let publisher = Publisher::start_temporary(mqtt, outbox, &id, "replay", ids)?;
    let connected = publisher.wait_connected(CONNECT, || stop.requested());
    if stop.requested() {
        return Err(Failure::new(exit::INTERRUPTED, "interrupted"));
    }
    connected?;
    Ok(publisher)
}

/// The id of a replay beside the instance `id`, which is ASCII. An id has at most 64 bytes.
fn replay_id(id: &str) -> String {
    const SUFFIX: &str = "-replay";
    let kept = id.len().min(64 - SUFFIX.len());
    format!("{}{SUFFIX}", id.get(..kept).unwrap_or(id))
}

/// Publishes that no label is known, before the first frame and after the last.
fn publish_unknown(publishing: &Option<Publishing<'_>>, reason: Unknown, pipeline: &Pipeline) {
    if let Some(publishing) = publishing {
        publishing.unknown(reason, SystemTime::now(), pipeline.hashes());
    }
}

/// Why a replay stopped before the end of its recording.
enum Ended {
    /// The reader of standard output closed it, and has seen enough.
    ReaderGone,
    Failed(Failure),
}

impl Ended {
    fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::Failed(pipeline::Error::Output(error).into())
        }
    }
}

impl From<pipeline::Error> for Ended {
    fn from(error: pipeline::Error) -> Self {
        match error {
            pipeline::Error::Output(error) => Self::output(error),
            error => Self::Failed(error.into()),
        }
    }
}

impl From<source::Error> for Ended {
    fn from(error: source::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Takes all frames through the pipeline.
fn play(
    recording: &mut Recording,
    pipeline: &mut Pipeline,
    listeners: &mut [&mut dyn Listener],
    realtime: bool,
    stop: &Stop,
) -> Result<(), Ended> {
    let mut frame = Frame::empty();
    let pace = Pace::from(Instant::now());
    while !stop.requested() {
        match recording.step(&mut frame)? {
            Fetched::Frame => {}
            Fetched::Bad { cause, message } => {
                pipeline::pass_over(&frame, cause, &message, listeners)?;
                continue;
            }
            Fetched::Lost { count, cause } => {
                pipeline::lose(count, cause, listeners);
                continue;
            }
            Fetched::Idle => continue,
            Fetched::End => break,
        }
        if realtime {
            pace.wait(frame.captured.elapsed, stop, || ());
        }
        pipeline.process(&mut frame, listeners)?;
    }
    Ok(())
}

/// An id that can be one level of a topic.
fn topic_level(text: &str) -> Result<String, publish::Error> {
    Topics::new("goldcrest", text).map(|_| text.into())
}

/// Frames a second, in the range of `source.frame_rate`.
fn rate(text: &str) -> Result<f64, &'static str> {
    let rate = text.parse().ok();
    rate.filter(|rate| (0.1..=240.0).contains(rate))
        .ok_or("must be 0.1 to 240 frames a second")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_replay_is_never_too_long() {
        assert_eq!(replay_id("front"), "front-replay");
        assert_eq!(replay_id(&"x".repeat(64)).len(), 64);
    }
}
