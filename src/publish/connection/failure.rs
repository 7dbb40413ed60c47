//! Why a connection failed, in terms of MQTT rather than of the MQTT crate.

use std::fmt;
use std::io;

/// A failed try to connect, or a lost connection.
#[derive(Debug)]
pub(crate) struct ConnectionFailure {
    /// The cause, as far as it is known.
    pub(crate) reason: Reason,
    /// The MQTT crate's own words.
    pub(crate) detail: String,
}

/// The causes that are told apart.
#[derive(Debug)]
pub(crate) enum Reason {
    /// The system reported an error, or the host's name did not resolve.
    Io(io::Error),
    /// The broker did not answer the connect in time.
    NoAnswer,
    /// The broker stopped answering on an open connection.
    StoppedAnswering,
    /// The broker answers pings and did not acknowledge a message in time.
    Unacknowledged,
    /// The broker closed the connection.
    Closed,
    /// The broker rejected the user name or the password.
    BadLogin,
    /// The broker knows no such client, or wants a login.
    NotAuthorized,
    /// The broker rejected the client id.
    BadClientId,
    /// The broker does not support this version of MQTT.
    BadVersion,
    /// The broker is there and accepts no clients.
    NotReady,
    /// The broker sent a message above the largest packet.
    TooLarge,
    /// The peer does not follow MQTT.
    NotMqtt,
    /// Any other cause.
    Other,
}

impl fmt::Display for ConnectionFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
