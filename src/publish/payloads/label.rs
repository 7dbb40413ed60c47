//! The payloads of `label` and `event`.

use serde::Serialize;

use super::fields::{Score, Time, VERSION};
use crate::frame::Captured;
use crate::observe::Statement;

/// One of the best labels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Top<'a> {
    pub(crate) label: &'a str,
    pub(crate) score: Score,
}

/// The current label, the payload of `label`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label<'a> {
    v: u8,
    /// The label, or the configured text for unknown.
    pub(crate) label: &'a str,
    /// The label's smoothed score.
    pub(crate) score: Score,
    /// The best labels, best first.
    pub(crate) top: Vec<Top<'a>>,
    /// When the first of the frames that led to this label was captured.
    pub(crate) since: Time,
    /// Number of the frame.
    pub(crate) seq: u64,
    /// When the frame was captured.
    pub(crate) captured: Time,
    /// SHA-256 of the model, in hex.
    pub(crate) model: &'a str,
}

impl<'a> Label<'a> {
    /// The payload for `statement`, made with the model whose hash is `model`.
    pub(crate) fn new(statement: &Statement<'a>, model: &'a str) -> Self {
        let top = statement.top_names().map(|(label, score)| Top {
            label,
            score: Score(score),
        });
        Self {
            v: VERSION,
            label: statement.label,
            score: Score(statement.score),
            top: top.collect(),
            since: Time(statement.since.wall),
            seq: statement.seq,
            captured: Time(statement.captured.wall),
            model,
        }
    }
}

/// A change of the label, the payload of `event`: the new [`Label`] and two more fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event<'a> {
    /// The new label.
    #[serde(flatten)]
    pub label: Label<'a>,
    /// The event's id: the capture time in milliseconds since 1970 and the frame's number, as in
    /// `1735732800123-42`.
    pub event: String,
    /// The previous label; `null` at the first one.
    pub previous: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// The payload for the change from `previous` to `statement`, made with the model whose hash is
    /// `model`.
    pub(crate) fn new(
        statement: &Statement<'a>,
        previous: Option<&'a str>,
        model: &'a str,
    ) -> Self {
        Self {
            label: Label::new(statement, model),
            event: event_id(statement.captured, statement.seq),
            previous,
        }
    }
}

/// The id of an event at one frame, see [`Event::event`].
fn event_id(captured: Captured, seq: u64) -> String {
    let millis = Time(captured.wall).since_epoch().as_millis();
    format!("{millis}-{seq}")
}
