use super::*;

fn message(topic: &str, payload: &str) -> Message {
    Message {
        topic: topic.into(),
        payload: payload.into(),
        kind: match topic {
            "label" | "availability" | "camera" => MessageKind::State,
            "health" => MessageKind::Report,
            _ => MessageKind::Event,
        },
        correlation: None,
    }
}

/// Room for `count` of the events of these tests.
fn outbox(count: usize) -> Outbox {
    Outbox::new(count * crate::publish::outbox::events::size(&message("event", "1")))
}

fn text((_, message): &(Ticket, Message)) -> String {
    let payload = String::from_utf8_lossy(&message.payload);
    format!("{}={payload}", message.topic)
}

fn all(outbox: &mut Outbox) -> Vec<String> {
    std::iter::from_fn(|| outbox.next())
        .map(|m| text(&m))
        .collect()
}

#[test]
fn the_latest_message_of_a_retained_topic_wins() {
    let mut outbox = outbox(2);
    assert!(!outbox.put(message("label", "a")));
    assert!(outbox.put(message("label", "b")));
    assert_eq!(
        (outbox.len(), all(&mut outbox)),
        (1, vec!["label=b".into()])
    );
    // What was sent is not replaced.
    assert!(!outbox.put(message("label", "c")));
    assert_eq!(all(&mut outbox), ["label=c"]);
}

#[test]
fn only_the_newest_report_waits_and_it_displaces_no_event() {
    let mut outbox = outbox(2);
    outbox.put(message("event", "1"));
    outbox.put(message("event", "2"));
    assert!(!outbox.put(message("health", "a")));
    assert!(outbox.put(message("health", "b")));
    assert_eq!(all(&mut outbox), ["event=1", "health=b", "event=2"]);
}

#[test]
fn a_report_is_sent_again_only_if_it_was_not_acknowledged() {
    let mut outbox = outbox(2);
    outbox.put(message("health", "a"));
    let (ticket, _) = outbox.next().unwrap();
    outbox.start_over();
    assert_eq!(all(&mut outbox), ["health=a"]);
    assert!(outbox.acknowledge(ticket));
    outbox.start_over();
    assert_eq!(all(&mut outbox), [""; 0]);
    outbox.put(message("health", "b"));
    let (newer, _) = outbox.next().unwrap();
    // The acknowledgement of an earlier message is none of this one.
    outbox.acknowledge(ticket);
    outbox.start_over();
    assert_eq!(all(&mut outbox), ["health=b"]);
    outbox.acknowledge(newer);
}

#[test]
fn a_full_outbox_drops_its_oldest_events_and_counts_them() {
    let mut outbox = outbox(2);
    outbox.put(message("label", "a"));
    for n in ["1", "2", "3"] {
        outbox.put(message("event", n));
    }
    assert_eq!(outbox.len(), 3);
    assert_eq!(all(&mut outbox), ["label=a", "event=2", "event=3"]);
    let counts = outbox.event_counts();
    assert_eq!((counts.published, counts.waiting, counts.unsent), (3, 2, 1));
}

#[test]
fn a_large_event_takes_the_place_of_several() {
    let mut outbox = outbox(4);
    for n in ["1", "2", "3", "4"] {
        outbox.put(message("event", n));
    }
    outbox.put(message("event", &"x".repeat(200)));
    let counts = outbox.event_counts();
    assert_eq!((counts.waiting, counts.unsent), (2, 3));
    // One that is larger than all the room leaves the others alone.
    outbox.put(message("event", &"x".repeat(2000)));
    let counts = outbox.event_counts();
    assert_eq!((counts.waiting, counts.unsent), (2, 4));
}

#[test]
fn an_event_in_flight_is_dropped_last_and_its_answer_ignored() {
    let mut outbox = outbox(2);
    outbox.put(message("event", "1"));
    outbox.put(message("event", "2"));
    let (first, _) = outbox.next().unwrap();
    outbox.put(message("event", "3"));
    let (third, sent) = outbox.next().unwrap();
    assert_eq!(sent.payload, b"3");
    // Both in flight: the older one goes, and may have arrived or not.
    outbox.put(message("event", "4"));
    assert!(!outbox.acknowledge(first));
    assert!(outbox.acknowledge(third));
    let counts = outbox.event_counts();
    assert_eq!((counts.sent, counts.waiting, counts.unsent), (1, 1, 2));
}

#[test]
fn events_do_not_starve_behind_labels_nor_labels_behind_events() {
    let mut outbox = outbox(9);
    for n in 1..=8 {
        outbox.put(message("event", &n.to_string()));
    }
    let mut sent = Vec::new();
    for n in 0..6 {
        outbox.put(message("label", &n.to_string()));
        outbox.put(message("camera", &n.to_string()));
        sent.push(text(&outbox.next().unwrap()));
    }
    assert_eq!(
        sent,
        [
            "event=1", "label=1", "event=2", "camera=3", "event=3", "label=5"
        ]
    );
}

#[test]
fn a_label_comes_before_the_event_of_the_same_moment() {
    let mut outbox = outbox(4);
    for n in ["1", "2"] {
        outbox.put(message("label", n));
        outbox.put(message("event", n));
        assert_eq!(
            all(&mut outbox),
            [format!("label={n}"), format!("event={n}")]
        );
    }
}

#[test]
fn a_new_connection_begins_with_the_states() {
    let mut outbox = outbox(3);
    outbox.put(message("availability", "online"));
    outbox.put(message("event", "1"));
    outbox.put(message("event", "2"));
    outbox.put(message("label", "a"));
    all(&mut outbox);
    outbox.put(message("event", "3"));
    outbox.start_over();
    assert_eq!(
        all(&mut outbox),
        [
            "availability=online",
            "label=a",
            "event=1",
            "event=2",
            "event=3"
        ]
    );
}

#[test]
fn events_of_an_earlier_run_come_behind_the_states() {
    let mut outbox = outbox(4);
    outbox.put(message("availability", "online"));
    let recovered = Recovered {
        events: vec![(7, message("event", "7")), (9, message("event", "9"))],
        damaged: 1,
        next: 12,
    };
    outbox.recover(recovered, std::sync::mpsc::sync_channel(1).0);
    outbox.put(message("event", "12"));
    outbox.put(message("label", "a"));
    let counts = outbox.event_counts();
    assert_eq!((counts.recovered, counts.published), (3, 1));
    assert_eq!((counts.waiting, counts.unsent, counts.stored), (3, 1, 2));
    outbox.repeat_states();
    assert_eq!(
        all(&mut outbox),
        [
            "availability=online",
            "label=a",
            "event=7",
            "event=9",
            "event=12"
        ]
    );
    assert_eq!(outbox.batch().live, [7..=7, 9..=9, 12..=12]);
}

#[test]
fn what_was_not_acknowledged_keeps_its_order_among_newer_events() {
    let mut outbox = outbox(9);
    for n in ["1", "2", "3", "4"] {
        outbox.put(message("event", n));
    }
    let flying: Vec<_> = std::iter::from_fn(|| outbox.next()).take(3).collect();
    // Out of order.
    assert!(outbox.acknowledge(flying[2].0));
    assert!(outbox.acknowledge(flying[0].0));
    outbox.put(message("event", "5"));
    outbox.start_over();
    assert_eq!(all(&mut outbox), ["event=2", "event=4", "event=5"]);
    // Late, after it was sent again, and twice.
    assert!(outbox.acknowledge(flying[1].0));
    assert!(!outbox.acknowledge(flying[1].0));
    assert_eq!(outbox.event_counts().sent, 3);
}

#[test]
fn what_could_not_be_handed_over_is_the_next_again() {
    let mut outbox = outbox(3);
    outbox.put(message("label", "a"));
    outbox.put(message("event", "1"));
    for expected in ["label=a", "event=1"] {
        let given = outbox.next().unwrap();
        assert_eq!(text(&given), expected);
        outbox.give_back(given.0);
        assert_eq!(text(&outbox.next().unwrap()), expected);
    }
}

#[test]
fn repeated_states_leave_events_in_flight() {
    let mut outbox = outbox(3);
    outbox.put(message("label", "a"));
    outbox.put(message("event", "1"));
    all(&mut outbox);
    outbox.repeat_states();
    assert_eq!(all(&mut outbox), ["label=a"]);
}

#[test]
fn the_disk_learns_what_waits_and_what_is_done() {
    let mut outbox = outbox(9);
    for n in ["1", "2", "3"] {
        outbox.put(message("event", n));
    }
    let flying: Vec<_> = std::iter::from_fn(|| outbox.next()).collect();
    outbox.acknowledge(flying[1].0);
    let batch = outbox.batch();
    assert_eq!((batch.done, &batch.live[..]), (1, &[1..=1, 3..=3][..]));
    assert_eq!(batch.done_out_of_turn(), [2..=2]);
    assert_eq!(batch.events.len(), 2);
    outbox.written(1);
    assert_eq!(outbox.batch().events[0].0, 3);
    assert_eq!(outbox.event_counts().stored, 1);
    outbox.put(message("event", "4"));
    outbox.acknowledge(flying[2].0);
    assert_eq!(outbox.batch().done_out_of_turn(), [2..=3]);
    outbox.acknowledge(flying[0].0);
    let batch = outbox.batch();
    assert_eq!((batch.done, batch.done_out_of_turn()), (4, vec![]));
    let (last, _) = outbox.next().unwrap();
    outbox.acknowledge(last);
    let batch = outbox.batch();
    assert_eq!((batch.done, batch.done_out_of_turn()), (5, vec![]));
}
