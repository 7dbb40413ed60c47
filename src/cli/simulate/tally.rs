//! What arrived, by the ids of events.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use serde::Deserialize;

use super::device::number;

/// Bytes of a packet beside topic and payload: the topic's length and the packet's id.
const LENGTHS: usize = 4;

/// Counts what a subscriber hears.
pub(super) struct Tally {
    /// Hashes of the ids that arrived, which take less memory than the ids.
    ids: HashSet<u64>,
    hasher: RandomState,
    /// The highest frame number of each device.
    highest: Vec<Option<u64>>,
    /// Events that arrived, each id once.
    pub(super) arrived: u64,
    /// Events that arrived once more.
    pub(super) doubled: u64,
    /// Events that arrived for the first time after a later one of their device.
    pub(super) late: u64,
    /// Messages whose payload is none of ours.
    pub(super) unreadable: u64,
    measuring: bool,
    /// Messages while it measured, and their bytes on the wire.
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

/// What is read of an event.
#[derive(Deserialize)]
struct Event {
    event: String,
    seq: u64,
}

impl Tally {
    /// For this many devices.
    pub(super) fn new(devices: u32) -> Self {
        Self {
            ids: HashSet::new(),
            hasher: RandomState::new(),
            highest: vec![None; devices as usize],
            arrived: 0,
            doubled: 0,
            late: 0,
            unreadable: 0,
            measuring: false,
            messages: 0,
            bytes: 0,
        }
    }

    /// Begins to count messages and bytes.
    pub(super) fn measure(&mut self) {
        self.measuring = true;
    }

    /// Ends that.
    pub(super) fn stop_measuring(&mut self) {
        self.measuring = false;
    }

    /// Counts a message whose topic of `topic` bytes is `below`, behind the base. Those of others
    /// than the simulated devices are passed over.
    pub(super) fn hear(&mut self, topic: usize, below: &str, payload: &[u8]) {
        let Some((id, name)) = below.split_once('/') else {
            return;
        };
        let Some(n) = number(id).filter(|n| *n < self.highest.len()) else {
            return;
        };
        if self.measuring {
            let rest = topic + payload.len() + LENGTHS;
            self.messages += 1;
            self.bytes += (rest + 1 + length_bytes(rest)) as u64;
        }
        if name == "event" {
            match serde_json::from_slice(payload) {
                Ok(event) => self.event(n, &event),
                Err(_) => self.unreadable += 1,
            }
        }
    }

    fn event(&mut self, n: usize, event: &Event) {
        if !self.ids.insert(self.hasher.hash_one((n, &event.event))) {
            self.doubled += 1;
            return;
        }
        self.arrived += 1;
        if self.highest[n] > Some(event.seq) {
            self.late += 1;
        } else {
            self.highest[n] = Some(event.seq);
        }
    }
}

/// Bytes in which MQTT writes the length of the `rest` of a packet.
fn length_bytes(rest: usize) -> usize {
    match rest {
        0..128 => 1,
        128..16_384 => 2,
        16_384..2_097_152 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(events: &[(&str, u64)]) -> Tally {
        let mut tally = Tally::new(2);
        for (id, seq) in events {
            let payload = format!(r#"{{"v":1,"event":"run-{seq}","seq":{seq}}}"#);
            tally.hear(20, &format!("{id}/event"), payload.as_bytes());
        }
        tally
    }

    #[test]
    fn an_id_counts_once_and_again_as_doubled() {
        let found = tally(&[
            ("sim-0001", 0),
            ("sim-0001", 1),
            ("sim-0001", 0),
            ("sim-0002", 0),
        ]);
        assert_eq!((found.arrived, found.doubled, found.late), (3, 1, 0));
    }

    #[test]
    fn order_is_that_of_first_arrivals_and_of_one_device() {
        let found = tally(&[
            ("sim-0001", 5),
            ("sim-0002", 1),
            ("sim-0001", 4),
            ("sim-0001", 6),
        ]);
        assert_eq!((found.arrived, found.doubled, found.late), (4, 0, 1));
        // What comes again is in no order.
        let found = tally(&[("sim-0001", 5), ("sim-0001", 6), ("sim-0001", 5)]);
        assert_eq!((found.doubled, found.late), (1, 0));
    }

    #[test]
    fn messages_of_others_are_passed_over() {
        let mut found = tally(&[("porch", 0), ("sim-0003", 0)]);
        found.hear(20, "sim-0001/event", b"no JSON");
        assert_eq!((found.arrived, found.unreadable), (0, 1));
    }

    #[test]
    fn bytes_count_while_it_measures() {
        let mut found = tally(&[("sim-0001", 0)]);
        assert_eq!(found.bytes, 0);
        found.measure();
        found.hear(20, "sim-0001/label", &[b'x'; 200]);
        // The fixed header is a byte and the length in two.
        assert_eq!((found.messages, found.bytes), (1, 20 + 200 + 4 + 3));
        found.stop_measuring();
        found.hear(20, "sim-0001/label", &[b'x'; 200]);
        assert_eq!(found.messages, 1);
    }
}
