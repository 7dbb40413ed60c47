//! The daemon's log lines about frames.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::time::{Duration, Instant};

use crate::frame::Frame;
use crate::meter::timing::Stages;
use crate::observe::Update;
use crate::pipeline::{Listener, Outcome};

/// Corrupt frames come in swarms: at most one warning in this time.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// Logs each change, a label that returns, and bad frames at a limited rate.
#[derive(Debug, Default)]
pub(crate) struct LogLines {
    bad: u64,
    warned: Option<Instant>,
}

/// The name of a region before what is told of it; nothing without one.
struct Named<'a>(Option<&'a str>);

impl Display for Named<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "{name}: "))
    }
}

impl Listener for LogLines {
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        if let Some(Update::Change { statement, .. } | Update::Return(statement)) = &outcome.update
        {
            let region = Named(outcome.hashes.region);
            match statement.score {
                Some(score) => log::info!("{region}{} {score:.2}", statement.label),
                None => log::info!("{region}{}", statement.label),
            }
        }
        Ok(())
    }

    fn bad_frame(&mut self, frame: &Frame, _: &'static str, error: &dyn Display) -> io::Result<()> {
        self.bad += 1;
        if self.warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            self.warned = Some(Instant::now());
            log::warn!(
                "frame {} {}: {error}; passed over, {} so far",
                frame.seq,
                frame.name,
                self.bad
            );
        }
        Ok(())
    }
}
