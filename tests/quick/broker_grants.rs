//! What a broker grants and refuses over MQTT 5, and versions that it does not speak.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use crate::support::{Broker, Daemon, PATIENCE, Subscriber, Talker, free_port, wait_for};
use goldcrest::publish::{Config, probe};

/// A broker that the test plays itself, packet by packet.
pub(crate) struct Played {
    pub(crate) listener: TcpListener,
}

impl Played {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self { listener }
    }

    pub(crate) fn config(&self, version: u8) -> Config {
        Config {
            host: Some("127.0.0.1".into()),
            port: Some(self.listener.local_addr().unwrap().port()),
            version,
            ..Config::default()
        }
    }

    /// Takes a connection, reads its CONNECT, and answers with these bytes.
    pub(crate) fn accept(&self, answer: &[u8]) -> TcpStream {
        let (mut stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(packet(&mut stream).unwrap()[0], 0x10);
        stream.write_all(answer).unwrap();
        stream
    }
}

/// The next packet, or none where the connection ends or is silent for long.
pub(crate) fn packet(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut header = [0; 1];
    stream.read_exact(&mut header).ok()?;
    let (mut length, mut shift) = (0, 0);
    loop {
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).ok()?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        shift += 7;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).ok()?;
    Some([header.to_vec(), rest].concat())
}

/// The next PUBLISH: its topic and its packet id. A SUBSCRIBE of MQTT 5 before it is accepted.
fn publish(stream: &mut TcpStream) -> Option<(String, [u8; 2])> {
    loop {
        let packet = packet(stream)?;
        if packet[0] == 0x82 {
            let accepted = [0x90, 4, packet[1], packet[2], 0, 1];
            stream.write_all(&accepted).ok()?;
        }
        if packet[0] & 0xf0 == 0x30 {
            let length = usize::from(packet[1]) << 8 | usize::from(packet[2]);
            let topic = String::from_utf8(packet[3..3 + length].to_vec()).unwrap();
            return Some((topic, [packet[3 + length], packet[4 + length]]));
        }
    }
}

/// Accepts a connection of MQTT 5, with no grant of its own.
const WELCOME: [u8; 5] = [0x20, 3, 0, 0, 0];

#[test]
fn no_more_is_in_flight_than_the_broker_receives() {
    let played = Played::new();
    let mut talker = Talker::start(&played.config(5), "front");
    for n in 0..6 {
        talker.see(n % 3);
    }
    // A receive maximum of 2.
    let mut stream = played.accept(&[0x20, 6, 0, 0, 3, 0x21, 0, 2]);
    // The state comes alone, before `online`.
    let (_, id) = publish(&mut stream).unwrap();
    stream.write_all(&[0x40, 2, id[0], id[1]]).unwrap();
    let mut taken = [publish(&mut stream).unwrap(), publish(&mut stream).unwrap()];
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    assert_eq!(publish(&mut stream), None, "a third one is in flight");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Each acknowledgement lets one more come: all of them arrive.
    let mut events = 0;
    while events < 5 {
        let (topic, id) = taken[0].clone();
        events += usize::from(topic.ends_with("/event"));
        stream.write_all(&[0x40, 2, id[0], id[1]]).unwrap();
        taken.rotate_left(1);
        if events < 5 {
            taken[1] = publish(&mut stream).unwrap();
        }
    }
}

/// Labels and events that the broker did not take.
fn lost(talker: &Talker) -> (u64, u64) {
    let counts = talker.publisher.counts();
    (counts.dropped, counts.events.unsent)
}

#[test]
fn what_the_broker_does_not_take_is_not_sent() {
    let played = Played::new();
    let mut talker = Talker::start(&played.config(5), "front");
    talker.see(0);
    // A largest packet of 128 bytes, and nothing is retained.
    let welcome = [0x20, 10, 0, 0, 7, 0x27, 0, 0, 0, 128, 0x25, 0];
    let mut stream = played.accept(&welcome);
    // Behind the subscription.
    let availability = loop {
        let next = packet(&mut stream).unwrap();
        if next[0] != 0x82 {
            break next;
        }
    };
    assert_eq!(availability[0], 0x32, "QoS 1, not retained");
    // The label and the event.
    let dropped = || lost(&talker) == (1, 1);
    assert!(
        wait_for(PATIENCE, dropped),
        "{:?}",
        talker.publisher.counts()
    );
    assert_eq!(talker.publisher.counts().connections, 1);
}

#[test]
fn a_message_over_a_quota_is_sent_again() {
    let played = Played::new();
    let mut talker = Talker::start(&played.config(5), "front");
    talker.see(0);
    let event = |stream: &mut TcpStream| loop {
        let (topic, id) = publish(stream).unwrap();
        if topic.ends_with("/event") {
            break id;
        }
        stream.write_all(&[0x40, 2, id[0], id[1]]).unwrap();
    };
    let mut stream = played.accept(&WELCOME);
    let id = event(&mut stream);
    stream.write_all(&[0x40, 3, id[0], id[1], 0x97]).unwrap();
    let mut stream = played.accept(&WELCOME);
    let id = event(&mut stream);
    stream.write_all(&[0x40, 2, id[0], id[1]]).unwrap();
    talker.wait_sent();
    assert_eq!(talker.publisher.counts().dropped, 0);
}

#[test]
fn a_message_that_may_not_be_published_is_counted() {
    let broker = Broker::with_access("topic readwrite goldcrest/front/availability\n");
    let config = Config {
        version: 5,
        ..broker.config()
    };
    let mut talker = Talker::connected(&config, "front");
    talker.see(0);
    let refused = || lost(&talker) == (1, 1);
    assert!(
        wait_for(PATIENCE, refused),
        "{:?}",
        talker.publisher.counts()
    );
    // The birth was allowed.
    let counts = talker.publisher.counts();
    assert_eq!((counts.sent, counts.connections), (1, 1));
}

#[test]
fn a_refused_subscription_is_not_fatal() {
    // Of MQTT 5: not authorised; of 3.1.1: failure.
    for (version, welcome, refusal) in [
        (5, &WELCOME[..], &[0x90, 4, 0, 0, 0, 0x87][..]),
        (3, &[0x20, 2, 0, 0], &[0x90, 3, 0, 0, 0x80]),
    ] {
        let played = Played::new();
        let mut talker = Talker::start(&played.config(version), "front");
        talker.see(0);
        let mut stream = played.accept(welcome);
        loop {
            let packet = packet(&mut stream).unwrap();
            if packet[0] == 0x82 {
                let mut answer = refusal.to_vec();
                answer[2..4].copy_from_slice(&packet[1..3]);
                stream.write_all(&answer).unwrap();
                break;
            }
            let length = usize::from(packet[1]) << 8 | usize::from(packet[2]);
            let id = &packet[3 + length..5 + length];
            stream.write_all(&[0x40, 2, id[0], id[1]]).unwrap();
        }
        talker.see(1);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while let Some((_, id)) = publish(&mut stream) {
                    stream.write_all(&[0x40, 2, id[0], id[1]]).ok();
                }
            });
            talker.wait_sent();
            talker.publisher.close(PATIENCE);
        });
        assert_eq!(talker.publisher.counts().connections, 1);
    }
}

#[test]
fn a_version_that_the_broker_does_not_speak_is_named() {
    for (version, answer) in [
        (5, &[0x20, 2, 0, 1][..]),
        (5, &[0x20, 3, 0, 0x84, 0]),
        (3, &[0x20, 2, 0, 1]),
        (3, &[0x20, 3, 0, 0x84, 0]),
    ] {
        let played = Played::new();
        let config = played.config(version);
        let error = std::thread::scope(|scope| {
            scope.spawn(|| drop(played.accept(answer)));
            probe(&config, "front", PATIENCE, || false).unwrap_err()
        });
        assert_eq!(error.exit_code(), 69);
        let line = error.to_string();
        assert!(line.contains("version of MQTT in mqtt.version"), "{line}");
    }
}

#[test]
fn the_refusals_of_a_login_are_the_same_over_mqtt_5() {
    let broker = Broker::with_login("bird", "right");
    let config = |password: &str| Config {
        version: 5,
        username: Some("bird".into()),
        password: Some(password.into()),
        ..broker.config()
    };
    let error = probe(&config("wrong"), "front", PATIENCE, || false).unwrap_err();
    assert_eq!(error.exit_code(), 77);
    assert!(error.to_string().contains("refused the login"), "{error}");
    let mut talker = Talker::connected(&config("right"), "front");
    talker.see(0);
    talker.wait_sent();
    assert!(talker.publisher.close(PATIENCE));
}

#[test]
fn another_node_of_a_cluster_takes_the_place_of_a_lost_one() {
    let (mut first, mut second) = (Broker::start(), Broker::start());
    let config = Config {
        hosts: Some(vec![
            format!("127.0.0.1:{}", first.port()),
            format!("127.0.0.1:{}", second.port()),
            format!("127.0.0.1:{}", free_port()),
        ]),
        ..Config::default()
    };
    let took = probe(&config, "front", PATIENCE, || false).unwrap();
    assert!(took.contains("took the connection; MQTT broker"), "{took}");
    assert!(took.contains("nothing listens there"), "{took}");
    let subscribers = [&first, &second].map(|broker| Subscriber::new(broker, "goldcrest/#"));
    let mut talker = Talker::start(&config, "front");
    talker.see(0);
    // The one that is connected to delivers the messages.
    let mut chosen = None;
    let heard = || {
        chosen = subscribers
            .iter()
            .position(|s| s.next(Duration::ZERO).is_some());
        chosen.is_some()
    };
    assert!(wait_for(PATIENCE, heard), "{:?}", talker.publisher.counts());
    let other = 1 - chosen.unwrap();
    [&mut first, &mut second][1 - other].stop();
    talker.see(1);
    subscribers[other].expect_that("label", |m| m.json()["label"] == "ginger ale");
}

#[test]
fn a_connection_that_comes_and_goes_does_not_fill_the_log() {
    let played = Played::new();
    let port = played.listener.local_addr().unwrap().port();
    let mut daemon = Daemon::start(&format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {port}\n"));
    // An acknowledgement of nothing, in plain words.
    let mut stream = played.accept(&[0x20, 2, 0, 0]);
    stream.write_all(&[0x40, 2, 0xff, 0xff]).unwrap();
    daemon.expect("it sent what nobody asked for: an acknowledgement of what was not sent");
    for _ in 0..2 {
        let mut stream = played.accept(&[0x20, 2, 0, 0]);
        packet(&mut stream).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        while packet(&mut stream).is_some() {}
    }
    drop(played.accept(&[0x20, 2, 0, 0]));
    let log = daemon.end();
    let lines = |words: &str| log.iter().filter(|line| line.contains(words)).count();
    // After each line about a loss there is one about a connection.
    assert_eq!(lines("connected as"), 3, "{log:#?}");
    assert_eq!(lines("it closed the connection"), 1, "{log:#?}");
    assert_eq!(lines("Unsolicited") + lines("unsolicited"), 0, "{log:#?}");
}
