//! The rule by which a frame claims a label.

/// When a frame claims a label, and until when the published label is kept. All of it compares
/// smoothed scores of 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The score from which a label is claimed, above 0.
    pub threshold: f32,
    /// The published label is kept until its score falls below this, at most `threshold`.
    pub release: f32,
    /// How far the first label must lead the second to be claimed.
    pub margin: f32,
    /// The most labels that the scores may be spread over for one to be claimed; 0 for any number.
    pub spread: f32,
}

impl Default for Rule {
    /// The rule for a network's own classifier.
    fn default() -> Self {
        Self {
            threshold: 0.6,
            release: 0.4,
            margin: 0.1,
            spread: 3.8,
        }
    }
}
