//! Why nothing can be said, with what to do about it.

use std::io::{self, ErrorKind};

use rumqttc::{ConnectReturnCode, ConnectionError, StateError, mqttbytes};

/// Why the broker cannot be used.
///
/// While the daemon runs, [`Error::Unreachable`] and [`Error::Refused`] are recoverable: the
/// connection is tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A key of the section `[mqtt]` has a value that cannot be used.
    #[error("mqtt.{key} {message}")]
    Config {
        /// The key.
        key: &'static str,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// The instance's id cannot be part of a topic.
    #[error("id {0}")]
    Id(String),
    /// There is no broker, or it does not answer as one.
    #[error("MQTT broker {address}: {cause}; {advice}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What happened.
        cause: String,
        /// What to do.
        advice: &'static str,
    },
    /// The broker does not let this client in.
    #[error("MQTT broker {address} refused the login: {cause}; {advice}")]
    Refused {
        /// Host and port.
        address: String,
        /// What the broker said.
        cause: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The system gave no thread.
    #[error("cannot start the MQTT thread: {0}")]
    Thread(String),
}

impl Error {
    /// The exit code of sysexits.h that a command ends with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } => 69,
            Self::Thread(_) => 71,
            Self::Refused { .. } => 77,
            Self::Config { .. } | Self::Id(_) => 78,
        }
    }

    /// What the failure of a connection to `address` means.
    pub(super) fn from_connection(address: &str, error: &ConnectionError) -> Self {
        let unreachable = |cause: String, advice| Self::Unreachable {
            address: address.into(),
            cause,
            advice,
        };
        let refused = |cause, advice| Self::Refused {
            address: address.into(),
            cause,
            advice,
        };
        match error {
            ConnectionError::Io(e)
            | ConnectionError::MqttState(
                StateError::Io(e) | StateError::Deserialization(mqttbytes::Error::Io(e)),
            ) => {
                let (cause, advice) = explain_io(e);
                unreachable(cause, advice)
            }
            ConnectionError::NetworkTimeout => unreachable(
                "no answer".into(),
                "check mqtt.host, mqtt.port and the network between",
            ),
            ConnectionError::FlushTimeout
            | ConnectionError::MqttState(StateError::AwaitPingResp) => unreachable(
                "it stopped answering".into(),
                "check the network and the broker's load",
            ),
            ConnectionError::MqttState(StateError::ConnectionAborted) => unreachable(
                "it closed the connection".into(),
                "see the broker's log; another client with the same mqtt.client_id, or a port for TLS, does this",
            ),
            ConnectionError::ConnectionRefused(code) => match code {
                ConnectReturnCode::BadUserNamePassword => refused(
                    "bad user name or password",
                    "correct mqtt.username and mqtt.password_file",
                ),
                ConnectReturnCode::NotAuthorized => refused(
                    "not authorised",
                    "set mqtt.username and mqtt.password_file to what the broker knows",
                ),
                ConnectReturnCode::BadClientId => refused(
                    "it does not take the client id",
                    "set mqtt.client_id to one that it takes",
                ),
                ConnectReturnCode::RefusedProtocolVersion => unreachable(
                    "it does not speak MQTT 3.1.1".into(),
                    "use a broker that does",
                ),
                ConnectReturnCode::Success | ConnectReturnCode::ServiceUnavailable => unreachable(
                    "it is not ready to take clients".into(),
                    "see the broker's log",
                ),
            },
            ConnectionError::NotConnAck(_)
            | ConnectionError::MqttState(StateError::Deserialization(_)) => unreachable(
                "what answers there does not speak MQTT".into(),
                "check mqtt.port: 1883 is the usual one",
            ),
            other => unreachable(other.to_string(), "see the broker's log"),
        }
    }
}

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
        ErrorKind::TimedOut => (
            "no answer",
            "check mqtt.host, mqtt.port and the network between",
        ),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => ("it cut the connection", "see the broker's log"),
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

    fn unreachable(error: ConnectionError) -> String {
        let error = Error::from_connection("broker:1883", &error);
        assert_eq!(error.exit_code(), 69);
        error.to_string()
    }

    #[test]
    fn each_cause_is_one_line_with_the_address_and_what_to_do() {
        for (kind, part) in [
            (ErrorKind::ConnectionRefused, "nothing listens there; start"),
            (ErrorKind::HostUnreachable, "no route"),
            (ErrorKind::TimedOut, "no answer; check mqtt.host"),
            (ErrorKind::ConnectionReset, "cut the connection"),
        ] {
            let line = unreachable(ConnectionError::Io(kind.into()));
            assert!(line.starts_with("MQTT broker broker:1883: "), "{line}");
            assert!(line.contains(part), "{line}");
            assert_eq!(line.lines().count(), 1);
        }
        let line = unreachable(ConnectionError::Io(io::Error::other(
            "failed to lookup address information: Name or service not known",
        )));
        assert!(line.contains("its name cannot be resolved"), "{line}");
        let line = unreachable(ConnectionError::MqttState(StateError::AwaitPingResp));
        assert!(line.contains("stopped answering"), "{line}");
    }

    #[test]
    fn a_login_that_is_refused_has_its_own_exit_code() {
        for code in [
            ConnectReturnCode::BadUserNamePassword,
            ConnectReturnCode::NotAuthorized,
            ConnectReturnCode::BadClientId,
        ] {
            let error = Error::from_connection("b:1", &ConnectionError::ConnectionRefused(code));
            assert_eq!(error.exit_code(), 77);
            assert!(error.to_string().contains("mqtt."), "{error}");
        }
        let busy = ConnectionError::ConnectionRefused(ConnectReturnCode::ServiceUnavailable);
        assert!(unreachable(busy).contains("not ready"));
    }
}
