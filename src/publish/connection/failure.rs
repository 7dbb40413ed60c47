//! Why a connection failed, in terms of MQTT rather than of the MQTT crate.

use std::fmt;
use std::io;
use std::net::IpAddr;

use super::secrecy::ClearText;
use crate::tls::Distrust;

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
    /// TLS was not agreed on, or the peer ended it.
    Tls(Distrust),
    /// The broker did not answer the connect in time.
    NoAnswer,
    /// The broker stopped answering on an open connection.
    StoppedAnswering,
    /// The broker answers pings and did not acknowledge a message in time.
    Unacknowledged,
    /// The broker closed the connection.
    Closed,
    /// The broker closed the connection instead of answering the connect.
    ClosedAtOnce,
    /// The broker answers with TLS, which is not configured.
    TlsPort,
    /// Another client connected with the same client id.
    TakenOver,
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
    /// The client exceeds what the broker grants it.
    Quota,
    /// The broker did not take a message, for a reason that may pass.
    Declined,
    /// The broker sent a packet over the limit of this client.
    TooLarge,
    /// The broker sent this, for which nobody asked.
    Violation(String),
    /// The password would leave this machine in clear text, to this address.
    ClearText(IpAddr),
    /// The peer does not follow MQTT.
    NotMqtt,
    /// Any other cause.
    Other,
}

impl Reason {
    /// The reason of an error of the stream: one of TLS where it came from there.
    pub(super) fn of_io(error: io::Error) -> Self {
        if let Some(distrust) = Distrust::of(&error) {
            return Self::Tls(distrust);
        }
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(ClearText(address)) => Self::ClearText(*address),
            None => Self::Io(error),
        }
    }

    /// Whether the broker or this client refuses, so that each try costs work and helps little.
    pub(super) fn stays(&self) -> bool {
        match self {
            // The board's clock may be set any moment.
            Self::Tls(Distrust::NotYetValid(_) | Distrust::Closed) => false,
            Self::Tls(_)
            | Self::TakenOver
            | Self::BadLogin
            | Self::NotAuthorized
            | Self::BadClientId
            | Self::Quota
            | Self::Declined
            | Self::TooLarge
            | Self::Violation(_)
            | Self::ClearText(_) => true,
            _ => false,
        }
    }
}

impl ConnectionFailure {
    /// The failure of a connection whose broker sent `what`, for which nobody asked.
    pub(super) fn violation(what: impl Into<String>) -> Self {
        let what = what.into();
        Self {
            detail: what.clone(),
            reason: Reason::Violation(what),
        }
    }

    /// The same failure if it came before the broker answered the connect.
    pub(super) fn before_the_answer(self) -> Self {
        let reset = |e: &io::Error| {
            matches!(
                e.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof
            )
        };
        let reason = match self.reason {
            Reason::Closed => Reason::ClosedAtOnce,
            Reason::Io(e) if reset(&e) => Reason::ClosedAtOnce,
            other => other,
        };
        Self { reason, ..self }
    }
}

impl fmt::Display for ConnectionFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
