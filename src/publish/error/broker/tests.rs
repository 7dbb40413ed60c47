use super::*;
use crate::exit;

fn error(reason: Reason) -> Error {
    error_of(Named::Host, reason)
}

fn error_of(named: Named, reason: Reason) -> Error {
    let failure = ConnectionFailure {
        reason,
        detail: "the crate's words".into(),
    };
    Error::from_connection("broker:1883", named, &failure)
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
            "no answer; check mqtt.host and mqtt.port",
        ),
        (
            Reason::Io(ErrorKind::ConnectionReset.into()),
            "dropped the connection",
        ),
        (
            Reason::Io(io::Error::other(lookup)),
            "its name cannot be resolved",
        ),
        (Reason::NoAnswer, "no answer; check mqtt.host and mqtt.port"),
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

#[test]
fn an_error_names_the_key_that_names_the_broker() {
    let refused = || Reason::Io(ErrorKind::ConnectionRefused.into());
    let other_name = || {
        Reason::Tls(Distrust::WrongName {
            asked: "a".into(),
            holds: "b".into(),
        })
    };
    for (named, key) in [(Named::Url, "mqtt.url"), (Named::Hosts, "mqtt.hosts")] {
        for reason in [
            refused(),
            Reason::NoAnswer,
            Reason::NotMqtt,
            other_name(),
            Reason::Io(io::Error::other("failed to lookup address information")),
            Reason::Io(ErrorKind::HostUnreachable.into()),
            Reason::Io(io::Error::other("something else")),
        ] {
            let line = error_of(named, reason).to_string();
            assert!(line.contains(key), "{line}");
            assert!(!line.contains("mqtt.host "), "{line}");
            assert!(!line.contains("mqtt.host,"), "{line}");
            assert!(!line.contains("mqtt.port"), "{line}");
        }
    }
    let line = error_of(Named::Hosts, Reason::TlsPort).to_string();
    assert!(line.contains("add the section [mqtt.tls]"), "{line}");
}
