//! What is taught, as `settings` tells it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fields::Score;

/// The most warnings in one message.
const WARNINGS: usize = 10;

/// What the running daemon was taught, in the payload of `settings`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TaughtState<'a> {
    /// The labels, with the number of examples of each.
    labels: BTreeMap<&'a str, usize>,
    /// The number of all examples.
    examples: usize,
    /// Balanced accuracy on examples that were left out; `null` if nothing is known.
    accuracy: Option<Score>,
    /// The interval that holds the accuracy on other pictures in 95 of 100 cases; `null` without a
    /// head.
    interval: Option<[Score; 2]>,
    /// What would make it better.
    warnings: &'a [String],
    /// Whether there is an example to take back.
    undo: bool,
    /// The label that the next example is of, where none is named.
    selected: Option<&'a str>,
    /// Why no head is in force; absent if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'a str>,
    /// Why the last lesson was refused; absent once one is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
}

impl<'a> TaughtState<'a> {
    /// The state with so many examples of each of `labels`, of which `selected` is chosen.
    pub(crate) fn new(labels: &'a BTreeMap<String, usize>, selected: Option<&'a str>) -> Self {
        let examples = labels.values().sum();
        Self {
            labels: labels.iter().map(|(l, n)| (l.as_str(), *n)).collect(),
            examples,
            undo: examples > 0,
            selected,
            ..Self::default()
        }
    }

    /// Adds how good the head is that was fitted: its accuracy, the interval and what would make it
    /// better.
    #[must_use]
    pub(crate) fn with_quality(
        mut self,
        accuracy: Option<f32>,
        interval: [f32; 2],
        warnings: &'a [String],
    ) -> Self {
        self.accuracy = accuracy.map(Score);
        self.interval = Some(interval.map(Score));
        self.warnings = &warnings[..warnings.len().min(WARNINGS)];
        self
    }

    /// Adds why no head is in force, and why the last lesson was refused.
    #[must_use]
    pub(crate) fn with_trouble(
        mut self,
        missing: Option<&'a str>,
        refused: Option<&'a str>,
    ) -> Self {
        (self.missing, self.refused) = (missing, refused);
        self
    }

    /// The same without its longest parts.
    pub(super) fn smaller(self) -> Option<Self> {
        if self.labels.is_empty() && self.warnings.is_empty() {
            return None;
        }
        Some(Self {
            labels: BTreeMap::new(),
            warnings: &[],
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(state: &TaughtState<'_>) -> String {
        serde_json::to_string(state).unwrap()
    }

    #[test]
    fn nothing_taught_has_neither_accuracy_nor_undo() {
        let labels = BTreeMap::new();
        assert_eq!(
            json(&TaughtState::new(&labels, None).with_trouble(Some("nothing yet"), None)),
            concat!(
                r#"{"labels":{},"examples":0,"accuracy":null,"interval":null,"warnings":[],"#,
                r#""undo":false,"selected":null,"missing":"nothing yet"}"#
            )
        );
    }

    #[test]
    fn a_taught_state_tells_how_good_it_is() {
        let labels = BTreeMap::from([("open".to_string(), 14), ("öl".to_string(), 2)]);
        let warnings: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let state = TaughtState::new(&labels, Some("open"))
            .with_quality(Some(0.97), [0.9, 0.99], &warnings)
            .with_trouble(None, Some("dark"));
        assert_eq!(
            json(&state),
            concat!(
                r#"{"labels":{"open":14,"öl":2},"examples":16,"accuracy":0.97,"interval":[0.9,0.99],"#,
                r#""warnings":["0","1","2","3","4","5","6","7","8","9"],"undo":true,"#,
                r#""selected":"open","refused":"dark"}"#
            )
        );
        let smaller = state.smaller().unwrap();
        assert!(json(&smaller).starts_with(r#"{"labels":{},"examples":16,"#));
        assert_eq!(smaller.smaller(), None);
    }
}
