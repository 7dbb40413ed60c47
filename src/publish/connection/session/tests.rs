use super::*;
use crate::publish::connection::target;
use crate::publish::outbox::{Message, MessageKind, Outbox};
use crate::publish::{Config, Topics, commands};

fn message(topic: &str, kind: MessageKind) -> Message {
    Message {
        topic: topic.into(),
        payload: Vec::new(),
        kind,
        correlation: None,
    }
}

#[test]
fn messages_in_flight_at_a_panic_are_queued_again_or_counted() {
    let [online, offline] = [(); 2].map(|()| message("availability", MessageKind::State));
    let topics = Topics::new("goldcrest", "test").unwrap();
    let inbox = Inbox::new(&topics, &commands::Config::default(), Vec::new());
    let config = Config::default();
    let shared = Arc::new(Shared::new(Outbox::new(2), online, offline));
    let target = target(&config, "test".into(), None).unwrap();
    let held = Held::new(Arc::clone(&shared), inbox, Liveness::assumed());
    let mut holder = Holder::new(shared, target, Patience::Endless, held);
    let ended = holder.contained(|holder| {
        for topic in ["a", "b", "c"] {
            let event = message(topic, MessageKind::Event);
            holder.held.flight.hand_over(event);
            holder.shared.lock().counts.unacknowledged += 1;
        }
        panic!("a bug of the MQTT crate");
    });
    assert_eq!(ended, Err(Panicked));
    let mut state = holder.shared.lock();
    assert_eq!((state.counts.unacknowledged, state.counts.dropped), (0, 1));
    let next = || state.outbox.next().map(|m| m.topic);
    let topics: Vec<_> = std::iter::from_fn(next).collect();
    assert_eq!(topics, ["b", "c"]);
    assert_eq!(holder.held.flight.len(), 0);
}
