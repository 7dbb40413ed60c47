//! `goldcrest check`: tries each part of a configuration and reports what works.

mod head;
mod model;
mod scene;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::{ConfigOption, say};
use crate::config::Loaded;
use crate::engine::Layer;
use crate::exit;
use crate::memory::{Guard, Item};
use crate::metrics;
use crate::publish;
use crate::setup::{self, Failure, StateFolder};
use crate::signals::Stop;
use crate::source::{self, Looked, SourceKind, camera, camera::Survey, process};

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

/// The result for one part.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    says: String,
    #[serde(skip)]
    code: u8,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    /// The files of the configuration, in the order in which a later one wins.
    files: &'a [PathBuf],
    findings: &'a [Finding],
    layers: &'a [Layer],
    /// The taught head; `null` with the model's own classifier.
    head: Option<&'a head::Head>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observe: Option<&'a head::InForce>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<MemoryReport<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cameras: Option<&'a Survey>,
}

/// The predicted need of a daemon, in bytes.
#[derive(Serialize)]
struct MemoryReport<'a> {
    budget: usize,
    needed: usize,
    pinned: usize,
    parts: &'a [Item],
}

impl Finding {
    fn of(what: &'static str, found: Result<String, Failure>) -> Self {
        match found {
            Ok(says) => Self {
                what,
                ok: true,
                says,
                code: 0,
            },
            Err(failure) => Self {
                what,
                ok: false,
                says: failure.message,
                code: failure.code,
            },
        }
    }
}

/// Runs the command. It tries every part; the exit code is that of the first one that fails.
pub fn run(options: &Options) -> Result<(), Failure> {
    let loaded = setup::configuration(options.config.path.as_deref())?;
    let mut used = match &loaded.path {
        Some(path) => format!(
            "{} is valid{}, id {}",
            path.display(),
            loaded.beside(),
            loaded.config.id
        ),
        None => format!("none found, the defaults are used, id {}", loaded.config.id),
    };
    match loaded.config.vision.masks.len() {
        0 => {}
        1 => used += ", 1 privacy mask",
        masks => used += &format!(", {masks} privacy masks"),
    }
    let mut cameras = None;
    let mut found = model::Found::default();
    let config = &loaded.config;
    // A signal ends a child that decodes a video, too.
    let stop = Stop::on_signals().map_err(Failure::system)?;
    let opened = source::look(config.sections(loaded.folder()), &stop);
    if stop.requested() {
        return Err(source::Error::Interrupted.into());
    }
    let footprint = opened.as_ref().map(|opened| opened.footprint);
    let footprint = footprint.unwrap_or_default();
    let mut findings = vec![
        Finding::of("configuration", Ok(used)),
        Finding::of("model", model::model(&loaded, footprint, &mut found)),
    ];
    if let Some(head) = found.take_head_finding(&loaded) {
        findings.push(Finding::of("head", head));
    }
    if let Some(rule) = &found.rule {
        findings.push(Finding::of("observe", Ok(rule.says())));
    }
    if let Some(scene) = &found.scene {
        findings.push(Finding::of("scene", Ok(scene::says(&loaded, scene, &stop))));
    }
    let guard = found.guard.as_ref();
    findings.extend([
        Finding::of("memory", memory(&loaded, guard)),
        Finding::of("source", source(&loaded, opened, &mut cameras, &stop)),
        Finding::of("broker", broker(&loaded, &stop)),
    ]);
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
    for folder in StateFolder::configured(&loaded) {
        findings.push(Finding::of(folder.section, folder.probe()));
    }
    if stop.requested() {
        return Err(source::Error::Interrupted.into());
    }
    if options.json {
        let line = serde_json::to_string(&Report {
            files: &loaded.files,
            findings: &findings,
            layers: &found.layers,
            head: found.head.as_ref(),
            observe: found.rule.as_ref(),
            memory: guard.map(|guard| MemoryReport {
                budget: guard.budget(),
                needed: guard.need().total(),
                pinned: guard.need().pinned(),
                parts: &guard.need().items,
            }),
            cameras: cameras.as_ref(),
        })
        .map_err(|e| Failure::new(exit::SOFTWARE, e))?;
        say(&line)?;
    } else {
        say(&text(&findings, &found, cameras.as_ref(), options.verbose))?;
    }
    conclusion(&findings)
}

/// Names the parts that failed.
fn conclusion(findings: &[Finding]) -> Result<(), Failure> {
    let failed: Vec<&Finding> = findings.iter().filter(|f| !f.ok).collect();
    let Some(first) = failed.first() else {
        return Ok(());
    };
    let names: Vec<&str> = failed.iter().map(|f| f.what).collect();
    let message = format!(
        "check: {} of {} failed: {}",
        failed.len(),
        findings.len(),
        names.join(", ")
    );
    Err(Failure::new(first.code, message))
}

/// For people: layers if it is `verbose`, cameras, memory and the head's labels, then the results,
/// one a line, where a reader looks first.
fn text(
    findings: &[Finding],
    found: &model::Found,
    cameras: Option<&Survey>,
    verbose: bool,
) -> String {
    let results = findings.iter().map(|Finding { what, ok, says, .. }| {
        format!("{what:<14} {}  {says}", if *ok { "ok  " } else { "FAIL" })
    });
    let layers: &[Layer] = if verbose { &found.layers } else { &[] };
    let layers = layers.iter().map(|layer| {
        let Layer {
            name,
            op,
            kernel,
            dtype,
            macs,
            weight_bytes,
        } = layer;
        format!(
            "  {name:<28} {op:<18} {kernel:<14} {dtype:<6} {macs:>10} MACs {weight_bytes:>8} bytes"
        )
    });
    let lines: Vec<String> = layers
        .chain(cameras.map(|survey| survey.to_string().trim_end().into()))
        .chain(found.guard.as_ref().map(|guard| guard.need().to_string()))
        .chain(found.head.iter().flat_map(head::Head::table))
        .chain(results)
        .collect();
    lines.join("\n")
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
/// without disturbing one that is in use. A program is started for one frame.
fn source(
    loaded: &Loaded,
    opened: Result<Looked, source::Error>,
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
    if config.source.kind != SourceKind::Camera {
        return Ok(looked.says);
    }
    let survey = cameras.insert(camera::survey(&config.camera));
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
