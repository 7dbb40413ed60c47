//! Whole, damaged and cut pictures, at any size of reads.

use std::io::BufReader;

use super::*;

fn split(stream: &[u8], chunk: usize) -> Vec<Vec<u8>> {
    let mut splitter = Splitter::new(BufReader::with_capacity(chunk, stream));
    let mut parts = Vec::new();
    let mut data = Vec::new();
    while splitter.next(&mut data).unwrap() == Piece::Picture {
        parts.push(data.clone());
    }
    parts
}

/// The structure of a picture without a picture: a segment with another one inside, a scan with
/// stuffed ones and a restart.
fn picture(mark: u8) -> Vec<u8> {
    let mut data = vec![
        0xff, 0xd8, 0xff, 0xe1, 0, 10, 0xff, 0xd8, 0xff, 0xd9, 0xff, 0xd8, 7, 7,
    ];
    data.extend([
        0xff, 0xda, 0, 4, 1, 1, mark, 0xff, 0, 5, 0xff, 0xd0, 6, 0xff, 0xd9,
    ]);
    data
}

#[test]
fn pictures_are_split_at_their_ends_at_any_read_size() {
    let pictures = [picture(1), picture(2), picture(3)];
    let mut stream = vec![9, 0xff, 9];
    stream.extend(&pictures[0]);
    stream.extend([0, 0, 0]);
    stream.extend(&pictures[1]);
    stream.extend(&pictures[2]);
    for chunk in [1, 2, 3, 7, 4096] {
        assert_eq!(
            split(&stream, chunk),
            pictures,
            "read {chunk} bytes at a time"
        );
    }
}

#[test]
fn a_picture_that_ends_early_and_the_next_are_returned() {
    let whole = picture(1);
    let mut stream = whole[..whole.len() - 2].to_vec();
    stream.extend(picture(2));
    stream.extend(&whole[..20]);
    let parts = split(&stream, 5);
    assert_eq!(
        parts,
        [
            whole[..whole.len() - 2].to_vec(),
            picture(2),
            whole[..20].to_vec()
        ]
    );
}

#[test]
fn a_false_marker_in_a_scan_costs_its_picture_alone() {
    let good = picture(2);
    for code in [0x3c, 0xc4, 0xc5, 0xcc, 0xda, 0xdb, 0xde, 0xe1, 0xfe] {
        for length in [0x00, 0x10, 0xf0] {
            for chunk in [1, 7, 4096] {
                let mut broken = picture(1);
                let place = broken.len() - 8;
                broken.splice(place.., [0xff, code, length, 14, 3, 0xff, 0xd9]);
                let stream = [good.clone(), broken, good.repeat(99)].concat();
                let parts = split(&stream, chunk);
                let whole = parts.iter().filter(|part| **part == good).count();
                assert_eq!((parts.len(), whole), (101, 100), "{code:x} {length:x}");
            }
        }
    }
}

#[test]
fn a_false_length_in_a_header_costs_its_picture_alone() {
    let good = picture(2);
    let mut broken = picture(1);
    broken[4..6].copy_from_slice(&[0xf0, 0x0d]);
    let stream = [good.clone(), broken, good.repeat(20)].concat();
    let whole = split(&stream, 7).into_iter().filter(|part| *part == good);
    assert_eq!(whole.count(), 21);
}

#[test]
fn a_picture_without_its_beginning_is_reported() {
    let stream = [picture(1), picture(2)[14..].to_vec(), picture(3)].concat();
    let mut splitter = Splitter::new(BufReader::with_capacity(3, &stream[..]));
    let mut data = Vec::new();
    let mut next = || splitter.next(&mut data).unwrap();
    assert_eq!(
        [next(), next(), next(), next()],
        [Piece::Picture, Piece::Headless, Piece::Picture, Piece::End]
    );
}

#[test]
fn a_stream_without_pictures_gives_none() {
    assert!(split(b"", 4).is_empty());
    assert!(split(&[0xff, 0xff, 0, 1, 0xd8, 3], 4).is_empty());
}
