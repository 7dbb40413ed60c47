//! `goldcrest replay`: a recording through the stages of the daemon.

mod broker;
mod frames;
mod kind;
mod output;
mod play;
mod report;
mod stills;
mod summary;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use self::broker::{GOODBYE, connect, publish_unknown, topic_level};
use self::frames::Frames;
use self::kind::Kind;
use self::output::Output;
use self::play::{Ended, play};
use self::report::{Page, ReportOptions};
use self::summary::Labels;
use super::ConfigOption;
use crate::config::{Config, Loaded};
use crate::escape::Lines;
use crate::exit;
use crate::pipeline::{Part, Pipeline, Publishing, Reporting, Totals, Watching};
use crate::publish::{Publisher, Unknown};
use crate::setup::{self, Failure, Model};
use crate::signals::Stop;
use crate::watch::Watch;

/// Options of `goldcrest replay`.
#[derive(clap::Args)]
pub struct Options {
    /// A folder of JPEG and PNG files, one such file, raw MJPEG, Y4M, or a video file (needs
    /// ffmpeg); a FIFO, or - for standard input, with MJPEG or Y4M; or an address, http:// and
    /// https:// of MJPEG or a JPEG picture, others such as rtsp:// through ffmpeg. Of one picture, the three best
    /// labels are printed. A folder is a film if it has the manifest that `record` writes, or with
    /// --fps or --realtime; otherwise each of its pictures is classified alone. In a folder with a
    /// folder for each label, --report tells how many pictures are right
    path: PathBuf,
    #[command(flatten)]
    config: ConfigOption,
    /// The model, instead of the configured one
    #[arg(long, value_name = "ONNX")]
    model: Option<PathBuf>,
    /// A taught head, instead of the configured one; regions with heads of their own keep them
    #[arg(long, value_name = "HEAD")]
    head: Option<PathBuf>,
    /// Print one JSON object a frame: seq, source (its name), path, time (seconds from the start),
    /// label, score, top, and state, which would be published. With regions, print one object for
    /// each region, which names it. A frame that is passed over has one with error on standard
    /// error
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
    /// Show the label, the best labels as bars, rates, memory and the last events in place, on the
    /// terminal of standard error; a line a second where that is no terminal
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    page: ReportOptions,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    if options.features && !options.json {
        let message = "--features adds to the JSON objects of --json; give --json too";
        return Err(Failure::new(exit::USAGE, message));
    }
    let page = Page::wanted(&options.page)?;
    let head = options.head.as_deref();
    let loaded = setup::configuration_for(options.config.path.as_deref(), head)?;
    let config = &loaded.config;
    let stop = Stop::on_signals().map_err(Failure::system)?;
    let mut frames = Frames::open(options, config, &stop)?;
    let paced = options.realtime || options.fps.is_some();
    let kind = Kind::of(&frames, &options.path, paced);
    let mut pipeline = pipeline(&loaded, options)?;
    if kind != Kind::Film {
        pipeline = pipeline.stills();
    }
    let publisher = options
        .mqtt
        .then(|| connect(config, options, &stop))
        .transpose()?;
    let reporting = page
        .as_ref()
        .map(|page| page.listener(options, &loaded, &frames, kind, &pipeline))
        .transpose()?;
    let mut heard = Heard {
        totals: Totals::default(),
        labels: Labels::new(&config.observe.unknown),
        reporting,
        took: Duration::ZERO,
    };
    let ended = replay(
        options,
        config,
        (&mut frames, kind),
        &mut pipeline,
        publisher.as_ref(),
        &mut heard,
        &stop,
    );
    let unsent = publisher.map_or(0, |publisher| {
        publisher.close(GOODBYE);
        publisher.counts().unsent()
    });
    let gone = match ended {
        Err(Ended::ReaderGone) => true,
        Err(Ended::Failed(failure)) => return Err(failure),
        Ok(()) => false,
    };
    let totals = heard.totals.clone();
    tell(options, kind, heard, &pipeline, page, (gone, &stop))?;
    if gone {
        return Ok(());
    }
    verdict(options, &totals, unsent, &stop)
}

/// Writes the page and prints the summary. If the reader is `gone`, the page alone.
fn tell(
    options: &Options,
    kind: Kind<'_>,
    heard: Heard,
    pipeline: &Pipeline,
    page: Option<Page>,
    (gone, stop): (bool, &Stop),
) -> Result<(), Failure> {
    let mut text = summary::text(kind, &heard.totals, &heard.labels, pipeline, heard.took);
    if let Some((page, reporting)) = page.zip(heard.reporting) {
        let cut = gone || stop.requested();
        let line = page.write(reporting, &heard.totals, pipeline, heard.took, cut)?;
        text = format!("{text}\n{line}");
    }
    if gone {
        return Ok(());
    }
    if options.json {
        eprintln!("{}", Lines(text));
    } else {
        // The exit code tells it all the same where nobody reads.
        let _ = writeln!(io::stdout(), "{}", Lines(text));
    }
    Ok(())
}

/// What was heard of all frames.
struct Heard {
    totals: Totals,
    labels: Labels,
    /// What the page needs.
    reporting: Option<Reporting>,
    /// How long the frames took.
    took: Duration,
}

/// Takes all frames through the pipeline, and tells the terminal, the broker and `heard` of them.
fn replay(
    options: &Options,
    config: &Config,
    (frames, kind): (&mut Frames, Kind<'_>),
    pipeline: &mut Pipeline,
    publisher: Option<&Publisher>,
    heard: &mut Heard,
    stop: &Stop,
) -> Result<(), Ended> {
    let length = frames.len_hint();
    let one_file = frames.is_one_file_of_many();
    let lines = output::Lines::new(options, config.observe.top, kind, one_file);
    let mut output = Output::new(lines, length, !options.watch);
    let mut watching = watching(options, config, length)?;
    let mut publishing = publisher.map(Publishing::new);
    publish_unknown(&publishing, Unknown::Starting, pipeline);
    let begun = Instant::now();
    let played = play(
        frames,
        pipeline,
        &mut [
            &mut heard.totals,
            &mut heard.labels,
            &mut output,
            &mut publishing,
            &mut watching,
            &mut heard.reporting,
        ],
        options.realtime,
        stop,
    );
    heard.took = begun.elapsed();
    // The view ends before anything else is printed.
    drop(watching);
    let written = output.finish();
    if let Some(publisher) = publisher {
        publisher.drain(GOODBYE);
    }
    publish_unknown(&publishing, Unknown::Stopped, pipeline);
    played.and(written.map_err(Ended::output))
}

/// The view on a terminal, if the options want it.
fn watching(
    options: &Options,
    config: &Config,
    length: Option<u64>,
) -> Result<Option<Watching>, Ended> {
    if !options.watch {
        return Ok(None);
    }
    let title = format!("goldcrest replay {}", options.path.display());
    let watch = Watch::start(&title, config.memory.budget_mb, length);
    let watch = watch.map_err(|cause| Ended::Failed(Failure::system(cause)))?;
    Ok(Some(Watching::new(watch, config.observe.top)))
}

/// How the command ends.
fn verdict(options: &Options, totals: &Totals, unsent: u64, stop: &Stop) -> Result<(), Failure> {
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
        let path = crate::source::shown_path(&options.path);
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
    let heads = setup::heads(loaded, options.head.as_deref(), &mut model)?;
    if options.features && model.engine.features().is_none() {
        let path = model.path.display();
        let message = format!(
            "{path}: plain tract runs it and gives no features; --features needs a model that `goldcrest pack` packs"
        );
        return Err(Failure::new(exit::DATA, message));
    }
    let config = &loaded.config;
    let Model { card, engine, .. } = model;
    let parts = Part::all(&config.vision, &config.region, heads);
    Ok(Pipeline::of(parts, &config.observe, &card, engine))
}

/// Frames a second, in the range of `source.frame_rate`.
fn rate(text: &str) -> Result<f64, &'static str> {
    let rate = text.parse().ok();
    rate.filter(|rate| (0.1..=240.0).contains(rate))
        .ok_or("must be 0.1 to 240 frames a second")
}
