//! A broker, or whoever speaks in its place, that sends what nobody asked for, and more than
//! anybody subscribed to; and passwords that would go to another machine in clear text.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::broker_grants::{Played, packet};
use crate::support::daemon::{bottles, configuration};
use crate::support::program::{goldcrest, root};
use crate::support::{Broker, Daemon, PATIENCE, Talker, wait_for};

/// Answers to a CONNECT: welcome.
const WELCOME_3: &[u8] = &[0x20, 2, 0, 0];
const WELCOME_5: &[u8] = &[0x20, 3, 0, 0, 0];

fn welcome(version: u8) -> &'static [u8] {
    if version == 5 { WELCOME_5 } else { WELCOME_3 }
}

/// A PUBLISH with this first byte: topic, then all behind it.
fn publish(first: u8, topic: &str, rest: &[u8]) -> Vec<u8> {
    let length = topic.len() + 2 + rest.len();
    let mut bytes = vec![first];
    let mut left = length;
    loop {
        let more = if left > 127 { 0x80 } else { 0 };
        bytes.push((left & 127) as u8 | more);
        left >>= 7;
        if left == 0 {
            break;
        }
    }
    bytes.extend((topic.len() as u16).to_be_bytes());
    bytes.extend(topic.as_bytes());
    bytes.extend(rest);
    bytes
}

/// The next packet, after which a message is acknowledged and a ping is answered.
fn served(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let packet = packet(stream)?;
    match packet[0] >> 4 {
        3 => {
            let id = 3 + usize::from(u16::from_be_bytes([packet[1], packet[2]]));
            let ack = [0x40, 2, packet[id], packet[id + 1]];
            stream.write_all(&ack).ok()?;
        }
        12 => stream.write_all(&[0xd0, 0]).ok()?,
        _ => {}
    }
    Some(packet)
}

/// A publisher at a played broker that has read its SUBSCRIBE, the connection, and the
/// subscription's packet id.
fn subscribed(played: &Played, version: u8) -> (Talker, TcpStream, [u8; 2]) {
    let talker = Talker::start(&played.config(version), "front");
    let mut stream = played.accept(welcome(version));
    loop {
        let packet = served(&mut stream).expect("a SUBSCRIBE");
        if packet[0] == 0x82 {
            return (talker, stream, [packet[1], packet[2]]);
        }
    }
}

/// Whether the publisher has noted that it lost the connection.
fn lost(talker: &Talker) -> bool {
    !talker.publisher.counts().connected
}

/// Sends `bytes` to a publisher. Returns what it says of the broker.
fn ends_with(version: u8, bytes: &[u8]) -> String {
    let played = Played::new();
    let (talker, mut stream, _) = subscribed(&played, version);
    stream.write_all(bytes).unwrap();
    assert!(wait_for(PATIENCE, || lost(&talker)), "{bytes:02x?}");
    assert_eq!(talker.publisher.counts().violations, 1);
    // The connection is closed, and tried again.
    while packet(&mut stream).is_some() {}
    let error = talker.publisher.wait_connected(Duration::ZERO, || false);
    let line = error.unwrap_err().to_string();
    drop(played.accept(welcome(version)));
    line
}

#[test]
fn packets_that_nobody_asked_for_end_the_connection() {
    let connect = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
    let own = "goldcrest/front/availability";
    let two = |version| match version {
        5 => publish(0x34, own, &[0, 9, 0, b'x']),
        _ => publish(0x34, own, &[0, 9, b'x']),
    };
    let foreign = |topic: &str, version| match version {
        5 => publish(0x30, topic, &[0, b'x']),
        _ => publish(0x30, topic, b"x"),
    };
    for version in [3, 5] {
        let cases: [(&str, &[u8], &str); 12] = [
            ("topic", &foreign("a/b", version), "a message on \"a/b\""),
            (
                "escaped",
                &foreign("a/\u{1b}[31m", version),
                "\"a/\\u{1b}[31m\"",
            ),
            ("PUBACK", &[0x40, 2, 0, 7], "what was not sent"),
            (
                "SUBACK",
                match version {
                    5 => &[0x90, 4, 0, 99, 0, 0],
                    _ => &[0x90, 3, 0, 99, 0],
                },
                "what was not sent",
            ),
            (
                "UNSUBACK",
                match version {
                    5 => &[0xb0, 4, 0, 9, 0, 0],
                    _ => &[0xb0, 2, 0, 9],
                },
                "what was not sent",
            ),
            ("CONNACK", welcome(version), "a second CONNACK"),
            ("PINGRESP", &[0xd0, 0], "a ping that was not sent"),
            ("PINGREQ", &[0xc0, 0], "not for clients"),
            ("PUBREL", &[0x62, 2, 0, 1], "QoS 2"),
            ("PUBREC", &[0x50, 2, 0, 1], "an acknowledgement of"),
            ("QoS 2", &two(version), "a message of QoS 2"),
            ("PUBCOMP", &[0x70, 2, 0, 1], "what was not sent"),
        ];
        for (name, bytes, words) in cases {
            let line = ends_with(version, bytes);
            assert!(
                line.contains("it sent what nobody asked for: "),
                "{name}: {line}"
            );
            assert!(line.contains(words), "{name} over {version}: {line}");
            assert!(!line.contains('\u{1b}'), "{line}");
        }
    }
    for (version, bytes) in [
        (3, &connect[..]),
        (3, b"\x82\x06\x00\x01\x00\x01a\x00"),
        // AUTH, and an alias of a topic.
        (5, &[0xf0, 2, 0x18, 0]),
        (5, &[0x30, 7, 0, 0, 3, 0x23, 0, 1, b'x']),
    ] {
        let line = ends_with(version, bytes);
        assert!(line.contains("it sent what nobody asked for: "), "{line}");
    }
}

#[test]
fn properties_that_nobody_reads_change_nothing() {
    let played = Played::new();
    let (mut talker, mut stream, id) = subscribed(&played, 5);
    // SUBACK with a reason string and user properties, of 5 KiB.
    let text = "x".repeat(5000);
    let mut properties = vec![0x1f, 0x13, 0x88];
    properties.extend(text.as_bytes());
    properties.extend(b"\x26\x00\x01k\x00\x01v");
    let length = properties.len() + 2 + 2 + 1;
    let mut suback = vec![
        0x90,
        (length & 127) as u8 | 0x80,
        (length >> 7) as u8,
        id[0],
        id[1],
    ];
    suback.extend([
        (properties.len() & 127) as u8 | 0x80,
        (properties.len() >> 7) as u8,
    ]);
    suback.extend(&properties);
    suback.push(1);
    stream.write_all(&suback).unwrap();
    // A message with a user property and the identifier of a subscription.
    let own = "goldcrest/front/availability";
    let rest = b"\x09\x26\x00\x01k\x00\x01v\x0b\x07online";
    stream.write_all(&publish(0x30, own, rest)).unwrap();
    talker.see(0);
    let is_label = |packet: &[u8]| packet.windows(6).any(|at| at == b"/label");
    while !is_label(&served(&mut stream).expect("a label")) {}
    let counts = talker.publisher.counts();
    assert_eq!((counts.violations, counts.connections), (0, 1));
}

#[test]
fn a_broker_learns_how_little_is_taken() {
    let played = Played::new();
    let _talker = Talker::start(&played.config(5), "front");
    let (mut stream, _) = played.listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let connect = packet(&mut stream).unwrap();
    let holds = |property: &[u8]| connect.windows(property.len()).any(|at| at == property);
    // A receive maximum of 16, and a maximum packet size of 16 KiB.
    assert!(holds(&[0x21, 0, 16]), "{connect:02x?}");
    assert!(holds(&[0x27, 0, 0, 0x40, 0]), "{connect:02x?}");
}

#[test]
fn a_packet_larger_than_all_subscriptions_ends_the_connection() {
    for version in [3, 5] {
        let played = Played::new();
        let (talker, mut stream, _) = subscribed(&played, version);
        let own = "goldcrest/front/availability";
        // The header tells the size. Nothing of the rest is waited for.
        let whole = publish(0x30, own, &[0; 20_000]);
        stream.write_all(&whole[..100]).unwrap();
        while packet(&mut stream).is_some() {}
        assert!(wait_for(PATIENCE, || lost(&talker)));
        let error = talker.publisher.wait_connected(Duration::ZERO, || false);
        let line = error.unwrap_err().to_string();
        assert!(
            line.contains("larger than all that Goldcrest subscribes to"),
            "{line}"
        );
    }
}

#[test]
fn a_subscription_without_an_answer_costs_the_connection() {
    let played = Played::new();
    let start = Instant::now();
    let (_talker, mut stream, _) = subscribed(&played, 3);
    while served(&mut stream).is_some() {}
    assert!(
        start.elapsed() >= Duration::from_secs(19),
        "{:?}",
        start.elapsed()
    );
    drop(played.accept(WELCOME_3));
}

/// `[mqtt]` for a host that is reserved for documentation, with a password.
fn elsewhere(more: &str) -> String {
    format!("[mqtt]\nhost = \"192.0.2.1\"\nusername = \"bird\"\npassword = \"secret\"\n{more}\n")
}

#[test]
fn run_sends_no_password_in_clear_text_unless_told_to() {
    let mut daemon = Daemon::start(&elsewhere(""));
    let line = daemon.expect("192.0.2.1:1883");
    assert!(
        line.ends_with(
            "MQTT broker 192.0.2.1:1883: the password would go to 192.0.2.1 in clear text; not connecting; set \
             mqtt.url to mqtts://HOST:PORT, or allow it with mqtt.plaintext_password = true; trying again"
        ),
        "{line}"
    );
    let log = daemon.end();
    assert!(!log.iter().any(|line| line.contains("secret")), "{log:#?}");
    // With a word it is tried, and without a password there is nothing to hide.
    for more in [
        elsewhere("plaintext_password = true"),
        "[mqtt]\nhost = \"192.0.2.1\"\nusername = \"bird\"\n".into(),
    ] {
        let log = {
            let mut daemon = Daemon::start(&more);
            daemon.expect("memory needed");
            daemon.end()
        };
        assert!(
            !log.iter().any(|line| line.contains("clear text")),
            "{log:#?}"
        );
    }
}

#[test]
fn check_reports_a_password_in_clear_text() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &bottles("loop"), &elsewhere(""));
    let ran = goldcrest(&["check", "--json", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 78, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let broker = findings.iter().find(|f| f["what"] == "broker").unwrap();
    assert_eq!(broker["ok"], false);
    let says = broker["says"].as_str().unwrap();
    assert!(
        says.contains("in clear text") && says.contains("plaintext_password"),
        "{says}"
    );
    assert!(!says.contains("secret"), "{says}");
}

#[test]
fn a_password_goes_to_this_machine_without_a_word() {
    let broker = Broker::with_login("bird", "right");
    for host in ["127.0.0.1", "localhost"] {
        let config = goldcrest::publish::Config {
            host: Some(host.into()),
            username: Some("bird".into()),
            password: Some("right".into()),
            ..broker.config()
        };
        Talker::connected(&config, "front");
    }
}

#[test]
fn the_pages_name_the_key_for_a_password_in_clear_text() {
    for page in ["config.toml", "docs/mqtt.md", "docs/home-assistant.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        assert!(text.contains("plaintext_password"), "{page}");
    }
}
