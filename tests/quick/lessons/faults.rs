//! Lessons over damage, kills, a full disk, and a folder that is not for them.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::school::School;
use crate::support::daemon::configuration;
use crate::support::program::{IN_THE_RECORDING, command, goldcrest, output};

/// The last line of a program that is refused, and its code.
fn last_line(config: &Path) -> (i32, String) {
    let ran = goldcrest(&["run", "--config", config.to_str().unwrap()]);
    let line = ran.stderr.lines().last().unwrap_or_default();
    (ran.code, line.to_string())
}

/// What `check` says of the lessons.
fn checked(config: &Path) -> String {
    let ran = goldcrest(&["check", "--config", config.to_str().unwrap()]);
    let line = ran.stdout.lines().find(|line| line.starts_with("teach "));
    let line = line.unwrap_or_else(|| panic!("{}{}", ran.stdout, ran.stderr));
    line["teach".len()..].trim().to_string()
}

#[test]
fn a_folder_is_needed_and_is_for_one_daemon_alone() {
    let folder = TempDir::new().unwrap();
    let source = "kind = \"synthetic\"\n";
    let off = "[mqtt]\nenabled = false\n[teach]\nenabled = true\n";
    let config = configuration(folder.path(), source, off);
    let mut run = command(&["run", "--config", config.to_str().unwrap()]);
    run.env_remove("STATE_DIRECTORY");
    let ran = output(&mut run);
    assert_eq!(ran.code, 78, "{}", ran.stderr);
    assert_eq!(
        ran.stderr.lines().last(),
        Some(
            "goldcrest: teach.enabled needs a folder: set teach.folder, or StateDirectory= in the systemd unit"
        )
    );

    let school = School::new();
    let daemon = school.open("");
    school.sees(json!(IN_THE_RECORDING));
    let text = format!("{off}folder = {:?}\n", school.state.path());
    let folder = TempDir::new().unwrap();
    let config = configuration(folder.path(), source, &text);
    let (code, line) = last_line(&config);
    assert_eq!(code, 69, "{line}");
    assert!(
        line.ends_with("is in use by another Goldcrest; give each a folder of its own"),
        "{line}"
    );
    // A check needs no folder for itself.
    school.teach(0, "bottles", 2);
    let line = checked(&config);
    assert!(line.starts_with("ok    2 examples (bottles 2), "), "{line}");
    daemon.end();
}

#[test]
fn damage_is_named_and_costs_one_example() {
    let school = School::new();
    let daemon = school.open("");
    school.sees(json!(IN_THE_RECORDING));
    school.teach(0, "bottles", 2);
    school.teach(1, "stripes", 1);
    daemon.end();
    let path = school.lessons(".examples");
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.len() - 100;
    bytes[place] ^= 4;
    fs::write(&path, &bytes).unwrap();
    fs::write(school.lessons(".head"), "nonsense").unwrap();
    let text = format!(
        "[mqtt]\nenabled = false\n[teach]\nenabled = true\nfolder = {:?}\n",
        school.state.path()
    );
    let folder = TempDir::new().unwrap();
    let line = checked(&configuration(
        folder.path(),
        "kind = \"synthetic\"\n",
        &text,
    ));
    assert!(
        line.contains("; one place of the file is damaged, "),
        "{line}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let mut daemon = school.open("");
    daemon.expect("one of its records damaged");
    daemon.expect(".head");
    school.is_online();
    let answer = school.ask(r#"{"list":true}"#);
    assert_eq!(answer["labels"], json!({"bottles": 2}));
    assert_eq!(fs::read(school.lessons(".damaged-1")).unwrap(), bytes);
    daemon.end();
}

#[test]
fn every_answered_example_is_there_after_twenty_kills() {
    let school = School::new();
    // Labels, and how many examples of each were sent and answered.
    let mut labels = [("a", 0, 0), ("b", 0, 0)];
    let mut kills_amid = 0;
    for round in 0..=20_u64 {
        let mut daemon = school.open("");
        school.is_online();
        let listed = school.ask(r#"{"list":true}"#);
        for (label, sent, answered) in labels {
            let found = listed["labels"][label].as_u64().unwrap_or(0);
            assert!(
                (answered..=sent).contains(&found),
                "{label}: {answered} answered, {sent} sent, and {listed}"
            );
        }
        if round == 20 {
            daemon.end();
            break;
        }
        for n in 0..8 {
            let (label, sent, _) = &mut labels[n % 2];
            *sent += 1;
            school.broker.send("goldcrest/test/command/teach", label);
        }
        thread::sleep(Duration::from_millis(round * 53 % 700));
        daemon.signal("KILL");
        daemon.wait();
        let mut count = 0;
        while let Some(answer) = school.answers.next(Duration::from_millis(300)) {
            let answer = answer.json();
            assert_eq!(answer["ok"], true, "{answer}");
            let (.., answered) = labels
                .iter_mut()
                .find(|(l, ..)| answer["label"] == *l)
                .unwrap();
            *answered += 1;
            count += 1;
        }
        kills_amid += u32::from((1..8).contains(&count));
    }
    assert!(kills_amid > 0, "no kill came amid lessons: {labels:?}");
}

/// A small file system in memory, which ends with the value.
struct Disk(TempDir);

impl Disk {
    /// None where this user may not mount one.
    fn mount(kib: usize) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "lessons"]);
        let mounted = mount.arg(folder.path()).output();
        mounted
            .is_ok_and(|ran| ran.status.success())
            .then_some(Self(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let umount = Command::new("umount").arg("-l").arg(self.0.path()).status();
        if !umount.is_ok_and(|status| status.success()) {
            eprintln!("{} stays mounted", self.0.path().display());
        }
    }
}

#[test]
fn a_full_disk_refuses_a_lesson_and_keeps_those_before() {
    let Some(disk) = Disk::mount(256) else {
        println!("SKIPPED: this user may not mount a file system in memory");
        return;
    };
    let folder = disk.0.path();
    let school = School::new();
    let daemon = school.open_in(folder, "", "");
    school.sees(json!(IN_THE_RECORDING));
    school.teach(0, "bottles", 2);
    let before = school.teach(1, "stripes", 2);
    assert_eq!(before["examples"], 4);
    let fill = folder.join("fill");
    let mut file = fs::File::create(&fill).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
    // The last page of the file of examples may have room for a few.
    let mut kept = 4;
    let refused = loop {
        let answer = school.ask("stripes");
        if answer["ok"] == false {
            break answer["error"].as_str().unwrap().to_string();
        }
        kept += 1;
        assert!(kept < 12, "the disk is not full: {answer}");
        let missing = answer["missing"].as_str().unwrap();
        assert!(
            missing.ends_with("the head from before stays in force"),
            "{missing}"
        );
    };
    assert!(
        refused.contains(".examples: No space left on device")
            && refused.ends_with("; nothing was taught"),
        "{refused}"
    );
    assert_eq!(school.ask(r#"{"list":true}"#)["examples"], kept);
    school.sees(json!("stripes"));
    drop(file);
    fs::remove_file(&fill).unwrap();
    let answer = school.ask("stripes");
    assert_eq!(
        (&answer["examples"], answer.get("missing")),
        (&json!(kept + 1), None)
    );
    daemon.end();
    let mut daemon = school.open_in(folder, "", "");
    daemon.expect(&format!("{} examples of 2 labels", kept + 1));
    daemon.end();
}
