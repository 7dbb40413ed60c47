//! Secrets, and the files that they come from.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// The longest password that MQTT can carry, in bytes.
const LONGEST: u64 = 65535;

/// What a secret of another type is told.
const NO_TEXT: &str = "must be a text in quotes";

/// The prefix of a password file that is one of the service's credentials.
const CREDENTIAL: &str = "credential:";

/// A text that debug output hides.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl<'de> Deserialize<'de> for Secret {
    /// The errors of the derived one would show a value of another type.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret(text.into()))
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Secret, E> {
                Err(E::custom(NO_TEXT))
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secret, E> {
                Err(E::custom(NO_TEXT))
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Secret, E> {
                Err(E::custom(NO_TEXT))
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secret, E> {
                Err(E::custom(NO_TEXT))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Secret {
    /// The text itself.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

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
    /// The file holds no password.
    #[error("is empty: {}; write the password into it", .0.display())]
    Empty(PathBuf),
    /// The password is too long for MQTT.
    #[error("holds more than the {LONGEST} bytes that MQTT allows: {}", .0.display())]
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

/// Reads a password from the file that `name` stands for, without a newline at its end.
///
/// `name` is a path, or `credential:NAME` for the file `NAME` in the directory `credentials`. That
/// is `$CREDENTIALS_DIRECTORY`, where systemd puts what a unit loads with `LoadCredential=`.
///
/// # Errors
/// Each names the file, the problem and the remedy in one line.
pub(crate) fn read_password(
    name: &str,
    credentials: Option<&OsStr>,
) -> Result<Secret, PasswordError> {
    let path = path_of(name, credentials)?;
    let mut text = String::new();
    // Room for the newline, and for one byte that is too many.
    let read = File::open(&path).and_then(|f| f.take(LONGEST + 3).read_to_string(&mut text));
    if let Err(e) = read {
        let cause = e.to_string();
        return Err(PasswordError::Unreadable { path, cause });
    }
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
    Ok(Secret(text))
}

/// The file that `name` stands for; see [`read_password`].
///
/// # Errors
/// A credential that there is not.
pub(super) fn path_of(name: &str, credentials: Option<&OsStr>) -> Result<PathBuf, PasswordError> {
    match name.strip_prefix(CREDENTIAL) {
        Some(credential) => credential_path(credential, credentials),
        None => Ok(PathBuf::from(name)),
    }
}

fn credential_path(credential: &str, directory: Option<&OsStr>) -> Result<PathBuf, PasswordError> {
    if credential.is_empty() || credential.contains('/') || credential.starts_with('.') {
        return Err(PasswordError::CredentialName);
    }
    match directory {
        Some(directory) => Ok(Path::new(directory).join(credential)),
        None => Err(PasswordError::NoCredentials(credential.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), bytes).unwrap();
        folder
    }

    fn read_file(bytes: &[u8]) -> Result<Secret, PasswordError> {
        let folder = file(bytes);
        let path = folder.path().join("secret");
        read_password(path.to_str().unwrap(), None)
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
        let error = read_password("/nonexistent/secret", None).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("/nonexistent/secret: No such file"),
            "{message}"
        );
    }

    #[test]
    fn a_credential_comes_from_the_services_directory() {
        let folder = file(b"word\n");
        let directory = Some(folder.path().as_os_str());
        assert_eq!(
            read_password("credential:secret", directory),
            Ok("word".into())
        );
        let error = read_password("credential:secret", None).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("LoadCredential=secret:FILE"), "{message}");
    }

    #[test]
    fn a_credential_must_not_be_a_path() {
        for name in ["credential:", "credential:../secret", "credential:.."] {
            assert_eq!(
                read_password(name, Some(OsStr::new("/"))),
                Err(PasswordError::CredentialName)
            );
        }
    }

    #[test]
    fn debug_output_hides_a_secret() {
        assert_eq!(format!("{:?}", Secret::from("word")), "(secret)");
    }
}
