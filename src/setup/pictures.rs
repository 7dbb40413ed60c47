//! The memory that pictures take: on their way to the model's input, and as snapshots.

use crate::config::Config;
use crate::engine::Card;
use crate::memory::Regions;
use crate::pipeline;
use crate::source::Footprint;
use crate::{lessons, review, snapshot, vision};

/// Bytes of the messages of one region, as they are kept and on their way: its label, and its part
/// of the announcement to Home Assistant.
const MESSAGES: usize = 32 << 10;

/// Bytes that pictures of this footprint take while they become the model's input and are compared
/// with a taught scene.
pub(super) fn decoding(config: &Config, source: Footprint) -> usize {
    // The gate has masks of its own.
    let masks = 2 * config.vision.mask_memory(source.height);
    vision::memory(source.width, source.height) + masks + source.whole + vision::SCENE_MEMORY
}

/// Bytes that regions beside the first take. They share one decoding at a time of a picture of
/// several scans, and the engine.
pub(super) fn regions(config: &Config, source: Footprint, card: &Card) -> Regions {
    let Some(more) = config.region.len().checked_sub(1) else {
        return Regions::default();
    };
    let one = Footprint { whole: 0, ..source };
    let messages = if config.mqtt.enabled { MESSAGES } else { 0 };
    Regions {
        held: more * pipeline::look_memory(card),
        coming: more * (decoding(config, one) + messages),
    }
}

/// Whether a daemon takes pictures of events.
pub(super) fn takes_snapshots(config: &Config) -> bool {
    config.mqtt.enabled && config.snapshot.enabled
}

/// Bytes that pictures of events take.
pub(super) fn snapshots(config: &Config, source: Footprint) -> usize {
    if !takes_snapshots(config) {
        return 0;
    }
    let (frame, size) = (source.frame.max(source.lent), (source.width, source.height));
    snapshot::memory(&config.snapshot, &config.vision, frame, size) + source.whole
}

/// Bytes that pictures for review take.
pub(super) fn reviews(config: &Config, source: Footprint) -> usize {
    if config.review.folder.is_none() {
        return 0;
    }
    let (frame, size) = (source.frame.max(source.lent), (source.width, source.height));
    review::memory(&config.review, &config.vision, frame, size) + source.whole
}

/// Bytes that lessons take.
pub(super) fn lessons(config: &Config, source: Footprint) -> usize {
    let (frame, size) = (source.frame.max(source.lent), (source.width, source.height));
    lessons::memory(&config.teach, &config.vision, frame, size)
}
