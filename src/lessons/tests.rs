use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::worker::Worker;
use super::*;
use crate::engine::{HexDigest, Taught};

/// The model that all examples here have features of.
fn shipped() -> HexDigest {
    let digits = "6fef886a913d201fa2201a7f01c1fb6f028d983b10da78cad39422a932f34486";
    digits.parse().unwrap()
}
const WIDTH: usize = 16;

fn open(path: &Path) -> (Worker, Option<(Taught, HexDigest)>, Vec<String>) {
    Worker::open(&Config::default(), path, &shipped(), Some(WIDTH)).unwrap()
}

/// An example of a label that differs from that of other numbers, in a burst of its own.
fn example(label: &str, number: u64) -> Task {
    let kind = label.bytes().map(u64::from).sum::<u64>() as usize % WIDTH;
    let feature = |k: usize| {
        let own = if k == kind { 3.0 } else { 0.0 };
        own + ((k as u64 * 7 + number * 13) % 11) as f32 * 0.05
    };
    Task::Example {
        label: label.into(),
        features: (0..WIDTH).map(feature).collect(),
        moment: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + 600 * number),
        edges: None,
        shot: None,
    }
}

/// Has the worker do one task; returns the news.
fn work(worker: &mut Worker, task: Task) -> News {
    let news = worker.work(vec![(Some(7), task)], false);
    assert_eq!(news.answers[0].0, 7);
    news
}

fn teach(worker: &mut Worker, label: &str, number: u64) -> News {
    let news = work(worker, example(label, number));
    assert_eq!(news.answers[0].1, Ok(Did::Taught(label.into())));
    news
}

fn labels(head: &Change) -> Vec<&str> {
    match head {
        Change::Head(taught, _) => taught.labels.iter().map(String::as_str).collect(),
        other => panic!("no head: {other:?}"),
    }
}

/// A folder in which two labels of three examples each were taught.
fn taught() -> (tempfile::TempDir, HexDigest) {
    let folder = tempfile::tempdir().unwrap();
    let (mut worker, ..) = open(folder.path());
    let mut sha256 = HexDigest::default();
    for number in 0..6 {
        let label = ["open", "shut"][number as usize % 2];
        if let Change::Head(_, hash) = teach(&mut worker, label, number).change {
            sha256 = hash;
        }
    }
    assert_eq!(sha256.len(), 64);
    (folder, sha256)
}

#[test]
fn one_label_is_kept_and_tells_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut worker, head, notes) = open(folder.path());
    assert!(head.is_none() && notes.is_empty());
    let first = worker.work(Vec::new(), true);
    assert!(matches!(first.change, Change::None));
    assert_eq!(
        first.state.missing.as_deref(),
        Some("nothing is taught yet")
    );
    let news = teach(&mut worker, "open", 0);
    assert!(matches!(news.change, Change::None), "{:?}", news.change);
    assert_eq!(
        news.state.missing.as_deref(),
        Some("\"open\" is the only label; teach a second one, such as \"none\" for all else")
    );
    assert_eq!(news.state.examples(), 1);
    let news = teach(&mut worker, "none", 1);
    assert_eq!(labels(&news.change), ["none", "open"]);
    assert_eq!(news.state.missing, None);
}

#[test]
fn a_restart_has_the_head_of_before() {
    let (folder, sha256) = taught();
    let (mut worker, head, notes) = open(folder.path());
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(head.map(|(_, hash)| hash), Some(sha256.clone()));
    // Fitted again to the same examples, it is the same to the bit.
    match worker.work(Vec::new(), true).change {
        Change::Head(_, hash) => assert_eq!(hash, sha256),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kill_between_example_and_head_is_made_up_for() {
    let (folder, sha256) = taught();
    let path = folder.path().join("lessons-6fef886a913d201f.head");
    let before = fs::read(&path).unwrap();
    let (mut worker, ..) = open(folder.path());
    teach(&mut worker, "ajar", 7);
    drop(worker);
    fs::write(&path, before).unwrap();
    let (mut worker, head, _) = open(folder.path());
    assert_eq!(head.map(|(_, hash)| hash), Some(sha256));
    let news = worker.work(Vec::new(), true);
    assert_eq!(labels(&news.change), ["ajar", "open", "shut"]);
}

#[test]
fn a_head_that_is_damaged_or_missing_is_fitted_again() {
    let (folder, sha256) = taught();
    let path = folder.path().join("lessons-6fef886a913d201f.head");
    let whole = fs::read(&path).unwrap();
    for length in [None, Some(0), Some(whole.len() / 2), Some(whole.len() - 1)] {
        match length {
            Some(length) => fs::write(&path, &whole[..length]).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let (mut worker, head, notes) = open(folder.path());
        assert!(head.is_none());
        assert_eq!(notes.len(), usize::from(length.is_some()), "{notes:?}");
        match worker.work(Vec::new(), true).change {
            Change::Head(_, hash) => assert_eq!(hash, sha256),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn forgetting_all_but_one_label_takes_the_head_away() {
    let (folder, _) = taught();
    let (mut worker, ..) = open(folder.path());
    let news = work(&mut worker, Task::Forget("open".into()));
    assert_eq!(news.answers[0].1, Ok(Did::Forgot("open".into(), 3)));
    assert!(matches!(news.change, Change::Gone), "{:?}", news.change);
    assert_eq!(news.state.quality, None);
    drop(worker);
    let (mut worker, head, _) = open(folder.path());
    assert!(head.is_none());
    let news = work(&mut worker, Task::Forget("door".into()));
    assert_eq!(
        news.answers[0].1,
        Err("\"door\" has no examples; taught are shut".into())
    );
    for left in (0..3).rev() {
        let news = work(&mut worker, Task::Undo);
        assert_eq!(news.answers[0].1, Ok(Did::Undid("shut".into())));
        assert_eq!(news.state.examples(), left);
    }
    let news = work(&mut worker, Task::Undo);
    assert!(news.answers[0].1.is_err());
}

#[test]
fn lessons_that_wait_together_have_one_fit() {
    let folder = tempfile::tempdir().unwrap();
    let (mut worker, ..) = open(folder.path());
    let tasks = (0..6).map(|n| (Some(n), example(["a", "b", "c"][n as usize % 3], n)));
    let news = worker.work(tasks.collect(), false);
    let tickets: Vec<u64> = news.answers.iter().map(|(ticket, _)| *ticket).collect();
    assert_eq!(tickets, [0, 1, 2, 3, 4, 5]);
    assert!(news.answers.iter().all(|(_, done)| done.is_ok()));
    assert_eq!(labels(&news.change), ["a", "b", "c"]);
    let listed = work(&mut worker, Task::List);
    assert!(matches!(listed.change, Change::None));
    assert_eq!(listed.state, news.state);
}

#[test]
fn another_model_has_examples_of_its_own() {
    let (folder, sha256) = taught();
    let (mut worker, ..) = open(folder.path());
    worker.work(Vec::new(), true);
    let other = HexDigest::of(b"another model");
    let model = |backbone: &HexDigest| Task::Model {
        backbone: backbone.clone(),
        features: WIDTH,
    };
    let news = worker.work(vec![(None, model(&other))], false);
    assert!(matches!(news.change, Change::Gone));
    assert_eq!((news.state.examples(), news.backbone), (0, other));
    teach(&mut worker, "open", 9);
    let news = worker.work(vec![(None, model(&shipped()))], false);
    assert_eq!(news.state.examples(), 6);
    match news.change {
        Change::Head(_, hash) => assert_eq!(hash, sha256),
        other => panic!("{other:?}"),
    }
    // The same model again, as after a reload, changes nothing.
    let news = worker.work(vec![(None, model(&shipped()))], false);
    assert!(matches!(news.change, Change::None));
}

#[test]
fn a_model_without_features_is_refused_and_loses_nothing() {
    let (folder, _) = taught();
    let (mut worker, head, _) =
        Worker::open(&Config::default(), folder.path(), &shipped(), None).unwrap();
    assert!(head.is_none());
    let news = work(&mut worker, example("open", 0));
    let why = news.answers[0].1.clone().unwrap_err();
    assert!(why.contains("gives no features"), "{why}");
    drop(worker);
    assert!(open(folder.path()).1.is_some());
}

#[test]
fn a_head_that_cannot_be_written_leaves_the_one_before() {
    let (folder, _) = taught();
    let (mut worker, ..) = open(folder.path());
    let path = folder.path().join("lessons-6fef886a913d201f.head");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let news = teach(&mut worker, "open", 8);
    assert!(matches!(news.change, Change::None), "{:?}", news.change);
    assert_eq!(news.state.examples(), 7);
    let why = news.state.missing.unwrap();
    assert!(why.contains("lessons-6fef886a913d201f.head"), "{why}");
    fs::remove_dir(&path).unwrap();
    let news = teach(&mut worker, "open", 9);
    assert_eq!(labels(&news.change), ["open", "shut"]);
}

#[test]
fn the_thread_answers_each_task_once() {
    let folder = tempfile::tempdir().unwrap();
    let opening = Opening::new(&Config::default(), folder.path(), &shipped(), Some(WIDTH)).unwrap();
    let mut lessons = opening.start().unwrap();
    let mut asked: Vec<u64> = Vec::new();
    for number in 0..20 {
        let label = ["open", "shut"][number as usize % 2];
        asked.extend(lessons.ask(example(label, number)));
    }
    asked.extend(lessons.ask(Task::List));
    let (mut answered, mut examples) = (Vec::new(), 0);
    let start = std::time::Instant::now();
    while answered.len() < asked.len() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
        while let Some(news) = lessons.news() {
            examples = news.state.examples();
            answered.extend(news.answers.into_iter().map(|(ticket, _)| ticket));
        }
    }
    assert_eq!((answered, examples), (asked, 20));
}

#[test]
fn a_head_knows_the_scene_of_its_examples_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let input = crate::engine::Input {
        width: 64,
        height: 64,
        mean: [0.5; 3],
        std: [0.25; 3],
        resize: crate::engine::Resize::Squash,
    };
    let stripes = |n: usize| (n / 5 % 2) as f32 * 2.0 - 1.0;
    let mut seen = vision::Scene::new();
    seen.see(&(0..3 * 64 * 64).map(stripes).collect::<Vec<_>>(), &input);
    let teach = |worker: &mut Worker, label: &str, number: u64| {
        let mut task = example(label, number);
        if let Task::Example { edges, .. } = &mut task {
            *edges = Some(Box::new(seen.clone()));
        }
        work(worker, task).change
    };
    let count = |head: &Taught| vision::Scene::from_bytes(&head.scene).map(|scene| scene.count());
    let (mut worker, ..) = open(folder.path());
    teach(&mut worker, "open", 0);
    match teach(&mut worker, "shut", 1) {
        Change::Head(head, _) => assert_eq!(count(&head), Ok(2)),
        other => panic!("no head: {other:?}"),
    }
    drop(worker);
    let (mut worker, head, _) = open(folder.path());
    assert_eq!(count(&head.unwrap().0), Ok(2));
    match teach(&mut worker, "open", 2) {
        Change::Head(head, _) => assert_eq!(count(&head), Ok(3)),
        other => panic!("no head: {other:?}"),
    }
    // Undo takes its edges back too.
    match work(&mut worker, Task::Undo).change {
        Change::Head(head, _) => assert_eq!(count(&head), Ok(2)),
        other => panic!("no head: {other:?}"),
    }
    // All is forgotten, so another scene may be taught.
    work(&mut worker, Task::Forget("open".into()));
    work(&mut worker, Task::Forget("shut".into()));
    work(&mut worker, example("open", 3));
    match work(&mut worker, example("shut", 4)).change {
        Change::Head(head, _) => assert!(head.scene.is_empty()),
        other => panic!("no head: {other:?}"),
    }
}
