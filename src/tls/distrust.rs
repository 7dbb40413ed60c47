//! Why TLS was not agreed on.

use std::io;
use std::time::{Duration, UNIX_EPOCH};

use humantime::format_rfc3339_seconds;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};

/// The causes that are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Distrust {
    /// No known authority signed the peer's certificate.
    UnknownIssuer,
    /// The peer's certificate is for other names.
    WrongName {
        /// The name that was asked for.
        asked: String,
        /// The names in the certificate; empty where they are not known.
        holds: String,
    },
    /// The peer's certificate has expired, at this time if it is known.
    Expired(Option<String>),
    /// The peer's certificate is not valid yet, but from this time on if it is known.
    NotYetValid(Option<String>),
    /// The peer's certificate is unusable for another reason.
    BadCertificate(String),
    /// The peer wants a certificate of the client, or rejects the one it got.
    ClientCertificate(String),
    /// The peer does not speak TLS.
    NotTls,
    /// The peer ended the connection in the middle of the handshake.
    Closed,
    /// The two sides have no version or cipher in common, or the peer broke the rules.
    Incompatible(String),
}

/// Marks an error as one of the TLS handshake.
#[derive(Debug, thiserror::Error)]
#[error("TLS handshake: {0}")]
pub(crate) struct Handshake(#[source] pub(crate) io::Error);

impl Distrust {
    /// The reason of an error of a stream, if it is one of TLS.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        let inner = error.get_ref()?;
        if let Some(Handshake(cause)) = inner.downcast_ref::<Handshake>() {
            let closed = matches!(
                cause.kind(),
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
            );
            return Self::of(cause).or(closed.then_some(Self::Closed));
        }
        inner.downcast_ref::<rustls::Error>().map(Self::of_tls)
    }

    fn of_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => Self::of_certificate(error),
            rustls::Error::AlertReceived(alert) => Self::of_alert(*alert),
            rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
                Self::NotTls
            }
            other => Self::Incompatible(other.to_string()),
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::NotValidForName => Self::WrongName {
                asked: String::new(),
                holds: String::new(),
            },
            CertificateError::NotValidForNameContext {
                expected,
                presented,
            } => Self::WrongName {
                asked: expected.to_str().into_owned(),
                holds: names(presented),
            },
            CertificateError::Expired => Self::Expired(None),
            CertificateError::ExpiredContext { not_after, .. } => {
                Self::Expired(Some(time(*not_after)))
            }
            CertificateError::NotValidYet => Self::NotYetValid(None),
            CertificateError::NotValidYetContext { not_before, .. } => {
                Self::NotYetValid(Some(time(*not_before)))
            }
            other => Self::BadCertificate(fault(other)),
        }
    }

    /// A peer that wants a certificate says so with one of several alerts. Under TLS 1.2 it is a
    /// plain failure of the handshake.
    fn of_alert(alert: AlertDescription) -> Self {
        use AlertDescription as Alert;
        let said = match alert {
            Alert::CertificateRequired => "it wants one",
            Alert::BadCertificate | Alert::CertificateUnknown | Alert::UnsupportedCertificate => {
                "it does not accept it"
            }
            Alert::UnknownCA => "it does not know the authority that signed it",
            Alert::CertificateExpired => "it has expired",
            Alert::CertificateRevoked => "it was revoked",
            Alert::AccessDenied => "it denies access",
            Alert::HandshakeFailure => "the handshake failed, which is how some brokers want one",
            other => return Self::Incompatible(format!("alert {other:?}")),
        };
        Self::ClientCertificate(said.into())
    }
}

/// What is wrong with a certificate, where the TLS crate has no kind of error for it.
fn fault(error: &CertificateError) -> String {
    let text = error.to_string();
    // A certificate that signed itself, as `openssl req -x509` makes it.
    if text.contains("CaUsedAsEndEntity") {
        "it is that of an authority (CA:TRUE)".into()
    } else {
        text
    }
}

/// The names in a certificate, without the words of the TLS crate around them: it writes
/// `DnsName("mqtt.lan")` and `IpAddress(127.0.0.1)`.
fn names(presented: &[String]) -> String {
    let bare = presented.iter().filter_map(|name| {
        let (kind, inner) = name.split_once('(')?;
        let is_name = ["DnsName", "IpAddress", "UniformResourceIdentifier"].contains(&kind);
        is_name.then(|| inner.trim_end_matches(')').trim_matches('"'))
    });
    // Whoever made the certificate chose the names.
    bare.map(|name| name.escape_default().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

/// A time of a certificate, in UTC. The year 9999 stands for later ones.
fn time(time: UnixTime) -> String {
    // The last second that can be written.
    const LAST: u64 = 253_402_300_799;
    let since = Duration::from_secs(time.as_secs().min(LAST));
    format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_error(error: rustls::Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    #[test]
    fn errors_of_tls_are_found_with_and_without_the_handshake() {
        let error = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let handshake = io::Error::other(Handshake(io_error(error())));
        for error in [io_error(error()), handshake] {
            assert_eq!(Distrust::of(&error), Some(Distrust::UnknownIssuer));
        }
    }

    #[test]
    fn an_end_of_the_connection_is_one_of_tls_in_the_handshake_alone() {
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(Distrust::of(&reset()), None);
        let handshake = io::Error::other(Handshake(reset()));
        assert_eq!(Distrust::of(&handshake), Some(Distrust::Closed));
    }

    #[test]
    fn names_stand_without_the_words_of_a_crate() {
        let presented = [
            "DnsName(\"mqtt.lan\")",
            "IpAddress(127.0.0.1)",
            "IpAddress(::1)",
            "DirectoryName",
            "DnsName(\"a\nb\")",
        ];
        let named = names(&presented.map(String::from));
        assert_eq!(named, "mqtt.lan, 127.0.0.1, ::1, a\\nb");
    }

    #[test]
    fn times_are_named_and_far_ones_do_not_panic() {
        let context = |secs| CertificateError::NotValidYetContext {
            time: UnixTime::since_unix_epoch(Duration::ZERO),
            not_before: UnixTime::since_unix_epoch(Duration::from_secs(secs)),
        };
        for (secs, text) in [
            (1_795_000_000, "2026-11-18T"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            let Distrust::NotYetValid(Some(from)) = Distrust::of_certificate(&context(secs)) else {
                panic!("another reason");
            };
            assert!(from.starts_with(text), "{from}");
        }
    }

    #[test]
    fn each_alert_about_the_clients_certificate_is_one_reason() {
        for alert in [
            AlertDescription::CertificateRequired,
            AlertDescription::BadCertificate,
            AlertDescription::UnknownCA,
            AlertDescription::HandshakeFailure,
        ] {
            let error = io_error(rustls::Error::AlertReceived(alert));
            assert!(matches!(
                Distrust::of(&error),
                Some(Distrust::ClientCertificate(_))
            ));
        }
    }
}
