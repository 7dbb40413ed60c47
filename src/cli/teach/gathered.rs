//! What was found in all pictures of a folder.

use std::rc::Rc;

use super::cache::{Cache, Key};
use crate::teach::{self, Examples, Moment};

/// The most pairs of pictures under two labels that are named.
const DOUBLES: usize = 10;

/// A picture that is to be taught. Its features stay in the cache until all are read, because the
/// model takes the memory meanwhile.
pub(super) struct Example {
    pub label: usize,
    pub key: Key,
    pub moment: Moment,
    /// The file that the picture is in, and whether that is a film.
    pub file: Rc<str>,
    pub film: bool,
}

impl Example {
    /// Where the picture is, in words.
    fn place(&self) -> String {
        match self.film {
            true => format!("{} at {:.1} s", self.file, self.moment.seconds),
            false => self.file.to_string(),
        }
    }
}

/// What was found in all pictures.
pub(super) struct Gathered {
    /// The edges in view.
    pub scene: Vec<u8>,
    /// Pictures that cannot be read.
    pub passed_over: u64,
    /// Where their features are.
    pub cache: Cache,
    /// The pictures themselves.
    pub found: Vec<Example>,
}

impl Gathered {
    /// Adds what was found to `examples`. Returns a sentence for each pair of pictures that are
    /// almost the same under two labels.
    ///
    /// # Errors
    /// There are too many.
    pub fn add_to(self, examples: &mut Examples) -> Result<Vec<String>, teach::Error> {
        self.found.iter().try_for_each(|example| {
            let features = self.cache.get(&example.key).unwrap_or_default();
            examples.push(example.label, features, example.moment)
        })?;
        let pairs = teach::doubles(examples);
        let named = pairs.iter().take(DOUBLES).map(|pair| {
            let [one, other] = pair.map(|at| self.found[at].place());
            format!(
                "{one} and {other} are almost the same picture under two labels; keep it under one of them"
            )
        });
        let more = pairs.len().saturating_sub(DOUBLES);
        let more = (more > 0)
            .then(|| format!("{more} more pairs of pictures are almost the same under two labels"));
        Ok(named.chain(more).collect())
    }
}
