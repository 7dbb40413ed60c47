use std::fs;

use tempfile::TempDir;

use super::*;
use crate::frame::{Captured, PixelFormat};

fn frame(seq: u64, second: u64, level: u8) -> Frame {
    Frame {
        format: PixelFormat::Grey,
        width: 64,
        height: 48,
        stride: 64,
        data: vec![level; 64 * 48].into(),
        seq,
        captured: Captured {
            elapsed: Duration::from_secs(second),
            wall: std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + second),
        },
        ..Frame::empty()
    }
}

const OPEN: Moment<'static> = Moment {
    kind: Kind::Changed,
    label: "open",
    score: 0.9,
};
const DOUBT: Moment<'static> = Moment {
    kind: Kind::Uncertain,
    label: "shut",
    score: 0.5,
};

/// The defaults, with pictures in `folder`.
fn config(folder: &std::path::Path) -> Config {
    Config {
        folder: Some(folder.into()),
        ..Config::default()
    }
}

/// Of a frame that was looked at as a whole and showed `moment`.
fn doubts(moment: Option<Moment<'_>>) -> Doubts {
    let mut doubts = Doubts::default();
    doubts.looked.add(0);
    if moment.is_some_and(|moment| moment.kind == Kind::Uncertain) {
        doubts.uncertain.add(0);
    }
    doubts
}

struct Bench {
    folder: TempDir,
    reviews: Reviews,
    seq: u64,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("review");
        let reviews = Reviews::start(&config(&path), vec![Default::default()]);
        Self {
            folder,
            reviews: reviews.unwrap(),
            seq: 0,
        }
    }

    /// Goes on under another `[vision]`.
    fn see(&mut self, text: &str) {
        let config = config(&self.folder.path().join("review"));
        self.reviews
            .configure(&config, vec![toml::from_str(text).unwrap()]);
    }

    /// Passes a frame of `second`, and waits until the thread is done with it.
    fn pass(&mut self, second: u64, near: bool, moment: Option<Moment<'_>>) {
        let mut frame = frame(self.seq, second, 200);
        self.reviews.frame(&frame, near);
        // As the pipeline does before the inference.
        frame.data = Vec::new().into();
        self.reviews.passed(&frame, (moment, 0), doubts(moment));
        self.seq += 1;
        let end = Instant::now() + Duration::from_secs(60);
        while self.reviews.kept.is_none() {
            assert!(Instant::now() < end, "the thread does not answer");
            self.reviews.settle();
            std::thread::yield_now();
        }
    }

    /// The names that are there, without the date, in the order of time.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("review"));
        let entries = entries.into_iter().flatten();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.map(|name| name[9..].to_string()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_change_is_kept_with_its_time_label_and_score() {
    let mut bench = Bench::new();
    bench.pass(0, false, None);
    bench.pass(1, true, None);
    bench.pass(2, true, Some(OPEN));
    assert_eq!(bench.names(), ["014642Z-changed-open-0.90.jpg"]);
    assert_eq!(bench.reviews.settle(), 0);
}

#[test]
fn a_moment_is_uncertain_once_two_frames_in_a_row_are() {
    let mut bench = Bench::new();
    bench.pass(0, false, Some(DOUBT));
    bench.pass(1, false, None);
    bench.pass(2, false, Some(DOUBT));
    assert!(bench.names().is_empty());
    bench.pass(3, false, Some(DOUBT));
    assert_eq!(bench.names(), ["014643Z-uncertain-shut-0.50.jpg"]);
    // Then the interval must pass.
    bench.pass(50, false, Some(DOUBT));
    assert_eq!(bench.names().len(), 1);
    bench.pass(63, false, Some(DOUBT));
    assert_eq!(bench.names().len(), 2);
    assert_eq!(bench.reviews.settle(), 0);
}

#[test]
fn frames_that_cannot_be_kept_are_not_copied() {
    let mut bench = Bench::new();
    bench.pass(0, true, Some(OPEN));
    for (seq, near, doubted) in [(10, true, false), (11, false, false), (12, false, true)] {
        bench.reviews.doubted = if doubted {
            Places::ALL
        } else {
            Places::default()
        };
        bench.reviews.frame(&frame(seq, 1, 30), near);
        assert_eq!(bench.reviews.copied.is_some(), doubted, "{seq}");
    }
}

#[test]
fn a_change_while_the_thread_works_is_counted() {
    let mut bench = Bench::new();
    let place = bench.reviews.kept.take();
    let one = frame(0, 0, 30);
    bench.reviews.frame(&one, true);
    bench
        .reviews
        .passed(&one, (Some(OPEN), 0), doubts(Some(OPEN)));
    assert_eq!(bench.reviews.settle(), 1);
    bench.reviews.kept = place;
    bench.pass(1, true, Some(OPEN));
    assert_eq!(bench.names().len(), 1);
}

#[test]
fn a_folder_that_is_removed_is_made_again() {
    let mut bench = Bench::new();
    bench.pass(0, true, Some(OPEN));
    fs::remove_dir_all(bench.folder.path().join("review")).unwrap();
    bench.pass(100, true, Some(OPEN));
    assert_eq!(bench.names().len(), 1);
    // What is no folder is said, and ends nothing.
    let path = bench.folder.path().join("review");
    fs::remove_dir_all(&path).unwrap();
    fs::write(&path, "a file").unwrap();
    bench.pass(200, true, Some(OPEN));
    assert_eq!(bench.reviews.settle(), 1);
    assert_eq!(fs::read(&path).unwrap(), b"a file");
}

#[test]
fn a_start_counts_what_is_there_and_new_bounds_hold_at_once() {
    let mut bench = Bench::new();
    for second in [0, 100, 200] {
        bench.pass(second, true, Some(OPEN));
    }
    let path = bench.folder.path().join("review");
    let config = Config {
        most: 2,
        ..config(&path)
    };
    bench.reviews = Reviews::start(&config, vec![Default::default()]).unwrap();
    bench.pass(300, true, Some(OPEN));
    let kept = [
        "015000Z-changed-open-0.90.jpg",
        "015140Z-changed-open-0.90.jpg",
    ];
    assert_eq!(bench.names(), kept);
    let fewer = Config {
        most: 1,
        interval: 1.0,
        ..config
    };
    bench.reviews.configure(&fewer, vec![Default::default()]);
    bench.pass(301, true, Some(OPEN));
    assert_eq!(bench.names(), ["015141Z-changed-open-0.90.jpg"]);
}

#[test]
fn another_folder_and_form_hold_from_the_next_picture_on() {
    let mut bench = Bench::new();
    bench.pass(0, true, Some(OPEN));
    let other = bench.folder.path().join("other");
    let small = Config {
        longest_side: 32,
        ..config(&other)
    };
    bench.reviews.configure(&small, vec![Default::default()]);
    bench.pass(100, true, Some(OPEN));
    assert_eq!(bench.names().len(), 1);
    let mut kept = fs::read_dir(&other).unwrap().map(|e| e.unwrap().path());
    let picture = image::open(kept.next().unwrap()).unwrap();
    assert_eq!((picture.width(), picture.height()), (32, 24));
    // Without a folder nothing is kept, and nothing is missed.
    bench
        .reviews
        .configure(&Config::default(), vec![Default::default()]);
    bench.pass(200, true, Some(OPEN));
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
    assert_eq!((bench.names().len(), bench.reviews.settle()), (1, 0));
    bench.reviews.configure(&small, vec![Default::default()]);
    bench.pass(300, true, Some(OPEN));
    assert_eq!(fs::read_dir(&other).unwrap().count(), 2);
}

#[test]
fn what_is_masked_or_beside_the_crop_is_black() {
    let mut bench = Bench::new();
    bench.see("masks = [[0, 0, 0.25, 1]]\ncrop = [0, 0, 0.5, 1]");
    bench.pass(0, true, Some(OPEN));
    let name = format!("20010909T{}", bench.names()[0]);
    let path = bench.folder.path().join("review").join(name);
    let picture = image::open(path).unwrap().into_luma8();
    assert_eq!(picture.dimensions(), (64, 48));
    let levels = [4, 24, 50].map(|x| picture.get_pixel(x, 20).0[0]);
    assert!(
        levels[0] < 8 && levels[1] > 180 && levels[2] < 8,
        "{levels:?}"
    );
}

#[test]
fn a_frame_that_was_copied_under_other_masks_is_given_up() {
    let mut bench = Bench::new();
    let one = frame(0, 0, 30);
    bench.reviews.frame(&one, true);
    bench.see("masks = [[0, 0, 1, 1]]");
    bench
        .reviews
        .passed(&one, (Some(OPEN), 0), doubts(Some(OPEN)));
    assert_eq!(bench.reviews.settle(), 1);
    assert!(bench.names().is_empty());
}

#[test]
fn regions_in_turn_are_uncertain_each_by_itself() {
    let mut bench = Bench::new();
    for (seq, place) in [(0, 0), (1, 1), (2, 0)] {
        let frame = frame(seq, 100 + seq, 200);
        let mut doubts = Doubts::default();
        doubts.looked.add(place);
        let moment = (place == 0).then_some(DOUBT);
        if moment.is_some() {
            doubts.uncertain.add(place);
        }
        bench.reviews.frame(&frame, false);
        bench.reviews.passed(&frame, (moment, place), doubts);
    }
    // The region's second look is uncertain again, though another was looked at in between.
    assert!(bench.reviews.kept.is_none(), "the thread has the copy");
}
