//! What a cache knows in the next run, and what becomes of a damaged one.

use std::fs;

use super::*;

fn filled(folder: &Path) -> Vec<u8> {
    let mut cache = Cache::open(folder, [7; 32], 3);
    cache.add([1; 16], &[1.0, 2.0, 3.0]);
    cache.add([2; 16], &[4.0, 5.0, 6.0]);
    cache.save(true);
    fs::read(folder.join(NAME)).unwrap()
}

#[test]
fn features_are_known_in_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let mut cache = Cache::open(folder.path(), [7; 32], 3);
    assert_eq!(cache.get(&[2; 16]), Some(&[4.0, 5.0, 6.0][..]));
    assert_eq!(cache.get(&[3; 16]), None);
    // Of an interrupted run everything is kept, of a whole one what it used.
    cache.save(false);
    let mut cache = Cache::open(folder.path(), [7; 32], 3);
    assert!(cache.knows(&[1; 16]));
    cache.save(true);
    let cache = Cache::open(folder.path(), [7; 32], 3);
    assert!(cache.get(&[1; 16]).is_some() && cache.get(&[2; 16]).is_none());
}

#[test]
fn other_settings_make_a_cache_worthless() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    for (settings, width) in [([8; 32], 3), ([7; 32], 4)] {
        let cache = Cache::open(folder.path(), settings, width);
        assert_eq!(cache.get(&[1; 16]), None);
    }
}

#[test]
fn a_damaged_cache_is_ignored_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    let whole = filled(folder.path());
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        Cache::open(folder.path(), [7; 32], 3).known.len()
    };
    assert_eq!(read(&whole), 2);
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        assert_eq!(read(&flipped), 0, "byte {at}");
        assert_eq!(read(&whole[..at]), 0, "cut at {at}");
    }
    let longer = [&whole[..], b"x"].concat();
    assert_eq!(read(&longer), 0);
    assert_eq!(filled(folder.path()), whole);
}

#[test]
fn a_folder_that_cannot_be_written_costs_no_more_than_time() {
    let mut cache = Cache::open(Path::new("/proc/nowhere"), [7; 32], 3);
    cache.add([1; 16], &[1.0, 2.0, 3.0]);
    assert!(cache.get(&[1; 16]).is_some());
    cache.save(true);
}

#[test]
fn a_key_is_of_all_that_a_frame_is() {
    let frame = |data: &[u8], width| Frame {
        width,
        height: 1,
        data: data.to_vec().into(),
        ..Frame::empty()
    };
    let keys = [
        key(&frame(b"abc", 1)),
        key(&frame(b"abd", 1)),
        key(&frame(b"abc", 3)),
    ];
    assert!(keys[0] != keys[1] && keys[0] != keys[2]);
    assert_eq!(keys[0], key(&frame(b"abc", 1)));
}
