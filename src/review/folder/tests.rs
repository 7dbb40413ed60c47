use std::os::unix::fs::symlink;
use std::time::{Duration, UNIX_EPOCH};

use tempfile::TempDir;

use super::super::name::Kind;
use super::*;

const LIMITS: Limits = Limits {
    most: 5,
    max_bytes: 1000,
};

fn name(second: u64) -> Name {
    let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000 + second);
    Name::new(time, Kind::Changed, "open", 0.5)
}

/// Keeps pictures of these bytes, one a second.
fn keep_all(folder: &Path, sizes: &[usize], limits: Limits) {
    for (second, &size) in (0..).zip(sizes) {
        keep(folder, &name(second), &vec![1; size], limits).unwrap();
    }
}

/// The seconds of the pictures that are there.
fn seconds(folder: &Path) -> Vec<u64> {
    let there = |&second: &u64| folder.join(name(second).to_string()).exists();
    (0..200).filter(there).collect()
}

#[test]
fn the_oldest_go_first_beyond_either_bound() {
    let folder = TempDir::new().unwrap();
    keep_all(folder.path(), &[10; 8], LIMITS);
    assert_eq!(seconds(folder.path()), [3, 4, 5, 6, 7]);
    keep(folder.path(), &name(8), &[1; 965], LIMITS).unwrap();
    assert_eq!(seconds(folder.path()), [5, 6, 7, 8]);
    keep(folder.path(), &name(9), &[1; 1000], LIMITS).unwrap();
    assert_eq!(seconds(folder.path()), [9]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn lower_bounds_take_effect_with_the_next_picture() {
    let folder = TempDir::new().unwrap();
    let wide = Limits {
        most: 150,
        max_bytes: 10_000,
    };
    keep_all(folder.path(), &[10; 120], wide);
    keep(folder.path(), &name(120), &[1; 10], LIMITS).unwrap();
    assert_eq!(seconds(folder.path()), [116, 117, 118, 119, 120]);
}

#[test]
fn what_is_not_ours_is_neither_counted_nor_removed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let outside = TempDir::new().unwrap();
    let far = outside.path().join("far.jpg");
    fs::write(&far, [1; 5000]).unwrap();
    fs::write(path.join("holiday.jpg"), [1; 5000]).unwrap();
    symlink(&far, path.join(name(0).to_string())).unwrap();
    fs::create_dir(path.join(name(1).to_string())).unwrap();
    // Sorted by a person, and safe there.
    fs::create_dir(path.join("open")).unwrap();
    fs::write(path.join("open").join(name(2).to_string()), [1; 5000]).unwrap();
    for second in 10..20 {
        keep(path, &name(second), &[1; 10], LIMITS).unwrap();
    }
    assert_eq!(seconds(path), [0, 1, 15, 16, 17, 18, 19]);
    assert!(path.join("holiday.jpg").exists() && far.exists());
    assert_eq!(fs::read_dir(path.join("open")).unwrap().count(), 1);
    assert_eq!(look(path).unwrap().count, 5);
}

#[test]
fn a_link_in_the_way_is_not_written_through() {
    let folder = TempDir::new().unwrap();
    let outside = TempDir::new().unwrap();
    let far = outside.path().join("far.jpg");
    fs::write(&far, b"far").unwrap();
    symlink(&far, folder.path().join(UNFINISHED)).unwrap();
    symlink(&far, folder.path().join(name(0).to_string())).unwrap();
    keep(folder.path(), &name(0), b"new", LIMITS).unwrap();
    assert_eq!(fs::read(&far).unwrap(), b"far");
    let kept = folder.path().join(name(0).to_string());
    assert!(kept.symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read(kept).unwrap(), b"new");
}

#[test]
fn a_picture_that_cannot_be_written_costs_no_other() {
    let folder = TempDir::new().unwrap();
    keep_all(folder.path(), &[10; 5], LIMITS);
    fs::create_dir(folder.path().join(UNFINISHED)).unwrap();
    let refused = keep(folder.path(), &name(5), b"new", LIMITS).unwrap_err();
    assert!(refused.to_string().contains(UNFINISHED), "{refused}");
    assert_eq!(seconds(folder.path()), [0, 1, 2, 3, 4]);
}

#[test]
fn a_folder_that_vanished_is_made_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a/b");
    assert!(keep(&path, &name(0), b"new", LIMITS).is_err());
    assert!(make(&path).unwrap());
    assert!(!make(&path).unwrap());
    keep(&path, &name(0), b"new", LIMITS).unwrap();
    let file = path.join(name(0).to_string());
    assert!(make(&file).unwrap_err().to_string().contains("open-0.50"));
}
