//! Teaches the running daemon: takes frames as examples, and tells what came of it.
//!
//! The main thread hands features to the thread of `lessons` and answers once that one has news.

use std::io;

use serde_json::{Map, json};

use super::lesson_answer::{answer, in_words};
use super::lesson_queue::Queue;
use super::lesson_rules::{check, why_not};
use crate::engine::HexDigest;
use crate::frame::{Frame, PictureState};
use crate::lessons::{Change, Lessons, News, Task};
use crate::meter::timing::Stages;
use crate::pipeline::{Listener, Outcome};
use crate::publish::commands::{self, Asker, Lesson};
use crate::publish::{TaughtState, Unknown};
use crate::vision;

/// An answer that is due.
pub(super) type Answer = (Asker, commands::Outcome);

/// What is taught, and who waits to hear of it.
pub(super) struct Teaching {
    /// None where `[teach]` is not enabled.
    lessons: Option<Lessons>,
    /// Who waits for the thread, by ticket.
    asked: Vec<(u64, Asker)>,
    /// Who waits for a frame, each for one of its own.
    waiting: Queue,
    /// Answers that are due.
    due: Vec<Answer>,
    /// The label that the next example is of, where none is named.
    selected: Option<String>,
    /// The labels that Home Assistant was offered last.
    offered: Vec<String>,
    /// Why the head of the last lesson is not in force.
    head_refused: Option<String>,
    /// Why the last lesson was refused.
    refused: Option<String>,
    /// Another model runs, which the thread has not been told: its hash, and its features.
    switch: Option<(HexDigest, usize)>,
}

impl Teaching {
    /// With the thread, where `[teach]` is enabled. `pictures` tells how kept pictures are seen;
    /// None where none are kept. `selected` is the label that was selected before.
    pub(super) fn new(
        lessons: Option<Lessons>,
        pictures: Option<vision::Config>,
        selected: Option<String>,
    ) -> Self {
        Self {
            asked: Vec::new(),
            waiting: Queue::new(pictures),
            due: Vec::new(),
            selected,
            offered: lessons
                .as_ref()
                .map(|l| l.state.names())
                .unwrap_or_default(),
            head_refused: None,
            lessons,
            refused: None,
            switch: None,
        }
    }

    /// Does what a command asks for, or has it done. `unknown` is the text of `observe.unknown`.
    pub(super) fn ask(&mut self, lesson: Lesson, asker: Asker, unknown: &str) {
        if self.lessons.is_none() {
            let why = "teaching is off; set teach.enabled = true";
            return self.due.push((asker, Err(why.into())));
        }
        let asked = match lesson {
            Lesson::Example(label) => return self.wait(label, asker, unknown),
            Lesson::Take => match self.selected.clone() {
                Some(label) => return self.wait(label, asker, unknown),
                None => Err("no label is selected; select one first".to_string()),
            },
            Lesson::Select(label) => match check(&label, unknown) {
                Ok(()) => {
                    log::info!("command {}: selected {label:?}", asker.name);
                    let answer = Map::from_iter([("selected".into(), json!(label))]);
                    self.selected = Some(label);
                    self.refused = None;
                    return self.due.push((asker, Ok(answer)));
                }
                Err(why) => Err(why),
            },
            Lesson::Undo => Ok(Task::Undo),
            Lesson::Forget(label) => Ok(Task::Forget(label)),
            Lesson::List => Ok(Task::List),
        };
        match asked {
            Ok(task) => self.hand(task, asker),
            Err(why) => self.refuse(asker, why),
        }
    }

    /// Has an example wait for the next frame.
    fn wait(&mut self, label: String, asker: Asker, unknown: &str) {
        if let Err(why) = check(&label, unknown) {
            return self.refuse(asker, why);
        }
        if self.waiting.is_full() {
            return self.refuse(asker, "too many examples wait for a frame".into());
        }
        self.waiting.push(label, asker);
    }

    /// Hands a task to the thread.
    fn hand(&mut self, task: Task, asker: Asker) {
        match self.lessons.as_mut().and_then(|lessons| lessons.ask(task)) {
            Some(ticket) => self.asked.push((ticket, asker)),
            None => self.refuse(asker, "too many lessons wait; ask again later".into()),
        }
    }

    fn refuse(&mut self, asker: Asker, why: String) {
        self.refused = Some(why.clone());
        self.due.push((asker, Err(why)));
    }

    /// Refuses the examples that wait if frames show nothing, for the reason `blind`, or if none
    /// has come for a while.
    pub(super) fn turn(&mut self, blind: Option<Unknown>) {
        if let (Some(lessons), Some((backbone, features))) = (&mut self.lessons, &self.switch)
            && lessons.switch(backbone, *features)
        {
            self.switch = None;
        }
        if let Some(reason) = blind {
            self.refuse_waiting(why_not(reason));
        }
        while let Some(asker) = self.waiting.pop_late() {
            let why = "no whole picture has come since it was asked for";
            self.refuse(asker, why.into());
        }
    }

    fn refuse_waiting(&mut self, why: &str) {
        while let Some((asker, _)) = self.waiting.pop() {
            self.refuse(asker, why.into());
        }
    }

    /// Turns, crops and masks pictures as `vision` does from here on.
    pub(super) fn set_vision(&mut self, vision: &vision::Config) {
        self.waiting.set_vision(vision);
    }

    /// Whether the next frame is wanted as an example, whatever the gate finds.
    pub(super) fn wants_frame(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Goes on with the examples of another model, of the hash `backbone`, which gives so many
    /// features; 0 if it gives none.
    pub(super) fn switch(&mut self, backbone: &HexDigest, features: usize) {
        if self.lessons.is_some() {
            self.switch = Some((backbone.clone(), features));
        }
    }

    /// What the thread has done, if anything: what becomes of the head of the model `backbone`.
    /// Answers wait in [`Teaching::answers`].
    pub(super) fn news(&mut self, backbone: &HexDigest) -> Option<Change> {
        let News {
            answers,
            state,
            change,
            backbone: of,
        } = self.lessons.as_mut()?.news()?;
        self.head_refused = None;
        for (ticket, done) in answers {
            let Some(place) = self.asked.iter().position(|(asked, _)| *asked == ticket) else {
                continue;
            };
            let (_, asker) = self.asked.swap_remove(place);
            match done {
                Ok(did) => {
                    log::info!("command {}: {}", asker.name, in_words(&did, &state));
                    self.refused = None;
                    self.due.push((asker, Ok(answer(&did, &state))));
                }
                Err(why) => self.refuse(asker, why),
            }
        }
        // Of a model that no longer runs, the head is of no use.
        Some(if of == *backbone {
            change
        } else {
            Change::None
        })
    }

    /// The label that the next example is of, where none is named.
    pub(super) fn selected(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    /// The answers that are due.
    pub(super) fn answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.due)
    }

    /// A head that could not be put into force, for the reason `why`.
    pub(super) fn head_refused(&mut self, why: String) {
        self.head_refused = Some(why);
    }

    /// What `settings` tells; None where teaching is off.
    pub(super) fn told(&self) -> Option<TaughtState<'_>> {
        let state = &self.lessons.as_ref()?.state;
        let missing = self.head_refused.as_ref().or(state.missing.as_ref());
        let told = TaughtState::new(&state.labels, self.selected.as_deref())
            .with_trouble(missing.map(String::as_str), self.refused.as_deref());
        Some(match &state.quality {
            Some(q) => told.with_quality(q.accuracy, q.interval, &q.warnings),
            None => told,
        })
    }

    /// The labels that Home Assistant offers beside those of the head: those with examples, and the
    /// one that is selected.
    pub(super) fn offered(&mut self) -> Vec<String> {
        let mut labels = match &self.lessons {
            Some(lessons) => lessons.state.names(),
            None => Vec::new(),
        };
        if let Some(selected) = &self.selected
            && !labels.contains(selected)
        {
            labels.push(selected.clone());
        }
        self.offered.clone_from(&labels);
        labels
    }

    /// Whether these labels differ from those of the last call of [`Teaching::offered`].
    pub(super) fn newly_offered(&mut self) -> bool {
        let before = self.offered.clone();
        self.offered() != before
    }
}

impl Listener for Teaching {
    /// Copies a frame that may become an example, while it has its bytes.
    fn frame(&mut self, frame: &Frame, _: bool) {
        self.waiting.copy(frame);
    }

    /// Takes the features of a frame that was classified as an example.
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        // A picture that is partly made up teaches what is not there.
        if self.waiting.is_empty() || !outcome.classified() || outcome.made_up > 0.0 {
            return Ok(());
        }
        // Features of another model must not come among those of the one before.
        if self.switch.is_some() {
            return Ok(());
        }
        match outcome.gate.map(|gate| gate.picture) {
            Some(PictureState::Dark) => self.refuse_waiting(why_not(Unknown::Dark)),
            Some(PictureState::Stuck) => self.refuse_waiting(why_not(Unknown::Stuck)),
            Some(PictureState::Ok) | None => {}
        }
        let Some((asker, label)) = self.waiting.pop() else {
            return Ok(());
        };
        match outcome.features {
            Some(features) => {
                // The memory is computed for two copies.
                let few = self.asked.len() < 2;
                let task = self.waiting.example(label, outcome, features, few);
                self.hand(task, asker);
            }
            None => {
                let why = "plain tract runs the model and gives no features; pack it with `goldcrest pack`";
                self.refuse(asker, why.into());
            }
        }
        Ok(())
    }
}
