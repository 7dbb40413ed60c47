//! Where a manifest does not fit itself or its bundle.

use super::manifest::{LONGEST_NAME, Section};

/// The first place where a manifest does not fit.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum Mismatch {
    /// A size of the whole network.
    #[error("its sizes are out of range")]
    Sizes,
    /// A size of a stage.
    #[error("its stages are out of range")]
    Stages,
    /// There is nothing to run.
    #[error("it has no stages")]
    NoStages,
    /// The first stage has a way in, or a later one has none.
    #[error("stage {0} has no way in")]
    NoWayIn(usize),
    /// A stage is not half as large as the one before.
    #[error("stage {stage} is {} instead of {}", by(found), by(wanted))]
    Map {
        /// The stage's number.
        stage: usize,
        /// Height and width, as they stand.
        found: (usize, usize),
        /// As they should be.
        wanted: (usize, usize),
    },
    /// A product of sizes is beyond what any array may have.
    #[error("{0} has more elements than any array may have")]
    Size(String),
    /// A layer's name.
    #[error("a layer's name has control characters or more than {LONGEST_NAME} bytes")]
    Name,
    /// A LayerNorm's channels.
    #[error("{name} has {found} channels instead of {wanted}")]
    Channels {
        /// The layer.
        name: String,
        /// As they stand.
        found: usize,
        /// As they should be.
        wanted: usize,
    },
    /// A number that is divided by.
    #[error("{name} has the {what} {found}, which must be a finite number above 0")]
    Number {
        /// The layer.
        name: String,
        /// `scale` or `epsilon`.
        what: &'static str,
        /// As it stands.
        found: f32,
    },
    /// A layer's inputs and columns.
    #[error("{name} is {} instead of {}", by(found), by(wanted))]
    Layer {
        /// The layer.
        name: String,
        /// As they stand.
        found: (usize, usize),
        /// As they should be.
        wanted: (usize, usize),
    },
    /// A hidden layer's columns.
    #[error("{name} has {found} hidden channels")]
    Columns {
        /// The block.
        name: String,
        /// As they stand.
        found: usize,
    },
    /// An array lies outside the bundle's data, is not aligned or has the wrong length.
    #[error("{name} stands at {} with {} bytes instead of {wanted}", .found.0, .found.1)]
    Array {
        /// The layer.
        name: String,
        /// As it stands.
        found: Section,
        /// The bytes that it should have.
        wanted: u64,
    },
    /// Two arrays share bytes.
    #[error("the arrays at {} and {} overlap", .0.0, .1.0)]
    Overlap(Section, Section),
}

fn by(size: &(usize, usize)) -> String {
    format!("{}x{}", size.0, size.1)
}
