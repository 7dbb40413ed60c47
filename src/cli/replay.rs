//! `goldcrest replay`: a recording through the very stages of the daemon.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::ConfigOption;
use crate::exit;
use crate::frame::Frame;
use crate::meter::Tally;
use crate::meter::process;
use crate::observe::{self, Say};
use crate::pipeline::pace::Pace;
use crate::pipeline::{self, Pipeline};
use crate::publish::{Label, Publisher, Score, Top};
use crate::setup::{self, Failure};
use crate::signals::Stop;
use crate::source::{Next, Recording, RecordingOptions, Source};

/// How long a replay waits for the broker.
const CONNECT: Duration = Duration::from_secs(5);

/// Options of `goldcrest replay`.
#[derive(clap::Args)]
pub struct Options {
    /// A folder of JPEG and PNG files, one such file, raw MJPEG, Y4M, or a video file (needs
    /// ffmpeg)
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

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    source: &'a str,
    label: &'a str,
    score: Score,
    top: Vec<Top<'a>>,
    state: Option<Label<'a>>,
}

/// What a replay counts for its closing summary.
#[derive(Default)]
struct Summary {
    frames: u64,
    passed_over: Tally,
    said: BTreeMap<String, u64>,
}

/// What a replay works with.
struct Replay<'a> {
    options: &'a Options,
    observe: &'a observe::Config,
    labels: Vec<String>,
    pipeline: Pipeline,
    publisher: Option<Publisher>,
    bar: ProgressBar,
    summary: Summary,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let loaded = setup::configuration(options.config.path.as_deref())?;
    let config = &loaded.config;
    let stop = Stop::on_signals().map_err(|e| Failure::new(exit::SOFTWARE, e))?;
    let recording_options = RecordingOptions {
        frame_rate: config.source.frame_rate,
        looping: false,
    };
    let mut recording = Recording::open(&options.path, recording_options)?;
    let model = setup::model(
        &loaded,
        options.model.as_deref(),
        None,
        setup::Packing::Cache,
    )?;
    let labels = model.card.labels.clone();
    let pipeline = Pipeline::new(&config.vision, &config.observe, &model.card, model.engine);
    let publisher = match options.mqtt {
        true => {
            let publisher = Publisher::visit(&config.mqtt, &config.id, "replay")?;
            publisher.wait_connected(CONNECT)?;
            Some(publisher)
        }
        false => None,
    };
    let mut replay = Replay {
        options,
        observe: &config.observe,
        labels,
        pipeline,
        publisher,
        bar: progress(recording.len_hint()),
        summary: Summary::default(),
    };
    let begun = Instant::now();
    let ended = replay.run(&mut recording, &stop);
    replay.bar.finish_and_clear();
    if let Some(publisher) = replay.publisher {
        publisher.close(Duration::from_millis(1500));
    }
    match ended? {
        // Whoever read the output has seen enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Err(e) => return Err(Failure::new(exit::IO, format!("standard output: {e}"))),
        Ok(()) => {}
    }
    let mut summary = replay.summary;
    summary.passed_over.add_all(recording.passed_over());
    report(&summary, &replay.pipeline, begun.elapsed(), options.json);
    if summary.frames == 0 && !stop.asked() {
        let path = options.path.display();
        return Err(Failure::new(
            exit::DATA,
            format!("{path}: none of its frames could be decoded; is it a recording?"),
        ));
    }
    Ok(())
}

impl Replay<'_> {
    /// Takes all frames through all stages; gives what became of standard output.
    fn run(&mut self, recording: &mut Recording, stop: &Stop) -> Result<io::Result<()>, Failure> {
        let hash = self.pipeline.engine().model_hash.clone();
        let mut out = BufWriter::new(io::stdout().lock());
        let mut frame = Frame::empty();
        let mut now_said = self.observe.unknown.clone();
        let mut ranked = Vec::new();
        let pace = Pace::from(Instant::now());
        while !stop.asked() {
            match recording.next(&mut frame)? {
                Next::Frame => {}
                Next::Idle => continue,
                Next::End => break,
            }
            if self.options.realtime {
                pace.wait(frame.captured.elapsed, stop, || ());
            }
            self.bar.inc(1);
            let seen = match self.pipeline.step(&mut frame) {
                Ok(seen) => seen,
                Err(pipeline::Error::Frame(e)) => {
                    self.bar
                        .suspend(|| log::warn!("{}: {e}; passed over", frame.name));
                    self.summary.passed_over.add(e.cause());
                    continue;
                }
                Err(e) => return Err(e.into()),
            };
            self.summary.frames += 1;
            if let Some(Say::Change { statement, .. }) = &seen.say {
                now_said.clear();
                now_said.push_str(statement.label);
            }
            let wrote = if self.options.json {
                let top = self.observe.top.min(self.labels.len());
                observe::scores::rank(seen.scores, top, &mut ranked);
                let named = ranked.iter().map(|r| Top {
                    label: &self.labels[r.index],
                    score: Score(r.score),
                });
                let top: Vec<Top> = named.collect();
                let line = Line {
                    seq: frame.seq,
                    source: &frame.name,
                    label: top[0].label,
                    score: top[0].score,
                    top,
                    state: seen
                        .say
                        .as_ref()
                        .map(|say| Label::new(say.statement(), &hash)),
                };
                serde_json::to_writer(&mut out, &line)
                    .map_err(io::Error::from)
                    .and_then(|()| out.write_all(b"\n"))
            } else if let Some(Say::Change { statement, .. }) = &seen.say {
                let at = frame.captured.elapsed.as_secs_f64();
                self.bar.suspend(|| {
                    writeln!(
                        out,
                        "{at:9.2} s  frame {:<6} {:<20} {:.2}",
                        frame.seq, statement.label, statement.score
                    )?;
                    out.flush()
                })
            } else {
                Ok(())
            };
            if wrote.is_err() {
                return Ok(wrote);
            }
            match self.summary.said.get_mut(&now_said) {
                Some(frames) => *frames += 1,
                None => drop(self.summary.said.insert(now_said.clone(), 1)),
            }
            if let (Some(publisher), Some(say)) = (&self.publisher, &seen.say) {
                let start = Instant::now();
                publisher.report(say, &hash);
                self.pipeline.stages.publish.add(start.elapsed());
            }
        }
        Ok(out.flush())
    }
}

/// A progress bar on a terminal, nothing elsewhere.
fn progress(length: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(n) => (
            ProgressBar::new(n),
            "{bar:40} {pos}/{len} frames, {per_sec}, {eta} left",
        ),
        None => (
            ProgressBar::no_length(),
            "{spinner} {pos} frames, {per_sec}",
        ),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    // The templates are constants; were one wrong, indicatif's own would do.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The closing summary: on standard output, or beside the JSON on standard error.
fn report(summary: &Summary, pipeline: &Pipeline, took: Duration, json: bool) {
    let mut text = String::new();
    let passed = summary.passed_over.total();
    let seconds = took.as_secs_f64();
    text += &format!(
        "frames    {} in {seconds:.1} s ({:.1} a second)",
        summary.frames,
        summary.frames as f64 / seconds
    );
    if passed > 0 {
        text += &format!(", {passed} passed over ({})", summary.passed_over);
    }
    let mut said: Vec<_> = summary.said.iter().collect();
    said.sort_by(|a, b| b.1.cmp(a.1));
    for (i, (label, frames)) in said.into_iter().enumerate() {
        text += &format!(
            "\n{}  {label} for {frames} frames",
            if i == 0 { "labels  " } else { "        " }
        );
    }
    let times = pipeline.stages.times();
    for (name, stage) in [
        ("vision", times.vision),
        ("infer", times.infer),
        ("observe", times.observe),
    ] {
        text += &format!(
            "\n{name:<8}  p50 {:.2} ms, p95 {:.2} ms",
            stage.p50, stage.p95
        );
    }
    if times.publish.p50 > 0.0 {
        text += &format!(
            "\npublish   p50 {:.2} ms, p95 {:.2} ms",
            times.publish.p50, times.publish.p95
        );
    }
    let memory = process::resident();
    text += &format!(
        "\nmemory    peak {:.1} MiB, now {:.1} MiB of it {:.1} anonymous",
        memory.rss_peak_mb, memory.rss_mb, memory.rss_anon_mb
    );
    if json {
        eprintln!("{text}");
    } else {
        // Nothing can be said to one who closed both.
        let _ = writeln!(io::stdout(), "{text}");
    }
}
