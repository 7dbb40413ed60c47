//! Why examples cannot be taught.

use crate::exit;

/// What is wrong with examples.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no example at all.
    #[error("there are no examples; give at least one picture a label")]
    Empty,
    /// A label that is none: too long, blank, twice.
    #[error("{0}")]
    Label(String),
    /// More labels than a head may have.
    #[error("{found} labels are too many; {most} are the most")]
    Labels {
        /// How many there are.
        found: usize,
        /// How many are allowed.
        most: usize,
    },
    /// More examples than can be taught.
    #[error("{most} examples are the most; leave out some of those that look alike")]
    Examples {
        /// How many are allowed.
        most: usize,
    },
    /// Features that are not as many as those of the other examples, or not finite.
    #[error("the features of an example are {0}; teach with one model only")]
    Features(String),
    /// The only label is the one of pictures that show nothing of the others.
    #[error(
        "the only label is {0:?}, which stands for nothing of the others; teach at least one other"
    )]
    OnlyNothing(&'static str),
}

impl Error {
    /// The exit code, from sysexits.h, of a command that this error ends.
    pub(crate) fn exit_code(&self) -> u8 {
        exit::DATA
    }
}
