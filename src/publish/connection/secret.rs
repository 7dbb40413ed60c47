//! Secrets, and where they come from.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The longest password that MQTT can carry, in bytes.
const LONGEST: u64 = 65535;

/// How a password file says that it is one of the service's credentials.
const CREDENTIAL: &str = "credential:";

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
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

/// Reads a secret from the file that `name` stands for, without the newline at its end.
///
/// `name` is a path, or `credential:NAME` for the file `NAME` in `credentials`, which is
/// `$CREDENTIALS_DIRECTORY`, the directory in which systemd puts what a unit names with
/// `LoadCredential=`.
///
/// # Errors
/// One line that names the file, what is wrong and what to do.
pub(in crate::publish) fn read(name: &str, credentials: Option<&OsStr>) -> Result<Secret, String> {
    let path = match name.strip_prefix(CREDENTIAL) {
        Some(credential) => credential_path(credential, credentials)?,
        None => PathBuf::from(name),
    };
    let shown = path.display();
    let mut text = String::new();
    File::open(&path)
        .and_then(|file| file.take(LONGEST + 3).read_to_string(&mut text))
        .map_err(|e| format!("cannot be read: {shown}: {e}; correct the path or its rights"))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(format!("is empty: {shown}; write the password into it"));
    }
    if text.len() as u64 > LONGEST {
        return Err(format!(
            "holds more than the {LONGEST} bytes that MQTT allows: {shown}"
        ));
    }
    Ok(Secret(text))
}

fn credential_path(credential: &str, directory: Option<&OsStr>) -> Result<PathBuf, String> {
    if credential.is_empty() || credential.contains('/') || credential.starts_with('.') {
        return Err(format!(
            "must be a path or {CREDENTIAL}NAME, with a name and no path after the colon"
        ));
    }
    match directory {
        Some(directory) => Ok(Path::new(directory).join(credential)),
        None => Err(format!(
            "names a credential, but $CREDENTIALS_DIRECTORY is not set; put LoadCredential={credential}:FILE into the \
             systemd unit, or write the path of a file"
        )),
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

    fn read_file(bytes: &[u8]) -> Result<String, String> {
        let folder = file(bytes);
        let path = folder.path().join("secret");
        read(path.to_str().unwrap(), None).map(|s| s.reveal().to_string())
    }

    #[test]
    fn one_newline_at_the_end_does_not_belong_to_the_secret() {
        for (bytes, secret) in [
            ("word", "word"),
            ("word\n", "word"),
            ("word\r\n", "word"),
            ("word\n\n", "word\n"),
            (" a b \n", " a b "),
        ] {
            assert_eq!(read_file(bytes.as_bytes()).as_deref(), Ok(secret));
        }
    }

    #[test]
    fn what_is_no_password_is_refused_with_its_file() {
        for (bytes, part) in [
            (&b""[..], "is empty"),
            (b"\n", "is empty"),
            (b"\xff\xfe", "cannot be read"),
            (&[b'a'; 65536], "more than the 65535 bytes"),
        ] {
            let message = read_file(bytes).unwrap_err();
            assert!(
                message.contains(part) && message.contains("/secret"),
                "{message}"
            );
        }
        assert!(read_file(&[b'a'; 65535]).is_ok());
        let message = read("/nonexistent/secret", None).unwrap_err();
        assert!(
            message.contains("/nonexistent/secret: No such file"),
            "{message}"
        );
    }

    #[test]
    fn a_credential_is_looked_up_in_the_services_directory() {
        let folder = file(b"word\n");
        let directory = Some(folder.path().as_os_str());
        assert_eq!(read("credential:secret", directory), Ok("word".into()));
        let message = read("credential:secret", None).unwrap_err();
        assert!(message.contains("LoadCredential=secret:FILE"), "{message}");
        for name in ["credential:", "credential:../secret", "credential:.."] {
            assert!(read(name, directory).unwrap_err().contains("NAME"));
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::from("word")), "(secret)");
    }
}
