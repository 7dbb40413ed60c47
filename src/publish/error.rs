//! The errors of publishing, each with its remedy.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use super::connection::{ConnectionFailure, Distrust, PasswordError, Reason, TlsError};
use super::outbox::FolderError;
use crate::exit;
use crate::misfit::Misfit;

/// The remedy when nothing answers at the broker's address.
const CHECK_ADDRESS: &str = "check mqtt.host, mqtt.port and the network between";

/// The remedy where one side speaks TLS and the other does not.
const USUAL_PORTS: &str =
    "check the port: 8883 is the usual one with TLS, 1883 the usual one without";

/// Why the broker cannot be used.
///
/// While the daemon runs, [`Error::Unreachable`], [`Error::Untrusted`] and [`Error::Refused`] are
/// recoverable: the publisher tries again.
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
        advice: &'static str,
    },
    /// The broker's certificate proves nothing.
    #[error("MQTT broker {address}: {cause}; {advice}")]
    Untrusted {
        /// Host and port.
        address: String,
        /// What is wrong with the certificate.
        cause: String,
        /// What to do.
        advice: &'static str,
    },
    /// The broker rejects this client.
    #[error("MQTT broker {address} refused the login: {cause}; {advice}")]
    Refused {
        /// Host and port.
        address: String,
        /// The broker's reason.
        cause: String,
        /// What to do.
        advice: &'static str,
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
            Self::Password(_) | Self::Tls(_) | Self::Servers(_) | Self::Id(_) => exit::CONFIG,
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

    /// The broker at `address` did not answer within `limit`.
    pub(super) fn no_answer(address: &str, limit: Duration) -> Self {
        Self::Unreachable {
            address: address.into(),
            cause: format!("no answer within {limit:?}"),
            advice: CHECK_ADDRESS,
        }
    }

    /// The error for a failed connection to `address`.
    pub(super) fn from_connection(address: &str, failure: &ConnectionFailure) -> Self {
        let unreachable = |cause: &str, advice| Self::Unreachable {
            address: address.into(),
            cause: cause.into(),
            advice,
        };
        let refused = |cause: &str, advice| Self::Refused {
            address: address.into(),
            cause: cause.into(),
            advice,
        };
        match &failure.reason {
            Reason::Io(e) => {
                let (cause, advice) = explain_io(e);
                unreachable(&cause, advice)
            }
            Reason::Tls(distrust) => Self::from_tls(address, distrust),
            Reason::NoAnswer => unreachable("no answer", CHECK_ADDRESS),
            Reason::StoppedAnswering => unreachable(
                "it stopped answering",
                "check the network and the broker's load",
            ),
            Reason::Unacknowledged => unreachable(
                "it does not acknowledge messages",
                "check the broker's load and its log",
            ),
            Reason::Closed => unreachable(
                "it closed the connection",
                "see the broker's log; perhaps it was stopped, or another client has the same mqtt.client_id",
            ),
            Reason::ClosedAtOnce => unreachable(
                "it closed the connection without an answer",
                "perhaps the port is one for TLS (then set mqtt.url to mqtts://HOST), or it does not know mqtt.version; see the broker's log",
            ),
            Reason::TlsPort => unreachable(
                "the port is one for TLS",
                "set mqtt.url to mqtts://HOST:PORT, or name the broker's other port",
            ),
            Reason::TakenOver => unreachable(
                "another client has connected with the same client id",
                "give each Goldcrest an id of its own, and a mqtt.client_id if you set one",
            ),
            Reason::BadLogin => refused(
                "bad user name or password",
                "correct mqtt.username and mqtt.password_file",
            ),
            Reason::NotAuthorized => refused(
                "not authorised",
                "set mqtt.username and mqtt.password_file to a login that the broker knows",
            ),
            Reason::BadClientId => refused(
                "it rejected the client id",
                "set mqtt.client_id to one that it accepts",
            ),
            Reason::BadVersion => unreachable(
                "it does not speak the version of MQTT in mqtt.version",
                "set mqtt.version = 3 for MQTT 3.1.1, or 5",
            ),
            Reason::Quota => unreachable(
                "it takes no more from this client: a quota is exceeded",
                "raise the quota at the broker, or publish less often",
            ),
            Reason::Declined => unreachable(
                &format!("it did not take a message ({})", failure.detail),
                "see the broker's log",
            ),
            Reason::TooLarge => unreachable(
                "it sent a packet that is larger than mqtt.max_packet",
                "see who publishes that on this camera's topics, or raise mqtt.max_packet",
            ),
            Reason::Unsolicited => unreachable(
                "it acknowledged a message that was not sent, which is a fault of the broker",
                "see the broker's log",
            ),
            Reason::NotReady => unreachable("it is not accepting clients", "see the broker's log"),
            Reason::NotMqtt => unreachable(
                "the server there does not speak MQTT",
                "check mqtt.port: 1883 is the usual one, 8883 with TLS",
            ),
            Reason::Other => unreachable(&failure.detail, "see the broker's log"),
        }
    }

    /// The error for a TLS connection to `address` that was not agreed on.
    fn from_tls(address: &str, distrust: &Distrust) -> Self {
        let untrusted = |cause: String, advice| Self::Untrusted {
            address: address.into(),
            cause,
            advice,
        };
        let unreachable = |cause: String, advice| Self::Unreachable {
            address: address.into(),
            cause,
            advice,
        };
        match distrust {
            Distrust::UnknownIssuer => untrusted(
                "no known authority signed its certificate".into(),
                "set mqtt.tls.ca_file to the certificate of the authority that did",
            ),
            Distrust::WrongName { asked, named } => untrusted(
                match (asked.as_str(), named.as_str()) {
                    ("", _) => "its certificate is for another name".into(),
                    (_, "") => format!("its certificate is for another name than {asked}"),
                    _ => format!("its certificate is for {named} and not for {asked}"),
                },
                "correct mqtt.host, or set mqtt.tls.server_name to a name in the certificate",
            ),
            Distrust::Expired(since) => untrusted(
                match since {
                    Some(since) => format!("its certificate expired at {since}"),
                    None => "its certificate has expired".into(),
                },
                "renew it at the broker, or correct this machine's clock",
            ),
            Distrust::NotYetValid(from) => untrusted(
                match from {
                    Some(from) => format!("its certificate is valid from {from} on, and not yet"),
                    None => "its certificate is not valid yet".into(),
                },
                "if this machine's clock is behind, the connection works once it is set",
            ),
            Distrust::BadCertificate(text) => untrusted(
                format!("its certificate cannot be used: {text}"),
                "give the broker a certificate for servers, signed by an authority",
            ),
            Distrust::ClientCertificate(said) => Self::Refused {
                address: address.into(),
                cause: format!("it asks for this client's certificate: {said}"),
                advice: "set mqtt.tls.cert_file and mqtt.tls.key_file to a certificate that it accepts",
            },
            Distrust::NotTls => {
                unreachable("the server there does not speak TLS".into(), USUAL_PORTS)
            }
            Distrust::Closed => unreachable(
                "it ended the connection in the TLS handshake, as a port without TLS does".into(),
                USUAL_PORTS,
            ),
            Distrust::Incompatible(text) => unreachable(
                format!("TLS was not agreed on: {text}"),
                "the broker must speak TLS 1.2 or 1.3 with usual ciphers",
            ),
        }
    }
}

/// The cause and the remedy of a system error.
fn explain_io(error: &io::Error) -> (String, &'static str) {
    let text = error.to_string();
    let (cause, advice) = match error.kind() {
        ErrorKind::ConnectionRefused => (
            "nothing listens there",
            "start the broker, or correct mqtt.host and mqtt.port",
        ),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            ("there is no route to it", "check the network and mqtt.host")
        }
        ErrorKind::TimedOut => ("no answer", CHECK_ADDRESS),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => ("it dropped the connection", "see the broker's log"),
        // The resolver's errors have no kind of their own.
        _ if text.contains("lookup") || text.contains("resolve") => (
            "its name cannot be resolved",
            "correct mqtt.host, or check the name server",
        ),
        _ => (text.as_str(), "check mqtt.host and the network"),
    };
    (cause.into(), advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(reason: Reason) -> Error {
        let failure = ConnectionFailure {
            reason,
            detail: "the crate's words".into(),
        };
        Error::from_connection("broker:1883", &failure)
    }

    #[test]
    fn each_cause_is_one_line_with_the_address_and_a_remedy() {
        let lookup = "failed to lookup address information: Name or service not known";
        for (reason, part) in [
            (
                Reason::Io(ErrorKind::ConnectionRefused.into()),
                "nothing listens there; start",
            ),
            (Reason::Io(ErrorKind::HostUnreachable.into()), "no route"),
            (
                Reason::Io(ErrorKind::TimedOut.into()),
                "no answer; check mqtt.host",
            ),
            (
                Reason::Io(ErrorKind::ConnectionReset.into()),
                "dropped the connection",
            ),
            (
                Reason::Io(io::Error::other(lookup)),
                "its name cannot be resolved",
            ),
            (Reason::NoAnswer, "no answer; check mqtt.host"),
            (Reason::StoppedAnswering, "stopped answering"),
            (Reason::NotReady, "not accepting clients"),
            (Reason::NotMqtt, "check mqtt.port"),
            (Reason::Other, "the crate's words; see"),
        ] {
            let error = error(reason);
            assert_eq!(error.exit_code(), exit::UNAVAILABLE);
            let line = error.to_string();
            assert!(line.starts_with("MQTT broker broker:1883: "), "{line}");
            assert!(line.contains(part), "{line}");
            assert_eq!(line.lines().count(), 1);
        }
    }

    #[test]
    fn a_refused_login_has_its_own_exit_code() {
        for reason in [Reason::BadLogin, Reason::NotAuthorized, Reason::BadClientId] {
            let error = error(reason);
            assert_eq!(error.exit_code(), exit::PERMISSION);
            assert!(error.to_string().contains("mqtt."), "{error}");
        }
    }
}
