use super::*;
use crate::publish::Config;
use crate::publish::connection::options;
use crate::publish::outbox::{Message, MessageKind, Outbox};

fn message(topic: &str, kind: MessageKind) -> Message {
    Message {
        topic: topic.into(),
        payload: Vec::new(),
        kind,
    }
}

#[test]
fn messages_in_flight_at_a_panic_wait_again() {
    let offline = message("availability", MessageKind::State);
    let config = Config::default();
    let mut holder = Holder {
        shared: Arc::new(Shared::new(Outbox::new(1 << 10), offline)),
        options: options(&config, "test".into(), None).unwrap(),
        address: config.address(),
        patience: Patience::Endless,
        flight: Flight::new(),
        watch: Watch::default(),
    };
    let ended = holder.contained(|holder| {
        let mut state = holder.shared.lock();
        for topic in ["a", "b", "c"] {
            state.outbox.put(message(topic, MessageKind::Event));
            let (ticket, message) = state.outbox.next().unwrap();
            holder.flight.hand_over(ticket, &message);
            state.counts.unacknowledged += 1;
        }
        drop(state);
        panic!("a bug of the MQTT crate");
    });
    assert_eq!(ended, Err(Panicked));
    let mut state = holder.shared.lock();
    assert_eq!((state.counts.unacknowledged, state.outbox.len()), (0, 3));
    let next = || state.outbox.next().map(|(_, m)| m.topic);
    let topics: Vec<_> = std::iter::from_fn(next).collect();
    assert_eq!(topics, ["a", "b", "c"]);
    assert_eq!(holder.flight.len(), 0);
}
