//! Why a file is not trusted, in one line with the remedy.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::escape::shell_word;

/// Who may write to a file or a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writers {
    Group(u32),
    All,
}

/// Why a file is not read: somebody else may have written it, or may have put it there.
#[derive(Debug)]
pub(super) struct Distrust {
    /// The file, or the folder or the link on the way to it.
    pub(super) path: PathBuf,
    /// Whether it is the file itself.
    pub(super) is_file: bool,
    /// The user who reads.
    pub(super) reader: u32,
    pub(super) why: Why,
}

/// What is wrong with it.
#[derive(Debug)]
pub(super) enum Why {
    /// It belongs to this user.
    Owner(u32),
    Writers(Writers),
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, reader) = (shell_word(&self.path), self.reader);
        if self.is_file {
            write!(f, "not trusted, because it ")?;
        } else {
            let path = self.path.display();
            write!(
                f,
                "not trusted, because {path}, which is on the way to it, "
            )?;
        }
        match self.why {
            Why::Owner(owner) => {
                write!(
                    f,
                    "belongs to user {owner}, and neither to root nor to user {reader}, who reads it; \
                     run Goldcrest as user {owner}, or "
                )?;
                if self.is_file {
                    write!(f, "run `chown {reader} {word}`")
                } else {
                    write!(f, "move the file to another folder")
                }
            }
            Why::Writers(Writers::Group(group)) => {
                write!(f, "can be written by group {group}; run `chmod g-w {word}`")
            }
            Why::Writers(Writers::All) => {
                write!(f, "can be written by every user; run `chmod go-w {word}`")
            }
        }
    }
}

impl std::error::Error for Distrust {}

impl From<Distrust> for io::Error {
    fn from(distrust: Distrust) -> Self {
        Self::new(io::ErrorKind::PermissionDenied, distrust)
    }
}
