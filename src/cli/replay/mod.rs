//! `goldcrest replay`: a recording through the stages of the daemon.

mod output;
mod summary;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use self::output::Output;
use self::summary::Labels;
use super::ConfigOption;
use crate::config::Config;
use crate::exit;
use crate::frame::Frame;
use crate::pipeline::{self, Listener, Pace, Pipeline, Publishing, Totals};
use crate::publish::Publisher;
use crate::setup::{self, Failure};
use crate::signals::Stop;
use crate::source::{self, Next, Recording, RecordingOptions, Source};

/// How long a replay waits for the broker, at its start and at its end.
const CONNECT: Duration = Duration::from_secs(5);
const GOODBYE: Duration = Duration::from_millis(1500);

/// Options of `goldcrest replay`.
#[derive(clap::Args)]
pub struct Options {
    /// A folder of JPEG and PNG files, one such file, raw MJPEG, Y4M, or a video file (needs
    /// ffmpeg); a FIFO, or - for standard input, with MJPEG or Y4M
    path: PathBuf,
    #[command(flatten)]
    config: ConfigOption,
    /// The model, instead of the configured one
    #[arg(long, value_name = "ONNX")]
    model: Option<PathBuf>,
    /// Print one JSON object a frame
    #[arg(long)]
    json: bool,
    /// Keep to the recording's own pace
    #[arg(long)]
    realtime: bool,
    /// Publish to the configured broker too
    #[arg(long)]
    mqtt: bool,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let loaded = setup::configuration(options.config.path.as_deref())?;
    let config = &loaded.config;
    let stop = Stop::on_signals().map_err(Failure::system)?;
    let recording_options = RecordingOptions {
        frame_rate: config.source.frame_rate,
        looping: false,
    };
    let mut recording = Recording::open_until(&options.path, recording_options, &stop)?;
    let model = setup::model(
        &loaded,
        options.model.as_deref(),
        None,
        setup::Packing::Cache,
    )?;
    let mut pipeline = Pipeline::new(&config.vision, &config.observe, &model.card, model.engine);
    let publisher = options.mqtt.then(|| connect(config)).transpose()?;
    let mut totals = Totals::default();
    let mut labels = Labels::new(&config.observe.unknown);
    let mut output = Output::new(options.json, config.observe.top, recording.len_hint());
    let begun = Instant::now();
    let played = play(
        &mut recording,
        &mut pipeline,
        &mut [
            &mut totals,
            &mut labels,
            &mut output,
            &mut publisher.as_ref().map(Publishing),
        ],
        options.realtime,
        &stop,
    );
    let took = begun.elapsed();
    let written = output.finish();
    if let Some(publisher) = publisher {
        publisher.close(GOODBYE);
    }
    match played.and(written.map_err(Ended::output)) {
        Err(Ended::ReaderGone) => return Ok(()),
        Err(Ended::Failed(failure)) => return Err(failure),
        Ok(()) => {}
    }
    totals.bad.add_all(recording.passed_over());
    let text = summary::text(&totals, &labels, &pipeline.stages.times(), took);
    if options.json {
        eprintln!("{text}");
    } else {
        // The exit code tells it all the same where nobody reads.
        let _ = writeln!(io::stdout(), "{text}");
    }
    if stop.requested() {
        return Err(Failure::new(exit::INTERRUPTED, "interrupted"));
    }
    if totals.classified == 0 {
        let path = options.path.display();
        return Err(Failure::new(
            exit::DATA,
            format!("{path}: none of its frames could be decoded; is it a recording?"),
        ));
    }
    Ok(())
}

/// Connects to the broker, with a client id that disturbs no running daemon.
fn connect(config: &Config) -> Result<Publisher, Failure> {
    let publisher = Publisher::start_temporary(&config.mqtt, &config.id, "replay")?;
    publisher.wait_connected(CONNECT)?;
    Ok(publisher)
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
        match recording.next(&mut frame)? {
            Next::Frame => {}
            Next::Idle => continue,
            Next::End => break,
        }
        if realtime {
            pace.wait(frame.captured.elapsed, stop, || ());
        }
        pipeline.process(&mut frame, listeners)?;
    }
    Ok(())
}
