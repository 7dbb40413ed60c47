//! Reads and prepares a picture while the model works on the one before.

use super::cache::{self, Key};
use super::film::Film;
use crate::exit;
use crate::frame::{self, Frame};
use crate::setup::Failure;
use crate::signals::Stop;
use crate::source::{Fetched, Recording};
use crate::vision::Preparer;

/// What came of a frame.
pub(super) enum Step {
    /// It is ready for the model.
    Picture(Picture),
    /// It cannot be used, for this reason.
    Bad { name: String, why: String },
    /// So many were lost.
    Lost(u64),
    /// It is of a film that has enough of them.
    Passed,
}

/// A picture that is ready for the model.
pub(super) struct Picture {
    pub name: String,
    /// What tells it from others.
    pub key: Key,
    /// The model's input.
    pub input: Vec<f32>,
}

/// Why a picture cannot be an example.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Frame(#[from] frame::Error),
    /// What was made up would be taught too.
    #[error("{0:.0} % of the picture is damaged")]
    Damaged(f32),
}

/// Reads all of `recording`, and `tell`s what came of each frame until that returns false. Frames
/// of a `film` that are to be examples are kept there.
///
/// # Errors
/// The recording cannot be read any more; the end is requested.
pub(super) fn read(
    recording: &mut Recording,
    preparer: &mut Preparer,
    mut film: Option<&mut Film>,
    stop: &Stop,
    mut tell: impl FnMut(Step) -> bool,
) -> Result<(), Failure> {
    let mut frame = Frame::empty();
    loop {
        if stop.requested() {
            return Err(Failure::new(exit::INTERRUPTED, "interrupted"));
        }
        let step = match recording.step(&mut frame)? {
            Fetched::End => return Ok(()),
            Fetched::Idle => continue,
            Fetched::Lost { count, .. } => Step::Lost(count),
            Fetched::Bad { message, .. } => Step::Bad {
                name: frame.name.clone(),
                why: message.to_string(),
            },
            Fetched::Frame if film.as_mut().is_some_and(|film| !film.wants()) => Step::Passed,
            Fetched::Frame => match picture(preparer, &frame) {
                Ok(picture) => {
                    if let Some(film) = &mut film {
                        film.keep(frame.captured.elapsed.as_secs_f64(), picture.key);
                    }
                    Step::Picture(picture)
                }
                Err(why) => Step::Bad {
                    name: frame.name.clone(),
                    why: why.to_string(),
                },
            },
        };
        if !tell(step) {
            return Ok(());
        }
    }
}

fn picture(preparer: &mut Preparer, frame: &Frame) -> Result<Picture, Unusable> {
    let input = preparer.prepare(frame.view())?.to_vec();
    let made_up = preparer.made_up();
    if made_up > 0.0 {
        return Err(Unusable::Damaged((100.0 * made_up).max(1.0)));
    }
    Ok(Picture {
        name: frame.name.clone(),
        key: cache::key(frame),
        input,
    })
}
