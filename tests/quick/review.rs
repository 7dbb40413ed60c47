//! Pictures that a daemon keeps for a person to sort.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::daemon::{CHANGING, bottles, changing, configuration, numbered};
use crate::support::program::{goldcrest, signal};
use crate::support::{Broker, Daemon, PATIENCE, Subscriber, wait_for};

/// The names of the pictures in `folder`, in the order of time.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".jpg")).collect();
    names.sort();
    names
}

/// `[review]` with this folder and `more` lines, at its highest rate.
fn review(folder: &Path, more: &str) -> String {
    format!("[review]\nfolder = {folder:?}\ninterval = 1.0\n{more}\n")
}

#[test]
fn the_picture_of_a_change_is_kept_with_its_time_and_label() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let (pictures, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let masked = "[vision]\nmasks = [[0, 0, 0.25, 1]]\nrotate = 180\n";
    let review = review(kept.path(), "longest_side = 320");
    let more = format!("{CHANGING}{masked}{review}{}", broker.config_toml());
    let _daemon = Daemon::on(&changing(pictures.path()), &more);
    // Nothing changed before the first event, so there is no picture of it.
    subscriber.expect("event");
    let event = subscriber.expect("event").json();
    let captured = event["captured"].as_str().unwrap()[..19].replace(['-', ':'], "");
    let begin = format!("{captured}Z-changed-");
    let mut found = None;
    let is_there = wait_for(PATIENCE, || {
        let mut names = names(kept.path()).into_iter();
        found = names.find(|name| name.starts_with(&begin));
        found.is_some()
    });
    assert!(is_there, "{begin}: {:?}", names(kept.path()));
    let name = found.unwrap();
    let label: String = event["label"].as_str().unwrap().into();
    let label = label.replace(|c: char| !c.is_alphanumeric(), "_");
    assert!(name.replace('-', "_").contains(&label), "{name}: {event}");
    let picture = image::open(kept.path().join(&name)).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (320, 180));
    // It is not turned, so what is masked at the left as seen is at the right as sent, and so is
    // the bar that tells the number.
    let black = |x: u32| (0..180).all(|y| picture.get_pixel(x, y).0.iter().all(|&v| v < 16));
    assert!((244..320).all(black), "something shows under the mask");
    assert!(!(0..236).any(black), "more is black than the mask hides");
}

#[test]
fn a_kept_picture_is_of_the_frame_that_decided() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let (pictures, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let more = format!(
        "{CHANGING}{}{}",
        review(kept.path(), ""),
        broker.config_toml()
    );
    let _daemon = Daemon::on(&changing(pictures.path()), &more);
    subscriber.expect("event");
    let event = subscriber.expect("event").json();
    let change = |name: &String| name.contains("-changed-");
    assert!(wait_for(PATIENCE, || names(kept.path()).iter().any(change)));
    let first = names(kept.path()).into_iter().find(change).unwrap();
    let picture = image::open(kept.path().join(first)).unwrap().to_rgb8();
    let level = picture.get_pixel(610, 180).0[0];
    let seq = event["seq"].as_u64().unwrap();
    assert_eq!(numbered(level), seq % 20, "level {level}: {event}");
}

#[test]
fn a_folder_keeps_its_bounds_over_restarts_and_other_files() {
    let (pictures, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let foreign = kept.path().join("20011127-holiday.jpg");
    fs::write(&foreign, "theirs").unwrap();
    let old = kept.path().join("20010909T014640Z-changed-open-0.50.jpg");
    fs::write(&old, "an old one").unwrap();
    let review = review(kept.path(), "most = 2");
    let source = changing(pictures.path());
    for _ in 0..2 {
        let before = names(kept.path());
        let more = format!("{CHANGING}{review}[mqtt]\nenabled = false\n");
        let daemon = Daemon::on(&source, &more);
        let newer = || names(kept.path()).last() > before.last() && !old.exists();
        assert!(wait_for(PATIENCE, newer), "{:?}", names(kept.path()));
        daemon.end();
        // The foreign one and two.
        assert_eq!(names(kept.path()).len(), 3, "{:?}", names(kept.path()));
    }
    assert!(foreign.exists());
}

#[test]
fn a_reload_takes_over_another_folder_and_form() {
    let (pictures, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = kept.path().join("first");
    let off = "[mqtt]\nenabled = false\n";
    let more = format!("{CHANGING}{}{off}", review(&first, ""));
    let mut daemon = Daemon::on(&changing(pictures.path()), &more);
    assert!(wait_for(PATIENCE, || !names(&first).is_empty()));
    let path = daemon.folder.path().join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let before = names(&first).len();
    // A relative folder stands beside the configuration.
    let text = text.replace(
        &format!("folder = {first:?}"),
        "folder = \"second\"\nlongest_side = 160\nquality = 40\nmost = 3",
    );
    fs::write(&path, &text).unwrap();
    daemon.signal("HUP");
    let line = daemon.expect("reload: took over ");
    let keys = "review.folder, review.longest_side, review.most and review.quality";
    assert!(line.ends_with(keys), "{line}");
    let second = daemon.folder.path().join("second");
    assert!(wait_for(PATIENCE, || !names(&second).is_empty()));
    let picture = image::open(second.join(&names(&second)[0])).unwrap();
    assert_eq!(picture.width(), 160);
    // A picture may have been under way.
    assert!(names(&first).len() <= before + 1);
    fs::write(
        &path,
        text.replace("longest_side = 160", "longest_side = 641"),
    )
    .unwrap();
    daemon.signal("HUP");
    let line = daemon.expect("reload: review.");
    assert!(
        line.ends_with("review.longest_side changes at the next start"),
        "{line}"
    );
    daemon.end();
}

#[test]
fn a_full_disk_is_logged_and_ends_nothing() {
    let (pictures, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let more = format!(
        "{CHANGING}{}[mqtt]\nenabled = false\n",
        review(kept.path(), "")
    );
    let config = configuration(folder.path(), &changing(pictures.path()), &more);
    // No file may grow beyond 4 KiB.
    let program = env!("CARGO_BIN_EXE_goldcrest");
    let line = format!("trap '' XFSZ; ulimit -f 8; exec {program:?} run --config {config:?}");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &line])
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut lines = lines.by_ref().map_while(Result::ok);
    let said = lines.find(|line| line.contains("no picture to review: "));
    signal(child.id(), "TERM");
    let rest: Vec<String> = lines.collect();
    let status = child.wait().unwrap();
    let said = said.unwrap_or_else(|| panic!("no line about it: {rest:#?}"));
    assert!(said.contains("; 1 are missing so far"), "{said}");
    assert!(status.success(), "{status}: {rest:#?}");
    assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 0);
}

#[test]
fn check_tells_what_the_folder_holds() {
    let folder = tempfile::tempdir().unwrap();
    let more = "[mqtt]\nenabled = false\n[review]\nfolder = \"kept\"\n";
    let config = configuration(folder.path(), &bottles("stop"), more);
    let check = || goldcrest(&["check", "--config", config.to_str().unwrap()]);
    let ran = check();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let line = ran.stdout.lines().find(|line| line.starts_with("review"));
    assert!(
        line.unwrap().contains("0 pictures of 0.0 MB in "),
        "{line:?}"
    );
    assert!(ran.stdout.contains("pictures for review"), "{}", ran.stdout);
    fs::write(folder.path().join("kept"), "a file").unwrap();
    let ran = check();
    assert_eq!(ran.code, 74, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("FAIL  review.folder: "),
        "{}",
        ran.stdout
    );
}
