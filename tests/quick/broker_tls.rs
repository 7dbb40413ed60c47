//! A broker over TLS: certificates of every wrong kind are told apart.

use std::path::Path;

use crate::support::certificates::{ALWAYS, Authority, Certificate, FUTURE, PAST, text};
use crate::support::{Broker, PATIENCE, Talker};
use goldcrest::publish::{Config, Error, TlsConfig, probe};

const HERE: &str = "DNS:localhost,IP:127.0.0.1";

/// A configuration for `broker` that trusts the authority in `ca`.
fn config(broker: &Broker, ca: &Path, version: u8) -> Config {
    Config {
        version,
        tls: Some(TlsConfig {
            ca_file: text(ca),
            ..TlsConfig::default()
        }),
        ..broker.config()
    }
}

fn refusal(config: &Config) -> Error {
    let error = probe(config, "front", PATIENCE, || false).unwrap_err();
    let line = error.to_string();
    assert!(!line.contains('\n') && line.contains(';'), "{line}");
    error
}

#[test]
fn messages_arrive_over_tls_with_both_versions() {
    let authority = Authority::new("birds");
    let broker = Broker::with_tls(&authority.sign("broker", HERE, ALWAYS), "");
    for version in [3, 5] {
        let config = config(&broker, &authority.file(), version);
        let mut talker = Talker::connected(&config, "front");
        talker.see(0);
        talker.wait_sent();
        assert!(talker.publisher.close(PATIENCE));
        let took = probe(&config, "front", PATIENCE, || false).unwrap();
        let address = format!("127.0.0.1:{}", broker.port());
        assert_eq!(took, format!("{address} took the connection over TLS"));
    }
    // The name of a URL is the one in the certificate.
    let config = Config {
        host: None,
        port: None,
        url: Some(format!("mqtts://localhost:{}", broker.port())),
        ..config(&broker, &authority.file(), 3)
    };
    Talker::connected(&config, "front");
}

#[test]
fn each_wrong_certificate_of_a_broker_is_one_line() {
    let authority = Authority::new("birds");
    let other = Authority::new("fish");
    let sign = |file, names, validity| authority.sign(file, names, validity);
    for (certificate, ca, says) in [
        (
            sign("a", HERE, ALWAYS),
            &other,
            "no known authority signed its certificate; set mqtt.tls.ca_file",
        ),
        (
            sign("b", "DNS:mqtt.lan", ALWAYS),
            &authority,
            "mqtt.lan and not for 127.0.0.1; correct mqtt.host, or set mqtt.tls.server_name",
        ),
        (
            sign("e", "DNS:mqtt.lan,IP:127.0.0.2", ALWAYS),
            &authority,
            "its certificate is for mqtt.lan, 127.0.0.2 and not for 127.0.0.1; correct",
        ),
        (
            sign("c", HERE, PAST),
            &authority,
            "its certificate expired at 2021-01-01T00:00:00Z; renew it",
        ),
        (
            sign("d", HERE, FUTURE),
            &authority,
            "its certificate is valid from 2048-01-01T00:00:00Z on, and not yet; if this machine's clock",
        ),
    ] {
        let broker = Broker::with_tls(&certificate, "");
        for version in [3, 5] {
            let error = refusal(&config(&broker, &ca.file(), version));
            assert_eq!(error.exit_code(), 69);
            assert!(error.to_string().contains(says), "{error}");
        }
        if says.starts_with("mqtt.lan") {
            let mut config = config(&broker, &authority.file(), 3);
            if let Some(tls) = &mut config.tls {
                tls.server_name = Some("mqtt.lan".into());
            }
            Talker::connected(&config, "front");
        }
    }
}

#[test]
fn a_broker_that_wants_a_certificate_is_shown_the_right_one() {
    let authority = Authority::new("birds");
    let other = Authority::new("fish");
    let server = authority.sign("broker", HERE, ALWAYS);
    let shown = |certificate: &Certificate, config: &Config| {
        let mut config = config.clone();
        if let Some(tls) = &mut config.tls {
            tls.cert_file = text(&certificate.file);
            tls.key_file = text(&certificate.key);
        }
        config
    };
    for tls in ["tlsv1.2", "tlsv1.3"] {
        let ca = authority.file();
        let more = format!(
            "cafile {}\nrequire_certificate true\ntls_version {tls}\n",
            ca.display()
        );
        let broker = Broker::with_tls(&server, &more);
        for version in [3, 5] {
            let none = config(&broker, &ca, version);
            let unknown = shown(&other.sign("client", HERE, ALWAYS), &none);
            let expired = shown(&authority.sign("old", HERE, PAST), &none);
            for wrong in [none.clone(), unknown, expired] {
                let error = refusal(&wrong);
                assert_eq!(error.exit_code(), 77, "{tls}: {error}");
                let line = error.to_string();
                assert!(
                    line.contains("refused the login: it asks for this client's certificate"),
                    "{tls}: {line}"
                );
                assert!(line.contains("mqtt.tls.cert_file"), "{tls}: {line}");
            }
            let right = shown(&authority.sign("front", HERE, ALWAYS), &none);
            Talker::connected(&right, "front");
        }
    }
}

#[test]
fn tls_to_a_plain_port_and_the_reverse_are_told_apart() {
    let authority = Authority::new("birds");
    let secure = Broker::with_tls(&authority.sign("broker", HERE, ALWAYS), "");
    let plain = Broker::start();
    for version in [3, 5] {
        let error = refusal(&config(&plain, &authority.file(), version));
        assert_eq!(error.exit_code(), 69);
        let line = error.to_string();
        assert!(
            line.contains("TLS handshake, as a port without TLS does"),
            "{line}"
        );
        assert!(line.contains("1883"), "{line}");

        let error = refusal(&Config {
            version,
            ..secure.config()
        });
        assert_eq!(error.exit_code(), 69);
        let line = error.to_string();
        assert!(line.contains("port is one for TLS"), "{line}");
        assert!(line.contains("mqtts://"), "{line}");
    }
}

#[test]
fn files_that_cannot_be_used_are_errors_of_the_configuration() {
    let authority = Authority::new("birds");
    let one = authority.sign("one", HERE, ALWAYS);
    let two = authority.sign("two", HERE, ALWAYS);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        text(&path)
    };
    let nothing = || file("nothing", "no PEM\n");
    let encrypted = file(
        "encrypted",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let broken = file(
        "broken",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    );
    let (cert, key) = (text(&one.file), text(&one.key));
    let gone = || Some("/etc/nonexistent".to_string());
    for (ca, cert, key, says) in [
        (
            nothing(),
            None,
            None,
            "ca_file holds no certificate in PEM form: ",
        ),
        (
            key.clone(),
            None,
            None,
            "ca_file holds no certificate in PEM form: ",
        ),
        (
            gone(),
            None,
            None,
            "ca_file cannot be read: /etc/nonexistent: No such file",
        ),
        (broken, None, None, "ca_file cannot be used: "),
        (
            None,
            nothing(),
            key.clone(),
            "cert_file holds no certificate",
        ),
        (
            None,
            cert.clone(),
            nothing(),
            "key_file holds no private key in PEM form: ",
        ),
        (None, cert.clone(), encrypted, "it is encrypted; decrypt it"),
        (
            None,
            cert.clone(),
            text(&two.key),
            "key_file does not belong to the certificate",
        ),
        (None, cert, gone(), "key_file cannot be read: "),
    ] {
        let config = Config {
            tls: Some(TlsConfig {
                ca_file: ca.or(text(&authority.file())),
                cert_file: cert,
                key_file: key,
                server_name: None,
            }),
            ..Config::default()
        };
        let error = refusal(&config);
        assert_eq!(error.exit_code(), 78, "{error}");
        let line = error.to_string();
        assert!(
            line.starts_with("mqtt.tls.") && line.contains(says),
            "{line}"
        );
    }
}
