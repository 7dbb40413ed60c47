use std::fs;

use super::*;
use crate::lessons::record::tests::{FEATURES, example};

const MODEL: &str = "6fef886a913d201fa2201a7f01c1fb6f028d983b10da78cad39422a932f34486";

fn open(folder: &Path) -> (Store, Vec<String>) {
    let folder = Folder::open(folder).unwrap();
    Store::open(&folder, MODEL, FEATURES, 10).unwrap()
}

/// A folder with five examples of two labels.
fn taught() -> (tempfile::TempDir, Vec<Example>) {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, notes) = open(folder.path());
    assert!(notes.is_empty() && store.examples().is_empty());
    for n in 0..5 {
        let label = if n % 2 == 0 { "open" } else { "halb öffen" };
        store.add(example(label, n)).unwrap();
    }
    let examples = store.examples().to_vec();
    assert_eq!(examples.len(), 5);
    (folder, examples)
}

/// What a start finds in the folder.
fn found(folder: &Path) -> Vec<Example> {
    let (store, notes) = open(folder);
    assert!(notes.is_empty(), "{notes:?}");
    store.examples().to_vec()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn examples_survive_a_restart() {
    let (folder, examples) = taught();
    assert_eq!(found(folder.path()), examples);
    assert_eq!(
        names(folder.path()),
        ["lessons-6fef886a913d201f.examples", "lessons.lock"]
    );
}

#[test]
fn undo_takes_the_newest_back_until_nothing_is_left() {
    let (folder, examples) = taught();
    let (mut store, _) = open(folder.path());
    for left in (0..5).rev() {
        assert_eq!(store.undo().unwrap().as_ref(), Some(&examples[left]));
        assert_eq!(store.examples(), &examples[..left]);
    }
    assert_eq!(store.undo().unwrap(), None);
    store.add(examples[3].clone()).unwrap();
    drop(store);
    assert_eq!(found(folder.path()), examples[3..4]);
}

#[test]
fn forget_takes_all_of_a_label_and_no_other() {
    let (folder, examples) = taught();
    let (mut store, _) = open(folder.path());
    assert!(store.forget("opened").unwrap().is_empty());
    assert_eq!(store.forget("open").unwrap().len(), 3);
    let left = [examples[1].clone(), examples[3].clone()];
    assert_eq!(store.examples(), left);
    store.add(examples[0].clone()).unwrap();
    store.undo().unwrap();
    drop(store);
    assert_eq!(found(folder.path()), left);
}

#[test]
fn a_full_store_refuses_and_keeps_what_it_has() {
    let (folder, _) = taught();
    let (mut store, _) = open(folder.path());
    for n in 5..10 {
        store.add(example("open", n)).unwrap();
    }
    let refused = store.add(example("open", 10)).unwrap_err().to_string();
    assert_eq!(
        refused,
        "10 examples are kept, which is teach.max_examples; forget a label, undo, or set more"
    );
    drop(store);
    assert_eq!(found(folder.path()).len(), 10);
    // Fewer may be allowed later: none is dropped for that.
    let folder = Folder::open(folder.path()).unwrap();
    let refused = Store::open(&folder, MODEL, FEATURES, 9).unwrap_err();
    assert_eq!(refused.exit_code(), 78);
    assert!(refused.to_string().contains("set at least 10"), "{refused}");
}

#[test]
fn the_number_of_labels_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let folder = Folder::open(folder.path()).unwrap();
    let (mut store, _) = Store::open(&folder, MODEL, FEATURES, 200).unwrap();
    for n in 0..LABELS {
        store.add(example(&format!("label {n}"), 0)).unwrap();
    }
    let refused = store.add(example("one more", 0)).unwrap_err().to_string();
    assert!(refused.starts_with("50 labels are taught"), "{refused}");
    store.add(example("label 7", 1)).unwrap();
}

#[test]
fn a_kill_at_any_byte_of_a_write_loses_nothing_from_before() {
    let (folder, examples) = taught();
    let path = Folder::open(folder.path()).unwrap().examples(MODEL);
    let bytes = fs::read(&path).unwrap();
    let last = open(folder.path()).0.starts[4] as usize;
    for length in last..bytes.len() {
        let again = tempfile::tempdir().unwrap();
        let path = again.path().join(path.file_name().unwrap());
        fs::write(&path, &bytes[..length]).unwrap();
        let (mut store, notes) = open(again.path());
        assert_eq!(store.examples(), &examples[..4], "{length}");
        assert_eq!(notes.len(), usize::from(length > last), "{notes:?}");
        // It goes on from there, and the next start finds a file that is whole.
        store.add(examples[4].clone()).unwrap();
        drop(store);
        assert_eq!(found(again.path()), examples);
    }
}

#[test]
fn a_flipped_byte_costs_one_example_and_the_file_is_kept() {
    let (folder, examples) = taught();
    let path = Folder::open(folder.path()).unwrap().examples(MODEL);
    let mut bytes = fs::read(&path).unwrap();
    let second = open(folder.path()).0.starts[1] as usize;
    bytes[second + 30] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (store, notes) = open(folder.path());
    let left = [&examples[..1], &examples[2..]].concat();
    assert_eq!(store.examples(), left);
    assert_eq!(notes.len(), 1);
    let wanted = format!(
        "one of its records damaged, the first at byte {second}, by a power cut or by the disk; the other 4 examples \
         are used, and the file is kept as "
    );
    assert!(notes[0].contains(&wanted), "{notes:?}");
    drop(store);
    let copy = folder
        .path()
        .join("lessons-6fef886a913d201f.examples.damaged-1");
    assert_eq!(fs::read(copy).unwrap(), bytes);
    assert_eq!(found(folder.path()), left);
}

#[test]
fn a_file_of_something_else_is_set_aside_and_named() {
    let (folder, examples) = taught();
    let path = Folder::open(folder.path()).unwrap().examples(MODEL);
    let bytes = fs::read(&path).unwrap();
    for (n, at) in [0, 9, 13, 40, 82].into_iter().enumerate() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let (mut store, notes) = open(folder.path());
        assert!(store.examples().is_empty());
        let copy = format!("examples.damaged-{}", n + 1);
        assert!(notes[0].contains(&copy), "{notes:?}");
        store.add(examples[0].clone()).unwrap();
        drop(store);
        assert_eq!(found(folder.path()), examples[..1]);
    }
}

#[test]
fn a_full_disk_refuses_the_example_and_loses_none() {
    let (folder, examples) = taught();
    let (mut store, _) = open(folder.path());
    // Every write to this device fails as on a full disk.
    store.file = Some(File::options().append(true).open("/dev/full").unwrap());
    let refused = store.add(example("open", 9)).unwrap_err().to_string();
    assert!(
        refused.contains("No space left") && refused.ends_with("nothing was taught"),
        "{refused}"
    );
    assert_eq!(store.examples(), examples);
    // There is room again.
    store.add(example("open", 9)).unwrap();
    drop(store);
    assert_eq!(found(folder.path()).len(), 6);
}

#[test]
fn a_folder_that_is_gone_changes_nothing_in_memory() {
    let (folder, examples) = taught();
    let (mut store, _) = open(folder.path());
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(store.forget("open").is_err());
    assert!(store.undo().is_err());
    assert!(store.add(examples[0].clone()).is_err());
    assert_eq!(store.examples(), examples);
    fs::create_dir(folder.path()).unwrap();
    store.undo().unwrap();
    drop(store);
    assert_eq!(found(folder.path()), examples[..4]);
}

#[test]
fn two_daemons_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = Folder::open(folder.path()).unwrap();
    let second = Folder::open(folder.path()).unwrap_err();
    assert_eq!(second.exit_code(), 69);
    assert_eq!(
        second.to_string(),
        format!(
            "teach.folder {} is in use by another Goldcrest; give each a folder of its own",
            folder.path().display()
        )
    );
    drop(first);
    Folder::open(folder.path()).unwrap();
}

#[test]
fn examples_of_another_model_stay_apart() {
    let (folder, examples) = taught();
    let folder = Folder::open(folder.path()).unwrap();
    let other = "c0ffee".repeat(10) + "cafe";
    let (mut store, _) = Store::open(&folder, &other, FEATURES, 10).unwrap();
    assert!(store.examples().is_empty());
    assert_eq!(folder.others(&other), ["lessons-6fef886a913d201f.examples"]);
    store.add(example("shut", 0)).unwrap();
    let (store, _) = Store::open(&folder, MODEL, FEATURES, 10).unwrap();
    assert_eq!(store.examples(), examples);
}
