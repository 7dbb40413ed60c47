//! A publisher's messages through a real broker, and again when the broker comes back.

use std::process::{Command, Stdio};
use std::thread;

use crate::support::talker::MODEL;
use crate::support::{Broker, PATIENCE, Received, Subscriber, Talker, wait_for};
use goldcrest::publish::{Config, probe};

/// The port of the broker, for the process that is killed.
const PORT_OF_CHILD: &str = "GOLDCREST_TEST_BROKER_PORT";

#[test]
fn a_late_subscriber_gets_label_and_availability() {
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
            "model": MODEL,
            "head": null,
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
    let (run, seq) = first["event"].as_str().unwrap().split_once('-').unwrap();
    assert_eq!(seq, "0");
    assert_eq!(second["event"], format!("{run}-2"));
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
    // A message after the close is dropped and counted.
    talker.see(0);
    let counts = talker.publisher.counts();
    assert_eq!((counts.dropped, counts.events.unsent), (1, 1));
    assert!(
        talker.publisher.close(PATIENCE),
        "a second close finds all done"
    );
}

/// No test: the process that `the_last_will_follows_a_kill` kills.
#[test]
#[ignore = "started by the_last_will_follows_a_kill"]
fn child_that_is_killed() {
    let Ok(port) = std::env::var(PORT_OF_CHILD) else {
        return;
    };
    let config = Config {
        host: Some("127.0.0.1".into()),
        port: Some(port.parse().expect("a port")),
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
        .args(["--exact", "broker::child_that_is_killed", "--ignored"])
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
fn a_broker_that_comes_back_empty_gets_everything_again() {
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
    assert_eq!((counts.connections, counts.dropped), (2, 0));

    assert_eq!(subscriber.expect("label").json()["label"], "red wine");
    assert_eq!(subscriber.expect("availability").text, "online");
    assert_eq!(subscriber.expect("event").json()["label"], "ginger ale");
    assert_eq!(subscriber.expect("event").json()["label"], "red wine");
    let late = Subscriber::new(&broker, "goldcrest/front/label");
    assert!(late.expect("label").retained);
}

#[test]
fn unacknowledged_events_are_sent_again_after_a_restart() {
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
fn a_probe_disturbs_nobody() {
    let broker = Broker::start();
    for client_id in [None, Some("mine".to_string())] {
        let config = Config {
            client_id,
            ..broker.config()
        };
        let talker = Talker::connected(&config, "front");
        talker.wait_sent();
        let subscriber = Subscriber::new(&broker, "goldcrest/#");
        assert_eq!(subscriber.expect("availability").text, "online");
        probe(&config, "front", PATIENCE, || false).expect("the broker answers");
        // A message of the probe would have come before this one.
        assert!(talker.publisher.close(PATIENCE));
        let next = subscriber.next(PATIENCE).map(|m| m.text);
        assert_eq!(next.as_deref(), Some("offline"));
        assert_eq!(talker.publisher.counts().connections, 1);
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
    let label = |m: &Received| m.json()["label"].as_str().map(String::from);
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
