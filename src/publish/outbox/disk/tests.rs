#![allow(
    clippy::reversed_empty_ranges,
    reason = "an empty range is a batch without events"
)]

use tempfile::TempDir;

use super::*;
use crate::publish::outbox::{Message, MessageKind};

const MAX: usize = 64 << 10;

fn event(number: u64) -> (u64, Message) {
    let message = Message {
        topic: "goldcrest/a/event".into(),
        payload: format!("event {number}").repeat(20).into(),
        kind: MessageKind::Event,
        correlation: None,
    };
    (number, message)
}

/// A batch of new events, after which those of `live` wait.
fn batch(new: RangeInclusive<u64>, live: RangeInclusive<u64>) -> Batch {
    Batch {
        events: new.map(event).collect(),
        done: *live.start(),
        next: *live.end() + 1,
        live: if live.is_empty() { vec![] } else { vec![live] },
    }
}

fn open(folder: &TempDir) -> (Disk, Recovered) {
    Disk::open(folder.path(), MAX).expect("the folder can be used")
}

fn numbers(recovered: &Recovered) -> Vec<u64> {
    recovered.events.iter().map(|(number, _)| *number).collect()
}

fn segments(folder: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut all: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| segment_index(path).is_some());
    all.sort();
    all
}

fn bytes(folder: &TempDir) -> u64 {
    let sizes = segments(folder).into_iter();
    sizes.map(|path| path.metadata().unwrap().len()).sum()
}

#[test]
fn what_was_written_waits_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (mut disk, nothing) = open(&folder);
    assert_eq!((nothing.events.len(), nothing.next), (0, 1));
    disk.write(&batch(1..=3, 1..=3)).unwrap();
    disk.write(&batch(4..=4, 2..=4)).unwrap();
    drop(disk);
    let (mut disk, recovered) = open(&folder);
    assert_eq!(recovered.events, (2..=4).map(event).collect::<Vec<_>>());
    assert_eq!((recovered.next, recovered.damaged), (5, 0));
    // An acknowledgement without a new event is noted too.
    disk.write(&batch(1..=0, 4..=4)).unwrap();
    drop(disk);
    assert_eq!(numbers(&open(&folder).1), [4]);
}

#[test]
fn what_was_acknowledged_out_of_turn_does_not_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut disk, _) = open(&folder);
    let out_of_turn = |new, next, live: &[RangeInclusive<u64>]| Batch {
        live: live.to_vec(),
        next,
        ..batch(new, 1..=1)
    };
    disk.write(&out_of_turn(1..=6, 7, &[1..=6])).unwrap();
    // Without a new event, behind the last one, and with a new event.
    disk.write(&out_of_turn(1..=0, 7, &[1..=1, 3..=5])).unwrap();
    drop(disk);
    let (mut disk, recovered) = open(&folder);
    assert_eq!((numbers(&recovered), recovered.next), (vec![1, 3, 4, 5], 7));
    disk.write(&out_of_turn(7..=7, 8, &[1..=1, 5..=5, 7..=7]))
        .unwrap();
    drop(disk);
    assert_eq!(numbers(&open(&folder).1), [1, 5, 7]);
}

#[test]
fn a_folder_of_which_nothing_waits_is_empty_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut disk, _) = open(&folder);
    disk.write(&batch(1..=3, 1..=3)).unwrap();
    let done = batch(1..=0, 4..=3);
    disk.write(&done).unwrap();
    disk.finish(&done);
    assert!(segments(&folder).is_empty());
    drop(disk);
    assert_eq!(numbers(&open(&folder).1), [0; 0]);
}

#[test]
fn events_that_were_acknowledged_at_once_are_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let (mut disk, _) = open(&folder);
    for done in 2..100 {
        disk.write(&batch(1..=0, done..=done - 1)).unwrap();
    }
    assert_eq!(bytes(&folder), 0);
}

#[test]
fn finished_segments_are_deleted_and_the_folder_stays_small() {
    let folder = tempfile::tempdir().unwrap();
    let (mut disk, _) = open(&folder);
    for number in 1..2000 {
        let first = number.max(101) - 100;
        disk.write(&batch(number..=number, first..=number)).unwrap();
        let live = 100 * (event(number).1.payload.len() as u64 + 60);
        assert!(bytes(&folder) < live + 2 * disk.full, "{number}");
    }
    drop(disk);
    let (_, recovered) = open(&folder);
    assert_eq!(numbers(&recovered), (1899..2000).collect::<Vec<_>>());
}

#[test]
fn two_processes_on_one_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&folder);
    let error = Disk::open(folder.path(), MAX).unwrap_err();
    assert!(error.to_string().contains("another Goldcrest"), "{error}");
    drop(first);
    open(&folder);
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Disk::open(&file.join("below"), MAX).unwrap_err();
    assert!(error.to_string().contains("write to"), "{error}");
}

#[test]
fn a_segment_cut_at_any_byte_costs_only_what_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (mut disk, _) = open(&folder);
    disk.write(&batch(1..=4, 1..=4)).unwrap();
    drop(disk);
    let path = segments(&folder).remove(0);
    let whole = fs::read(&path).unwrap();
    let each = whole.len() / 4;
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let (mut disk, recovered) = open(&folder);
        let left = (cut / each) as u64;
        assert_eq!(numbers(&recovered), (1..=left).collect::<Vec<_>>());
        assert_eq!(recovered.damaged, u64::from(cut % each != 0));
        // It goes on behind them, and all can be read again.
        let next = recovered.next;
        disk.write(&batch(next..=next, 1..=next)).unwrap();
        drop(disk);
        let (_, again) = open(&folder);
        assert_eq!(numbers(&again), (1..=next).collect::<Vec<_>>());
        for other in segments(&folder) {
            fs::remove_file(other).unwrap();
        }
    }
}

#[test]
fn damage_in_the_middle_costs_one_event() {
    let folder = tempfile::tempdir().unwrap();
    let (mut disk, _) = open(&folder);
    disk.write(&batch(1..=3, 1..=3)).unwrap();
    drop(disk);
    let path = segments(&folder).remove(0);
    let mut damaged = fs::read(&path).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let (_, recovered) = open(&folder);
    assert_eq!((numbers(&recovered), recovered.damaged), (vec![1, 3], 1));
    assert_eq!(recovered.next, 4);
}

#[test]
fn a_failed_write_is_made_up_for_later() {
    let folder = tempfile::tempdir().unwrap();
    let (mut disk, _) = open(&folder);
    disk.write(&batch(1..=2, 1..=2)).unwrap();
    // A folder in the place of the next segment, and the open one gone.
    disk.open = None;
    let place = disk.path(disk.next_segment);
    fs::create_dir(&place).unwrap();
    assert!(disk.write(&batch(3..=3, 1..=3)).is_err());
    fs::remove_dir(&place).unwrap();
    disk.write(&batch(3..=4, 1..=4)).unwrap();
    drop(disk);
    assert_eq!(numbers(&open(&folder).1), [1, 2, 3, 4]);
}

#[test]
fn what_is_no_segment_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["1.events", "notes.txt", "000000000000000z.events"] {
        fs::write(folder.path().join(name), "mine").unwrap();
    }
    let (mut disk, recovered) = open(&folder);
    assert_eq!((recovered.events.len(), recovered.damaged), (0, 0));
    disk.finish(&batch(1..=0, 1..=0));
    assert_eq!(fs::read(folder.path().join("1.events")).unwrap(), b"mine");
}

#[test]
fn a_folder_that_was_removed_is_noticed_and_made_again() {
    let around = tempfile::tempdir().unwrap();
    let folder = around.path().join("waiting");
    let (mut disk, _) = Disk::open(&folder, MAX).unwrap();
    assert!(!disk.is_gone());
    disk.write(&batch(1..=3, 1..=3)).unwrap();
    assert!(!disk.is_gone());
    fs::remove_dir_all(&folder).unwrap();
    assert!(disk.is_gone());
    disk.make_again().unwrap();
    assert!(!disk.is_gone());
    disk.write(&batch(2..=4, 2..=4)).unwrap();
    // The lock is held again.
    assert!(matches!(Disk::open(&folder, MAX), Err(FolderError::InUse)));
    drop(disk);
    assert_eq!(numbers(&Disk::open(&folder, MAX).unwrap().1), [2, 3, 4]);
}

#[test]
fn files_that_were_removed_one_by_one_are_noticed_too() {
    let folder = tempfile::tempdir().unwrap();
    let (mut disk, _) = open(&folder);
    disk.write(&batch(1..=3, 1..=3)).unwrap();
    fs::remove_file(&segments(&folder)[0]).unwrap();
    assert!(disk.is_gone());
    disk.make_again().unwrap();
    disk.write(&batch(1..=3, 1..=3)).unwrap();
    fs::remove_file(folder.path().join(LOCK)).unwrap();
    assert!(disk.is_gone());
    disk.make_again().unwrap();
    disk.write(&batch(1..=4, 1..=4)).unwrap();
    drop(disk);
    assert_eq!(numbers(&open(&folder).1), [1, 2, 3, 4]);
}

#[test]
fn a_folder_around_it_that_is_gone_is_not_made_again() {
    let around = tempfile::tempdir().unwrap();
    let folder = around.path().join("a/waiting");
    let (mut disk, _) = Disk::open(&folder, MAX).unwrap();
    fs::remove_dir_all(around.path().join("a")).unwrap();
    assert!(matches!(disk.make_again(), Err(FolderError::Io(_))));
    assert!(disk.is_gone());
    fs::create_dir(around.path().join("a")).unwrap();
    disk.make_again().unwrap();
}
