//! The errors of publishing, each with its remedy.

mod broker;

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::Path;

use super::connection::TlsError;
use super::outbox::FolderError;
use crate::exit;
use crate::misfit::Misfit;
use crate::secrets::PasswordError;

/// Why the broker cannot be used.
///
/// While the daemon runs, [`Error::Unreachable`], [`Error::Untrusted`], [`Error::Refused`] and
/// [`Error::ClearText`] are recoverable: the publisher tries again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The password file of the configuration cannot be used.
    #[error("mqtt.password_file {0}")]
    Password(#[from] PasswordError),
    /// A file or a name for TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The configuration names no broker.
    #[error("mqtt.{0}")]
    Servers(#[from] Misfit),
    /// The instance's id cannot be part of a topic.
    #[error("id must be 1 to 64 bytes without /, +, # and control characters, and is {0:?}")]
    Id(String),
    /// No broker answers at the address.
    #[error("MQTT broker {address}: {cause}; {advice}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What happened.
        cause: String,
        /// What to do.
        advice: Cow<'static, str>,
    },
    /// The broker's certificate proves nothing.
    #[error("MQTT broker {address}: {cause}; {advice}")]
    Untrusted {
        /// Host and port.
        address: String,
        /// What is wrong with the certificate.
        cause: String,
        /// What to do.
        advice: Cow<'static, str>,
    },
    /// The broker rejects this client.
    #[error("MQTT broker {address} refused the login: {cause}; {advice}")]
    Refused {
        /// Host and port.
        address: String,
        /// The broker's reason.
        cause: String,
        /// What to do.
        advice: Cow<'static, str>,
    },
    /// The password would leave this machine in clear text, which the configuration does not allow.
    #[error("MQTT broker {address}: {cause}; not connecting; {advice}")]
    ClearText {
        /// Host and port.
        address: String,
        /// Where the password would go.
        cause: String,
        /// What to do.
        advice: String,
    },
    /// The folder of the outbox cannot be used.
    #[error("outbox.folder {path}: {cause}")]
    Folder {
        /// The folder.
        path: String,
        /// Why, and what to do.
        cause: String,
        /// The exit code.
        code: u8,
    },
    /// The system refused a thread.
    #[error("cannot start the MQTT thread: {0}")]
    Thread(String),
    /// The broker does not allow a subscription that is needed.
    #[error("the broker does not allow to subscribe to {0}; allow it in the broker's access list")]
    Unheard(String),
    /// The publisher was closed before.
    #[error("the MQTT connection has been closed")]
    Closed,
}

impl Error {
    /// The exit code of sysexits.h for a command that fails with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } | Self::Untrusted { .. } => exit::UNAVAILABLE,
            Self::Thread(_) | Self::Closed => exit::SYSTEM,
            Self::Refused { .. } | Self::Unheard(_) => exit::PERMISSION,
            Self::Password(_)
            | Self::Tls(_)
            | Self::Servers(_)
            | Self::Id(_)
            | Self::ClearText { .. } => exit::CONFIG,
            Self::Folder { code, .. } => *code,
        }
    }

    /// The folder `path` of the outbox cannot be used.
    pub(super) fn folder(path: &Path, error: &FolderError) -> Self {
        Self::Folder {
            path: path.display().to_string(),
            cause: error.to_string(),
            code: match error {
                FolderError::InUse => exit::UNAVAILABLE,
                FolderError::Io(e) if e.kind() == ErrorKind::PermissionDenied => exit::PERMISSION,
                FolderError::Io(_) => exit::IO,
            },
        }
    }
}
