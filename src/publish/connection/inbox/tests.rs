use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::publish::commands::Command;
use crate::publish::outbox::Message;

fn inbox(allow: &[&str]) -> Inbox {
    let topics = Topics::new("goldcrest", "a").unwrap();
    let config = commands::Config {
        enabled: true,
        allow: allow.iter().map(|name| name.to_string()).collect(),
        ..commands::Config::default()
    };
    let births = vec![("homeassistant/status".into(), "online".into())];
    let discovery = Some("homeassistant/device/a_1/config".into());
    Inbox::new(&topics, &config, births, discovery)
}

fn incoming(topic: &str, payload: &[u8]) -> Incoming {
    Incoming {
        topic: topic.into(),
        payload: payload.into(),
        retained: false,
        response_topic: None,
        correlation: None,
    }
}

fn answers(queue: &mut CommandQueue) -> Vec<(String, Value)> {
    let read = |answer: Message| {
        (
            answer.topic,
            serde_json::from_slice(&answer.payload).unwrap(),
        )
    };
    std::iter::from_fn(|| queue.next_answer())
        .map(read)
        .collect()
}

/// Hears one command; returns the error of its answer.
fn error(inbox: &mut Inbox, name: &str, payload: &[u8]) -> String {
    let mut queue = CommandQueue::default();
    let topic = format!("goldcrest/a/command/{name}");
    let heard = inbox.hear(incoming(&topic, payload), &mut queue, Instant::now());
    assert_eq!(heard, Heard::Nothing);
    assert_eq!((queue.take(), queue.refused), (None, 1));
    let mut answers = answers(&mut queue);
    assert_eq!(answers.len(), 1);
    let (topic, answer) = answers.remove(0);
    assert_eq!(topic, format!("goldcrest/a/response/{name}"));
    assert_eq!((&answer["ok"], &answer["v"]), (&false.into(), &1.into()));
    answer["error"].as_str().unwrap().to_string()
}

#[test]
fn a_command_waits_for_the_main_thread() {
    let mut queue = CommandQueue::default();
    let message = incoming(
        "goldcrest/a/command/threshold",
        b"{\"value\":0.5,\"correlation\":3}",
    );
    inbox(&["threshold"]).hear(message, &mut queue, Instant::now());
    let request = queue.take().unwrap();
    assert_eq!(request.command, Command::Threshold(0.5));
    assert_eq!(request.asker.correlation, Some(3.into()));
    assert_eq!((queue.refused, queue.answers()), (0, 0));
}

#[test]
fn each_refusal_is_answered_and_changes_nothing() {
    let mut inbox = inbox(&["pause"]);
    assert!(error(&mut inbox, "threshold", b"0.5").starts_with("not allowed"));
    assert!(error(&mut inbox, "reboot", b"").starts_with("unknown command"));
    assert!(error(&mut inbox, "pause", b"{").contains("JSON"));
    assert!(error(&mut inbox, "pause", &[b'x'; 4097]).contains("larger than 4096"));
}

#[test]
fn a_flood_is_bounded_and_answered_a_few_times() {
    let mut inbox = inbox(&NAMES);
    let mut queue = CommandQueue::default();
    let start = Instant::now();
    let mut obeyed = 0;
    for n in 0..10_000 {
        let now = start + Duration::from_micros(n * 100);
        let message = incoming("goldcrest/a/command/health", b"");
        inbox.hear(message, &mut queue, now);
        obeyed += u64::from(queue.take().is_some());
    }
    assert_eq!((obeyed, queue.refused), (24, 10_000 - 24));
    let answers = answers(&mut queue);
    assert!((3..=4).contains(&answers.len()), "{answers:?}");
    assert!(answers[0].1["error"].as_str().unwrap().contains("too many"));
}

#[test]
fn a_retained_command_is_ignored() {
    let mut queue = CommandQueue::default();
    let message = Incoming {
        retained: true,
        ..incoming("goldcrest/a/command/pause", b"")
    };
    inbox(&NAMES).hear(message, &mut queue, Instant::now());
    assert_eq!((queue.take(), queue.answers(), queue.refused), (None, 0, 1));
}

#[test]
fn a_request_is_answered_where_it_wants_but_not_on_our_topics() {
    for (topic, answered) in [
        ("me/answers", true),
        ("goldcrest/a/response/x", true),
        ("goldcrest/b/label", true),
        ("goldcrest/a/command/pause", false),
        ("goldcrest/a/label", false),
        ("$SYS/x", false),
        ("a/+", false),
        ("", false),
    ] {
        let mut queue = CommandQueue::default();
        let message = Incoming {
            response_topic: Some(topic.into()),
            correlation: Some(vec![7]),
            ..incoming("goldcrest/a/command/pause", b"sideways")
        };
        inbox(&NAMES).hear(message, &mut queue, Instant::now());
        let sent: Vec<_> = std::iter::from_fn(|| queue.next_answer()).collect();
        assert_eq!(sent.len(), 1 + usize::from(answered), "{topic}");
        assert_eq!(sent.iter().any(|answer| answer.topic == topic), answered);
    }
}

#[test]
fn availability_and_births_are_told_apart_from_retained_ones() {
    let mut queue = CommandQueue::default();
    for (topic, payload, heard) in [
        ("goldcrest/a/availability", "offline", Heard::Offline),
        ("goldcrest/a/availability", "online", Heard::Nothing),
        ("homeassistant/status", "online", Heard::Birth),
        ("homeassistant/status", "offline", Heard::Nothing),
        ("homeassistant/device/a_1/config", "", Heard::Deleted),
        ("homeassistant/device/a_1/config", "{}", Heard::Nothing),
        ("goldcrest/b/command/pause", "", Heard::Nothing),
    ] {
        let message = incoming(topic, payload.as_bytes());
        let retained = Incoming {
            retained: true,
            ..message.clone()
        };
        let mut inbox = inbox(&NAMES);
        assert_eq!(inbox.hear(message, &mut queue, Instant::now()), heard);
        let again = inbox.hear(retained, &mut queue, Instant::now());
        assert_eq!(again, Heard::Nothing, "{topic}");
    }
    assert_eq!(queue.take(), None);
}

#[test]
fn without_commands_nothing_below_them_is_subscribed_to() {
    let topics = Topics::new("goldcrest", "a").unwrap();
    let off = Inbox::new(&topics, &commands::Config::default(), Vec::new(), None);
    let [availability, commands, births, discovery] = off.filters();
    assert_eq!(availability, ["goldcrest/a/availability"]);
    assert!([commands, births, discovery].iter().all(Vec::is_empty));
    assert_eq!(inbox(&NAMES).filters()[1], ["goldcrest/a/command/+"]);
}

proptest! {
    #[test]
    fn no_message_panics_and_answers_stay_few(
        messages in prop::collection::vec((".{0,40}", any::<Vec<u8>>(), any::<bool>()), 0..60),
    ) {
        let mut inbox = inbox(&NAMES);
        let mut queue = CommandQueue::default();
        let now = Instant::now();
        for (name, payload, retained) in messages {
            let message = Incoming {
                retained,
                ..incoming(&format!("goldcrest/a/command/{name}"), &payload)
            };
            inbox.hear(message, &mut queue, now);
        }
        prop_assert!(queue.answers() <= 23);
    }
}
