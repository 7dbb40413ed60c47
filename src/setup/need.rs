//! The memory that a daemon of a configuration will need, gathered from each room.

use std::path::{Path, PathBuf};

use super::pictures::{decoding, lessons, regions, reviews, snapshots, takes_snapshots};
use super::{Failure, remedies};
use crate::config::{Config, Loaded};
use crate::engine::{self, Card, Description, Memory, Prepared, pack};
use crate::exit;
use crate::memory;
use crate::memory::{EngineMemory, Facts, Guard, Remedy, SizedBy};
use crate::meter::process;
use crate::source::{Footprint, SourceKind};

/// Plain tract's resident bytes for each byte of quantised weights, which it holds in float, and
/// for each other byte of the file. Measured: 156 to 170 MB for 29 MB in int8, 241 MB for 114 MB in
/// f32.
const TRACT: (f64, f64) = (5.8, 2.2);

/// What the int8 engine takes beside its weights, a second one at a reload included, roughly.
const BUNDLE: usize = 3 << 20;

/// Code that a source other than a camera runs once it makes its frames. It was resident when the
/// source was opened, and was returned before the resident code is measured. Opening a folder of
/// JPEG pictures and reading the first one brings in 1.9 to 2.4 MiB on x86-64, and a reload beside
/// it was 0.1 MiB over all that was counted.
const FRAME_CODE: usize = 11 << 18;

/// Code that each of MQTT 5, commands, Home Assistant, snapshots, review, lessons and metrics
/// brings in while it runs. All of them together took 1.0 MiB at the peak on x86-64.
const FEATURE_CODE: usize = 1 << 18;

/// Begins the watch over the memory of a daemon that runs `engine`, and logs the need.
///
/// # Errors
/// The need is over the budget or over the control group's limit.
pub fn admit(
    loaded: &Loaded,
    model: (&Path, &Card),
    engine: &Description,
    source: Footprint,
) -> Result<Guard, Failure> {
    let guard = guard(loaded, model, engine, source)?;
    if let Err(why) = guard.admit() {
        return Err(over(loaded, &guard, &why));
    }
    log_need(log::Level::Info, loaded, &guard);
    Ok(guard)
}

/// Refuses a model that is not loaded yet if the daemon that it would run in is over its memory.
/// `prepared` runs it, or plain tract does. The need is an estimate: the code that loads the model
/// is yet to run. [`admit`] computes it again with the engine in place.
///
/// # Errors
/// As [`admit`].
pub(super) fn expected(
    loaded: &Loaded,
    model: (&Path, &Card),
    prepared: Option<&Prepared>,
    source: Footprint,
) -> Result<(), Failure> {
    let engine = Description {
        memory: prepared.map(Prepared::memory),
        threads: prepared.map_or(1, Prepared::threads),
        ..Description::default()
    };
    let guard = guard_before(loaded, model, &engine, source)?;
    let refused = guard.admit().err();
    refused.map_or(Ok(()), |why| Err(over(loaded, &guard, &why)))
}

/// Refuses a packed network whose engine alone, without a daemon around it, is over the budget.
///
/// # Errors
/// It is.
pub(super) fn engine(loaded: &Loaded, memory: Memory) -> Result<(), Failure> {
    let admitted = loaded.config.memory.admit_engine(memory);
    admitted.map_err(|why| Failure::new(exit::CONFIG, why))
}

/// Refuses the heads at `paths` if the engine that holds `memory` would be over the budget with
/// them. A head that is not there or is none is left to its reader.
///
/// # Errors
/// It would.
pub(super) fn heads<'a>(
    loaded: &Loaded,
    memory: Option<Memory>,
    paths: impl Iterator<Item = &'a PathBuf>,
) -> Result<(), Failure> {
    let claims = paths.filter_map(|path| engine::head_bytes(path).ok());
    let head = claims.fold(0, usize::saturating_add);
    let memory = memory.unwrap_or_default();
    engine(loaded, Memory { head, ..memory })
}

/// Logs the need that is refused, and returns why.
fn over(loaded: &Loaded, guard: &Guard, why: &memory::Refusal) -> Failure {
    log_need(log::Level::Error, loaded, guard);
    Failure::new(exit::CONFIG, why)
}

fn log_need(level: log::Level, loaded: &Loaded, guard: &Guard) {
    log::log!(
        level,
        "memory needed, of {} MiB allowed:",
        loaded.config.memory.budget_mb
    );
    for line in guard.need().to_string().lines() {
        log::log!(level, "{line}");
    }
}

/// The same without a log line and without a check.
pub fn guard(
    loaded: &Loaded,
    model: (&Path, &Card),
    engine: &Description,
    source: Footprint,
) -> Result<Guard, Failure> {
    of(loaded, model, engine, source, true)
}

/// The same for an engine that holds nothing yet.
fn guard_before(
    loaded: &Loaded,
    model: (&Path, &Card),
    engine: &Description,
    source: Footprint,
) -> Result<Guard, Failure> {
    of(loaded, model, engine, source, false)
}

/// The watch over a daemon that runs `engine`, or will once it `is_loaded`.
fn of(
    loaded: &Loaded,
    (model, card): (&Path, &Card),
    engine: &Description,
    source: Footprint,
    is_loaded: bool,
) -> Result<Guard, Failure> {
    let quantised = match engine.memory {
        Some(_) => 0,
        None => pack::quantised(model)?.iter().map(|l| l.weight_bytes).sum(),
    };
    let file = std::fs::metadata(model).map_or(0, |m| m.len());
    let mut facts = facts(loaded, engine, source, plain(quantised, file));
    facts.regions = regions(&loaded.config, source, card);
    if !is_loaded {
        let held = facts.engine.anonymous().saturating_add(facts.regions.held);
        facts.anonymous = facts.anonymous.saturating_add(held);
    }
    let mut remedies = remedies::of(&loaded.config, engine, source, &facts);
    if quantised > 0 {
        remedies.extend(packing(&facts, file as usize));
    }
    Ok(Guard::new(&loaded.config.memory, facts, remedies))
}

/// The facts that the need is computed from. Plain tract would hold `plain` bytes.
fn facts(loaded: &Loaded, engine: &Description, source: Footprint, plain: usize) -> Facts {
    memory::trim();
    let config = &loaded.config;
    let held = match engine.memory {
        Some(memory) => EngineMemory::Mapped(memory),
        None => EngineMemory::Plain(plain),
    };
    let camera = config.source.kind == SourceKind::Camera;
    let (mqtt, mqtt_code) = if config.mqtt.enabled {
        let memory = config.mqtt.memory(config.homeassistant.enabled)
            + config.outbox.memory()
            + config.commands.memory()
            + config.homeassistant.memory();
        (memory, config.mqtt.code() + features(config))
    } else {
        (0, 0)
    };
    let http_code = match config.source.kind {
        // TLS of the broker's connection is the same code.
        SourceKind::Http if !config.mqtt.enabled || config.mqtt.code() == 0 => config.http.code(),
        _ => 0,
    };
    let review_code = usize::from(config.review.folder.is_some()) * FEATURE_CODE;
    let image = process::image(|path| path.extension().is_some_and(|e| e == "bundle"));
    Facts {
        engine: held,
        code: image.code
            + mqtt_code
            + http_code
            + review_code
            + if camera { 0 } else { FRAME_CODE },
        data: image.data,
        anonymous: process::resident().anonymous(),
        device: source.device,
        frame: source.frame,
        source: source.own,
        sized: match config.source.kind {
            SourceKind::Camera | SourceKind::Synthetic => SizedBy::Camera,
            SourceKind::Process => SizedBy::Process,
            SourceKind::Http => SizedBy::Http,
            SourceKind::Recording => SizedBy::Itself,
        },
        vision: decoding(config, source),
        regions: memory::Regions::default(),
        mqtt,
        snapshots: snapshots(config, source),
        reviews: reviews(config, source),
        lessons: lessons(config, source),
        // The watch, signals, capture, MQTT, the outbox's disk, snapshots, review, lessons, the
        // closer of a camera, and the pool of a second engine.
        threads: 3
            + usize::from(takes_snapshots(config))
            + usize::from(config.review.folder.is_some())
            + usize::from(config.teach.enabled)
            + usize::from(config.mqtt.enabled)
            + config.outbox.threads()
            + usize::from(camera)
            + engine.threads.saturating_sub(1)
            + source.threads,
    }
}

/// Bytes of code of what the configuration turns on.
fn features(config: &Config) -> usize {
    let on = [
        config.mqtt.version == 5,
        config.commands.enabled,
        config.homeassistant.enabled,
        takes_snapshots(config),
        config.teach.enabled,
        config.metrics.textfile.is_some(),
    ];
    on.iter().filter(|on| **on).count() * FEATURE_CODE
}

/// Bytes that plain tract will hold of an ONNX file of `file` bytes, of which `quantised` are
/// quantised weights, roughly.
fn plain(quantised: u64, file: u64) -> usize {
    let rest = file.saturating_sub(quantised);
    (quantised as f64 * TRACT.0 + rest as f64 * TRACT.1) as usize
}

/// What the bundle of an ONNX file of `file` bytes would save.
fn packing(facts: &Facts, file: usize) -> Option<Remedy> {
    let packed = Facts {
        engine: EngineMemory::Plain(file + BUNDLE),
        ..*facts
    };
    let words = "make a bundle with `goldcrest pack`".into();
    Remedy::new("bundle", words, facts, &packed)
}
