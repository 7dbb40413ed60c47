//! Updates to MQTT.

use std::io;
use std::time::Instant;

use crate::meter::timing::Stages;
use crate::pipeline::{Listener, Outcome};
use crate::publish::Publisher;

/// Hands each update to the publisher's queue, which never waits.
pub(crate) struct Publishing<'a>(pub &'a Publisher);

impl Listener for Publishing<'_> {
    fn outcome(&mut self, outcome: &Outcome<'_>, stages: &mut Stages) -> io::Result<()> {
        if let Some(update) = &outcome.update {
            let start = Instant::now();
            self.0.publish_update(update, outcome.model);
            stages.publish.add(start.elapsed());
        }
        Ok(())
    }
}
