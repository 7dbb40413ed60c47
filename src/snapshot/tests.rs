use std::time::Duration;

use super::*;
use crate::frame::PixelFormat;

fn frame(seq: u64, level: u8) -> Frame {
    Frame {
        format: PixelFormat::Grey,
        width: 64,
        height: 48,
        stride: 64,
        data: vec![level; 64 * 48].into(),
        seq,
        ..Frame::empty()
    }
}

fn event(id: &str) -> Option<Event> {
    Some(Event {
        id: id.into(),
        label: "open".into(),
        region: None,
    })
}

fn snapshots() -> Snapshots {
    Snapshots::start(&Config::default(), &vision::Config::default()).unwrap()
}

/// Waits until the thread has answered.
fn answer(snapshots: &mut Snapshots) -> Option<Snapshot> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let ready = snapshots.ready();
        if ready.is_some() || (snapshots.kept.is_some() && snapshots.made.is_none()) {
            return ready;
        }
        assert!(Instant::now() < end, "the thread does not answer");
        std::thread::yield_now();
    }
}

fn level(snapshot: &Snapshot) -> u8 {
    let decoded = image::load_from_memory(&snapshot.picture.jpeg).unwrap();
    decoded.into_luma8().get_pixel(40, 24).0[0]
}

#[test]
fn an_event_gets_the_picture_of_its_frame() {
    let mut snapshots = snapshots();
    snapshots.frame(&frame(0, 30), false);
    snapshots.passed(&frame(0, 30), None);
    let mut decisive = frame(1, 200);
    snapshots.frame(&decisive, true);
    // As the pipeline does before the inference.
    decisive.data = Vec::new().into();
    snapshots.passed(&decisive, event("7-1"));
    let snapshot = answer(&mut snapshots).unwrap();
    assert_eq!((snapshot.event, snapshot.seq), (event("7-1"), 1));
    assert!(!snapshot.command);
}

#[test]
fn a_frame_that_decided_nothing_has_no_picture() {
    let mut snapshots = snapshots();
    snapshots.frame(&frame(0, 30), true);
    snapshots.passed(&frame(0, 30), None);
    assert_eq!(answer(&mut snapshots), None);
    assert_eq!(snapshots.missed(), 0);
}

#[test]
fn a_picture_is_of_its_own_frame_and_masked() {
    let masks = "masks = [[0, 0, 0.25, 1]]";
    let mut snapshots = snapshots();
    snapshots.set_vision(&toml::from_str(masks).unwrap());
    for (seq, shade) in [(0, 60), (1, 220)] {
        snapshots.frame(&frame(seq, shade), true);
        snapshots.passed(&frame(seq, shade), event("e"));
        let snapshot = answer(&mut snapshots).unwrap();
        let wanted = crate::frame::Ycbcr::new(Default::default()).grey(shade);
        assert!(level(&snapshot).abs_diff(wanted) < 3);
        let picture = image::load_from_memory(&snapshot.picture.jpeg).unwrap();
        assert!(picture.into_luma8().get_pixel(4, 20).0[0] < 3);
    }
}

#[test]
fn a_picture_that_is_asked_for_is_of_the_next_frame() {
    let mut snapshots = snapshots();
    snapshots.request();
    snapshots.frame(&frame(5, 90), false);
    snapshots.passed(&frame(5, 90), None);
    let snapshot = answer(&mut snapshots).unwrap();
    assert_eq!((snapshot.event, snapshot.seq), (None, 5));
    assert!(snapshot.command);
    snapshots.frame(&frame(6, 90), false);
    snapshots.passed(&frame(6, 90), None);
    assert_eq!(answer(&mut snapshots), None);
}

#[test]
fn without_a_place_for_the_copy_an_event_is_counted() {
    let mut snapshots = snapshots();
    let place = snapshots.kept.take();
    snapshots.frame(&frame(0, 30), true);
    snapshots.passed(&frame(0, 30), event("e"));
    assert_eq!(snapshots.missed(), 1);
    snapshots.kept = place;
    snapshots.frame(&frame(1, 30), true);
    snapshots.passed(&frame(1, 30), event("f"));
    assert_eq!(answer(&mut snapshots).unwrap().seq, 1);
}

#[test]
fn a_picture_seen_through_earlier_masks_is_given_up() {
    let mut snapshots = snapshots();
    snapshots.frame(&frame(0, 30), true);
    snapshots.passed(&frame(0, 30), event("e"));
    snapshots.set_vision(&toml::from_str("masks = [[0, 0, 1, 1]]").unwrap());
    assert_eq!(answer(&mut snapshots), None);
    assert_eq!(snapshots.missed(), 1);
    snapshots.frame(&frame(1, 200), true);
    snapshots.passed(&frame(1, 200), event("f"));
    assert_eq!(level(&answer(&mut snapshots).unwrap()), 0);
}

#[test]
fn a_frame_that_is_no_picture_is_counted() {
    let mut snapshots = snapshots();
    let mut broken = frame(0, 30);
    broken.format = PixelFormat::Jpeg;
    snapshots.frame(&broken, true);
    snapshots.passed(&broken, event("e"));
    assert_eq!(answer(&mut snapshots), None);
    assert_eq!(snapshots.missed(), 1);
}

#[test]
fn events_at_each_frame_all_have_pictures_if_there_is_time() {
    let mut snapshots = snapshots();
    let mut pictures = Vec::new();
    for seq in 0..20 {
        // As the main loop: it takes what is ready, then a frame once one comes.
        pictures.extend(snapshots.ready().map(|snapshot| snapshot.seq));
        let end = Instant::now() + Duration::from_secs(60);
        while snapshots.copied != Some(seq) {
            assert!(Instant::now() < end, "the thread does not answer");
            snapshots.frame(&frame(seq, 30), true);
            std::thread::yield_now();
        }
        snapshots.passed(&frame(seq, 30), event("e"));
    }
    while pictures.len() < 20 {
        pictures.extend(answer(&mut snapshots).map(|snapshot| snapshot.seq));
    }
    assert_eq!(pictures, (0..20).collect::<Vec<_>>());
    assert_eq!(snapshots.missed(), 0);
}

#[test]
fn a_made_picture_is_given_up_if_the_masks_change() {
    let mut snapshots = snapshots();
    snapshots.frame(&frame(0, 30), true);
    snapshots.passed(&frame(0, 30), event("e"));
    let end = Instant::now() + Duration::from_secs(60);
    while snapshots.made.is_none() {
        assert!(Instant::now() < end, "the thread does not answer");
        snapshots.frame(&frame(1, 30), true);
    }
    snapshots.set_vision(&toml::from_str("masks = [[0, 0, 1, 1]]").unwrap());
    assert_eq!(snapshots.ready(), None);
    assert_eq!(snapshots.missed(), 1);
}
