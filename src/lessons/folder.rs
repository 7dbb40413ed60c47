//! The folder that keeps what a daemon was taught.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::exit;
use crate::files;

/// The file whose lock shows that a process uses the folder.
const LOCK: &str = "lessons.lock";
/// How the names of files begin, before the first digits of the model's SHA-256.
const PREFIX: &str = "lessons-";
/// How the name of a file of examples ends.
const EXAMPLES: &str = ".examples";
/// How the name of the head that was fitted to them ends.
const HEAD: &str = ".head";
/// Digits of the SHA-256 in a name.
const DIGITS: usize = 16;
/// The most damaged files that are kept beside one that is whole.
const DAMAGED: usize = 9;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has it.
    #[error(
        "teach.folder {} is in use by another Goldcrest; give each a folder of its own",
        .0.display()
    )]
    InUse(PathBuf),
    /// The system refuses it, or a file in it.
    #[error("teach.folder {}: {cause}; name a folder that this user can write to", path.display())]
    Io {
        /// The folder or the file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// There are more examples than may be kept.
    #[error(
        "teach.max_examples is {most}, and {} holds {found} examples: set at least {found}, or delete the file",
        path.display()
    )]
    TooMany {
        /// The file.
        path: PathBuf,
        /// Examples in it.
        found: usize,
        /// The most that are allowed.
        most: usize,
    },
    /// The system refused the thread.
    #[error("cannot start the thread that fits heads: {0}")]
    Thread(io::Error),
}

impl Error {
    /// The exit code of sysexits.h for a command that fails with this error.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::InUse(_) => exit::UNAVAILABLE,
            Self::Io { cause, .. } if files::is_distrust(cause) => exit::CONFIG,
            Self::Io { cause, .. } if cause.kind() == ErrorKind::PermissionDenied => {
                exit::PERMISSION
            }
            Self::Io { .. } => exit::IO,
            Self::TooMany { .. } => exit::CONFIG,
            Self::Thread(_) => exit::SYSTEM,
        }
    }

    pub(super) fn io(path: &Path, cause: io::Error) -> Self {
        let path = path.to_path_buf();
        Self::Io { path, cause }
    }
}

/// The folder, which no other process can use meanwhile.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the folder at `path`, and makes it if it is not there.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let lock = fs::create_dir_all(path).and_then(|()| {
            File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path.join(LOCK))
        });
        let lock = lock.map_err(|cause| Error::io(path, cause))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.into(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(path.into())),
            Err(TryLockError::Error(cause)) => Err(Error::io(path, cause)),
        }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the examples with features of the model `backbone`.
    pub fn examples(&self, backbone: &str) -> PathBuf {
        examples_path(&self.path, backbone)
    }

    /// The file of the head that was fitted to them.
    pub fn head(&self, backbone: &str) -> PathBuf {
        head_path(&self.path, backbone)
    }

    /// The names of the files with examples of other models.
    pub fn others(&self, backbone: &str) -> Vec<String> {
        others_in(&self.path, backbone)
    }
}

/// The file in `folder` of the examples with features of the model `backbone`.
pub(super) fn examples_path(folder: &Path, backbone: &str) -> PathBuf {
    folder.join(name(backbone, EXAMPLES))
}

/// The names of the files in `folder` with examples of other models.
pub(super) fn others_in(folder: &Path, backbone: &str) -> Vec<String> {
    let own = name(backbone, EXAMPLES);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let other =
        |name: &String| name.starts_with(PREFIX) && name.ends_with(EXAMPLES) && *name != own;
    let mut names: Vec<_> = names.filter(other).collect();
    names.sort();
    names
}

/// The file in `folder` of the head that was fitted to examples of the model `backbone`.
pub(crate) fn head_path(folder: &Path, backbone: &str) -> PathBuf {
    folder.join(name(backbone, HEAD))
}

fn name(backbone: &str, ending: &str) -> String {
    let digits: String = backbone.chars().take(DIGITS).collect();
    format!("{PREFIX}{digits}{ending}")
}

/// Keeps a copy of a file that is damaged beside it. Returns the copy's path.
///
/// # Errors
/// Those of the system, and too many copies.
pub(super) fn set_aside(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    for number in 1..=DAMAGED {
        let mut copy = path.as_os_str().to_os_string();
        copy.push(format!(".damaged-{number}"));
        let copy = PathBuf::from(copy);
        match copy.symlink_metadata() {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return files::replace(&copy, bytes).map(|()| copy);
            }
            Err(e) => return Err(e),
            Ok(_) => {}
        }
    }
    Err(io::Error::other(format!(
        "there are {DAMAGED} copies of damaged files already; delete some"
    )))
}
