//! The file of examples: a header, and a record for each example.
//!
//! | bytes | content of the header |
//! |---|---|
//! | 8 | `GcLesson` |
//! | 4 | version, 1 |
//! | 4 | bytes of the features of one example |
//! | 64 | SHA-256 of the model that the features are of, in hex |
//! | 4 | CRC-32 of all that precedes |
//!
//! | bytes | content of a record |
//! |---|---|
//! | 4 | `GcL1` |
//! | 4 | CRC-32 of all that follows |
//! | 8 | when the example was taken, in milliseconds since 1970 |
//! | 4 | length of the label |
//! | | label, features |
//!
//! Numbers are little-endian.

use std::ops::Range;

const HEADER_MAGIC: &[u8; 8] = b"GcLesson";
const VERSION: u32 = 1;
/// Bytes of the header.
pub(super) const HEADER: usize = 84;

const MAGIC: &[u8; 4] = b"GcL1";
/// Where the part of a record begins that the checksum covers.
const COVERED: usize = 8;
/// Bytes of a record before its label.
const FIXED: usize = 20;
/// The longest label, in bytes: 64 characters of four.
pub(super) const LABEL: usize = 256;

/// One example as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Example {
    pub(crate) label: String,
    /// When it was taken, in milliseconds since 1970.
    pub(crate) moment: u64,
    /// The features, as [`Compact`](crate::teach::Compact) writes them.
    pub(crate) features: Box<[u8]>,
}

/// What a file holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// The whole records, each with the place at which it begins.
    pub(super) examples: Vec<(u64, Example)>,
    /// Stretches of other bytes.
    pub(super) damaged: Vec<Range<usize>>,
}

/// The most bytes of a record with features of `features` bytes.
pub(super) fn largest(features: usize) -> usize {
    FIXED + LABEL + features
}

/// The header of a file for the model `backbone`.
pub(super) fn header(backbone: &str, features: usize) -> Vec<u8> {
    let mut bytes = HEADER_MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((features as u32).to_le_bytes());
    bytes.extend(backbone.bytes().chain(std::iter::repeat(0)).take(64));
    let sum = crc32fast::hash(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// Appends the record of `example`.
pub(super) fn append(to: &mut Vec<u8>, example: &Example) {
    let start = to.len();
    to.extend(MAGIC);
    to.extend([0; 4]);
    to.extend(example.moment.to_le_bytes());
    to.extend((example.label.len() as u32).to_le_bytes());
    to.extend(example.label.as_bytes());
    to.extend(&example.features[..]);
    let sum = crc32fast::hash(&to[start + COVERED..]);
    to[start + 4..start + COVERED].copy_from_slice(&sum.to_le_bytes());
}

/// Reads all whole records of a file whose examples have features of `features` bytes. Bytes
/// between them, and a record that was cut off, are passed over.
pub(super) fn read(bytes: &[u8], features: usize) -> Found {
    let mut found = Found::default();
    let (mut at, mut whole) = (HEADER.min(bytes.len()), true);
    while at < bytes.len() {
        let length = match record(&bytes[at..], features) {
            Some((example, length)) => {
                found.examples.push((at as u64, example));
                whole = true;
                length
            }
            None => {
                let rest = &bytes[at + 1..];
                let next = rest.windows(4).position(|four| four == MAGIC);
                let length = 1 + next.unwrap_or(rest.len());
                match found.damaged.last_mut() {
                    Some(last) if !whole => last.end = at + length,
                    _ => found.damaged.push(at..at + length),
                }
                whole = false;
                length
            }
        };
        at += length;
    }
    found
}

/// The example that `bytes` begin with, and its length.
fn record(bytes: &[u8], features: usize) -> Option<(Example, usize)> {
    let fixed: &[u8; FIXED] = bytes.first_chunk()?;
    let four = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| fixed[at + i]));
    if fixed[..4] != *MAGIC {
        return None;
    }
    let label = four(16) as usize;
    if label > LABEL {
        return None;
    }
    let end = FIXED + label + features;
    if crc32fast::hash(bytes.get(COVERED..end)?) != four(4) {
        return None;
    }
    let example = Example {
        label: String::from_utf8(bytes[FIXED..FIXED + label].to_vec()).ok()?,
        moment: u64::from_le_bytes(std::array::from_fn(|i| fixed[8 + i])),
        features: bytes[FIXED + label..end].into(),
    };
    Some((example, end))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::lessons) const FEATURES: usize = 24;

    pub(in crate::lessons) fn example(label: &str, seed: u8) -> Example {
        Example {
            label: label.into(),
            moment: 1_700_000_000_000 + 60_000 * u64::from(seed),
            features: (0..FEATURES as u8).map(|n| n ^ seed).collect(),
        }
    }

    fn file(examples: &[Example]) -> Vec<u8> {
        let mut bytes = header(&"ab".repeat(32), FEATURES);
        examples
            .iter()
            .for_each(|example| append(&mut bytes, example));
        bytes
    }

    fn examples() -> Vec<Example> {
        let longest = "🦀".repeat(64);
        let labels = ["open", "halb öffen", &longest, "none"];
        let pairs = labels.iter().zip(0..);
        pairs.map(|(label, n)| example(label, n)).collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let bytes = file(&examples());
        assert_eq!(
            bytes.len(),
            HEADER + 4 * (FIXED + FEATURES) + 4 + 11 + 256 + 4
        );
        let found = read(&bytes, FEATURES);
        assert!(found.damaged.is_empty());
        let read: Vec<_> = found.examples.into_iter().map(|(_, e)| e).collect();
        assert_eq!(read, examples());
    }

    #[test]
    fn a_file_cut_at_any_byte_keeps_each_whole_record() {
        let bytes = file(&examples());
        let all = read(&bytes, FEATURES).examples;
        for length in HEADER..=bytes.len() {
            let ends = all.iter().skip(1).map(|(at, _)| *at as usize);
            let ends = ends.chain([bytes.len()]);
            let whole = ends.filter(|end| *end <= length).count();
            let found = read(&bytes[..length], FEATURES);
            assert_eq!(found.examples, all[..whole], "{length}");
            let begins = all.iter().any(|(at, _)| *at as usize == length);
            let damaged = usize::from(!begins && length != bytes.len());
            assert_eq!(found.damaged.len(), damaged, "{length}");
        }
    }

    #[test]
    fn a_flipped_bit_costs_one_record_and_is_found() {
        let bytes = file(&examples());
        let all = read(&bytes, FEATURES).examples;
        for at in HEADER..bytes.len() {
            for bit in [0, 5] {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                let found = read(&bytes, FEATURES);
                let hit = all.iter().rposition(|(start, _)| *start as usize <= at);
                let mut left = all.clone();
                left.remove(hit.unwrap());
                assert_eq!(found.examples, left, "{at}");
                assert_eq!(found.damaged.len(), 1, "{at}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, features in 0_usize..40) {
            let mut file = header("cafe", features);
            file.extend(MAGIC);
            file.extend(&bytes);
            read(&file, features);
            read(&bytes, features);
        }
    }
}
