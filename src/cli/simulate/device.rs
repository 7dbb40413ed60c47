//! One simulated device: the observer and the publisher of a daemon, without camera and model.

use std::time::{Instant, SystemTime};

use crate::config::Config;
use crate::daemon;
use crate::frame::{Captured, PictureState};
use crate::observe::{self, Observer, Update};
use crate::publish::{CameraState, Crowd, OutboxConfig, Payload, Publisher};
use crate::setup::Failure;
use crate::source::Monitor;

/// Labels as long as those of the shipped model.
const LABELS: [&str; 6] = [
    "beaker",
    "water jug",
    "candle",
    "coffee mug",
    "pop bottle",
    "wine glass",
];

/// What stands where a device names its model.
const MODEL: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A device that publishes as a daemon does.
pub(super) struct Device {
    pub(super) publisher: Publisher,
    observer: Observer,
    begun: Instant,
    label: usize,
    seq: u64,
    events: u64,
}

/// The id of the device of this number, counted from 0.
pub(super) fn id(n: usize) -> String {
    format!("sim-{:04}", n + 1)
}

impl Device {
    /// Connects the device of this number, and has it publish that its camera streams.
    pub(super) fn start(crowd: &Crowd, config: &Config, n: usize) -> Result<Self, Failure> {
        // Several publishers cannot share a folder.
        let outbox = OutboxConfig {
            folder: None,
            ..config.outbox.clone()
        };
        let publisher = Publisher::start_in(crowd, &config.mqtt, &outbox, &id(n))?;
        let status = Monitor::steady("a simulated device").status();
        publisher.publish(&Payload::Camera(CameraState::new(
            &status,
            PictureState::Ok,
        )));
        let each_frame = observe::Config {
            smoothing: 0.0,
            frames: 1,
            heartbeat: config.observe.heartbeat,
            top: config.observe.top,
            ..observe::Config::default()
        };
        Ok(Self {
            publisher,
            observer: Observer::new(&each_frame, &LABELS.map(String::from)),
            begun: Instant::now(),
            label: 0,
            seq: 0,
            events: 0,
        })
    }

    /// Sees another label than before, which is an event.
    pub(super) fn change(&mut self) {
        self.label = (self.label + 1) % LABELS.len();
        self.look();
    }

    /// Takes a frame that shows the label of now. The observer decides what is published.
    pub(super) fn look(&mut self) {
        let mut scores = [0.01; LABELS.len()];
        scores[self.label] = 0.95;
        let captured = Captured {
            elapsed: self.begun.elapsed(),
            wall: SystemTime::now(),
        };
        if let Some(update) = self.observer.step(&scores, self.seq, captured) {
            self.publisher.publish_update(&update, MODEL);
            self.events += u64::from(matches!(update, Update::Change { .. }));
        }
        self.seq += 1;
    }

    /// Publishes its health.
    pub(super) fn report(&self) {
        let health = daemon::sample(
            self.begun.elapsed(),
            self.seq,
            MODEL,
            self.publisher.counts(),
        );
        self.publisher.publish(&Payload::Health(Box::new(health)));
    }

    /// How many events it has published.
    pub(super) fn events(&self) -> u64 {
        self.events
    }
}

/// The number of the device whose id this is, counted from 0.
pub(super) fn number(id: &str) -> Option<usize> {
    let digits = id.strip_prefix("sim-").filter(|digits| digits.len() >= 4)?;
    digits.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_number() {
        assert_eq!((id(0).as_str(), id(999).as_str()), ("sim-0001", "sim-1000"));
        for n in [0, 41, 999, 9998] {
            assert_eq!(number(&id(n)), Some(n));
        }
        for other in ["porch", "sim-", "sim-0000", "sim-12", "sim-00x1"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
