//! Random courses of an outbox against a simple model.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::events::size;
use super::{Disk, Message, MessageKind, Outbox, Ticket};

const MAX: usize = 16 << 10;

/// What happens to an outbox.
#[derive(Clone, Debug)]
enum Step {
    /// An event with a payload of so many bytes.
    Event(usize),
    /// A new label.
    Label,
    /// So many messages are sent.
    Send(usize),
    /// The acknowledgement of the message in flight at this place, counted round.
    Acknowledge(usize),
    /// An acknowledgement that comes again.
    AcknowledgeAgain,
    /// The connection ends, and the next one begins.
    Reconnect,
    /// The disk is written.
    Write,
    /// The process is killed and started again.
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0usize..1500).prop_map(Step::Event),
        2 => Just(Step::Label),
        4 => (1usize..5).prop_map(Step::Send),
        4 => (0usize..16).prop_map(Step::Acknowledge),
        1 => Just(Step::AcknowledgeAgain),
        1 => Just(Step::Reconnect),
        2 => Just(Step::Write),
        1 => Just(Step::Kill),
    ]
}

/// The outbox, what is in flight, and what a broker would have seen.
struct Course {
    outbox: Outbox,
    flying: VecDeque<(Ticket, Message)>,
    last: Option<Ticket>,
    /// Numbers of events, in the order in which they were sent first.
    arrived: Vec<u64>,
    /// The event that was sent last on this connection.
    sent: u64,
    labels: u64,
    label_seen: u64,
}

impl Course {
    fn new(outbox: Outbox) -> Self {
        Self {
            outbox,
            flying: VecDeque::new(),
            last: None,
            arrived: Vec::new(),
            sent: 0,
            labels: 0,
            label_seen: 0,
        }
    }

    fn send(&mut self, count: usize) {
        for _ in 0..count {
            if self.flying.len() == 16 {
                return;
            }
            let Some((ticket, message)) = self.outbox.next() else {
                return;
            };
            let number = number(&message);
            if message.kind == MessageKind::Event {
                assert!(number > self.sent, "{number} after {}", self.sent);
                self.sent = number;
                if !self.arrived.contains(&number) {
                    self.arrived.push(number);
                }
            } else {
                assert!(number >= self.label_seen, "an older label");
                self.label_seen = number;
            }
            self.flying.push_back((ticket, message));
        }
    }

    fn acknowledge(&mut self, place: usize) {
        if self.flying.is_empty() {
            return;
        }
        let place = place % self.flying.len();
        if let Some((ticket, _)) = self.flying.remove(place) {
            self.outbox.acknowledge(ticket);
            self.last = Some(ticket);
        }
    }

    fn reconnect(&mut self) {
        self.outbox.start_over();
        self.flying.clear();
        self.sent = 0;
    }

    fn check(&self) {
        let counts = self.outbox.event_counts();
        assert_eq!(
            counts.published + counts.recovered,
            counts.sent + counts.waiting + counts.unsent,
            "{counts:?}"
        );
        assert!(counts.bytes as usize <= MAX);
    }
}

fn event(number: u64, length: usize) -> Message {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(payload.len() + length, b'x');
    Message {
        topic: "event".into(),
        payload,
        kind: MessageKind::Event,
        correlation: None,
    }
}

fn label(number: u64) -> Message {
    Message {
        topic: "label".into(),
        payload: number.to_le_bytes().to_vec(),
        kind: MessageKind::State,
        correlation: None,
    }
}

fn number(message: &Message) -> u64 {
    u64::from_le_bytes(*message.payload.first_chunk().unwrap())
}

proptest! {
    // Each case with a disk takes some hundred milliseconds on a slow one.
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Events arrive in their order, and the numbers of those that do not are counted.
    #[test]
    fn no_event_is_lost_that_is_not_counted(steps in prop::collection::vec(step(), 1..120)) {
        let mut course = Course::new(Outbox::new(MAX));
        let mut published = 0;
        for step in steps {
            match step {
                Step::Event(length) => {
                    published += 1;
                    course.outbox.put(event(published, length));
                }
                Step::Label => {
                    course.labels += 1;
                    course.outbox.put(label(course.labels));
                }
                Step::Send(count) => course.send(count),
                Step::Acknowledge(place) => course.acknowledge(place),
                Step::AcknowledgeAgain => {
                    if let Some(ticket @ Ticket::Event(_)) = course.last {
                        assert!(!course.outbox.acknowledge(ticket));
                    }
                }
                Step::Reconnect => course.reconnect(),
                Step::Write | Step::Kill => {}
            }
            course.check();
        }
        // A good connection at the end brings all that waits, and the newest label.
        course.reconnect();
        course.send(1);
        while !course.flying.is_empty() {
            course.acknowledge(0);
            course.send(1);
        }
        course.check();
        let counts = course.outbox.event_counts();
        prop_assert_eq!((counts.waiting, counts.published), (0, published));
        prop_assert_eq!(course.label_seen, course.labels);
        prop_assert!(course.arrived.is_sorted());
        // One that was dropped in flight may have arrived all the same.
        prop_assert!(course.arrived.len() as u64 + counts.unsent >= published);
    }

    /// With a disk, a kill loses only what was not written, and brings back nothing else. The
    /// folder stays small.
    #[test]
    fn a_kill_loses_no_event_that_was_written(steps in prop::collection::vec(step(), 1..80)) {
        let folder = tempfile::tempdir().unwrap();
        let begin = || {
            let (disk, recovered) = Disk::open(folder.path(), MAX).unwrap();
            let mut outbox = Outbox::new(MAX);
            outbox.recover(recovered, std::sync::mpsc::sync_channel(1).0);
            (disk, Course::new(outbox))
        };
        let write = |disk: &mut Disk, course: &mut Course| loop {
            let batch = course.outbox.batch();
            disk.write(&batch).unwrap();
            let Some((last, _)) = batch.events.last() else { break };
            course.outbox.written(*last);
        };
        let (mut disk, mut course) = begin();
        let mut published = 0;
        for step in steps {
            match step {
                Step::Event(length) => {
                    published += 1;
                    course.outbox.put(event(published, length));
                }
                Step::Send(count) => course.send(count),
                Step::Acknowledge(place) => course.acknowledge(place),
                Step::Write => {
                    write(&mut disk, &mut course);
                    let entries = std::fs::read_dir(folder.path()).unwrap();
                    let bytes: u64 = entries.map(|e| e.unwrap().metadata().unwrap().len()).sum();
                    let largest = size(&event(1, 1500));
                    prop_assert!(bytes as usize <= MAX * 3 / 2 + largest, "{bytes}");
                }
                Step::Kill => {
                    write(&mut disk, &mut course);
                    let waiting = course.outbox.event_counts().waiting;
                    drop(disk);
                    (disk, course) = begin();
                    let counts = course.outbox.event_counts();
                    prop_assert_eq!((counts.waiting, counts.stored), (waiting, waiting));
                    prop_assert_eq!(counts.unsent, 0);
                }
                _ => {}
            }
            course.check();
        }
    }
}
