//! `goldcrest check`: what would be used, and whether it would work.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{ConfigOption, Failure, exit, setup};
use crate::config::Loaded;
use crate::engine::Layer;
use crate::publish;
use crate::service::memory;
use crate::source::{self, camera, camera::Survey};

/// How long the broker is given.
const CONNECT: Duration = Duration::from_secs(5);

/// Options of `goldcrest check`.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    config: ConfigOption,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
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
    cameras: Option<&'a Survey>,
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

/// Runs the command. Everything is looked at; the exit code is that of the first thing that would not work.
pub fn run(options: &Options) -> Result<(), Failure> {
    let loaded = setup::configuration(&options.config)?;
    let used = match &loaded.path {
        Some(path) => format!("{} is valid, id {}", path.display(), loaded.config.id),
        None => format!("none found, the defaults are used, id {}", loaded.config.id),
    };
    let mut layers = Vec::new();
    let mut cameras = None;
    let findings = [
        Finding::of("configuration", Ok(used)),
        Finding::of("model", model(&loaded, &mut layers)),
        Finding::of("source", source(&loaded, &mut cameras)),
        Finding::of("broker", broker(&loaded)),
    ];
    if options.json {
        let line = serde_json::to_string(&Report {
            findings: &findings,
            layers: &layers,
            cameras: cameras.as_ref(),
        })
        .map_err(|e| Failure::new(exit::SOFTWARE, e))?;
        println!("{line}");
    } else {
        for Finding { what, ok, says, .. } in &findings {
            println!("{what:<14} {}  {says}", if *ok { "ok  " } else { "FAIL" });
        }
        if let Some(survey) = &cameras {
            print!("{survey}");
        }
        for Layer {
            name,
            op,
            kernel,
            dtype,
            macs,
            weight_bytes,
        } in &layers
        {
            println!(
                "  {name:<28} {op:<18} {kernel:<14} {dtype:<6} {macs:>10} MACs {weight_bytes:>8} bytes"
            );
        }
    }
    let failed = findings.iter().filter(|f| !f.ok).count();
    match findings.iter().find(|f| !f.ok) {
        None => Ok(()),
        Some(first) => Err(Failure::new(
            first.code,
            format!("check: {failed} of {} would not work", findings.len()),
        )),
    }
}

/// Loads the model and runs it once on an even grey. A layer that the file quantises must not run in float.
fn model(loaded: &Loaded, layers: &mut Vec<Layer>) -> Result<String, Failure> {
    let mut model = setup::model(loaded, None, None, setup::Packing::Never)?;
    let input = &model.card.input;
    let grey = vec![0.0; 3 * input.width * input.height];
    let start = Instant::now();
    let logits = model.engine.infer(&grey)?.len();
    let took = start.elapsed().as_secs_f64() * 1000.0;
    let described = model.engine.describe();
    layers.clone_from(&described.layers);
    let int8 = match described.layers.is_empty() {
        true => "in float, without a bundle".into(),
        false => {
            let (all, int8) = macs(&described.layers);
            format!(
                "{:.1} % of {:.0} million MACs in int8",
                100.0 * int8 as f64 / all as f64,
                all as f64 / 1e6
            )
        }
    };
    Ok(format!(
        "{} ({}), {logits} labels, {}x{}, sha256 {}..., {} on {} thread(s), {int8}, first inference {took:.0} ms, \
         process at {:.0} MiB",
        model.path.display(),
        model.card.name,
        input.width,
        input.height,
        &described.model_hash[..12.min(described.model_hash.len())],
        described.kernel,
        described.threads,
        memory::resident().rss_mb,
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

/// Opens a recording; of cameras, says which would be used and why, without disturbing one that is in use.
fn source(loaded: &Loaded, cameras: &mut Option<Survey>) -> Result<String, Failure> {
    let config = &loaded.config;
    if config.source.kind != source::Kind::Camera {
        return Ok(source::open(&config.source, &config.camera, loaded.folder())?.says);
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

/// Connects to the broker and leaves again, under a name of its own: a running daemon is not disturbed.
fn broker(loaded: &Loaded) -> Result<String, Failure> {
    let mqtt = &loaded.config.mqtt;
    if !mqtt.enabled {
        return Ok("off (mqtt.enabled = false)".into());
    }
    publish::probe(mqtt, &loaded.config.id, CONNECT)?;
    Ok(format!("{} took the connection", mqtt.address()))
}
