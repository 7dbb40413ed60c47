use super::*;
use crate::publish::connection::target;
use crate::publish::homeassistant::Discovery;
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
fn messages_in_flight_at_a_panic_wait_again() {
    let [online, offline] = [(); 2].map(|()| message("availability", MessageKind::State));
    let topics = Topics::new("goldcrest", "test").unwrap();
    let inbox = Inbox::new(&topics, &commands::Config::default(), Vec::new(), None);
    let config = Config::default();
    let shared = Arc::new(Shared::new(
        Outbox::new(1 << 10),
        Discovery::none(),
        online,
        offline,
    ));
    let target = target(&config, "test".into(), None).unwrap();
    let held = Held::new(Arc::clone(&shared), inbox, Liveness::assumed(), None);
    let mut holder = Holder::new(shared, target, Patience::Endless, held);
    let ended = holder.contained(|holder| {
        let mut state = holder.shared.lock();
        for topic in ["a", "b", "c"] {
            state.outbox.put(message(topic, MessageKind::Event));
            let (ticket, message) = state.outbox.next().unwrap();
            holder.held.flight.hand_over(ticket, &message);
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
    assert_eq!(holder.held.flight.len(), 0);
}
