//! The program as a source: it is started, read, watched and, whenever it is lost, started again.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::child::{self, Hold, Plan, wrote};
use super::config::Config;
use super::keeper::{LONGEST, OURSELVES};
use super::program;
use super::secrets::Secrets;
use crate::frame::{Frame, Taken};
use crate::meter::Tally;
use crate::source::live::{Counts, Feed, Pauses, Retry, SLICE, Standing};
use crate::source::{Cause, Error, Loss, Monitor, Next, Source, Status};

/// How much longer than its keeper needs a child may take to end until more is done about it.
const BEYOND: Duration = Duration::from_secs(2);
/// How long a child is waited for when the source itself ends.
const GOODBYE: Duration = Duration::from_millis(500);

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

enum Phase {
    /// Nothing runs until it is time for the next start.
    Waiting {
        until: Instant,
    },
    Running(Session),
}

/// One run of the program.
struct Session {
    hold: Hold,
    feed: Feed,
    /// When the last frame came, or the run began.
    alive: Instant,
    /// Whether a frame came.
    begun: bool,
    /// Bad frames up to the last good one.
    bad: u64,
}

/// A program as a camera. It is a source without an end: the status reports a loss, and the
/// program is started again.
pub struct Process {
    config: Config,
    launch: Launch,
    secrets: Secrets,
    standing: Standing,
    counts: Arc<Mutex<Counts>>,
    retry: Retry,
    phase: Phase,
    /// A run that is being ended.
    closing: Option<Session>,
}

impl Process {
    /// A program that is started at the first call of [`Source::next`].
    pub fn new(config: &Config, launch: Launch) -> Self {
        Self {
            secrets: Secrets::of(config.argv.rest()),
            standing: Standing::new(format!("the output of {}", config.argv.name())),
            config: config.clone(),
            counts: Arc::default(),
            retry: Retry::new(launch.pauses),
            launch,
            phase: Phase::Waiting {
                until: Instant::now(),
            },
            closing: None,
        }
    }

    /// The state now.
    pub fn status(&self) -> &Status {
        &self.standing.status
    }

    /// The state, for other threads.
    pub(crate) fn monitor(&self) -> Monitor {
        self.standing.monitor()
    }

    /// The moment from which times of frames count.
    pub(crate) fn begun(&self) -> Instant {
        self.standing.begun()
    }

    fn step(&mut self, frame: &mut Frame) -> Next {
        frame.data.give_back();
        if let Phase::Waiting { until } = self.phase {
            if !self.wait(until) {
                return Next::Idle;
            }
            match self.start() {
                Ok(session) => self.phase = Phase::Running(session),
                Err(loss) => {
                    self.lose(loss);
                    return Next::Idle;
                }
            }
        }
        let Phase::Running(session) = &mut self.phase else {
            return Next::Idle;
        };
        let taken = session.feed.take(frame, SLICE);
        let counters = &mut self.standing.status.counters;
        session.feed.count(counters);
        match taken {
            Taken::Frame => {
                session.alive = Instant::now();
                session.begun = true;
                session.bad = counters.bad.total();
                self.standing.streams(frame);
                return Next::Frame;
            }
            Taken::Nothing => {
                if let Some(loss) = self.overdue() {
                    self.lose(loss);
                }
            }
            Taken::Closed => self.ended(),
        }
        Next::Idle
    }

    /// Waits for the next start, and returns whether it is time for it. Never two programs at once:
    /// a camera serves one.
    fn wait(&mut self, until: Instant) -> bool {
        if let Some(session) = &self.closing {
            if session.feed.is_over() {
                self.forget();
                return false;
            }
            thread::sleep(SLICE / 10);
            if session.hold.cut_since() > LONGEST + BEYOND {
                session.hold.force();
                let name = self.config.argv.name();
                let message =
                    format!("{name} does not end, though it was killed; restart the computer");
                self.standing.lose(Loss::new(Cause::Stopping, message));
            }
            return false;
        }
        let left = until.saturating_duration_since(Instant::now());
        thread::sleep(left.min(SLICE));
        left <= SLICE
    }

    fn start(&mut self) -> Result<Session, Loss> {
        let argv = &self.config.argv;
        let plan = Plan {
            keeper: self.launch.keeper.clone(),
            program: program::find(argv)?,
            name: argv.name().into(),
            arguments: argv.rest().to_vec(),
            secrets: self.secrets.clone(),
            format: self.config.stream(),
        };
        let hold = Hold::default();
        let held = hold.clone();
        let monitor = self.monitor();
        let begun = self.standing.begun();
        let feed = Feed::start("feed", begun, &self.counts, move |outlet| {
            child::run(&plan, &held, &monitor, outlet)
        });
        let feed = feed.map_err(|error| {
            Loss::new(Cause::Io, format!("the system refused a thread: {error}"))
        })?;
        self.standing.status.opens += 1;
        Ok(Session {
            hold,
            feed,
            alive: Instant::now(),
            begun: false,
            bad: self.standing.status.counters.bad.total(),
        })
    }

    /// The loss if no frame came for too long.
    fn overdue(&self) -> Option<Loss> {
        let Phase::Running(session) = &self.phase else {
            return None;
        };
        let (after, first) = self.config.timeouts();
        let limit = if session.begun { after } else { first };
        if session.alive.elapsed() < limit {
            return None;
        }
        let name = self.config.argv.name();
        let (limit, wrote) = (
            limit.as_secs_f64(),
            wrote(session.hold.complaint(&self.secrets)),
        );
        let bad = self.standing.status.counters.bad.total() - session.bad;
        Some(if bad == 0 {
            let message = format!("{name} sent no frame for {limit:.1} s{wrote}");
            Loss::new(Cause::Timeout, message)
        } else {
            let last = session.feed.last_bad();
            let message = format!(
                "{name} sent no whole frame for {limit:.1} s, and {bad} bad ones, of the last of which {last}{wrote}"
            );
            Loss::new(Cause::Corrupt, message)
        })
    }

    /// Takes the reason from a feed that is over.
    fn ended(&mut self) {
        let until = Instant::now();
        let Phase::Running(session) = std::mem::replace(&mut self.phase, Phase::Waiting { until })
        else {
            return;
        };
        let loss = session.feed.why();
        self.lose(loss);
    }

    /// Gives up the present run, if there is one, and notes why.
    fn lose(&mut self, loss: Loss) {
        let until = Instant::now() + self.retry.pause(self.standing.good());
        if let Phase::Running(session) =
            std::mem::replace(&mut self.phase, Phase::Waiting { until })
        {
            session.end();
            self.closing = Some(session);
        }
        self.standing.lose(loss);
    }

    /// Takes the last counts of a run that is over.
    fn forget(&mut self) {
        if let Some(session) = self.closing.take() {
            session.feed.count(&mut self.standing.status.counters);
            session.feed.why();
        }
    }
}

impl Session {
    /// Asks for the end, without a wait.
    fn end(&self) {
        self.feed.end();
        self.hold.cut();
    }
}

impl Source for Process {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error> {
        let next = self.step(frame);
        self.standing.tell();
        Ok(next)
    }

    fn passed_over(&self) -> &Tally {
        &self.standing.status.counters.bad
    }
}

impl Drop for Process {
    /// Ends the program. Its keeper goes on without this process, if the program is slow.
    fn drop(&mut self) {
        let until = Instant::now();
        let phase = std::mem::replace(&mut self.phase, Phase::Waiting { until });
        if let Phase::Running(session) = phase {
            session.end();
            self.closing = Some(session);
        }
        let end = Instant::now() + GOODBYE;
        while self.closing.as_ref().is_some_and(|s| !s.feed.is_over()) && Instant::now() < end {
            thread::sleep(SLICE / 20);
        }
    }
}
