//! A publisher without a broker, or with one that freezes, refuses the login or speaks no MQTT:
//! it reports that, and no caller ever waits.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::support::talker::MODEL;
use crate::support::{Broker, PATIENCE, Subscriber, Talker, free_port};
use goldcrest::frame::Captured;
use goldcrest::observe::{self, Observer};
use goldcrest::publish::{Config, Event, EventIds, OutboxConfig, Payload, Publisher, probe};

#[test]
fn without_a_broker_nothing_blocks_and_the_close_comes_in_time() {
    let config = Config {
        host: Some("127.0.0.1".into()),
        port: Some(free_port()),
        ..Config::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let outbox = OutboxConfig {
        max_bytes: 16 << 10,
        folder: Some(folder.path().to_path_buf()),
    };
    let mut talker = Talker::with_outbox(&config, &outbox, "front");
    nothing_blocks(&mut talker, 1000);
    let counts = talker.publisher.counts();
    assert_eq!((counts.dropped, counts.replaced), (0, 1000 - 1));
    assert_eq!((counts.sent, counts.connected), (0, false));
    let events = counts.events;
    assert_eq!(events.published, 1000);
    assert_eq!(events.waiting + events.unsent, 1000);
    // As many as have room.
    assert!(
        events.bytes > 15 << 10 && events.bytes <= 16 << 10,
        "{events:?}"
    );
    // The events and the label.
    assert_eq!(counts.waiting, events.waiting + 1);
    assert!(!closes_in_time(&talker));
}

#[test]
fn a_broker_that_accepts_and_never_answers_blocks_nothing() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let config = Config {
        host: Some("127.0.0.1".into()),
        port: Some(listener.local_addr().unwrap().port()),
        ..Config::default()
    };
    let mut talker = Talker::start(&config, "front");
    nothing_blocks(&mut talker, 200);
    let error = talker
        .publisher
        .wait_connected(Duration::from_millis(100), || false)
        .unwrap_err();
    assert!(
        error.to_string().contains("no answer within 100ms"),
        "{error}"
    );
    assert_eq!(error.exit_code(), 69);
    assert!(!closes_in_time(&talker));
}

#[test]
fn a_broker_that_freezes_blocks_nothing() {
    let broker = Broker::start();
    let mut talker = Talker::connected(&broker.config(), "front");
    broker.freeze();
    nothing_blocks(&mut talker, 1000);
    assert!(talker.publisher.counts().events.unsent > 0);
    assert!(!closes_in_time(&talker));
    broker.thaw();
    // The connection ended without a goodbye, so the broker publishes the last will.
    let subscriber = Subscriber::new(&broker, "goldcrest/#");
    subscriber.expect_that("availability", |m| m.text == "offline");
}

/// Says `count` things. A call that waited for the network would take seconds; a busy machine takes
/// milliseconds.
fn nothing_blocks(talker: &mut Talker, count: usize) {
    let start = Instant::now();
    for n in 0..count {
        talker.see(n % 3);
    }
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

fn closes_in_time(talker: &Talker) -> bool {
    let start = Instant::now();
    let parted = talker.publisher.close(Duration::from_millis(1000));
    assert!(
        start.elapsed() < Duration::from_millis(1500),
        "{:?}",
        start.elapsed()
    );
    // The thread has ended, and was not left behind.
    let after = talker
        .publisher
        .wait_connected(Duration::ZERO, || false)
        .unwrap_err();
    assert!(after.to_string().contains("closed"), "{after}");
    parted
}

#[test]
fn a_wrong_password_is_one_clear_line_and_the_right_one_gets_in() {
    let broker = Broker::with_login("bird", "right");
    let config = |username: Option<&str>, password: Option<&str>| Config {
        username: username.map(String::from),
        password: password.map(Into::into),
        ..broker.config()
    };
    for wrong in [
        config(Some("bird"), Some("wrong")),
        config(Some("bird"), None),
        config(None, None),
    ] {
        let talker = Talker::start(&wrong, "front");
        let error = talker
            .publisher
            .wait_connected(PATIENCE, || false)
            .unwrap_err();
        assert_eq!(
            error,
            probe(&wrong, "front", PATIENCE, || false).unwrap_err()
        );
        assert_eq!(error.exit_code(), 77);
        let line = error.to_string();
        assert!(
            line.contains(&format!("127.0.0.1:{} refused the login", broker.port())),
            "{line}"
        );
        assert!(
            line.contains("mqtt.username and mqtt.password_file"),
            "{line}"
        );
        assert!(!line.contains("wrong") && !line.contains('\n'), "{line}");
    }
    Talker::connected(&config(Some("bird"), Some("right")), "front");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "right\n").unwrap();
    let from_file = Config {
        username: Some("bird".into()),
        password_file: Some(file.display().to_string()),
        ..broker.config()
    };
    Talker::connected(&from_file, "front");
    std::fs::remove_file(&file).unwrap();
    let error = Publisher::start(&from_file, &OutboxConfig::default(), "front")
        .err()
        .expect("no password");
    assert_eq!(error.exit_code(), 78);
}

#[test]
fn no_broker_is_one_clear_line() {
    let config = Config {
        host: Some("127.0.0.1".into()),
        port: Some(free_port()),
        ..Config::default()
    };
    let outbox = OutboxConfig::default();
    let publisher = Publisher::start(&config, &outbox, "front").unwrap();
    let error = publisher.wait_connected(PATIENCE, || false).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "MQTT broker 127.0.0.1:{}: nothing listens there; start the broker, or correct mqtt.host and mqtt.port",
            config.port.unwrap()
        )
    );
    assert_eq!(error.exit_code(), 69);
    assert_eq!(probe(&config, "front", PATIENCE, || false), Err(error));

    let config = Config {
        // No label of a name is this long, so that no name server is asked.
        host: Some("x".repeat(64)),
        ..config
    };
    let error = probe(&config, "front", PATIENCE, || false).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("its name cannot be resolved; correct mqtt.host"),
        "{error}"
    );
}

#[test]
fn a_label_over_the_limit_is_withdrawn_without_reconnecting() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/#");
    let config = Config {
        max_packet: 1024,
        ..broker.config()
    };
    let mut talker = Talker::connected(&config, "front");
    let labels = vec!["x".repeat(1000)];
    let mut observer = Observer::new(
        &observe::Config {
            frames: 1,
            ..Default::default()
        },
        &labels,
    );
    let captured = Captured {
        elapsed: Duration::ZERO,
        wall: UNIX_EPOCH,
    };
    let say = observer
        .step(&[1.0], 0, captured)
        .expect("one frame is enough");
    talker.publisher.publish_update(&say, MODEL);
    let counts = talker.publisher.counts();
    assert_eq!((counts.dropped, counts.events.unsent), (0, 1));
    let label = subscriber.expect("label").json();
    assert_eq!(label["reason"], "too large");
    assert!(label["label"].is_null(), "{label}");
    talker.see(0);
    assert_eq!(subscriber.expect("label").json()["label"], "coke");
    assert_eq!(talker.publisher.counts().connections, 1);
}

#[test]
fn what_fits_the_limit_by_our_count_fits_by_the_clients() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/#");
    let config = Config {
        max_packet: 1024,
        ..broker.config()
    };
    let talker = Talker::connected(&config, "front");
    let one_frame = observe::Config {
        frames: 1,
        ..Default::default()
    };
    let mut observer = Observer::new(&one_frame, &["a".to_string()]);
    let captured = Captured {
        elapsed: Duration::ZERO,
        wall: UNIX_EPOCH,
    };
    let say = observer
        .step(&[1.0], 0, captured)
        .expect("one frame is enough");
    let payloads: Vec<_> = Payload::of(&say, MODEL, &EventIds::of_parts(&[])).collect();
    let Some(Payload::Event(event)) = payloads.last() else {
        panic!("a change is an event");
    };
    // Grown byte by byte past the limit, until one is dropped.
    let mut grown = 0;
    for length in 500..1024 {
        let event = Event {
            event: "0".repeat(length) + "-0",
            ..event.clone()
        };
        talker.publisher.publish(&Payload::Event(event));
        if talker.publisher.counts().events.unsent > 0 {
            break;
        }
        grown += 1;
        subscriber.expect("event");
    }
    assert!(grown > 100, "{grown}");
    assert_eq!(talker.publisher.counts().connections, 1);
}

#[test]
fn strangers_that_speak_no_mqtt_do_not_end_the_thread() {
    // By turns: an HTTP answer, noise, a proper welcome and then noise, and an end at once.
    let answers: [&[u8]; 6] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[0xff; 64],
        &[0x20, 2, 0, 0, 0x40, 2, 0xff, 0xff],
        &[0x20, 2, 0, 0, 0x00, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[0x20, 2, 0, 0, 0x40, 0],
        b"",
    ];
    for answer in answers {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let config = Config {
            host: Some("127.0.0.1".into()),
            port: Some(listener.local_addr().unwrap().port()),
            ..Config::default()
        };
        let mut talker = Talker::start(&config, "front");
        let (mut stream, _) = listener.accept().unwrap();
        let mut hello = [0; 16];
        stream.read_exact(&mut hello).unwrap();
        stream.write_all(answer).unwrap();
        drop(stream);
        // It takes that as trouble, and tries again.
        let (second, _) = listener.accept().unwrap();
        drop(second);
        nothing_blocks(&mut talker, 10);
        closes_in_time(&talker);
    }
}

/// One MQTT packet: the first byte, and all after the length.
pub fn packet(link: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut byte = [0];
    link.read_exact(&mut byte)?;
    let (kind, mut length, mut shift) = (byte[0], 0, 0);
    loop {
        link.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        shift += 7;
        if byte[0] < 0x80 {
            break;
        }
    }
    let mut body = vec![0; length];
    link.read_exact(&mut body)?;
    Ok((kind, body))
}

/// Serves one connection of a broker that answers pings, and acknowledges messages if it
/// `acknowledges`. Returns the messages' topics.
fn serve(link: &mut TcpStream, acknowledges: bool, enough: usize) -> Vec<String> {
    let mut topics = Vec::new();
    while let Ok((kind, body)) = packet(link) {
        let answer: &[u8] = match kind >> 4 {
            1 => b"\x20\x02\x00\x00",
            12 => b"\xd0\x00",
            3 => {
                let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                topics.push(String::from_utf8(body[2..end].to_vec()).unwrap());
                if acknowledges {
                    &[0x40, 2, body[end], body[end + 1]]
                } else {
                    b""
                }
            }
            _ => b"",
        };
        link.write_all(answer).unwrap();
        if topics.len() == enough {
            break;
        }
    }
    topics
}

#[test]
fn lost_acknowledgements_lead_to_a_new_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let config = Config {
        host: Some("127.0.0.1".into()),
        port: Some(listener.local_addr().unwrap().port()),
        keep_alive: 2,
        ..Config::default()
    };
    let mut talker = Talker::start(&config, "front");
    talker.see(0);
    let started = Instant::now();
    let (mut first, _) = listener.accept().unwrap();
    let sent = serve(&mut first, false, usize::MAX);
    // The client gave the connection up by itself, although pings were answered.
    assert!(started.elapsed() >= Duration::from_secs(19));
    // Nothing follows the states before they are acknowledged.
    assert_eq!(sent, ["goldcrest/front/label"]);
    let (mut second, _) = listener.accept().unwrap();
    let again = serve(&mut second, true, 3);
    let wanted = ["label", "availability", "event"].map(|name| format!("goldcrest/front/{name}"));
    assert_eq!(again, wanted);
}
