//! `goldcrest check`: tries each part of a configuration and reports what works.

mod head;
mod look;
mod model;
mod report;
mod scene;

use std::time::Duration;

use self::report::{Finding, MemoryReport, Report, conclusion, text};
use super::{ConfigOption, json, say};
use crate::config::Loaded;
use crate::exit;
use crate::memory::Guard;
use crate::metrics;
use crate::publish;
use crate::setup::{self, Failure, StateFolder};
use crate::signals::Stop;
use crate::source::{self, Looked, SourceKind, camera, camera::Survey, http, process};

/// How long the broker may take to answer.
const CONNECT: Duration = Duration::from_secs(5);

/// Options of `goldcrest check`.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    config: ConfigOption,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Print each layer of the model too, with its kernel
    #[arg(short, long)]
    verbose: bool,
}

/// Runs the command. It tries every part; the exit code is that of the first one that fails.
pub fn run(options: &Options) -> Result<(), Failure> {
    let loaded = configuration(options)?;
    // A signal ends a child that decodes a video, too.
    let stop = Stop::on_signals().map_err(Failure::system)?;
    let examined = Examined::of(&loaded, &stop)?;
    if options.json {
        say(&json(&examined.report(&loaded))?)?;
    } else {
        say(&examined.text(options.verbose))?;
    }
    examined.conclusion()
}

/// What trying each part of a configuration found.
pub(super) struct Examined {
    findings: Vec<Finding>,
    found: model::Found,
    cameras: Option<Survey>,
    taught: Option<serde_json::Value>,
}

impl Examined {
    /// Tries every part of a configuration.
    ///
    /// # Errors
    /// `stop` was requested. What fails is a finding.
    pub(super) fn of(loaded: &Loaded, stop: &Stop) -> Result<Self, Failure> {
        let mut cameras = None;
        let mut found = model::Found::default();
        let config = &loaded.config;
        let opened = source::look(config.sections(loaded.folder()), stop);
        if stop.requested() {
            return Err(source::Error::Interrupted.into());
        }
        let footprint = opened.as_ref().map(|opened| opened.footprint);
        let footprint = footprint.unwrap_or_default();
        let mut findings = vec![
            Finding::of("configuration", Ok(used(loaded))),
            Finding::of("model", model::model(loaded, footprint, &mut found)),
        ];
        if !loaded.exposed.is_empty() {
            let warning = format!("warning: {}", loaded.exposed.join("; "));
            findings.push(Finding::of("secrets", Ok(warning)));
        }
        if let Some(head) = found.take_head_finding(loaded) {
            findings.push(Finding::of("head", head));
        }
        findings.extend(looks(loaded, &found, stop));
        let guard = found.guard.as_ref();
        findings.extend([
            Finding::of("memory", memory(loaded, guard)),
            Finding::of("source", source(loaded, opened, guard, &mut cameras, stop)),
            Finding::of("broker", broker(loaded, stop)),
        ]);
        let mut taught = None;
        findings.extend(written(loaded, &found, &mut taught));
        if stop.requested() {
            return Err(source::Error::Interrupted.into());
        }
        Ok(Self {
            findings,
            found,
            cameras,
            taught,
        })
    }

    /// The result for people.
    pub(super) fn text(&self, verbose: bool) -> String {
        text(&self.findings, &self.found, self.cameras.as_ref(), verbose)
    }

    /// The result of each part in one line, and no more.
    pub(super) fn results(&self) -> String {
        text(&self.findings, &model::Found::default(), None, false)
    }

    /// Whether `what` failed.
    pub(super) fn failed(&self, what: &str) -> bool {
        self.findings.iter().any(|finding| finding.failed(what))
    }

    /// Names the parts that failed.
    ///
    /// # Errors
    /// At least one did. The code is that of the first.
    pub(super) fn conclusion(&self) -> Result<(), Failure> {
        conclusion(&self.findings)
    }

    fn report<'a>(&'a self, loaded: &'a Loaded) -> Report<'a> {
        let looks = self.found.looks.iter();
        let (regions, whole): (Vec<_>, Vec<_>) = looks.partition(|look| look.region.is_some());
        let whole = whole.first();
        Report {
            files: &loaded.files,
            findings: &self.findings,
            layers: &self.found.layers,
            head: whole.and_then(|look| look.head.as_ref()),
            observe: whole.map(|look| &look.rule),
            regions,
            memory: self.found.guard.as_ref().map(MemoryReport::of),
            cameras: self.cameras.as_ref(),
            taught: self.taught.clone(),
        }
    }
}

/// Describes the rule of each look, and compares the view with the scene of its head.
fn looks(loaded: &Loaded, found: &model::Found, stop: &Stop) -> Vec<Finding> {
    let mut findings = Vec::new();
    for look in &found.looks {
        findings.push(match look.says() {
            Some(says) => Finding::of(look.named("region"), Ok(says)),
            None => Finding::of("observe", Ok(look.rule.says())),
        });
        if let Some(scene) = &look.scene {
            let says = scene::says(loaded, &look.vision, scene, stop);
            findings.push(Finding::of(look.named("scene"), Ok(says)));
        }
    }
    findings
}

/// Names the configuration that is used.
fn used(loaded: &Loaded) -> String {
    let id = &loaded.config.id;
    let mut used = match &loaded.path {
        Some(path) => format!("{} is valid{}, id {id}", path.display(), loaded.beside()),
        None => format!("none found, the defaults are used, id {id}"),
    };
    used += &loaded.passes_over();
    match loaded.config.vision.masks.len() {
        0 => {}
        1 => used += ", 1 privacy mask",
        masks => used += &format!(", {masks} privacy masks"),
    }
    used
}

/// Tries the files and folders that the daemon would write.
fn written(
    loaded: &Loaded,
    found: &model::Found,
    taught: &mut Option<serde_json::Value>,
) -> Vec<Finding> {
    let config = &loaded.config;
    let mut findings = Vec::new();
    if let Some(path) = &config.metrics.textfile {
        let written = metrics::probe(path).map_err(Failure::from);
        let says = written.map(|()| format!("{} can be written", path.display()));
        findings.push(Finding::of("metrics", says));
    }
    if config.mqtt.enabled && config.outbox.folder.is_some() {
        let outbox = config.outbox.below(loaded.folder());
        let probed = outbox.probe().map_err(Failure::from);
        findings.push(Finding::of("outbox", probed));
    }
    if let Some(probed) = config.review.below(loaded.folder()).probe() {
        let probed = probed.map_err(|e| Failure::new(e.exit_code(), format!("review.folder: {e}")));
        findings.push(Finding::of("review", probed));
    }
    if config.teach.enabled {
        findings.push(Finding::of("teach", lessons(loaded, found, taught)));
    }
    for folder in StateFolder::configured(loaded) {
        findings.push(Finding::of(folder.section, folder.probe()));
    }
    findings
}

/// Reads the configuration. With `--json`, one that is refused is a finding too.
fn configuration(options: &Options) -> Result<Loaded, Failure> {
    let loaded = setup::configuration(options.config.path.as_deref());
    loaded.or_else(|failure| {
        if options.json {
            let finding = Finding::of("configuration", Err(failure.clone()));
            say(&json(&Report::of_nothing_but(&finding))?)?;
        }
        Err(failure)
    })
}

/// Tells what the daemon was taught before. Changes nothing, and disturbs no running daemon.
fn lessons(
    loaded: &Loaded,
    found: &model::Found,
    taught: &mut Option<serde_json::Value>,
) -> Result<String, Failure> {
    let Some((backbone, features)) = &found.features else {
        let why = "not tried, because no model that `goldcrest pack` packed runs";
        return Err(Failure::new(exit::DATA, why));
    };
    let (says, json) = setup::inventory(loaded, backbone, *features)?;
    *taught = Some(json);
    Ok(says)
}

/// Predicts the need of a daemon and checks it against the budget.
fn memory(loaded: &Loaded, guard: Option<&Guard>) -> Result<String, Failure> {
    let Some(guard) = guard else {
        let unknown = "the need is unknown until the model runs";
        return Err(Failure::new(exit::CONFIG, unknown));
    };
    guard
        .admit()
        .map_err(|why| Failure::new(exit::CONFIG, why))?;
    Ok(format!(
        "{:.1} MiB needed of {} allowed",
        guard.need().total() as f64 / f64::from(1 << 20),
        loaded.config.memory.budget_mb
    ))
}

/// Describes the source that was opened. Of cameras it names the one that would be used and why,
/// without disturbing one that is in use. A program is started for one frame, and an
/// address is asked for one.
fn source(
    loaded: &Loaded,
    opened: Result<Looked, source::Error>,
    guard: Option<&Guard>,
    cameras: &mut Option<Survey>,
    stop: &Stop,
) -> Result<String, Failure> {
    let config = &loaded.config;
    let looked = opened?;
    if config.source.kind == SourceKind::Process {
        return Ok(process::attempt(
            &config.process.below(loaded.folder()),
            stop,
        )?);
    }
    if config.source.kind == SourceKind::Http {
        return Ok(http::attempt(&config.http, loaded.folder(), stop)?);
    }
    if config.source.kind != SourceKind::Camera {
        return Ok(looked.says);
    }
    let survey = cameras.insert(camera::survey(
        &config.camera,
        guard.map_or(usize::MAX, Guard::spare),
    ));
    match (&survey.choice, &survey.loss) {
        (Some(choice), _) => Ok(choice.to_string()),
        (None, loss) => {
            let why = loss.as_ref().map(ToString::to_string);
            Err(Failure::new(exit::NO_INPUT, why.unwrap_or_default()))
        }
    }
}

/// Connects to the broker and leaves again, under a client id of its own that disturbs no running
/// daemon.
fn broker(loaded: &Loaded, stop: &Stop) -> Result<String, Failure> {
    let mqtt = &loaded.config.mqtt;
    if !mqtt.enabled {
        return Ok("off (mqtt.enabled = false)".into());
    }
    let id = &loaded.config.id;
    Ok(publish::probe(mqtt, id, CONNECT, || stop.requested())?)
}
