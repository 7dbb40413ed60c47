//! The records of events in the files of the outbox's folder.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | `GcE1` |
//! | 4 | CRC-32 of all that follows |
//! | 4 | length of the payload |
//! | 2 | length of the topic |
//! | 8 | number of the event; 0 for a mark |
//! | 8 | every event below this number is done with |
//! | | topic, payload |
//!
//! The payload of a mark has the first and the last number of each range of further events that are
//! done with, 8 bytes each. Numbers are little-endian.

use std::ops::RangeInclusive;

use super::{Message, MessageKind};

const MAGIC: &[u8; 4] = b"GcE1";
/// Where the part begins that the checksum covers.
const COVERED: usize = 8;
/// Where the topic begins.
const HEADER: usize = 30;

/// One record as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Every event below this number is done with.
    pub(super) done: u64,
    pub(super) content: Content,
}

/// What a record is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// An event with its number.
    Event(u64, Message),
    /// Further events that are done with.
    Mark(Vec<RangeInclusive<u64>>),
}

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The whole records.
    pub(super) records: Vec<Record>,
    /// Stretches of other bytes.
    pub(super) damaged: u64,
}

/// Appends the record of an event. Returns false, and appends nothing, if the event is too large
/// for one.
pub(super) fn append_event(to: &mut Vec<u8>, number: u64, done: u64, message: &Message) -> bool {
    let (topic, payload) = (message.topic.as_bytes(), &message.payload[..]);
    let (Ok(topic_length), Ok(payload_length)) =
        (u16::try_from(topic.len()), u32::try_from(payload.len()))
    else {
        return false;
    };
    let start = to.len();
    to.extend(MAGIC);
    to.extend([0; 4]);
    to.extend(payload_length.to_le_bytes());
    to.extend(topic_length.to_le_bytes());
    to.extend(number.to_le_bytes());
    to.extend(done.to_le_bytes());
    to.extend(topic);
    to.extend(payload);
    let sum = crc32fast::hash(&to[start + COVERED..]);
    to[start + 4..start + COVERED].copy_from_slice(&sum.to_le_bytes());
    true
}

/// Appends a mark: all events below `done` and those in `ranges` are done with.
pub(super) fn append_mark(to: &mut Vec<u8>, done: u64, ranges: &[RangeInclusive<u64>]) {
    let ends = ranges.iter().flat_map(|r| [*r.start(), *r.end()]);
    let mark = Message {
        topic: String::new(),
        payload: ends.flat_map(u64::to_le_bytes).collect(),
        kind: MessageKind::Event,
        correlation: None,
    };
    append_event(to, 0, done, &mark);
}

/// The ranges in the payload of a mark.
fn ranges(payload: &[u8]) -> Vec<RangeInclusive<u64>> {
    let (numbers, _) = payload.as_chunks();
    let mut numbers = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes));
    std::iter::from_fn(|| Some(numbers.next()?..=numbers.next()?)).collect()
}

/// Reads all whole records. Bytes between them, and a record that was cut off, are passed over.
pub(super) fn read(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    let (mut at, mut whole) = (0, true);
    while at < bytes.len() {
        if let Some((record, length)) = record(&bytes[at..]) {
            found.records.push(record);
            at += length;
            whole = true;
            continue;
        }
        found.damaged += u64::from(std::mem::take(&mut whole));
        let next = bytes[at + 1..].windows(4).position(|four| four == MAGIC);
        at = next.map_or(bytes.len(), |next| at + 1 + next);
    }
    found
}

/// The record that `bytes` begin with, and its length.
fn record(bytes: &[u8]) -> Option<(Record, usize)> {
    let header: &[u8; HEADER] = bytes.first_chunk()?;
    let four = |at: usize| -> [u8; 4] { std::array::from_fn(|i| header[at + i]) };
    let eight = |at: usize| -> [u8; 8] { std::array::from_fn(|i| header[at + i]) };
    if header[..4] != *MAGIC {
        return None;
    }
    let payload = usize::try_from(u32::from_le_bytes(four(8))).ok()?;
    let topic = usize::from(u16::from_le_bytes([header[12], header[13]]));
    let length = HEADER.checked_add(topic)?.checked_add(payload)?;
    let covered = bytes.get(COVERED..length)?;
    if crc32fast::hash(covered) != u32::from_le_bytes(four(4)) {
        return None;
    }
    let number = u64::from_le_bytes(eight(14));
    let message = Message {
        topic: String::from_utf8(bytes[HEADER..HEADER + topic].to_vec()).ok()?,
        payload: bytes[HEADER + topic..length].to_vec(),
        kind: MessageKind::Event,
        correlation: None,
    };
    let record = Record {
        done: u64::from_le_bytes(eight(22)),
        content: match number {
            0 => Content::Mark(ranges(&message.payload)),
            _ => Content::Event(number, message),
        },
    };
    Some((record, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64) -> (u64, Message) {
        let message = Message {
            topic: "goldcrest/a/event".into(),
            payload: format!("payload {number} GcE1").into(),
            kind: MessageKind::Event,
            correlation: None,
        };
        (number, message)
    }

    /// The records of three events and a mark, and where each begins.
    fn written() -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut starts) = (Vec::new(), Vec::new());
        for number in 1..=3 {
            starts.push(bytes.len());
            assert!(append_event(&mut bytes, number, 1, &event(number).1));
        }
        starts.push(bytes.len());
        append_mark(&mut bytes, 3, &[5..=5, 7..=9]);
        (bytes, starts)
    }

    fn numbers(found: &Found) -> Vec<u64> {
        let number = |record: &Record| match record.content {
            Content::Event(number, _) => Some(number),
            Content::Mark(_) => None,
        };
        found.records.iter().filter_map(number).collect()
    }

    #[test]
    fn what_was_written_is_read() {
        let (bytes, _) = written();
        let found = read(&bytes);
        let record = |done, content| Record { done, content };
        let events = (1..=3).map(event);
        let mut records: Vec<_> = events
            .map(|(number, message)| record(1, Content::Event(number, message)))
            .collect();
        records.push(record(3, Content::Mark(vec![5..=5, 7..=9])));
        assert_eq!((found.records, found.damaged), (records, 0));
    }

    #[test]
    fn a_file_cut_at_any_byte_gives_all_whole_records() {
        let (bytes, starts) = written();
        for cut in 0..bytes.len() {
            let found = read(&bytes[..cut]);
            let whole = starts[1..].iter().filter(|end| **end <= cut).count();
            assert_eq!(found.records.len(), whole, "{cut}");
            let torn = !starts.contains(&cut);
            assert_eq!(found.damaged, u64::from(torn), "{cut}");
        }
    }

    #[test]
    fn a_flipped_bit_costs_one_record() {
        let (bytes, starts) = written();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                let found = read(&bytes);
                let hit = starts.iter().rposition(|start| *start <= at).unwrap() as u64 + 1;
                let left: Vec<u64> = (1..=3).filter(|n| *n != hit).collect();
                assert_eq!(numbers(&found), left, "{at}, {bit}");
                assert_eq!(found.damaged, 1, "{at}, {bit}");
            }
        }
    }

    #[test]
    fn noise_and_zeros_are_no_records() {
        let (bytes, _) = written();
        let noise: Vec<u8> = (0..5000u32).map(|n| (n * n >> 3) as u8).collect();
        for other in [&noise[..], &[0; 4096], b"GcE1GcE1GcE1"] {
            assert_eq!(read(other).damaged, 1);
            let around = [other, &bytes, other, &bytes].concat();
            let found = read(&around);
            assert_eq!((numbers(&found).len(), found.damaged), (6, 2));
        }
    }
}
