//! Files that the configuration names and that hold a password, a key or certificates.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::secret::Secret;
use crate::files;

/// The longest password in bytes, which is the longest that MQTT can carry.
const LONGEST: u64 = 65535;

/// The longest name of a file that an error shows, in bytes.
const LONGEST_NAME: usize = 255;

/// The prefix of a file that is one of the service's credentials.
pub(crate) const CREDENTIAL: &str = "credential:";

/// Why a password file cannot be used. Each message follows the name of the configuration key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The file cannot be read.
    #[error("cannot be read: {}: {cause}; correct the path or its permissions", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: String,
    },
    /// Others could have written the file.
    #[error("is not read: {}: {cause}", path.display())]
    Distrusted {
        /// The file.
        path: PathBuf,
        /// Who, and what to do.
        cause: String,
    },
    /// There is no such file, and the name may be a secret that stands in the place of one.
    #[error(
        "must be the path of a file: {0}; the value is not shown, because it may be the secret itself"
    )]
    NoPath(String),
    /// The file holds no password.
    #[error("is empty: {}; write the password into it", .0.display())]
    Empty(PathBuf),
    /// The password is too long.
    #[error("holds more than the {LONGEST} bytes that a password may have: {}", .0.display())]
    TooLong(PathBuf),
    /// The credential's name is a path or empty.
    #[error("must be a path or {CREDENTIAL}NAME, with a name and no path after the colon")]
    CredentialName,
    /// The service was started without credentials.
    #[error(
        "names a credential, but $CREDENTIALS_DIRECTORY is not set; add LoadCredential={0}:FILE to the systemd unit, \
         or give the path of a file"
    )]
    NoCredentials(String),
}

/// Where the files are whose names a configuration has.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The configuration's folder, from which relative paths start.
    folder: PathBuf,
    /// Where systemd puts what a unit loads with `LoadCredential=`.
    credentials: Option<PathBuf>,
}

impl Places {
    /// Those of a configuration in `folder`, in this process.
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.into(),
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        }
    }
}

/// Reads a password from the file that `name` stands for, without a newline at its end.
///
/// # Errors
/// Each tells the problem and the remedy in one line.
pub(crate) fn read_password(name: &str, places: &Places) -> Result<Secret, PasswordError> {
    // Room for the newline, and for one byte that is too many.
    let (bytes, path) = read(name, places, LONGEST + 3)?;
    let mut text = String::from_utf8(bytes).map_err(|_| {
        let (path, cause) = (path.clone(), "it is not UTF-8 text".into());
        PasswordError::Unreadable { path, cause }
    })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(PasswordError::Empty(path));
    }
    if text.len() as u64 > LONGEST {
        return Err(PasswordError::TooLong(path));
    }
    Ok(Secret::from(text.as_str()))
}

/// Reads at most `most` bytes of the file that `name` stands for: a path, or `credential:NAME` for
/// the file `NAME` among the credentials. Returns the path too.
///
/// # Errors
/// Each tells the problem and the remedy in one line.
pub(crate) fn read(
    name: &str,
    places: &Places,
    most: u64,
) -> Result<(Vec<u8>, PathBuf), PasswordError> {
    let path = match name.strip_prefix(CREDENTIAL) {
        Some(credential) => credential_path(credential, places.credentials.as_deref())?,
        None => places.folder.join(name),
    };
    let mut bytes = Vec::new();
    let read = files::open(&path).and_then(|f| f.take(most).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok((bytes, path)),
        Err(e) if files::is_distrust(&e) => {
            let cause = e.to_string();
            Err(PasswordError::Distrusted { path, cause })
        }
        Err(e) if name.starts_with(CREDENTIAL) || is_path(name, &places.folder) => {
            let cause = e.to_string();
            Err(PasswordError::Unreadable { path, cause })
        }
        Err(e) => Err(PasswordError::NoPath(e.to_string())),
    }
}

fn credential_path(credential: &str, directory: Option<&Path>) -> Result<PathBuf, PasswordError> {
    if credential.is_empty() || credential.contains('/') || credential.starts_with('.') {
        return Err(PasswordError::CredentialName);
    }
    match directory {
        Some(directory) => Ok(directory.join(credential)),
        None => Err(PasswordError::NoCredentials(credential.into())),
    }
}

/// Whether the name of a file that cannot be read may be shown: it is one line of at most
/// [`LONGEST_NAME`] bytes, and its first folder, seen from `folder`, is there. A password or a key
/// that was pasted in the place of a path is not of that kind.
fn is_path(name: &str, folder: &Path) -> bool {
    let folders = Path::new(name).ancestors().skip(1);
    let first = folders
        .filter(|path| path.file_name().is_some() || path.ends_with(".") || path.ends_with(".."))
        .last();
    name.len() <= LONGEST_NAME
        && !name.contains(char::is_control)
        && first.is_some_and(|first| folder.join(first).is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), bytes).unwrap();
        folder
    }

    fn places(folder: &Path) -> Places {
        Places {
            folder: folder.into(),
            credentials: None,
        }
    }

    fn read_file(bytes: &[u8]) -> Result<Secret, PasswordError> {
        let folder = file(bytes);
        let path = folder.path().join("secret");
        read_password(path.to_str().unwrap(), &places(Path::new("")))
    }

    #[test]
    fn one_newline_at_the_end_is_no_part_of_the_password() {
        for (bytes, secret) in [
            ("word", "word"),
            ("word\n", "word"),
            ("word\r\n", "word"),
            ("word\n\n", "word\n"),
            (" a b \n", " a b "),
        ] {
            assert_eq!(read_file(bytes.as_bytes()), Ok(secret.into()));
        }
    }

    #[test]
    fn a_refused_password_names_its_file() {
        for (bytes, part) in [
            (&b""[..], "is empty"),
            (b"\n", "is empty"),
            (b"\xff\xfe", "cannot be read"),
            (&[b'a'; 65536], "more than the 65535 bytes"),
        ] {
            let message = read_file(bytes).unwrap_err().to_string();
            assert!(
                message.contains(part) && message.contains("/secret"),
                "{message}"
            );
        }
    }

    #[test]
    fn the_longest_password_is_accepted() {
        assert!(read_file(&[b'a'; 65535]).is_ok());
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read_password("/etc/nonexistent/secret", &places(Path::new(""))).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("/etc/nonexistent/secret: No such file"),
            "{message}"
        );
    }

    #[test]
    fn a_credential_comes_from_the_services_directory() {
        let folder = file(b"word\n");
        let service = Places {
            folder: "/etc".into(),
            credentials: Some(folder.path().into()),
        };
        assert_eq!(
            read_password("credential:secret", &service),
            Ok("word".into())
        );
        let error = read_password("credential:secret", &places(folder.path())).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("LoadCredential=secret:FILE"), "{message}");
    }

    #[test]
    fn a_credential_must_not_be_a_path() {
        let service = Places {
            folder: PathBuf::new(),
            credentials: Some("/".into()),
        };
        for name in ["credential:", "credential:../secret", "credential:.."] {
            let refused = read_password(name, &service);
            assert_eq!(refused, Err(PasswordError::CredentialName));
        }
    }

    #[test]
    fn a_relative_path_starts_at_the_configurations_folder() {
        let folder = file(b"word\n");
        let places = places(folder.path());
        assert_eq!(read_password("secret", &places), Ok("word".into()));
        assert_eq!(read_password("./secret", &places), Ok("word".into()));
    }

    #[test]
    fn a_secret_in_the_place_of_a_path_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        let key =
            "-----BEGIN PRIVATE KEY-----\n/etc/MIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----";
        let long = format!("/etc/{}", "x".repeat(300));
        for secret in [
            "cuckoo's egg",
            "word.txt",
            "9j/4AAQ+SkZJRg==",
            "/9j/4AAQ+SkZJRg==",
            "/word",
            key,
            &long,
            "a\0b",
        ] {
            let error = read_password(secret, &places(folder.path())).unwrap_err();
            let line = error.to_string();
            assert!(line.starts_with("must be the path of a file: "), "{line}");
            for part in secret.lines().filter(|part| part.len() > 3) {
                assert!(!line.contains(part), "{line}");
            }
        }
        for path in ["/etc/nonexistent/word", "./word", "../word", "keys/word"] {
            let error = read_password(path, &places(folder.path())).unwrap_err();
            assert!(error.to_string().contains(path), "{error}");
        }
    }
}
