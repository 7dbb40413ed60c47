//! The payloads of `label` and `event`.

use std::time::SystemTime;

use serde::Serialize;

use super::fields::{Hashes, Score, Time, VERSION};
use crate::frame::Captured;
use crate::observe::Statement;
use crate::publish::event_ids::EventIds;

/// One of the best labels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Top<'a> {
    pub(crate) label: &'a str,
    pub(crate) score: Score,
}

/// Why no label is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Unknown {
    /// No frame was classified yet.
    #[serde(rename = "starting")]
    Starting,
    /// The camera is lost.
    #[serde(rename = "camera lost")]
    CameraLost,
    /// The pictures are dark.
    #[serde(rename = "dark")]
    Dark,
    /// The camera repeats the same picture.
    #[serde(rename = "stuck")]
    Stuck,
    /// A command asked for a pause.
    #[serde(rename = "paused")]
    Paused,
    /// Another model was loaded and has not decided yet.
    #[serde(rename = "model changed")]
    ModelChanged,
    /// Another head was put in place and has not decided yet.
    #[serde(rename = "head changed")]
    HeadChanged,
    /// The label makes a message that is larger than `mqtt.max_packet`.
    #[serde(rename = "too large")]
    TooLarge,
    /// The program has stopped.
    #[serde(rename = "stopped")]
    Stopped,
}

/// The current label, the payload of `label`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label<'a> {
    v: u8,
    /// The region; absent without regions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<&'a str>,
    /// The label, or the configured text for unknown; `null` where frames show nothing, with the
    /// cause in `reason`.
    pub(crate) label: Option<&'a str>,
    /// The label's smoothed score; `null` without one.
    pub(crate) score: Option<Score>,
    /// The best labels, best first.
    pub(crate) top: Vec<Top<'a>>,
    /// When the first of the frames that led to this label was captured; without a label, when it
    /// was withdrawn.
    pub(crate) since: Time,
    /// Number of the frame; without a label, of the last one. `null` before the first.
    pub(crate) seq: Option<u64>,
    /// When that frame was captured.
    pub(crate) captured: Option<Time>,
    /// SHA-256 of the model, in hex.
    pub(crate) model: &'a str,
    /// SHA-256 of the taught head's file, in hex; `null` with the model's own classifier.
    pub(crate) head: Option<&'a str>,
    /// Why there is no label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Unknown>,
}

impl<'a> Label<'a> {
    /// The payload for `statement`, made with the model and the head of `hashes`.
    pub(crate) fn new(statement: &Statement<'a>, hashes: Hashes<'a>) -> Self {
        let top = statement.top_names().map(|(label, score)| Top {
            label,
            score: Score(score),
        });
        Self {
            v: VERSION,
            region: hashes.region,
            label: Some(statement.label),
            score: statement.score.map(Score),
            top: top.collect(),
            since: Time(statement.since.wall),
            seq: Some(statement.seq),
            captured: Some(Time(statement.captured.wall)),
            model: hashes.model,
            head: hashes.head,
            reason: None,
        }
    }

    /// The payload while no label is known, since `since`. `last` is the last frame, if there was
    /// one.
    pub(crate) fn unknown(
        reason: Unknown,
        since: SystemTime,
        last: Option<(u64, Captured)>,
        hashes: impl Into<Hashes<'a>>,
    ) -> Self {
        let hashes = hashes.into();
        Self {
            v: VERSION,
            region: hashes.region,
            label: None,
            score: None,
            top: Vec::new(),
            since: Time(since),
            seq: last.map(|(seq, _)| seq),
            captured: last.map(|(_, captured)| Time(captured.wall)),
            model: hashes.model,
            head: hashes.head,
            reason: Some(reason),
        }
    }

    /// A smaller message that is as true: with one of the best labels less; without any, a label
    /// that is not known. `None` where there is nothing smaller.
    pub(super) fn smaller(mut self) -> Option<Self> {
        if self.top.pop().is_some() {
            return Some(self);
        }
        self.label.take()?;
        self.score = None;
        self.reason = Some(Unknown::TooLarge);
        Some(self)
    }
}

/// A change of the label, the payload of `event`: the new [`Label`] and two more fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event<'a> {
    /// The new label.
    #[serde(flatten)]
    pub label: Label<'a>,
    /// The event's id: the run and the frame's number, as in `3f2a9c07d1e4-42`, and the region if
    /// there are regions.
    pub event: String,
    /// The label before, also from before a time without one; `null` at the first one.
    pub previous: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// The payload for the change from `previous` to `statement`, made with the model and the head
    /// of
    /// `hashes`, with its id of `ids`.
    pub(crate) fn new(
        statement: &Statement<'a>,
        previous: Option<&'a str>,
        hashes: Hashes<'a>,
        ids: &EventIds,
    ) -> Self {
        Self {
            label: Label::new(statement, hashes),
            event: ids.at(statement.seq, hashes.region),
            previous,
        }
    }

    /// A smaller message that is as true: with one of the best labels less. `None` without any.
    pub(super) fn smaller(mut self) -> Option<Self> {
        self.label.top.pop()?;
        Some(self)
    }
}
