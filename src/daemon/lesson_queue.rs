//! Lessons that wait for a frame, and what becomes an example of the frame that comes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::lesson_rules::moment;
use crate::frame::Frame;
use crate::lessons::{Shot, Task};
use crate::pipeline::Outcome;
use crate::publish::commands::Asker;
use crate::vision::{self, Scene};

/// How long an example waits for a frame.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most examples that wait for a frame each.
const WAITING: usize = 16;

/// A lesson that waits for the next frame.
struct Waiting {
    asker: Asker,
    label: String,
    since: Instant,
}

/// Who waits for a frame, each for one of its own.
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    /// Whether pictures are kept, and how they are seen.
    pictures: Option<vision::Config>,
    /// A copy of the frame that may become an example.
    copied: Option<(u64, Box<Shot>)>,
}

impl Queue {
    /// Nobody yet. `pictures` tells how kept pictures are seen; None where none are kept.
    pub fn new(pictures: Option<vision::Config>) -> Self {
        Self {
            waiting: VecDeque::with_capacity(WAITING),
            pictures,
            copied: None,
        }
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether nobody else may wait.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING
    }

    /// Has an example of `label` wait.
    pub fn push(&mut self, label: String, asker: Asker) {
        let since = Instant::now();
        self.waiting.push_back(Waiting {
            asker,
            label,
            since,
        });
    }

    /// Takes the first one out, with its label.
    pub fn pop(&mut self) -> Option<(Asker, String)> {
        let Waiting { asker, label, .. } = self.waiting.pop_front()?;
        Some((asker, label))
    }

    /// Takes the first one out, if it has waited too long.
    pub fn pop_late(&mut self) -> Option<Asker> {
        let late = |waiting: &mut Waiting| waiting.since.elapsed() > PATIENCE;
        self.waiting.pop_front_if(late).map(|waiting| waiting.asker)
    }

    /// Turns, crops and masks pictures as `vision` does from here on.
    pub fn set_vision(&mut self, vision: &vision::Config) {
        if let Some(seen) = &mut self.pictures {
            seen.clone_from(vision);
        }
    }

    /// Copies a frame that may become an example, while it has its bytes.
    pub fn copy(&mut self, frame: &Frame) {
        self.copied = None;
        let (Some(vision), false) = (&self.pictures, self.waiting.is_empty()) else {
            return;
        };
        let mut shot = Box::new(Shot {
            frame: Frame::empty(),
            vision: vision.clone(),
        });
        shot.frame.copy(frame);
        self.copied = Some((frame.seq, shot));
    }

    /// The frame of `outcome`, which has these `features`, as an example of `label`: with its
    /// picture and its edges only if there are `few` on their way.
    pub fn example(
        &mut self,
        label: String,
        outcome: &Outcome<'_>,
        features: &[f32],
        few: bool,
    ) -> Task {
        let copied = self.copied.take();
        let shot = copied.filter(|(seq, _)| *seq == outcome.frame.seq && few);
        let edges = outcome.input.filter(|_| few).map(|(picture, shape)| {
            let mut edges = Box::new(Scene::new());
            edges.see(picture, shape);
            edges
        });
        Task::Example {
            edges,
            label,
            shot: shot.map(|(_, shot)| shot),
            features: features.to_vec(),
            moment: moment(outcome.frame.captured.wall),
        }
    }
}
