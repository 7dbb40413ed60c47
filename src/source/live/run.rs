//! A live source: it is begun, read, watched and, whenever it is lost, begun again.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::feed::{Counts, Feed, Outlet};
use super::retry::{Pauses, Retry};
use super::standing::Standing;
use super::{GOODBYE, SLICE};
use crate::frame::{Frame, Taken};
use crate::meter::Tally;
use crate::signals::Stop;
use crate::source::{Cause, Error, Loss, Monitor, Next, Source, Status};

/// What the thread of a run does. It returns why there are no more frames.
pub(in crate::source) type Work = Box<dyn FnOnce(&Outlet) -> Loss + Send>;

/// What a live source of one kind does by itself.
pub(in crate::source) trait Kind: Send {
    /// What is held of a run from outside its thread.
    type Hold: Hold;

    /// Its name in messages.
    fn name(&self) -> &str;

    /// Prepares a run.
    ///
    /// # Errors
    /// Why none can begin.
    fn begin(&mut self, monitor: &Monitor) -> Result<(Self::Hold, Work), Loss>;

    /// The longest silence after a frame of the run, and before its first one.
    fn timeouts(&self, hold: &Self::Hold) -> (Duration, Duration);

    /// What the run told beside its frames, to be read after what happened.
    fn said(&self, hold: &Self::Hold) -> String;

    /// Does more about a run that was cut and is not over, if it should be by now, and returns what
    /// to say about it.
    fn overstays(&self, hold: &Self::Hold) -> Option<Loss>;
}

/// What is held of a run from outside its thread.
pub(in crate::source) trait Hold: Send {
    /// Asks for the end, without a wait.
    fn cut(&self);
}

enum Phase<H> {
    /// Nothing runs until it is time for the next start.
    Waiting {
        until: Instant,
    },
    Running(Session<H>),
}

/// One run.
struct Session<H> {
    hold: H,
    feed: Feed,
    /// When the last frame came, or the run began.
    alive: Instant,
    /// Whether a frame came.
    begun: bool,
    /// Bad frames up to the last good one.
    bad: u64,
}

/// A live source without an end: the status reports a loss, and it is begun again.
pub(in crate::source) struct Live<K: Kind> {
    kind: K,
    standing: Standing,
    counts: Arc<Mutex<Counts>>,
    retry: Retry,
    phase: Phase<K::Hold>,
    /// A run that is being ended.
    closing: Option<Session<K::Hold>>,
}

impl<K: Kind> Live<K> {
    /// A source called `card` that is begun at the first call of [`Source::next`].
    pub fn new(kind: K, card: String, pauses: Pauses) -> Self {
        Self {
            kind,
            standing: Standing::new(card),
            counts: Arc::default(),
            retry: Retry::new(pauses),
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
    pub fn monitor(&self) -> Monitor {
        self.standing.monitor()
    }

    /// The moment from which times of frames count.
    pub fn begun(&self) -> Instant {
        self.standing.begun()
    }

    /// Fills `frame` with the first picture that comes. One try is enough.
    ///
    /// # Errors
    /// [`Error::Lost`] if none came; [`Error::Interrupted`].
    pub fn first(&mut self, frame: &mut Frame, stop: &Stop) -> Result<(), Error> {
        loop {
            if stop.requested() {
                return Err(Error::Interrupted);
            }
            if self.next(frame)? == Next::Frame {
                return Ok(());
            }
            let loss = self.status().loss.clone();
            if let Some(loss) = loss.filter(|loss| loss.cause != Cause::Opening) {
                return Err(Error::Lost(loss));
            }
        }
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
        if let Some(loss) = self.standing.reopens() {
            self.lose(loss);
            return Next::Idle;
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

    /// Waits for the next start, and returns whether it is time for it. Never two runs at once: a
    /// camera serves one.
    fn wait(&mut self, until: Instant) -> bool {
        if let Some(session) = &self.closing {
            if session.feed.is_over() {
                self.forget();
                return false;
            }
            thread::sleep(SLICE / 10);
            if let Some(loss) = self.kind.overstays(&session.hold) {
                self.standing.lose(loss);
            }
            return false;
        }
        let left = until.saturating_duration_since(Instant::now());
        thread::sleep(left.min(SLICE));
        left <= SLICE
    }

    fn start(&mut self) -> Result<Session<K::Hold>, Loss> {
        let (hold, work) = self.kind.begin(&self.standing.monitor())?;
        let begun = self.standing.begun();
        let feed = Feed::start("feed", begun, &self.counts, work);
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
        let (after, first) = self.kind.timeouts(&session.hold);
        let limit = if session.begun { after } else { first };
        if session.alive.elapsed() < limit {
            return None;
        }
        let (name, said) = (self.kind.name(), self.kind.said(&session.hold));
        let limit = limit.as_secs_f64();
        let bad = self.standing.status.counters.bad.total() - session.bad;
        Some(if bad == 0 {
            let message = format!("{name} sent no frame for {limit:.1} s{said}");
            Loss::new(Cause::Timeout, message)
        } else {
            let last = session.feed.last_bad();
            let message = format!(
                "{name} sent no whole frame for {limit:.1} s, and {bad} bad ones, of the last of which {last}{said}"
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
            session.feed.give_up();
            session.feed.count(&mut self.standing.status.counters);
            session.feed.why();
        }
    }
}

impl<H: Hold> Session<H> {
    /// Asks for the end, without a wait.
    fn end(&self) {
        self.feed.end();
        self.hold.cut();
    }
}

impl<K: Kind> Source for Live<K> {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error> {
        let next = self.step(frame);
        self.standing.tell();
        Ok(next)
    }

    fn passed_over(&self) -> &Tally {
        &self.standing.status.counters.bad
    }
}

impl<K: Kind> Drop for Live<K> {
    /// Ends the run. What is slow to end goes on by itself.
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
