use super::*;
use proptest::prelude::*;

macro_rules! jpegs {
    ($($name:literal),*) => {
        [$(($name, include_bytes!(concat!("../../../tests/reference/jpeg/", $name, ".jpg")).as_slice())),*]
    };
}

/// The same picture of 107×75 pixels in all its forms.
const ALL: [(&str, &[u8]); 8] = jpegs!(
    "420",
    "422",
    "444",
    "restart",
    "optimised",
    "grey",
    "cmyk",
    "progressive"
);

/// All but the one that is decoded as a whole.
const SEQUENTIAL: usize = 7;

fn decode(data: &[u8], eighths: usize) -> Result<(usize, usize, Vec<u8>), Error> {
    let mut decoder = Decoder::new();
    let mut picture = decoder.open(data, Limit::FILE)?;
    let (_, width, height) = picture.start(eighths)?;
    let mut pixels = vec![0; width * height * 3];
    for (y, line) in pixels.chunks_exact_mut(width * 3).enumerate() {
        picture.rgb(y, 0, line)?;
    }
    picture.finish()?;
    Ok((width, height, pixels))
}

/// The same by another decoder.
fn reference(data: &[u8]) -> image::RgbImage {
    image::load_from_memory(data).unwrap().into_rgb8()
}

fn difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len() as f64
}

#[test]
fn full_size_equals_another_decoders() {
    for (name, data) in ALL {
        let (width, height, pixels) = decode(data, 8).unwrap();
        assert_eq!((width, height), (107, 75), "{name}");
        let difference = difference(&pixels, &reference(data));
        // The two enlarge chroma of half the size in different ways.
        let most = if matches!(name, "444" | "grey") {
            0.3
        } else {
            1.5
        };
        assert!(difference < most, "{name}: {difference}");
    }
}

#[test]
fn a_smaller_size_is_the_picture_made_smaller() {
    for (name, data) in ALL {
        let full = reference(data);
        for eighths in 1..8 {
            let (width, height, pixels) = decode(data, eighths).unwrap();
            let scale = if name == "progressive" {
                [0, 1, 2, 4, 4, 8, 8, 8][eighths]
            } else {
                eighths
            };
            assert_eq!(
                (width, height),
                (scaled(107, scale), scaled(75, scale)),
                "{name}"
            );
            let mut sum = 0.0;
            let mut count = 0.0;
            for y in 0..75 * scale / 8 {
                for x in 0..107 * scale / 8 {
                    for c in 0..3 {
                        let mean = area(&full, c, x as f64, y as f64, 8.0 / scale as f64);
                        sum += (mean - f64::from(pixels[(y * width + x) * 3 + c])).abs();
                        count += 1.0;
                    }
                }
            }
            assert!(sum / count < 4.0, "{name} at {eighths}/8: {}", sum / count);
        }
    }
}

/// The mean of colour `c` over the square of side `scale` that pixel (x, y) of the smaller picture
/// covers.
fn area(full: &image::RgbImage, c: usize, x: f64, y: f64, scale: f64) -> f64 {
    let cover = |from: f64, i: u32| {
        let (a, b) = (from * scale, (from + 1.0) * scale);
        (b.min(f64::from(i + 1)) - a.max(f64::from(i))).max(0.0)
    };
    let range = |from: f64, most: u32| {
        (from * scale) as u32..(((from + 1.0) * scale).ceil() as u32).min(most)
    };
    let (mut sum, mut weight) = (0.0, 0.0);
    for j in range(y, full.height()) {
        for i in range(x, full.width()) {
            let w = cover(x, i) * cover(y, j);
            sum += w * f64::from(full.get_pixel(i, j).0[c]);
            weight += w;
        }
    }
    sum / weight
}

#[test]
fn a_part_is_the_part_of_the_whole() {
    for (name, data) in ALL {
        let (width, height, pixels) = decode(data, 4).unwrap();
        let mut decoder = Decoder::new();
        let mut picture = decoder.open(data, Limit::FILE).unwrap();
        picture.start(4).unwrap();
        picture.only(21..40);
        let mut line = [0; 19 * 3];
        for y in (5..height).step_by(3) {
            picture.rgb(y, 21, &mut line).unwrap();
            assert_eq!(
                line,
                pixels[(y * width + 21) * 3..][..19 * 3],
                "{name} row {y}"
            );
        }
        picture.finish().unwrap();
    }
}

/// The picture without its Huffman tables, as many cameras send it.
fn without_tables(data: &[u8]) -> Vec<u8> {
    let mut out = data[..2].to_vec();
    let mut at = 2;
    while data[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([data[at + 2], data[at + 3]]));
        if data[at + 1] != 0xc4 {
            out.extend(&data[at..end]);
        }
        at = end;
    }
    out.extend(&data[at..]);
    out
}

#[test]
fn missing_huffman_tables_are_the_standard_ones() {
    for (name, data) in &ALL[..4] {
        let bare = without_tables(data);
        assert!(bare.len() < data.len() - 400, "{name}");
        assert_eq!(decode(&bare, 8), decode(data, 8), "{name}");
    }
}

/// As Pillow reads them.
#[test]
fn inks_without_the_marker_of_adobe_are_inverted_too() {
    let (name, data) = ALL[6];
    let adobe = data.windows(5).position(|w| w == b"Adobe").expect(name);
    let mut plain = data.to_vec();
    plain[adobe] = b'a';
    assert!(decode(&plain, 8) == decode(data, 8));
}

#[test]
fn bytes_after_the_end_are_ignored() {
    for (name, data) in ALL {
        let whole = decode(data, 8);
        for tail in [
            &[0; 5000][..],
            &[0xff; 99],
            b"\xff\xd8\xff\xe0 the next picture",
        ] {
            let padded = [data, tail].concat();
            assert_eq!(decode(&padded, 8), whole, "{name}");
        }
    }
}

#[test]
fn a_picture_cut_anywhere_is_refused() {
    for (i, (name, data)) in ALL.into_iter().enumerate() {
        // Two bytes less is the whole picture without its end.
        for length in (0..data.len())
            .step_by(7)
            .chain([data.len() - 2, data.len() - 1])
        {
            let cut = &data[..length];
            let error = decode(cut, 3).expect_err(name);
            assert!(
                matches!(error.cause(), "truncated" | "corrupt"),
                "{name} cut at {length}: {error}"
            );
            if i < SEQUENTIAL {
                assert_eq!(error, Error::Truncated, "{name} cut at {length}");
            }
        }
    }
}

#[test]
fn data_that_end_before_the_last_block_are_refused() {
    for (name, data) in &ALL[..SEQUENTIAL] {
        let mut decoder = Decoder::new();
        decoder.open(data, Limit::FILE).unwrap();
        let begin = decoder.header.data_at;
        for percent in 0..99 {
            let length = begin + (data.len() - 2 - begin) * percent / 100;
            let cut = [&data[..length], &[0xff, 0xd9]].concat();
            assert!(decode(&cut, 8).is_err(), "{name} cut at {percent} %");
        }
    }
}

/// The "restart" picture, with its restart intervals, each with the marker before it, put through
/// `change`.
fn intervals(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let data = ALL[3].1;
    let mut decoder = Decoder::new();
    decoder.open(data, Limit::FILE).unwrap();
    let mut parts = vec![data[..decoder.header.data_at].to_vec(), Vec::new()];
    for (i, &byte) in data.iter().enumerate().skip(decoder.header.data_at) {
        if byte == 0xff && (0xd0..=0xd7).contains(&data[i + 1]) {
            parts.push(Vec::new());
        }
        parts.last_mut().unwrap().push(byte);
    }
    let mut intervals = parts.split_off(1);
    change(&mut intervals);
    parts.extend(intervals);
    parts.concat()
}

/// The number of units that were made up; `None` for a refusal.
fn made_up(data: &[u8]) -> Option<usize> {
    let mut decoder = Decoder::new();
    let mut picture = decoder.open(data, Limit::FILE).ok()?;
    picture.start(8).ok()?;
    picture.finish().ok()?;
    Some(picture.made_up())
}

#[test]
fn padding_before_restart_markers_changes_nothing() {
    let clean = decode(ALL[3].1, 8);
    for pad in [
        &b"\xff\0"[..],
        b"\0",
        b"\xff\0\xff\0\xff\0\xff\0",
        b"\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f",
        b"\xff\x3c\xff\x01",
        b"\xff\xff\xff",
        &[0x55; 300],
    ] {
        for every in 1..4 {
            let padded = intervals(|all| {
                let last = all.len() - 1;
                let some = all[..last].iter_mut().step_by(every);
                some.for_each(|interval| interval.extend(pad));
            });
            assert_eq!(made_up(&padded), Some(0));
            assert!(decode(&padded, 8) == clean, "{pad:x?}");
        }
    }
}

#[test]
fn a_short_interval_is_made_up_and_counted() {
    let (_, _, clean) = decode(ALL[3].1, 8).unwrap();
    let damaged = intervals(|all| {
        let half = all[1].len() / 2;
        all[1].truncate(half);
    });
    let units = made_up(&damaged).unwrap();
    assert!((1..=4).contains(&units), "{units}");
    let (_, _, pixels) = decode(&damaged, 8).unwrap();
    let differ = pixels.iter().zip(&clean).filter(|(a, b)| a != b).count();
    assert!(differ > 0 && differ <= 2 * units * 16 * 16 * 3, "{differ}");
}

#[test]
fn a_lost_interval_is_made_up_and_counted() {
    let lost = intervals(|all| drop(all.remove(2)));
    let units = made_up(&lost).unwrap();
    assert!(units > 0);
    let swapped = intervals(|all| all.swap(1, 2));
    assert_eq!(made_up(&swapped), Some(units));
}

#[test]
fn lost_intervals_at_the_end_or_too_many_are_refused() {
    let without_last = intervals(|all| {
        all.pop();
        all.last_mut().unwrap().extend([0xff, 0xd9]);
    });
    assert_eq!(made_up(&without_last), None);
    let empty = intervals(|all| {
        let last = all.len() - 1;
        all[..last]
            .iter_mut()
            .for_each(|interval| interval.truncate(2));
    });
    assert_eq!(made_up(&empty), None);
    let far = intervals(|all| drop(all.drain(1..5)));
    assert_eq!(made_up(&far), None);
}

#[test]
fn segments_between_data_and_end_change_nothing() {
    for (name, data) in &ALL[..SEQUENTIAL] {
        let ended =
            |more: &[u8]| decode(&[&data[..data.len() - 2], more, &[0xff, 0xd9]].concat(), 8);
        let clean = decode(data, 8);
        let quantisation = data.windows(2).position(|w| w == [0xff, 0xdb]).unwrap();
        let length = usize::from(data[quantisation + 3]) + 2;
        for segment in [
            &data[quantisation..quantisation + length],
            b"\xff\xdc\0\x04\0\x4b",
            b"\xff\xdd\0\x04\0\0",
            b"\xff\xfe\0\x04\xff\xd9",
        ] {
            assert!(ended(segment) == clean, "{name}: {segment:x?}");
        }
        let other_height = ended(b"\xff\xdc\0\x04\0\x60");
        assert_eq!(other_height.unwrap_err().cause(), "corrupt", "{name}");
    }
}

#[test]
fn sizes_are_limited_before_anything_is_allocated() {
    let mut huge = ALL[0].1.to_vec();
    let frame = huge.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    huge[frame + 5..frame + 9].fill(0xff);
    assert_eq!(decode(&huge, 1).unwrap_err().cause(), "too-large");
    assert_eq!(size(&huge), Some((65535, 65535)));
    huge[frame + 7..frame + 9].fill(0);
    assert_eq!(decode(&huge, 1).unwrap_err().cause(), "empty");
}

#[test]
fn unsupported_kinds_are_refused() {
    let mut other = ALL[0].1.to_vec();
    let frame = other.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    for (code, bits) in [(0xc9, 8), (0xc3, 8), (0xc1, 12)] {
        (other[frame + 1], other[frame + 4]) = (code, bits);
        assert_eq!(decode(&other, 8).unwrap_err().cause(), "format", "{code:x}");
    }
    for empty in [
        &b""[..],
        b"\xff",
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"hello",
    ] {
        assert!(decode(empty, 8).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_damage_panics(
        which in 0..ALL.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        header in any::<bool>(),
        eighths in 1usize..9,
    ) {
        let mut data = ALL[which].1.to_vec();
        let reach = if header { 700.min(data.len()) } else { data.len() };
        for (at, value) in changes {
            data[at.index(reach)] = value;
        }
        // The size may have become a large one that is allowed.
        if size(&data).is_none_or(|(w, h)| w * h < 1 << 20) {
            let _ = decode(&data, eighths);
        }
    }
}

/// A header of a picture of 640 by 480 pixels whose components have these samplings.
fn sampled(samplings: &[u8]) -> Vec<u8> {
    let count = samplings.len() as u8;
    let mut data = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    data.extend([1; 64]);
    data.extend([0xff, 0xc0, 0, 8 + 3 * count, 8, 1, 224, 2, 128, count]);
    for (id, &sampling) in samplings.iter().enumerate() {
        data.extend([id as u8, sampling, 0]);
    }
    data.extend([0xff, 0xda, 0, 6 + 2 * count, count]);
    for id in 0..count {
        data.extend([id, 0]);
    }
    data.extend([0, 63, 0]);
    data.resize(data.len() + (1 << 16), 0);
    data
}

/// What makes a frame slow is bounded: its blocks by the pixels of the mode, its values by its
/// bytes, and the tables before it.
#[test]
fn no_sampling_has_more_than_four_blocks_for_64_pixels() {
    let sides = || (1..=4_u8).flat_map(|h| (1..=4).map(move |v| h << 4 | v));
    let limit = Limit {
        width: 640,
        height: 480,
        ..Limit::FILE
    };
    let mut decoder = Decoder::new();
    let (mut most, mut accepted) = (0, 0);
    let mut check = |samplings: &[u8]| {
        if decoder.open(&sampled(samplings), limit).is_ok() {
            accepted += 1;
            most = most.max(decoder.header.frame.blocks());
        }
    };
    for a in sides() {
        check(&[a]);
        for b in sides() {
            for c in sides() {
                check(&[a, b, c]);
                check(&[a, b, c, a]);
                check(&[a, b, c, c]);
            }
        }
    }
    assert!(accepted > 50, "{accepted}");
    // Rows and columns of units reach over the picture's edge.
    assert!(most <= 4 * 640 * 480 / 64, "{most} blocks");
}

#[test]
fn a_header_of_endless_tables_or_notes_is_refused() {
    let picture = ALL[0].1;
    let table = [
        0xff, 0xc4, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let note = [0xff, 0xfe, 0, 2];
    for (segment, few, many) in [(&table[..], 100, 1000), (&note, 1000, 5000)] {
        let with = |count| [&picture[..2], &segment.repeat(count), &picture[2..]].concat();
        assert!(decode(&with(few), 8).is_ok());
        let refused = decode(&with(many), 8).unwrap_err();
        assert_eq!(refused.cause(), "corrupt", "{refused}");
    }
}

#[test]
fn a_limit_of_no_bytes_for_it_refuses_a_progressive_picture() {
    let (name, data) = ALL[7];
    let mut decoder = Decoder::new();
    let limit = Limit {
        whole: 0,
        ..Limit::FILE
    };
    let refused = decoder.open(data, limit).err().unwrap();
    assert_eq!(refused.cause(), "progressive", "{name}");
    let short = Limit {
        bytes: data.len() - 1,
        ..Limit::FILE
    };
    assert_eq!(decoder.open(data, short).err().unwrap().cause(), "too-long");
    assert!(decoder.open(ALL[0].1, limit).is_ok());
}

/// A damaged picture found no panic, in many million cases. So here the decoder's own state is
/// damaged, and its arithmetic overflows.
#[test]
fn a_panic_while_decoding_refuses_that_picture_alone() {
    let mut decoder = Decoder::new();
    let (_, data) = ALL[0];
    let failed = Err(Error::corrupt("the decoder failed on it"));
    let mut picture = decoder.open(data, Limit::FILE).unwrap();
    picture.start(8).unwrap();
    picture.eighths = usize::MAX;
    assert_eq!(picture.rgb(0, 0, &mut [0; 3]), failed);
    drop(picture);
    decoder.header.frame.width = usize::MAX;
    let mut picture = Picture {
        decoder: &mut decoder,
        data,
        eighths: 8,
        state: State::Opened,
    };
    assert_eq!(picture.start(8).map(drop), failed);
    let mut picture = decoder.open(data, Limit::FILE).unwrap();
    let (_, width, _) = picture.start(8).unwrap();
    let mut line = vec![0; 3 * width];
    picture.rgb(0, 0, &mut line).unwrap();
    picture.finish().unwrap();
    assert_eq!(line, decode(data, 8).unwrap().2[..3 * width]);
}
