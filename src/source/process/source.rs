//! The program as a source: it is started, read, watched and, whenever it is lost, started again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::child::{self, Hold, Plan, wrote};
use super::config::Config;
use super::keeper::{LONGEST, OURSELVES};
use super::program;
use super::secrets::Secrets;
use crate::frame::Frame;
use crate::meter::Tally;
use crate::signals::Stop;
use crate::source::live::{self, Kind, Live, Pauses, Work};
use crate::source::{Cause, Error, Loss, Monitor, Next, Source, Status};

/// How much longer than its keeper needs a child may take to end until more is done about it.
const BEYOND: Duration = Duration::from_secs(2);

/// How children are started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program that has the command `child`.
    pub keeper: PathBuf,
    /// The pauses between two starts.
    pub pauses: Pauses,
}

impl Default for Launch {
    fn default() -> Self {
        Self {
            keeper: OURSELVES.into(),
            pauses: Pauses::default(),
        }
    }
}

/// A program that is started again and again.
struct Program {
    config: Config,
    keeper: PathBuf,
    secrets: Secrets,
}

/// A program as a camera. It is a source without an end: the status reports a loss, and the
/// program is started again.
pub struct Process(Live<Program>);

impl Process {
    /// A program that is started at the first call of [`Source::next`]. When this is dropped, its
    /// keeper ends it, without this process if the program is slow.
    pub fn new(config: &Config, launch: Launch) -> Self {
        let program = Program {
            secrets: Secrets::of(config.argv.rest()),
            config: config.clone(),
            keeper: launch.keeper,
        };
        let card = format!("the output of {}", config.argv.name());
        Self(Live::new(program, card, launch.pauses))
    }

    /// The state now.
    pub fn status(&self) -> &Status {
        self.0.status()
    }

    /// The state, for other threads.
    pub(crate) fn monitor(&self) -> Monitor {
        self.0.monitor()
    }

    /// The moment from which times of frames count.
    pub(crate) fn begun(&self) -> Instant {
        self.0.begun()
    }

    /// Fills `frame` with the first picture of one run.
    ///
    /// # Errors
    /// [`Error::Lost`] if none came; [`Error::Interrupted`].
    pub(super) fn first(&mut self, frame: &mut Frame, stop: &Stop) -> Result<(), Error> {
        self.0.first(frame, stop)
    }
}

impl Kind for Program {
    type Hold = Hold;

    fn name(&self) -> &str {
        self.config.argv.name()
    }

    fn begin(&mut self, monitor: &Monitor) -> Result<(Hold, Work), Loss> {
        let argv = &self.config.argv;
        let plan = Plan {
            keeper: self.keeper.clone(),
            program: program::find(argv)?,
            name: argv.name().into(),
            arguments: argv.rest().to_vec(),
            secrets: self.secrets.clone(),
            format: self.config.stream(),
        };
        let hold = Hold::default();
        let (held, monitor) = (hold.clone(), monitor.clone());
        let work: Work = Box::new(move |outlet| child::run(&plan, &held, &monitor, outlet));
        Ok((hold, work))
    }

    fn timeouts(&self, _: &Hold) -> (Duration, Duration) {
        self.config.timeouts()
    }

    fn said(&self, hold: &Hold) -> String {
        wrote(hold.complaint(&self.secrets))
    }

    fn overstays(&self, hold: &Hold) -> Option<Loss> {
        if hold.cut_since() <= LONGEST + BEYOND {
            return None;
        }
        hold.force();
        let name = self.name();
        let message = format!("{name} does not end, though it was killed; restart the computer");
        Some(Loss::new(Cause::Stopping, message))
    }
}

impl live::Hold for Hold {
    fn cut(&self) {
        Hold::cut(self);
    }
}

impl Source for Process {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error> {
        self.0.next(frame)
    }

    fn passed_over(&self) -> &Tally {
        self.0.passed_over()
    }
}
