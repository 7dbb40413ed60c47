//! What a failed request means, in words and as a cause.

use std::io;

use super::address::Address;
use super::head::HeadError;
use crate::source::{Cause, Loss};
use crate::tls::{Distrust, Handshake};

/// What to do where a login is missing or wrong.
const LOGIN: &str = "set http.username and http.password_file, or write the log-in before the host, \
                     as in http://USER:PASSWORD@camera/";

/// The connection to `address` did not come about.
pub(super) fn unconnected(address: &Address, error: &io::Error) -> Loss {
    if let Some(distrust) = Distrust::of(error) {
        return untrusted(address, &distrust);
    }
    let loss = |cause, what: &str| Loss::new(cause, format!("{address}: {what}"));
    let handshake = error.get_ref().is_some_and(|inner| inner.is::<Handshake>());
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock if handshake => loss(
            Cause::Unreachable,
            "it did not agree on TLS in time; check the port, or use http:// in http.url",
        ),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => loss(
            Cause::Unreachable,
            "it accepts no connection in time; check http.url and the network between",
        ),
        io::ErrorKind::ConnectionRefused => loss(
            Cause::Unreachable,
            "nothing accepts connections there; check the port in http.url, and whether the camera runs",
        ),
        io::ErrorKind::InvalidInput => loss(
            Cause::Untrusted,
            "the host cannot be the name in a certificate; name another one in http.url",
        ),
        _ => loss(
            Cause::Unreachable,
            &format!("it cannot be reached: {error}; check http.url and the network between"),
        ),
    }
}

/// TLS was not agreed on with `address`.
fn untrusted(address: &Address, distrust: &Distrust) -> Loss {
    const PIN: &str =
        "set http.ca_file to the certificate of the authority that did, or to the camera's own";
    let (cause, what) = match distrust {
        Distrust::UnknownIssuer => (
            Cause::Untrusted,
            format!("no known authority signed its certificate; {PIN}"),
        ),
        Distrust::WrongName { holds, .. } => {
            let holds = if holds.is_empty() {
                "another name".into()
            } else {
                format!("{holds} and not for {}", address.host)
            };
            (
                Cause::Untrusted,
                format!(
                    "its certificate is for {holds}; correct http.url, or set http.ca_file to the camera's own certificate"
                ),
            )
        }
        Distrust::Expired(_) => (
            Cause::Untrusted,
            "its certificate has expired; renew it, set http.ca_file to the camera's own, or correct this machine's clock"
                .into(),
        ),
        Distrust::NotYetValid(_) => (
            Cause::Untrusted,
            "its certificate is not valid yet; if this machine's clock is behind, it is once that is set"
                .into(),
        ),
        Distrust::BadCertificate(text) => (
            Cause::Untrusted,
            format!("its certificate cannot be used: {text}; set http.ca_file to the camera's own"),
        ),
        Distrust::ClientCertificate(said) => (
            Cause::Denied,
            format!("it asks for a certificate of this client, which Goldcrest has none of: {said}"),
        ),
        Distrust::NotTls => (
            Cause::Unreachable,
            "it does not speak TLS; check the port, or use http:// in http.url".into(),
        ),
        Distrust::Closed => (
            Cause::Unreachable,
            "it closed the connection in the middle of the TLS handshake".into(),
        ),
        Distrust::Incompatible(text) => (
            Cause::Unreachable,
            format!("TLS cannot be agreed on: {text}; Goldcrest speaks 1.2 and 1.3"),
        ),
    };
    Loss::new(cause, format!("{address}: {what}"))
}

/// The request was sent to `address`, and no answer came.
pub(super) fn unanswered(address: &Address, error: &HeadError) -> Loss {
    let (cause, what) = match error {
        HeadError::Io(e) if matches!(e.kind(), io::ErrorKind::TimedOut) => {
            (Cause::Timeout, "it did not answer in time".to_string())
        }
        HeadError::Io(e) => (
            Cause::Unreachable,
            format!("its answer cannot be read: {e}"),
        ),
        HeadError::Closed => (Cause::Ended, error.to_string()),
        HeadError::TooLong | HeadError::TooMany | HeadError::NotHttp | HeadError::Encoded(_) => {
            (Cause::NoFormat, format!("{error}; check http.url"))
        }
    };
    Loss::new(cause, format!("{address}: {what}"))
}

/// The camera at `address` answers with this status instead of pictures.
pub(super) fn refused(address: &Address, status: u16) -> Loss {
    let (cause, what) = match status {
        401 => (
            Cause::Denied,
            format!("it rejects the log-in; correct it: {LOGIN}"),
        ),
        403 => (
            Cause::Denied,
            "it forbids this address (status 403); check the rights of the user, and http.url"
                .into(),
        ),
        404 | 410 => (
            Cause::NotFound,
            format!("it has nothing there (status {status}); check the path in http.url"),
        ),
        503 => (
            Cause::Busy,
            "it is busy (status 503): perhaps it serves one client, and another one is connected"
                .into(),
        ),
        500..=599 => (
            Cause::Io,
            format!("it failed (status {status}); if that stays, restart the camera"),
        ),
        _ => (
            Cause::Io,
            format!("it answers with status {status} and no pictures; check http.url"),
        ),
    };
    Loss::new(cause, format!("{address}: {what}"))
}

/// The camera at `address` wants a login, and none is configured.
pub(super) fn wants_login(address: &Address) -> Loss {
    Loss::new(
        Cause::Denied,
        format!("{address}: it wants a log-in; {LOGIN}"),
    )
}

/// The login that the camera at `address` wants cannot be given.
pub(super) fn odd_login(address: &Address, what: &str) -> Loss {
    Loss::new(Cause::Denied, format!("{address}: {what}"))
}

/// The answer of `address` leads where none is followed.
pub(super) fn led_astray(address: &Address, what: &str) -> Loss {
    Loss::new(Cause::Untrusted, format!("{address}: {what}"))
}
