//! `goldcrest check`: tries each part of a configuration and reports what works.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{ConfigOption, say};
use crate::config::Loaded;
use crate::engine::pack::{self, Quantised};
use crate::engine::{self, Engine, Input, Layer, Output};
use crate::exit;
use crate::memory::{Guard, Item};
use crate::pipeline::Pipeline;
use crate::publish;
use crate::setup::{self, Failure, need};
use crate::signals::Stop;
use crate::source::{self, Footprint, Looked, SourceKind, camera, camera::Survey};

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
    findings: &'a [Finding],
    layers: &'a [Layer],
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
    let used = match &loaded.path {
        Some(path) => format!("{} is valid, id {}", path.display(), loaded.config.id),
        None => format!("none found, the defaults are used, id {}", loaded.config.id),
    };
    let mut layers = Vec::new();
    let mut cameras = None;
    let mut guard = None;
    let config = &loaded.config;
    // A signal ends a child that decodes a video, too.
    let stop = Stop::on_signals().map_err(Failure::system)?;
    let opened = source::look(&config.source, &config.camera, loaded.folder(), &stop);
    if stop.requested() {
        return Err(source::Error::Interrupted.into());
    }
    let footprint = opened.as_ref().map(|opened| opened.footprint);
    let footprint = footprint.unwrap_or_default();
    let findings = [
        Finding::of("configuration", Ok(used)),
        Finding::of("model", model(&loaded, footprint, &mut layers, &mut guard)),
        Finding::of("memory", memory(&loaded, guard.as_ref())),
        Finding::of("source", source(&loaded, opened, &mut cameras)),
        Finding::of("broker", broker(&loaded)),
    ];
    if options.json {
        let line = serde_json::to_string(&Report {
            findings: &findings,
            layers: &layers,
            memory: guard.as_ref().map(|guard| MemoryReport {
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
        let layers: &[Layer] = if options.verbose { &layers } else { &[] };
        say(&text(&findings, guard.as_ref(), cameras.as_ref(), layers))?;
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

/// For people: layers, cameras and memory, then the results, one a line, where a reader looks
/// first.
fn text(
    findings: &[Finding],
    guard: Option<&Guard>,
    cameras: Option<&Survey>,
    layers: &[Layer],
) -> String {
    let results = findings.iter().map(|Finding { what, ok, says, .. }| {
        format!("{what:<14} {}  {says}", if *ok { "ok  " } else { "FAIL" })
    });
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
        .chain(guard.map(|guard| guard.need().to_string()))
        .chain(results)
        .collect();
    lines.join("\n")
}

/// Proves that the layers which the file quantises run in int8, loads the model, reads all of it,
/// and tries it on the golden input.
fn model(
    loaded: &Loaded,
    source: Footprint,
    layers: &mut Vec<Layer>,
    guard: &mut Option<Guard>,
) -> Result<String, Failure> {
    let (path, card) = setup::located(loaded, None)?;
    let quantised = if engine::is_bundle(&path) {
        // A bundle by itself, without the file that it was made of.
        Vec::new()
    } else {
        let quantised = pack::quantised(&path)?;
        engine::verify_file(&path, &card)?;
        quantised
    };
    let mut model = setup::model(loaded, None, None, setup::Packing::Never(source))?;
    layers.clone_from(&model.engine.describe().layers);
    prove(&path, &quantised, layers)?;
    model.engine.verify()?;
    let Input { width, height, .. } = card.input;
    let start = Instant::now();
    // A model in plain tract comes without an answer to compare with.
    model.engine.self_test()?;
    let took = start.elapsed().as_secs_f64() * 1000.0;
    finite(&path, model.engine.as_mut(), &card.input)?;
    let config = &loaded.config;
    let pipeline = Pipeline::new(&config.vision, &config.observe, &card, model.engine);
    let described = pipeline.engine();
    *guard = Some(need::guard(loaded, &path, described, source)?);
    let int8 = if layers.is_empty() {
        format!("in float, in plain tract{}", ending(described.output))
    } else {
        let (all, int8) = macs(layers);
        format!(
            "{:.1} % of {:.0} million MACs in int8, bundle whole, golden input right in {took:.0} ms",
            100.0 * int8 as f64 / all as f64,
            all as f64 / 1e6
        )
    };
    Ok(format!(
        "{} ({}), {} labels, {width}x{height}, sha256 {}..., {} on {} thread(s), {int8}",
        path.display(),
        card.name,
        card.labels.len(),
        &described.model_hash[..12.min(described.model_hash.len())],
        described.kernel,
        described.threads,
    ))
}

/// The clause about outputs that are no logits.
fn ending(output: Output) -> String {
    if output == Output::Logits {
        return String::new();
    }
    format!(", ends in {output}: its outputs are the scores and the temperature is not applied")
}

/// Runs the network of the ONNX file at `path` on a black, a white and a striped picture, and
/// refuses values that are not finite.
fn finite(path: &Path, engine: &mut dyn Engine, input: &Input) -> Result<(), Failure> {
    let pixels = input.width * input.height;
    let mut picture = vec![0.0; 3 * pixels];
    for (name, levels) in [
        ("black", [0.0, 0.0]),
        ("white", [1.0, 1.0]),
        ("striped", [0.0, 1.0]),
    ] {
        for (at, value) in picture.iter_mut().enumerate() {
            let (colour, level) = (at / pixels, levels[at % 2]);
            *value = (level - input.mean[colour]) / input.std[colour];
        }
        let logits = engine.infer(&picture)?;
        if let Some(index) = logits.iter().position(|logit| !logit.is_finite()) {
            let message = format!(
                "{}: logit {index} of a {name} picture is {}; the model gives no finite answer, so train or export it again",
                path.display(),
                logits[index]
            );
            return Err(Failure::new(exit::DATA, message));
        }
    }
    Ok(())
}

/// Compares `layers`, as they would run, with the layers that the file at `path` quantises. Without
/// layers, plain tract would run the file.
fn prove(path: &Path, quantised: &[Quantised], layers: &[Layer]) -> Result<(), Failure> {
    let float: Vec<_> = quantised
        .iter()
        .filter(|q| {
            let runs_in_int8 = |l: &Layer| {
                l.name == q.name && l.weight_bytes == q.weight_bytes && l.dtype != "f32"
            };
            if layers.is_empty() {
                !q.integer
            } else {
                !layers.iter().any(runs_in_int8)
            }
        })
        .collect();
    let Some(first) = float.first() else {
        return Ok(());
    };
    let why = if layers.is_empty() {
        "; it cannot be packed, so plain tract runs it in float"
    } else {
        ""
    };
    let message = format!(
        "{}: {} layers that it quantises would not run in int8, the first is {}{why}",
        path.display(),
        float.len(),
        first.name
    );
    Err(Failure::new(exit::DATA, message))
}

/// Predicts the need of a daemon and checks it against the budget.
fn memory(loaded: &Loaded, guard: Option<&Guard>) -> Result<String, Failure> {
    let Some(guard) = guard else {
        let unknown = "it cannot be told without a model that runs";
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

/// Multiplications of all layers, and of those that run in int8.
fn macs(layers: &[Layer]) -> (u64, u64) {
    let of = |int8: bool| {
        layers
            .iter()
            .filter(|l| !int8 || l.dtype != "f32")
            .map(|l| l.macs)
            .sum::<u64>()
    };
    (of(false).max(1), of(true))
}

/// Describes the source that was opened. Of cameras it names the one that would be used and why,
/// without disturbing one that is in use.
fn source(
    loaded: &Loaded,
    opened: Result<Looked, source::Error>,
    cameras: &mut Option<Survey>,
) -> Result<String, Failure> {
    let config = &loaded.config;
    let looked = opened?;
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
fn broker(loaded: &Loaded) -> Result<String, Failure> {
    let mqtt = &loaded.config.mqtt;
    if !mqtt.enabled {
        return Ok("off (mqtt.enabled = false)".into());
    }
    publish::probe(mqtt, &loaded.config.id, CONNECT)?;
    Ok(format!("{} took the connection", mqtt.address()))
}
