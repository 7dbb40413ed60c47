//! Updates to MQTT.

use std::io;
use std::time::{Instant, SystemTime};

use crate::frame::Captured;
use crate::meter::timing::Stages;
use crate::pipeline::{Listener, Outcome};
use crate::publish::{Label, Payload, Publisher, Unknown};

/// Hands each update to the publisher's queue, which never waits.
pub(crate) struct Publishing<'a> {
    publisher: &'a Publisher,
    /// Number and time of the last frame.
    last: Option<(u64, Captured)>,
}

impl<'a> Publishing<'a> {
    /// Publishes through `publisher`.
    pub(crate) fn new(publisher: &'a Publisher) -> Self {
        Self {
            publisher,
            last: None,
        }
    }

    /// Publishes that no label is known since `since`, and why; `model` is the model's hash.
    pub(crate) fn unknown(&self, reason: Unknown, since: SystemTime, model: &str) {
        let label = Label::unknown(reason, since, self.last, model);
        self.publisher.publish(&Payload::Label(label));
    }
}

impl Listener for Publishing<'_> {
    fn outcome(&mut self, outcome: &Outcome<'_>, stages: &mut Stages) -> io::Result<()> {
        self.last = Some((outcome.frame.seq, outcome.frame.captured));
        if let Some(update) = &outcome.update {
            let start = Instant::now();
            self.publisher.publish_update(update, outcome.model);
            stages.publish.add(start.elapsed());
        }
        Ok(())
    }
}
