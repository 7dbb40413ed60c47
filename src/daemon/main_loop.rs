//! The main thread: from the slot through the pipeline to the publisher.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use super::Error;
use super::commands::Commands;
use super::numbers::Numbers;
use super::reload::{Reloaded, Reloader};
use super::sight::Sight;
use super::status_line::{Standing, StatusLine};
use super::teaching::Teaching;
use super::watchdog::Watchdog;
use crate::frame::{Frame, PictureState, Slot, Taken};
use crate::lessons::{Change, Lessons};
use crate::memory::Guard;
use crate::meter::Progress;
use crate::meter::timing::Stages;
use crate::pipeline::{
    HeadFile, Listener, LogLines, Outcome, Pace, Pipeline, Publishing, Reviewing, Watching,
};
use crate::publish::{CameraState, Payload, Publisher, Unknown};
use crate::region::Places;
use crate::signals::{Request, Stop};
use crate::snapshot::Snapshots;
use crate::source::Monitor;
use crate::vision;

/// How often the thread looks up from an empty slot.
const LOOK_UP: Duration = Duration::from_millis(200);

/// What the thread works with.
pub(super) struct MainLoop<'a> {
    pub pipeline: &'a mut Pipeline,
    pub guard: &'a mut Guard,
    pub reloader: &'a mut Reloader,
    pub commands: Commands,
    pub publisher: Option<&'a Publisher>,
    /// Takes pictures of events; `None` without any, and once the loop runs.
    pub snapshots: Option<Snapshots>,
    /// What is taught; `None` without `[teach]`, and once the loop runs.
    pub lessons: Option<Lessons>,
    /// How pictures of lessons are seen; `None` where none are kept, and once the loop runs.
    pub lesson_pictures: Option<vision::Config>,
    pub(crate) monitor: &'a Monitor,
    pub(crate) slot: &'a Slot,
    pub(crate) progress: &'a Progress,
    /// The source's clock.
    pub(crate) pace: Pace,
    pub numbers: Numbers<'a>,
    /// Set by SIGUSR1.
    pub report: &'a Request,
    /// Keeps pictures for review; `None` without any, and once the loop runs.
    pub reviewing: Option<Reviewing>,
    /// Shows what passes on a terminal; `None` without a view, and once the loop runs.
    pub watching: Option<Watching>,
}

impl MainLoop<'_> {
    /// Runs until the slot is closed or `stop` is requested. Before the first frame and after the
    /// last, publishes that nothing is known: brokers retain what was published before.
    pub(crate) fn run(mut self, stop: &Stop) -> Result<(), Error> {
        let snapshots = self.snapshots.take();
        let mut publishing = self
            .publisher
            .map(|publisher| Publishing::new(publisher).with_snapshots(snapshots));
        let starting = (Unknown::Starting, Places::ALL);
        self.publish_unknown(&publishing, starting, SystemTime::now());
        let ended = self.turn(stop, &mut publishing);
        self.commands.keep(self.reloader, true);
        let now = SystemTime::now();
        self.publish_unknown(&publishing, (Unknown::Stopped, Places::ALL), now);
        if let Some(publisher) = self.publisher {
            let status = self.monitor.status();
            publisher.publish(&Payload::Camera(CameraState::stopped(&status, now)));
        }
        ended
    }

    /// The loop itself.
    fn turn(&mut self, stop: &Stop, publishing: &mut Option<Publishing<'_>>) -> Result<(), Error> {
        let mut watchdog = Watchdog::start();
        let mut frame = Frame::empty();
        let mut log = LogLines::default();
        let mut sight = Sight::default();
        let mut latency = Latency(self.pace);
        let mut status = StatusLine::default();
        let mut reviewing = self.reviewing.take();
        let mut watching = self.watching.take();
        let mut teaching = Teaching::new(
            self.lessons.take(),
            self.lesson_pictures.take(),
            self.commands.selected(),
        );
        while !stop.requested() {
            watchdog.feed(self.progress.turns()[1]);
            self.guard.check(self.monitor);
            if let Some(publishing) = publishing {
                let (reloader, pipeline) = (&mut *self.reloader, &mut *self.pipeline);
                self.commands
                    .obey(publishing, reloader, pipeline, &mut teaching);
            }
            let reloaded = self
                .reloader
                .poll(self.pipeline, self.guard, &mut self.numbers.health);
            if let Some(outcome) = &reloaded {
                self.commands.reloaded(outcome, self.publisher);
            }
            if let Some(Ok((reloaded, _))) = &reloaded {
                teaching.set_vision(&self.reloader.settings.vision);
                teaching.switch(&self.reloader.card.sha256, self.pipeline.features());
                self.tell_reloaded(*reloaded, publishing, &mut sight, &mut teaching);
            }
            sight.set_paused(self.commands.paused());
            if let Some(publishing) = publishing {
                if reloaded.is_some() {
                    publishing.set_vision(&self.reloader.settings.vision);
                }
                self.numbers.snapshots_missed = publishing.publish_snapshot();
            }
            if let Some(reviewing) = &mut reviewing {
                if reloaded.is_some() {
                    let settings = &self.reloader.settings;
                    reviewing.configure(&settings.review, &settings.views());
                }
                self.numbers.reviews_missed = reviewing.settle();
            }
            let heads = self.pipeline.looks().map(|look| look.head);
            sight.set_heads(heads, &self.reloader.card.input);
            sight.follow(self.monitor, self.publisher);
            sight.reopen(self.monitor, &self.reloader.settings.gate, Instant::now());
            self.pipeline.set_blind(sight.blind());
            let heartbeat = self.reloader.settings.observe.heartbeat;
            if let Some((reason, since)) = sight.due(heartbeat, Instant::now()) {
                self.publish_unknown(publishing, (reason, Places::ALL), since);
            }
            self.teach(publishing, &mut sight, &mut teaching);
            self.commands
                .tell(self.publisher, self.reloader, self.pipeline, &teaching);
            if self.numbers.health.due() || self.commands.take_health() {
                self.numbers
                    .publish(self.pipeline, self.guard, sight.picture);
            }
            if self.report.take() {
                self.numbers.log(self.pipeline, self.guard, sight.picture);
            }
            self.numbers
                .show(&mut watching, self.pipeline, self.guard, sight.picture);
            status.tell(self.standing(sight.picture), Instant::now());
            self.turned();
            match self.slot.take(&mut frame, LOOK_UP) {
                Taken::Frame if self.commands.paused().is_some() => {
                    frame.data.give_back();
                    self.numbers.totals.paused += 1;
                }
                Taken::Frame => self.pipeline.process(
                    &mut frame,
                    &mut [
                        self.numbers.totals,
                        &mut log,
                        publishing,
                        &mut reviewing,
                        &mut latency,
                        &mut sight,
                        &mut teaching,
                        &mut watching,
                        &mut status,
                    ],
                )?,
                Taken::Nothing => {}
                Taken::Closed => break,
            }
        }
        Ok(())
    }

    /// Counts a turn. After the first one all states are published, and the MQTT thread may tell
    /// that the daemon is online.
    fn turned(&self) {
        let first = self.progress.turns()[0] == 0;
        self.progress.main_turns();
        if let Some(publisher) = self.publisher
            && first
        {
            publisher.wake();
        }
    }

    /// Publishes what follows from another model or another head.
    fn tell_reloaded(
        &self,
        reloaded: Reloaded,
        publishing: &Option<Publishing<'_>>,
        sight: &mut Sight,
        teaching: &mut Teaching,
    ) {
        if let Some(reason) = reloaded.unknown() {
            self.publish_unknown(publishing, reason, SystemTime::now());
            sight.repeat();
        }
        if let Some(publisher) = self.publisher {
            publisher.offer(self.reloader.offer(self.pipeline, teaching.offered()));
        }
    }

    /// Installs the head that lessons were fitted to, and answers those who taught.
    fn teach(
        &mut self,
        publishing: &Option<Publishing<'_>>,
        sight: &mut Sight,
        teaching: &mut Teaching,
    ) {
        teaching.turn(sight.unknown());
        if let Some(change) = teaching.news(&self.reloader.card.sha256) {
            let (pipeline, guard) = (&mut *self.pipeline, &mut *self.guard);
            let reloaded = match change {
                Change::None => Reloaded::Same,
                Change::Gone => self.reloader.uninstall(pipeline, guard),
                Change::Head(taught, sha256) => {
                    let taught = *taught;
                    let head = HeadFile { taught, sha256 };
                    let installed = self.reloader.install(head, pipeline, guard);
                    installed.unwrap_or_else(|why| {
                        log::warn!("teach: {why}");
                        teaching.head_refused(why);
                        Reloaded::Same
                    })
                }
            };
            self.commands.note_change();
            if reloaded != Reloaded::Same {
                self.tell_reloaded(reloaded, publishing, sight, teaching);
            }
        }
        let Some(publisher) = self.publisher else {
            return;
        };
        if teaching.newly_offered() {
            publisher.offer(self.reloader.offer(self.pipeline, teaching.offered()));
        }
        for (asker, outcome) in teaching.answers() {
            self.commands.answer(publisher, asker, outcome);
        }
        if teaching.wants_frame() {
            self.pipeline.look_afresh();
        }
    }

    /// Publishes that no label is known in these places since `since`, and why.
    fn publish_unknown(
        &self,
        publishing: &Option<Publishing<'_>>,
        (reason, places): (Unknown, Places),
        since: SystemTime,
    ) {
        let Some(publishing) = publishing else { return };
        for (place, look) in self.pipeline.looks().enumerate() {
            if places.has(place) {
                publishing.unknown(reason, since, look.hashes);
            }
        }
    }

    /// What the status line tells.
    fn standing(&self, picture: PictureState) -> Standing {
        Standing {
            camera: self.monitor.state(),
            picture,
            paused: self.commands.paused().is_some(),
            connected: self.publisher.map(Publisher::is_connected),
        }
    }
}

/// Measures how old each classified frame is once it was published, by the source's clock.
struct Latency(Pace);

impl Listener for Latency {
    fn outcome(&mut self, outcome: &Outcome<'_>, stages: &mut Stages) -> io::Result<()> {
        if outcome.classified() {
            let age = self.0.age(outcome.frame.captured.elapsed);
            stages.latency.add(age);
        }
        Ok(())
    }
}
