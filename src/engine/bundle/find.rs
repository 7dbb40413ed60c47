//! Where bundles are looked for.

use std::path::{Path, PathBuf};

use super::outline::{Fault, Outline};
use super::stamp::Stamp;
use super::unfit::{Unfit, other_model};
use crate::engine::digest::HexDigest;
use crate::files;

/// The name of a bundle in its folder.
pub const NAME: &str = "model.bundle";

/// Where a bundle of the model with this SHA-256 is kept for the user:
/// `$XDG_CACHE_HOME/goldcrest/<sha256>/`, with `~/.cache` when that is not set. None without a
/// home.
pub fn cache_folder(sha256: &HexDigest) -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("goldcrest").join(&**sha256))
}

/// The bundle for the model at `model` with this SHA-256: the one beside it or in the user's cache
/// that is [`fresh`]. Without a fresh one, the one beside the model, so that
/// opening it reports the fault. None if there is none.
pub fn find(model: &Path, sha256: &HexDigest) -> Option<PathBuf> {
    let beside = model.with_file_name(NAME);
    let cached = cache_folder(sha256).map(|folder| folder.join(NAME));
    let mut places = std::iter::once(beside.clone()).chain(cached);
    places
        .find(|path| fresh(path, sha256))
        .or_else(|| beside.exists().then_some(beside))
}

/// Whether a bundle of this version and of the model with this SHA-256 stands at `path`. Only its
/// header and its manifest are read; opening it checks the rest.
pub fn fresh(path: &Path, sha256: &HexDigest) -> bool {
    fit(path, sha256).is_ok()
}

/// As [`fresh`], with the checksum of the whole file.
pub(crate) fn whole(path: &Path, sha256: &HexDigest) -> bool {
    let found = Outline::read(path).and_then(Outline::map);
    found.is_ok_and(|bundle| bundle.manifest().model_sha256 == *sha256)
}

/// The stamp of the model that the bundle at `path` was packed from, if it is [`fresh`].
///
/// # Errors
/// Why it is not.
pub(crate) fn fit(path: &Path, sha256: &HexDigest) -> Result<Option<Stamp>, Unfit> {
    let refused = |fault: String| Unfit::Refused {
        path: path.into(),
        fault,
    };
    let outline = Outline::try_read(path).map_err(|fault| match fault {
        Fault::Io(e) if e.kind() == std::io::ErrorKind::NotFound => Unfit::Missing,
        Fault::Io(cause) if files::is_distrust(&cause) => Unfit::Distrusted {
            path: path.into(),
            cause,
        },
        Fault::Io(e) => refused(e.to_string()),
        Fault::Refused(refusal) => refused(refusal.to_string()),
    })?;
    let packed = &outline.manifest.model_sha256;
    if packed == sha256 {
        return Ok(outline.header.stamp);
    }
    Err(refused(other_model(packed, sha256)))
}
