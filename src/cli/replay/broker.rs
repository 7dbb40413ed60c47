//! A replay at the broker, `--mqtt`.

use std::time::{Duration, SystemTime};

use super::Options;
use crate::config::Config;
use crate::exit;
use crate::pipeline::{Pipeline, Publishing};
use crate::publish::{self, EventIds, Publisher, Topics, Unknown};
use crate::setup::Failure;
use crate::signals::Stop;

/// How long a replay waits for the broker, at its start and at its end.
const CONNECT: Duration = Duration::from_secs(5);
pub(super) const GOODBYE: Duration = Duration::from_millis(1500);

/// Connects to the broker. The client id and the topics are not those of a running daemon, whose
/// label and availability the replay would overwrite.
pub(super) fn connect(
    config: &Config,
    options: &Options,
    stop: &Stop,
) -> Result<Publisher, Failure> {
    let id = match &options.id {
        Some(id) => id.to_string(),
        None => replay_id(&config.id),
    };
    let (mqtt, outbox) = (&config.mqtt, &config.outbox);
    let ids = EventIds::of_parts(&[&id, &options.path.to_string_lossy()]);
    let publisher = Publisher::start_temporary(mqtt, outbox, &id, "replay", ids)?;
    let connected = publisher.wait_connected(CONNECT, || stop.requested());
    if stop.requested() {
        return Err(Failure::new(exit::INTERRUPTED, "interrupted"));
    }
    connected?;
    Ok(publisher)
}

/// The id of a replay beside the instance `id`, which is ASCII. An id has at most 64 bytes.
fn replay_id(id: &str) -> String {
    const SUFFIX: &str = "-replay";
    let kept = id.len().min(64 - SUFFIX.len());
    format!("{}{SUFFIX}", id.get(..kept).unwrap_or(id))
}

/// Publishes that no label is known, before the first frame and after the last.
pub(super) fn publish_unknown(
    publishing: &Option<Publishing<'_>>,
    reason: Unknown,
    pipeline: &Pipeline,
) {
    let Some(publishing) = publishing else { return };
    for look in pipeline.looks() {
        publishing.unknown(reason, SystemTime::now(), look.hashes);
    }
}

/// An id that can be one level of a topic.
pub(super) fn topic_level(text: &str) -> Result<String, publish::Error> {
    Topics::new("goldcrest", text).map(|_| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_replay_is_never_too_long() {
        assert_eq!(replay_id("front"), "front-replay");
        assert_eq!(replay_id(&"x".repeat(64)).len(), 64);
    }
}
