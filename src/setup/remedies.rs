//! What would make the memory need of a configuration smaller.

use super::pictures::{decoding, reviews, snapshots, takes_snapshots};
use crate::config::Config;
use crate::engine::Description;
use crate::memory::{Facts, Remedy};
use crate::publish;
use crate::source::{self, Footprint, SourceKind, camera};
use crate::vision;

/// By what both sides of the pictures may be divided.
const PARTS: [u32; 4] = [2, 3, 4, 6];
/// Bytes of an outbox that holds a hundred events.
const OUTBOX: usize = 64 << 10;

/// Each change that makes the need of `facts` smaller, with what it saves.
pub fn of(config: &Config, engine: &Description, source: Footprint, facts: &Facts) -> Vec<Remedy> {
    let mut all = match config.source.kind {
        SourceKind::Camera | SourceKind::Synthetic => drawn(config, source, facts),
        SourceKind::Process => piped(config, facts),
        SourceKind::Http => asked(config, facts),
        SourceKind::Recording => recording(config, source, facts),
    };
    if engine.threads > 1 {
        let changed = Facts {
            threads: facts.threads - (engine.threads - 1).min(facts.threads),
            ..*facts
        };
        all.extend(Remedy::new(
            "threads",
            "set model.threads = 1".into(),
            facts,
            &changed,
        ));
    }
    if takes_snapshots(config) {
        let changed = Facts {
            snapshots: 0,
            threads: facts.threads - 1,
            ..*facts
        };
        let words = "set snapshot.enabled = false".into();
        all.extend(Remedy::new("snapshot", words, facts, &changed));
    }
    if config.review.folder.is_some() {
        let changed = Facts {
            reviews: 0,
            threads: facts.threads - 1,
            ..*facts
        };
        let words = "leave review.folder out".into();
        all.extend(Remedy::new("review", words, facts, &changed));
    }
    if config.teach.enabled {
        let changed = Facts {
            lessons: 0,
            threads: facts.threads - 1,
            ..*facts
        };
        let words = "set teach.enabled = false".into();
        all.extend(Remedy::new("teach", words, facts, &changed));
    }
    if config.mqtt.enabled && config.outbox.max_bytes > OUTBOX {
        let changed = Facts {
            mqtt: facts.mqtt - (config.outbox.max_bytes - OUTBOX).min(facts.mqtt),
            ..*facts
        };
        let words = format!("set outbox.max_bytes = {OUTBOX}");
        all.extend(Remedy::new("outbox", words, facts, &changed));
    }
    let packet = publish::Config::default().max_packet;
    if config.mqtt.enabled && config.mqtt.max_packet > packet {
        let smaller = publish::Config {
            max_packet: packet,
            ..config.mqtt.clone()
        };
        let need = |mqtt: &publish::Config| mqtt.memory(config.homeassistant.enabled);
        let saved = need(&config.mqtt) - need(&smaller);
        let changed = Facts {
            mqtt: facts.mqtt - saved.min(facts.mqtt),
            ..*facts
        };
        let words = format!("set mqtt.max_packet = {packet}");
        all.extend(Remedy::new("packet", words, facts, &changed));
    }
    all
}

/// Of pictures in files.
fn recording(config: &Config, source: Footprint, facts: &Facts) -> Vec<Remedy> {
    let plain = Footprint { whole: 0, ..source };
    let baseline = Facts {
        vision: decoding(config, plain),
        snapshots: snapshots(config, plain),
        reviews: reviews(config, plain),
        ..*facts
    };
    let small = Facts {
        frame: 0,
        source: 0,
        vision: vision::memory(0, 0),
        snapshots: snapshots(config, Footprint::default()),
        reviews: reviews(config, Footprint::default()),
        ..*facts
    };
    let smaller = format!(
        "use smaller pictures than {}x{}",
        source.width, source.height
    );
    let all = [
        Remedy::new(
            "baseline",
            "save the pictures as baseline JPEG".into(),
            facts,
            &baseline,
        ),
        Remedy::new("size", smaller, facts, &small),
    ];
    all.into_iter().flatten().collect()
}

/// Of pictures that a program sends.
fn piped(config: &Config, facts: &Facts) -> Vec<Remedy> {
    let smaller = PARTS.map(|part| {
        let mut process = config.process.clone();
        let size = process.divide(part);
        sent(
            config,
            facts,
            ("program", "process"),
            size,
            process.footprint(),
        )
    });
    smaller.into_iter().flatten().collect()
}

/// Of pictures that an address gives.
fn asked(config: &Config, facts: &Facts) -> Vec<Remedy> {
    let smaller = PARTS.map(|part| {
        let mut http = config.http.clone();
        let size = http.divide(part);
        sent(config, facts, ("camera", "http"), size, http.footprint())
    });
    smaller.into_iter().flatten().collect()
}

/// Of pictures of `width` by `height` from a sender, which the section of this name describes.
fn sent(
    config: &Config,
    facts: &Facts,
    (sender, section): (&str, &str),
    (width, height): (u32, u32),
    source: Footprint,
) -> Option<Remedy> {
    let changed = Facts {
        frame: source.frame,
        source: source.own,
        vision: decoding(config, source),
        snapshots: snapshots(config, source),
        reviews: reviews(config, source),
        ..*facts
    };
    let words = format!(
        "have the {sender} send smaller pictures, and set {section}.width = {width} and {section}.height = {height}"
    );
    Remedy::new("size", words, facts, &changed)
}

/// Of pictures whose size and format the configuration sets.
fn drawn(config: &Config, source: Footprint, facts: &Facts) -> Vec<Remedy> {
    let kind = config.source.kind;
    let with = |key, words: String, camera: &camera::Config| {
        let changed = Footprint {
            whole: source.whole,
            ..source::expected(kind, camera, source.copied)
        };
        let changed = Facts {
            device: changed.device,
            frame: changed.frame,
            source: changed.own,
            vision: decoding(config, changed),
            snapshots: snapshots(config, changed),
            reviews: reviews(config, changed),
            ..*facts
        };
        Remedy::new(key, words, facts, &changed)
    };
    let mut all = Vec::new();
    if kind == SourceKind::Camera {
        let mut camera = config.camera.clone();
        camera.buffers = Some(2);
        all.extend(with("buffers", "set camera.buffers = 2".into(), &camera));
    }
    let formats: &[(camera::Format, &str)] = match kind {
        // Raw pictures of a camera are read in the driver's buffers.
        SourceKind::Camera => &[
            (camera::Format::Yuyv, "yuyv"),
            (camera::Format::Nv12, "nv12"),
        ],
        _ => &[
            (camera::Format::Nv12, "nv12"),
            (camera::Format::Mjpg, "mjpg"),
        ],
    };
    for (format, name) in formats {
        let mut camera = config.camera.clone();
        camera.format = *format;
        let words = format!("set camera.format = \"{name}\"");
        all.extend(with("format", words, &camera));
    }
    for part in PARTS {
        let mut camera = config.camera.clone();
        let smaller = |side: u32| (side / part / 2 * 2).max(64);
        (camera.width, camera.height) = (smaller(camera.width), smaller(camera.height));
        let words = format!(
            "set camera.width = {} and camera.height = {}",
            camera.width, camera.height
        );
        all.extend(with("size", words, &camera));
    }
    all
}
