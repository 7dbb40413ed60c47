//! What went wrong with a broker, in one line with its remedy.

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::time::Duration;

use super::Error;
use crate::publish::connection::{ConnectionFailure, Reason};
use crate::publish::servers::Named;
use crate::tls::Distrust;

/// The remedy where one side speaks TLS and the other does not.
const USUAL_PORTS: &str =
    "check the port: 8883 is the usual one with TLS, 1883 the usual one without";

/// The remedy when nothing answers at the broker's address.
fn check_address(named: Named) -> String {
    format!("check {} and the network between", named.address())
}

impl Error {
    /// The broker at `address` did not answer within `limit`.
    pub(in crate::publish) fn no_answer(address: &str, named: Named, limit: Duration) -> Self {
        Self::Unreachable {
            address: address.into(),
            cause: format!("no answer within {limit:?}"),
            advice: check_address(named).into(),
        }
    }

    /// The error for a failed connection to `address`, which the key `named` names.
    pub(in crate::publish) fn from_connection(
        address: &str,
        named: Named,
        failure: &ConnectionFailure,
    ) -> Self {
        let unreachable_so = |cause: &str, advice: Cow<'static, str>| Self::Unreachable {
            address: address.into(),
            cause: cause.into(),
            advice,
        };
        let unreachable = |cause: &str, advice| unreachable_so(cause, Cow::Borrowed(advice));
        let refused = |cause: &str, advice| Self::Refused {
            address: address.into(),
            cause: cause.into(),
            advice: Cow::Borrowed(advice),
        };
        match &failure.reason {
            Reason::Io(e) => {
                let (cause, advice) = explain_io(e, named);
                unreachable_so(&cause, advice)
            }
            Reason::Tls(distrust) => Self::from_tls(address, named, distrust),
            Reason::NoAnswer => unreachable_so("no answer", check_address(named).into()),
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
            Reason::ClosedAtOnce => unreachable_so(
                "it closed the connection without an answer",
                format!(
                    "perhaps the port is one for TLS (then {}), or it does not know mqtt.version; see the broker's log",
                    named.tls()
                )
                .into(),
            ),
            Reason::TlsPort => unreachable_so(
                "the port is one for TLS",
                format!("{}, or name the broker's other port", named.tls()).into(),
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
                "it sent a packet that is larger than all that Goldcrest subscribes to",
                "see who publishes that on this camera's topics",
            ),
            Reason::Violation(what) => unreachable(
                &format!("it sent what nobody asked for: {what}"),
                "see the broker's log, and whether it is the broker that you mean",
            ),
            Reason::ClearText(to) => Self::ClearText {
                address: address.into(),
                cause: format!("the password would go to {to} in clear text"),
                advice: format!(
                    "{}, or allow it with mqtt.plaintext_password = true",
                    named.tls()
                ),
            },
            Reason::NotReady => unreachable("it is not accepting clients", "see the broker's log"),
            Reason::NotMqtt => unreachable_so(
                "the server there does not speak MQTT",
                format!(
                    "check {}: 1883 is the usual one, 8883 with TLS",
                    named.port()
                )
                .into(),
            ),
            Reason::Other => unreachable(&failure.detail, "see the broker's log"),
        }
    }

    /// The error for a TLS connection to `address` that was not agreed on.
    fn from_tls(address: &str, named: Named, distrust: &Distrust) -> Self {
        let untrusted_so = |cause: String, advice: Cow<'static, str>| Self::Untrusted {
            address: address.into(),
            cause,
            advice,
        };
        let untrusted = |cause, advice| untrusted_so(cause, Cow::Borrowed(advice));
        let unreachable = |cause: String, advice| Self::Unreachable {
            address: address.into(),
            cause,
            advice: Cow::Borrowed(advice),
        };
        match distrust {
            Distrust::UnknownIssuer => untrusted(
                "no known authority signed its certificate".into(),
                "set mqtt.tls.ca_file to the certificate of the authority that did",
            ),
            Distrust::WrongName { asked, holds } => untrusted_so(
                match (asked.as_str(), holds.as_str()) {
                    ("", _) => "its certificate is for another name".into(),
                    (_, "") => format!("its certificate is for another name than {asked}"),
                    _ => format!("its certificate is for {holds} and not for {asked}"),
                },
                format!(
                    "correct {}, or set mqtt.tls.server_name to a name in the certificate",
                    named.host()
                )
                .into(),
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
                advice:
                    "set mqtt.tls.cert_file and mqtt.tls.key_file to a certificate that it accepts"
                        .into(),
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
fn explain_io(error: &io::Error, named: Named) -> (String, Cow<'static, str>) {
    let (text, host) = (error.to_string(), named.host());
    let (cause, advice) = match error.kind() {
        ErrorKind::ConnectionRefused => (
            "nothing listens there",
            format!("start the broker, or correct {}", named.address()),
        ),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => (
            "there is no route to it",
            format!("check the network and {host}"),
        ),
        ErrorKind::TimedOut => ("no answer", check_address(named)),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => (
            "it dropped the connection",
            "see the broker's log".to_string(),
        ),
        // The resolver's errors have no kind of their own.
        _ if text.contains("lookup") || text.contains("resolve") => (
            "its name cannot be resolved",
            format!("correct {host}, or check the name server"),
        ),
        _ => (text.as_str(), format!("check {host} and the network")),
    };
    (cause.into(), advice.into())
}

#[cfg(test)]
mod tests;
