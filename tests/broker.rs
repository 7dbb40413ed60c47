//! What a [`Publisher`] says, and how it keeps up with a real broker that comes and goes.

mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use goldcrest::frame::Captured;
use goldcrest::observe::{self, Observer};
use goldcrest::publish::{Config, Event, Payload, Publisher, probe};
use support::{Broker, PATIENCE, Subscriber, free_port, wait_for};

const LABELS: [&str; 3] = ["coke", "ginger ale", "red wine"];

/// The port of the broker, for the process that is killed.
const PORT_OF_CHILD: &str = "GOLDCREST_TEST_BROKER_PORT";

/// What the main loop does with the publisher, without the camera.
struct Talker {
    observer: Observer,
    publisher: Publisher,
    seq: u64,
}

impl Talker {
    fn start(config: &Config, id: &str) -> Self {
        let labels = LABELS.map(String::from);
        let one_frame = observe::Config {
            smoothing: 0.0,
            frames: 1,
            ..observe::Config::default()
        };
        Self {
            observer: Observer::new(&one_frame, &labels),
            publisher: Publisher::start(config, id).expect("the publisher starts"),
            seq: 0,
        }
    }

    fn connected(config: &Config, id: &str) -> Self {
        let talker = Self::start(config, id);
        talker
            .publisher
            .wait_connected(PATIENCE)
            .expect("the broker answers");
        talker
    }

    /// Sees `label` on the next frame.
    fn see(&mut self, label: usize) {
        let mut scores = [0.02; 3];
        scores[label] = 0.96;
        let elapsed = Duration::from_secs(self.seq);
        let captured = Captured {
            elapsed,
            wall: UNIX_EPOCH + Duration::from_secs(1_735_732_800) + elapsed,
        };
        if let Some(say) = self.observer.step(&scores, self.seq, captured) {
            self.publisher.report(&say, "cafe");
        }
        self.seq += 1;
    }

    fn wait_sent(&self) {
        let sent = || {
            let counts = self.publisher.counts();
            counts.waiting + counts.unacknowledged == 0 && counts.sent > 0
        };
        assert!(wait_for(PATIENCE, sent), "{:?}", self.publisher.counts());
    }
}

#[test]
fn a_late_subscriber_gets_the_label_and_that_we_are_online() {
    let broker = Broker::start();
    let early = Subscriber::new(&broker, "goldcrest/#");
    let mut talker = Talker::connected(&broker.config(), "front");
    assert_eq!(early.expect("availability").text, "online");
    talker.see(2);
    early.expect("label");

    let late = Subscriber::new(&broker, "goldcrest/front/#");
    let label = late.expect("label");
    assert!(label.retained);
    assert_eq!(label.topic, "goldcrest/front/label");
    assert_eq!(
        label.json(),
        serde_json::json!({
            "v": 1,
            "label": "red wine",
            "score": 0.96,
            "top": [
                {"label": "red wine", "score": 0.96},
                {"label": "coke", "score": 0.02},
                {"label": "ginger ale", "score": 0.02},
            ],
            "since": "2025-01-01T12:00:00.000Z",
            "seq": 0,
            "captured": "2025-01-01T12:00:00.000Z",
            "model": "cafe",
        })
    );
    let availability =
        Subscriber::new(&broker, "goldcrest/front/availability").expect("availability");
    assert!(availability.retained);
    assert_eq!(availability.text, "online");
}

#[test]
fn each_change_is_an_event_that_is_not_retained() {
    let broker = Broker::start();
    let early = Subscriber::new(&broker, "goldcrest/+/event");
    let mut talker = Talker::connected(&broker.config(), "front");
    talker.see(0);
    talker.see(0);
    talker.see(1);
    let (first, second) = (early.expect("event").json(), early.expect("event").json());
    assert_eq!(
        (&first["label"], &first["previous"]),
        (&"coke".into(), &().into())
    );
    assert_eq!(first["event"], "1735732800000-0");
    assert_eq!(
        (&second["label"], &second["previous"]),
        (&"ginger ale".into(), &"coke".into())
    );
    assert_eq!((&second["seq"], &second["v"]), (&2.into(), &1.into()));
    talker.wait_sent();

    // A marker behind everything that is retained shows that there was no event among it.
    let late = Subscriber::new(&broker, "goldcrest/#");
    talker.see(2);
    let mut retained = Vec::new();
    loop {
        let message = late.next(PATIENCE).expect("the marker comes");
        if message.topic.ends_with("/event") {
            assert!(!message.retained);
            assert_eq!(message.json()["label"], "red wine");
            break;
        }
        retained.push(message);
    }
    assert!(retained.iter().any(|m| m.topic.ends_with("/label")));
}

#[test]
fn a_close_says_offline_after_all_that_waited() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/#");
    let mut talker = Talker::connected(&broker.config(), "front");
    for n in 0..20 {
        talker.see(n % 3);
    }
    assert!(
        talker.publisher.close(PATIENCE),
        "{:?}",
        talker.publisher.counts()
    );
    let counts = talker.publisher.counts();
    assert_eq!(
        (counts.dropped, counts.waiting, counts.connected),
        (0, 0, false)
    );
    let mut events = 0;
    subscriber.expect_that("availability", |m| m.text == "online");
    loop {
        let message = subscriber.next(PATIENCE).expect("offline comes");
        match message.topic.as_str() {
            "goldcrest/front/event" => events += 1,
            "goldcrest/front/availability" => {
                assert_eq!(message.text, "offline");
                break;
            }
            _ => {}
        }
    }
    assert_eq!(events, 20);
    let late = Subscriber::new(&broker, "goldcrest/front/availability");
    let offline = late.expect("availability");
    assert_eq!((offline.text.as_str(), offline.retained), ("offline", true));
    // What is said afterwards goes nowhere, and is counted.
    talker.see(0);
    assert_eq!(talker.publisher.counts().dropped, 2);
    assert!(
        talker.publisher.close(PATIENCE),
        "a second close finds all done"
    );
}

/// Not a test by itself: the process that `the_last_will_follows_a_kill` kills.
#[test]
#[ignore = "started by the_last_will_follows_a_kill"]
fn child_that_is_killed() {
    let Ok(port) = std::env::var(PORT_OF_CHILD) else {
        return;
    };
    let config = Config {
        host: "127.0.0.1".into(),
        port: port.parse().expect("a port"),
        ..Config::default()
    };
    let mut talker = Talker::connected(&config, "front");
    talker.see(0);
    thread::sleep(2 * PATIENCE);
}

#[test]
fn the_last_will_follows_a_kill() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/#");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "child_that_is_killed", "--ignored"])
        .env(PORT_OF_CHILD, broker.port().to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts");
    let label = subscriber.next_on("label");
    child.kill().expect("the child is killed");
    child.wait().expect("the child ends");
    assert_eq!(label.expect("a label").json()["label"], "coke");
    subscriber.expect_that("availability", |m| m.text == "offline");
    let late = Subscriber::new(&broker, "goldcrest/front/#");
    let will = late.expect("availability");
    assert_eq!((will.text.as_str(), will.retained), ("offline", true));
    // The label stays, as the last thing that was seen.
    assert!(
        Subscriber::new(&broker, "goldcrest/front/label")
            .expect("label")
            .retained
    );
}

#[test]
fn a_broker_that_comes_back_empty_is_told_all_anew() {
    let mut broker = Broker::start();
    let mut talker = Talker::connected(&broker.config(), "front");
    talker.see(0);
    talker.wait_sent();
    broker.stop();
    assert!(wait_for(PATIENCE, || !talker.publisher.counts().connected));
    // Seen while it is away: the label is replaced, the events wait.
    talker.see(1);
    talker.see(2);
    assert_eq!(talker.publisher.counts().replaced, 1 + 1);
    broker.start_again();
    let subscriber = Subscriber::new(&broker, "goldcrest/#");
    assert!(wait_for(PATIENCE, || talker.publisher.counts().connected));
    talker.wait_sent();
    let counts = talker.publisher.counts();
    assert_eq!((counts.reconnects(), counts.dropped), (1, 0));

    assert_eq!(subscriber.expect("availability").text, "online");
    assert_eq!(subscriber.expect("label").json()["label"], "red wine");
    assert_eq!(subscriber.expect("event").json()["label"], "ginger ale");
    assert_eq!(subscriber.expect("event").json()["label"], "red wine");
    let late = Subscriber::new(&broker, "goldcrest/front/label");
    assert!(late.expect("label").retained);
}

#[test]
fn events_that_a_dying_broker_did_not_acknowledge_are_sent_again() {
    let mut broker = Broker::start();
    let mut talker = Talker::connected(&broker.config(), "front");
    broker.freeze();
    for n in 0..30 {
        talker.see(n % 3);
    }
    // Time for the thread to send as much as may be under way.
    assert!(wait_for(PATIENCE, || talker
        .publisher
        .counts()
        .unacknowledged
        == 16));
    broker.stop();
    broker.start_again();
    let subscriber = Subscriber::new(&broker, "goldcrest/front/event");
    let mut seen: Vec<u64> = (0..30)
        .map(|_| subscriber.expect("event").json()["seq"].as_u64().unwrap())
        .collect();
    let in_order = seen.is_sorted();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, (0..30).collect::<Vec<u64>>());
    assert!(in_order);
    assert_eq!(talker.publisher.counts().dropped, 0);
}

#[test]
fn without_a_broker_nothing_blocks_and_the_close_comes_in_time() {
    let config = Config {
        host: "127.0.0.1".into(),
        port: free_port(),
        queue: 8,
        ..Config::default()
    };
    let mut talker = Talker::start(&config, "front");
    nothing_blocks(&mut talker, 1000);
    let counts = talker.publisher.counts();
    assert_eq!((counts.dropped, counts.replaced), (1000 - 8, 1000 - 1));
    assert_eq!((counts.sent, counts.connected), (0, false));
    // The 8 events, the label and the birth.
    assert_eq!(counts.waiting, 10);
    assert!(!closes_in_time(&talker));
}

#[test]
fn a_broker_that_takes_the_connection_and_says_nothing_blocks_nothing() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let config = Config {
        host: "127.0.0.1".into(),
        port: listener.local_addr().unwrap().port(),
        ..Config::default()
    };
    let mut talker = Talker::start(&config, "front");
    nothing_blocks(&mut talker, 200);
    let error = talker
        .publisher
        .wait_connected(Duration::from_millis(100))
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
    nothing_blocks(&mut talker, 200);
    assert!(talker.publisher.counts().dropped > 0);
    assert!(!closes_in_time(&talker));
    broker.thaw();
    // The connection ended without a goodbye, so the broker says it.
    let subscriber = Subscriber::new(&broker, "goldcrest/#");
    subscriber.expect_that("availability", |m| m.text == "offline");
}

/// Says `count` things. A call that waited for the network would take seconds; a busy machine takes milliseconds.
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
        let error = talker.publisher.wait_connected(PATIENCE).unwrap_err();
        assert_eq!(error, probe(&wrong, "front", PATIENCE).unwrap_err());
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
    let error = Publisher::start(&from_file, "front")
        .err()
        .expect("no password");
    assert_eq!(error.exit_code(), 78);
}

#[test]
fn no_broker_is_one_clear_line() {
    let config = Config {
        host: "127.0.0.1".into(),
        port: free_port(),
        ..Config::default()
    };
    let publisher = Publisher::start(&config, "front").unwrap();
    let error = publisher.wait_connected(PATIENCE).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "MQTT broker 127.0.0.1:{}: nothing listens there; start the broker, or correct mqtt.host and mqtt.port",
            config.port
        )
    );
    assert_eq!(error.exit_code(), 69);
    assert_eq!(probe(&config, "front", PATIENCE), Err(error));

    let config = Config {
        host: "goldcrest.invalid".into(),
        ..config
    };
    let error = probe(&config, "front", PATIENCE).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the name is not known; correct mqtt.host"),
        "{error}"
    );
}

#[test]
fn a_probe_disturbs_nobody() {
    let broker = Broker::start();
    let talker = Talker::connected(&broker.config(), "front");
    talker.wait_sent();
    let subscriber = Subscriber::new(&broker, "goldcrest/#");
    assert_eq!(subscriber.expect("availability").text, "online");
    for client_id in [None, Some("mine".to_string())] {
        let config = Config {
            client_id,
            ..broker.config()
        };
        probe(&config, "front", PATIENCE).expect("the broker answers");
    }
    // Had it said anything, it would have come before this.
    assert!(talker.publisher.close(PATIENCE));
    assert_eq!(
        subscriber.next(PATIENCE).map(|m| m.text).as_deref(),
        Some("offline")
    );
    assert_eq!(talker.publisher.counts().connections, 1);
}

#[test]
fn a_message_larger_than_the_limit_is_dropped_and_the_connection_stays() {
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
    talker.publisher.report(&say, "cafe");
    assert_eq!(talker.publisher.counts().dropped, 2);
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
    let payloads: Vec<_> = Payload::of(&say, "cafe").collect();
    let Some(Payload::Event(event)) = payloads.last() else {
        panic!("a change is an event");
    };
    // Grown byte by byte past the limit, until one is dropped.
    let mut grown = 0;
    for length in 500..1024 {
        let event = Event {
            event: "x".repeat(length),
            ..event.clone()
        };
        talker.publisher.say(&Payload::Event(event));
        if talker.publisher.counts().dropped > 0 {
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
            host: "127.0.0.1".into(),
            port: listener.local_addr().unwrap().port(),
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

#[test]
fn two_instances_share_a_broker() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/+/label");
    let mut front = Talker::connected(&broker.config(), "front");
    let mut back = Talker::connected(&broker.config(), "back");
    front.see(0);
    back.see(1);
    front.see(2);
    let label = |m: &support::Received| m.json()["label"].as_str().map(String::from);
    subscriber.expect_that("back/label", |m| label(m).as_deref() == Some("ginger ale"));
    subscriber_of(&broker, "front", "red wine");
    for talker in [&front, &back] {
        assert_eq!(talker.publisher.counts().connections, 1);
    }
}

fn subscriber_of(broker: &Broker, id: &str, label: &str) {
    let subscriber = Subscriber::new(broker, &format!("goldcrest/{id}/label"));
    subscriber.expect_that("label", |m| m.json()["label"] == label);
}
