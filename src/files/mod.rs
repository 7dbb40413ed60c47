//! Files that Goldcrest believes, small ones that it reads and writes whole, and the folders that
//! they stand in.

mod distrust;
mod trusted;

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{Access, Mode, OFlags, access};

use self::distrust::Distrust;
use self::trusted::Reader;

/// Opens the regular file at `path`, which nobody but root and this user can have written or put
/// there. `trusted.rs` has the rule.
///
/// A pipe, a device or a socket is refused: reading one may never end, and opening some of them has
/// an effect.
///
/// # Errors
/// Those of the system, what is no regular file, and a file that others could have written: see
/// [`is_distrust`].
pub(crate) fn open(path: &Path) -> io::Result<File> {
    trusted::open(path, Reader::present())
}

/// Checks that nobody else can put files into the folder at `path`.
///
/// # Errors
/// As [`open`], and what is no folder.
pub(crate) fn check_folder(path: &Path) -> io::Result<()> {
    trusted::check_folder(path, Reader::present())
}

/// Whether every user can read the file at `path`, of which the folders on the way decide as well.
pub(crate) fn is_public(path: &Path) -> bool {
    let allows = |path: &Path, bit: u32| path.metadata().is_ok_and(|m| m.mode() & bit != 0);
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    allows(&path, 0o004) && path.ancestors().skip(1).all(|folder| allows(folder, 0o001))
}

/// Whether [`open`] refused a file because others could have written it. The error has the remedy.
pub(crate) fn is_distrust(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Distrust>())
}

/// Reads the file at `path`, of at most `most` bytes, as [`open`] opens it.
///
/// # Errors
/// Those of [`open`], and a file that is larger than that.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_whole(open(path)?, most)
}

fn read_whole(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let why = format!("it is larger than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(bytes)
}

/// The same as text.
///
/// # Errors
/// Those of [`read`], and bytes that are not UTF-8.
pub(crate) fn read_text(path: &Path, most: u64) -> io::Result<String> {
    text(read(path, most)?)
}

/// Reads the regular file at `path`, of at most `most` bytes, as text, whoever may have written it:
/// a person names it in a command to have it copied. With `sudo` it is that person's, not root's.
///
/// # Errors
/// Those of the system, what is no regular file, a larger file, and bytes that are not UTF-8.
pub(crate) fn read_text_to_copy(path: &Path, most: u64) -> io::Result<String> {
    // Without O_NONBLOCK, opening a pipe would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(trusted::irregular());
    }
    text(read_whole(file, most)?)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Puts `bytes` into the file at `path`, whole or not at all: a reader, and a start after a power
/// cut, find either the file from before or the new one. No other user may read it.
///
/// # Errors
/// Those of the system. The file from before is then still there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_as(path, bytes, 0o600)
}

/// The same for a file that all users may read, as far as the process's mask lets them.
///
/// # Errors
/// As [`replace`].
pub(crate) fn replace_public(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_as(path, bytes, 0o644)
}

/// The user and the group of a file, by number, where they are not those of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) user: Option<u32>,
    pub(crate) group: Option<u32>,
}

/// The same with exactly this mode, whatever the process's mask is, and for this owner.
///
/// # Errors
/// As [`replace`].
pub(crate) fn replace_exactly(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    owner: Owner,
) -> io::Result<()> {
    put(path, bytes, 0o600, |file| {
        if owner != Owner::default() {
            fchown(file, owner.user, owner.group)?;
        }
        file.set_permissions(Permissions::from_mode(mode))
    })
}

fn replace_as(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    put(path, bytes, mode, |_| Ok(()))
}

/// Replaces the file at `path`, which is made with this mode, as far as the process's mask lets
/// it, and which `prepare` changes before it has its name.
fn put(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    prepare: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mode = Permissions::from_mode(mode);
    let mut file = tempfile::Builder::new()
        .permissions(mode)
        .tempfile_in(folder)?;
    prepare(file.as_file())?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The new name is on the disk once its folder is.
    File::open(folder)?.sync_all()
}

/// Makes the folder at `path` unless it is there, and checks that this user can make files in it.
/// Nobody else may read a new one. The folder around it must be there.
///
/// # Errors
/// Those of the system.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => probe_folder(path).map(drop),
    }
}

/// Whether the folder at `path` is there. If it is not, [`make_folder`] can make it.
///
/// # Errors
/// This user cannot make files in it, or cannot make the folder itself.
pub(crate) fn probe_folder(path: &Path) -> io::Result<bool> {
    let is_there = path.exists();
    let folder = match path.parent() {
        _ if is_there => path,
        Some(around) if around != Path::new("") => around,
        _ => Path::new("."),
    };
    if folder.exists() && !folder.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    access(folder, Access::WRITE_OK | Access::EXEC_OK)?;
    Ok(is_there)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_is_made_for_this_user_alone_and_one_level_deep() {
        use std::os::unix::fs::PermissionsExt;
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("state");
        assert!(!probe_folder(&folder).unwrap());
        make_folder(&folder).unwrap();
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(probe_folder(&folder).unwrap());
        make_folder(&folder).unwrap();
        for wrong in [around.path().join("a/b"), around.path().join("file/a")] {
            fs::write(around.path().join("file"), "").unwrap();
            assert!(probe_folder(&wrong).is_err() && make_folder(&wrong).is_err());
        }
        assert!(make_folder(&around.path().join("file")).is_err());
    }

    #[test]
    fn a_file_is_public_only_if_the_way_to_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "").unwrap();
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        mode(&path, 0o644);
        mode(folder.path(), 0o755);
        assert!(is_public(&path));
        mode(folder.path(), 0o750);
        assert!(!is_public(&path));
        mode(folder.path(), 0o755);
        mode(&path, 0o640);
        assert!(!is_public(&path) && !is_public(Path::new("/nowhere")));
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "four").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"four");
        let refused = read(&path, 3).unwrap_err().to_string();
        assert_eq!(refused, "it is larger than 3 bytes");
        fs::write(&path, [0xff]).unwrap();
        assert!(read_text(&path, 4).is_err());
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        replace_public(&path, b"three").unwrap();
        assert!(
            mode() & 0o600 == 0o600 && mode() & 0o033 == 0,
            "{:o}",
            mode()
        );
        replace_exactly(&path, b"four", 0o640, Owner::default()).unwrap();
        assert_eq!(
            (fs::read(&path).unwrap().as_slice(), mode()),
            (&b"four"[..], 0o640)
        );
        // A folder that is not there leaves nothing either.
        assert!(replace(&folder.path().join("b/c"), b"x").is_err());
    }
}
