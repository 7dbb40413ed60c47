//! The memory that pictures take: on their way to the model's input, and as snapshots.

use crate::config::Config;
use crate::source::Footprint;
use crate::{lessons, review, snapshot, vision};

/// Bytes that pictures of this footprint take while they become the model's input and are compared
/// with a taught scene.
pub(super) fn decoding(config: &Config, source: Footprint) -> usize {
    // The gate has masks of its own.
    let masks = 2 * config.vision.mask_memory(source.height);
    vision::memory(source.width, source.height) + masks + source.whole + vision::SCENE_MEMORY
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
