//! An observer and a publisher, connected as in the main loop.

use std::time::{Duration, UNIX_EPOCH};

use goldcrest::frame::Captured;
use goldcrest::observe::{self, Observer};
use goldcrest::publish::{Config, OutboxConfig, Publisher};

use super::{PATIENCE, wait_for};

/// What stands where a daemon names its model.
pub const MODEL: &str = "cafecafecafecafecafecafecafecafecafecafecafecafecafecafecafecafe";

const LABELS: [&str; 3] = ["coke", "ginger ale", "red wine"];

/// The main loop's use of the publisher, without a camera.
pub struct Talker {
    /// Reports each change at once.
    pub observer: Observer,
    /// Publishes it.
    pub publisher: Publisher,
    seq: u64,
}

impl Talker {
    /// Starts for the instance `id`, without waiting for the broker.
    pub fn start(config: &Config, id: &str) -> Self {
        Self::with_outbox(config, &OutboxConfig::default(), id)
    }

    /// The same with an outbox of its own.
    pub fn with_outbox(config: &Config, outbox: &OutboxConfig, id: &str) -> Self {
        let labels = LABELS.map(String::from);
        let one_frame = observe::Config {
            smoothing: 0.0,
            frames: 1,
            ..observe::Config::default()
        };
        Self {
            observer: Observer::new(&one_frame, &labels),
            publisher: Publisher::start(config, outbox, id).expect("the publisher starts"),
            seq: 0,
        }
    }

    /// The same, once the broker has answered.
    pub fn connected(config: &Config, id: &str) -> Self {
        let talker = Self::start(config, id);
        talker
            .publisher
            .wait_connected(PATIENCE, || false)
            .expect("the broker answers");
        talker
    }

    /// Sees `label` on the next frame.
    pub fn see(&mut self, label: usize) {
        let mut scores = [0.02; 3];
        scores[label] = 0.96;
        let elapsed = Duration::from_secs(self.seq);
        let captured = Captured {
            elapsed,
            wall: UNIX_EPOCH + Duration::from_secs(1_735_732_800) + elapsed,
        };
        if let Some(say) = self.observer.step(&scores, self.seq, captured) {
            self.publisher.publish_update(&say, MODEL);
        }
        self.seq += 1;
    }

    /// Comes back once the broker has acknowledged all.
    pub fn wait_sent(&self) {
        let sent = || {
            let counts = self.publisher.counts();
            counts.waiting + counts.unacknowledged == 0 && counts.sent > 0
        };
        assert!(wait_for(PATIENCE, sent), "{:?}", self.publisher.counts());
    }
}
