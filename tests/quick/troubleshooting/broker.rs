//! Faults between Goldcrest and a broker.

use std::time::Duration;

use super::bench::{Bench, Outcome};
use super::{Case, compare};
use crate::support::certificates::{ALWAYS, Authority, Certificate, FUTURE, PAST};
use crate::support::{Broker, Daemon, Subscriber, free_port, web};

const HERE: &str = "DNS:localhost,IP:127.0.0.1";

pub(super) const CASES: [Case; 19] = [
    Case {
        row: "MQTT broker …: nothing listens there; start the broker, or correct mqtt.host and mqtt.port",
        cause: |bench| {
            check(
                bench,
                &format!("host = \"127.0.0.1\"\nport = {}\n", free_port()),
            )
        },
    },
    Case {
        row: "MQTT broker …: its name cannot be resolved; correct mqtt.host, or check the name server",
        cause: |bench| check(bench, "host = \"homeassistant.invalid\"\n"),
    },
    Case {
        row: "MQTT broker … refused the login: not authorised; set mqtt.username and mqtt.password_file to a login that the broker knows",
        cause: |bench| {
            let broker = Broker::with_login("front", "right");
            check(bench, &login(bench, &broker, 3))
        },
    },
    Case {
        row: "MQTT broker … refused the login: bad user name or password; correct mqtt.username and mqtt.password_file",
        // Not mosquitto, which has one word for all.
        cause: |bench| answered(bench, &[0x20, 2, 0, 4], &password(bench)),
    },
    Case {
        row: "MQTT broker …: the password would go to … in clear text; not connecting; set mqtt.url to mqtts://HOST:PORT, or allow it with mqtt.plaintext_password = true",
        cause: |bench| check(bench, &format!("host = \"192.0.2.1\"\n{}", password(bench))),
    },
    Case {
        row: "mqtt.password_file names a credential, but $CREDENTIALS_DIRECTORY is not set; add LoadCredential=…:FILE to the systemd unit, or give the path of a file",
        cause: |bench| {
            check(
                bench,
                "username = \"front\"\npassword_file = \"credential:mqtt-password\"\n",
            )
        },
    },
    Case {
        row: "mqtt.password_file cannot be read: …: No such file or directory (os error 2); correct the path or its permissions",
        cause: |bench| {
            check(
                bench,
                "username = \"front\"\npassword_file = \"/etc/no-password\"\n",
            )
        },
    },
    Case {
        row: "MQTT broker …: no known authority signed its certificate; set mqtt.tls.ca_file to the certificate of the authority that did",
        cause: |bench| {
            let (birds, fish) = (Authority::new("birds"), Authority::new("fish"));
            tls(bench, &birds.sign("broker", HERE, ALWAYS), &fish)
        },
    },
    Case {
        row: "MQTT broker …: its certificate is for … and not for …; correct mqtt.url, or set mqtt.tls.server_name to a name in the certificate",
        cause: |bench| {
            let authority = Authority::new("birds");
            tls(
                bench,
                &authority.sign("broker", "DNS:mqtt.lan", ALWAYS),
                &authority,
            )
        },
    },
    Case {
        row: "MQTT broker …: its certificate expired at …; renew it at the broker, or correct this machine's clock",
        cause: |bench| {
            let authority = Authority::new("birds");
            tls(bench, &authority.sign("broker", HERE, PAST), &authority)
        },
    },
    Case {
        row: "MQTT broker …: its certificate is valid from … on, and not yet; if this machine's clock is behind, the connection works once it is set",
        cause: |bench| {
            let authority = Authority::new("birds");
            tls(bench, &authority.sign("broker", HERE, FUTURE), &authority)
        },
    },
    Case {
        row: "MQTT broker … refused the login: it asks for this client's certificate: …; set mqtt.tls.cert_file and mqtt.tls.key_file to a certificate that it accepts",
        cause: |bench| {
            let authority = Authority::new("birds");
            let ca = authority.file();
            let more = format!("cafile {}\nrequire_certificate true\n", ca.display());
            let broker = Broker::with_tls(&authority.sign("broker", HERE, ALWAYS), &more);
            trusting(bench, broker.port(), &authority)
        },
    },
    Case {
        row: "MQTT broker …: it does not speak the version of MQTT in mqtt.version; set mqtt.version = 3 for MQTT 3.1.1, or 5",
        cause: |bench| answered(bench, &[0x20, 2, 0, 1], ""),
    },
    Case {
        row: "MQTT broker …: its certificate cannot be used: it is that of an authority (CA:TRUE); give the broker a certificate for servers, signed by an authority",
        cause: |bench| {
            let authority = Authority::new("birds");
            let own = Certificate {
                file: authority.file(),
                key: authority.file().with_extension("key"),
            };
            tls(bench, &own, &authority)
        },
    },
    Case {
        row: "mqtt.tls.ca_file cannot be read: …: No such file or directory (os error 2); correct the path or its permissions",
        cause: |bench| check(bench, "[mqtt.tls]\nca_file = \"/etc/no-ca.crt\"\n"),
    },
    Case {
        row: "MQTT broker …: it ended the connection in the TLS handshake, as a port without TLS does; check the port: 8883 is the usual one with TLS, 1883 the usual one without",
        cause: |bench| {
            let broker = Broker::start();
            let authority = Authority::new("birds");
            trusting(bench, broker.port(), &authority)
        },
    },
    Case {
        row: "MQTT broker …: it closed the connection without an answer; perhaps the port is one for TLS (then set mqtt.url to mqtts://HOST:PORT), or it does not know mqtt.version; see the broker's log",
        cause: |bench| {
            let authority = Authority::new("birds");
            let broker = Broker::with_tls(&authority.sign("broker", HERE, ALWAYS), "");
            check(bench, &broker.config_toml().replace("[mqtt]\n", ""))
        },
    },
    Case {
        row: "MQTT broker …: nothing listens there; start the broker, or correct mqtt.host and mqtt.port; trying again",
        cause: |_| {
            let nobody = format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {}\n", free_port());
            logged(Daemon::start(&nobody), "nothing listens there")
        },
    },
    Case {
        row: "MQTT broker …: `offline` was published on …, by another client or by the broker; publishing `online` again; give each Goldcrest an id of its own",
        cause: |_| {
            let broker = Broker::start();
            let subscriber = Subscriber::new(&broker, "goldcrest/test/availability");
            let daemon = Daemon::start(&broker.config_toml());
            subscriber.expect_that("availability", |message| message.text == "online");
            broker.publish("goldcrest/test/availability", "offline");
            logged(daemon, "by another client")
        },
    },
];

/// What `check` finds with these keys of `[mqtt]`.
fn check(bench: &Bench, keys: &str) -> Outcome {
    bench.check(&format!("[source]\nkind = \"synthetic\"\n[mqtt]\n{keys}"))
}

fn logged(mut daemon: Daemon, words: &str) -> Outcome {
    let line = daemon.expect(words);
    std::thread::sleep(Duration::from_millis(100));
    daemon.end();
    Outcome::Printed(line)
}

/// A name and a password that no broker here knows.
fn password(bench: &Bench) -> String {
    let file = bench.file("password", "wrong\n");
    format!("username = \"front\"\npassword_file = {file:?}\n")
}

fn login(bench: &Bench, broker: &Broker, version: u8) -> String {
    let port = broker.port();
    format!(
        "host = \"127.0.0.1\"\nport = {port}\nversion = {version}\n{}",
        password(bench)
    )
}

/// What `check` finds about a broker that answers the first packet with `answer`.
fn answered(bench: &Bench, answer: &'static [u8], keys: &str) -> Outcome {
    let broker = web::Server::blunt(answer);
    let port = broker.port();
    check(
        bench,
        &format!("host = \"127.0.0.1\"\nport = {port}\n{keys}"),
    )
}

/// What `check` finds about a broker with this certificate, of which it trusts `authority`.
fn tls(bench: &Bench, certificate: &Certificate, authority: &Authority) -> Outcome {
    let broker = Broker::with_tls(certificate, "");
    trusting(bench, broker.port(), authority)
}

/// What it finds at this port over TLS.
fn trusting(bench: &Bench, port: u16, authority: &Authority) -> Outcome {
    let ca = authority.file();
    check(
        bench,
        &format!("url = \"mqtts://127.0.0.1:{port}\"\n[mqtt.tls]\nca_file = {ca:?}\n"),
    )
}

#[test]
fn each_fault_of_a_broker_is_on_the_page() {
    compare(&CASES);
}
