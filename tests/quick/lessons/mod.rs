//! Teaching the running daemon through a real broker: what a lesson changes, and what survives a
//! restart.

mod faults;
mod school;
mod selected;

use std::fs;

use serde_json::{Value, json};

use self::school::{RULE, School};
use crate::support::program::IN_THE_RECORDING;
use crate::support::{Daemon, Subscriber};

#[test]
fn labels_become_those_that_are_taught_and_survive_all() {
    let school = School::new();
    let mut daemon = school.open("");
    school.sees(json!(IN_THE_RECORDING));
    let first = school
        .settings
        .expect_that("settings", |m| m.json()["taught"].is_object());
    let nothing = json!({"labels": {}, "examples": 0, "accuracy": null, "interval": null, "warnings": [],
        "undo": false, "selected": null, "missing": "nothing is taught yet"});
    let first = first.json();
    if first["taught"]["missing"].is_string() {
        assert_eq!(first["taught"], nothing);
    }
    assert_eq!(first["head"], Value::Null);

    // One label is kept, and changes nothing yet.
    let answer = school.teach(0, "bottles", 1);
    assert_eq!(answer["labels"], json!({"bottles": 1}));
    assert_eq!(answer["accuracy"], Value::Null);
    let line = daemon.expect("command teach: ");
    assert!(
        line.contains("took an example of \"bottles\"; now 1 example of 1 label; "),
        "{line}"
    );
    let missing = answer["missing"].as_str().unwrap();
    assert!(
        missing.starts_with("\"bottles\" is the only label; teach a second one"),
        "{missing}"
    );
    school.sees(json!(IN_THE_RECORDING));

    school.teach(1, "streifen 🦓", 2);
    let answer = school.teach(2, "disc", 2);
    assert_eq!(answer["examples"], 5);
    assert_eq!(
        answer["labels"],
        json!({"bottles": 1, "disc": 2, "streifen 🦓": 2})
    );
    assert!(answer.get("missing").is_none(), "{answer}");
    assert!(
        !answer["warnings"].as_array().unwrap().is_empty(),
        "{answer}"
    );
    let disc = school.sees(json!("disc"));
    assert!(disc["head"].is_string(), "{disc}");
    school.camera.show(1);
    school.sees(json!("streifen 🦓"));
    school.camera.show(0);
    school.sees(json!("bottles"));
    let settings = school.settings_now();
    assert_eq!(settings["taught"]["examples"], 5, "{settings}");
    assert_eq!(settings["taught"]["undo"], true);
    assert_eq!(settings["labels"], 3);

    // A restart has the same head before its first frame.
    daemon.signal("KILL");
    daemon.wait();
    let mut daemon = school.open("");
    daemon.expect("5 examples of 3 labels");
    let seen = school.sees(json!("bottles"));
    assert_eq!(seen["head"], settings["head"]);

    // Undo takes the newest back, and forget a whole label.
    let answer = school.ask(r#"{"undo":true,"correlation":"x"}"#);
    assert_eq!(
        (
            &answer["undone"],
            &answer["correlation"],
            &answer["examples"]
        ),
        (&json!("disc"), &json!("x"), &json!(4)),
    );
    let answer = school.ask(r#"{"forget":"streifen 🦓"}"#);
    assert_eq!(
        (&answer["gone"], &answer["examples"]),
        (&json!(2), &json!(2))
    );
    let answer = school.ask(r#"{"list":true}"#);
    assert_eq!(answer["labels"], json!({"bottles": 1, "disc": 1}));
    assert_eq!(
        answer["classes"].as_array().map(Vec::len),
        Some(2),
        "{answer}"
    );
    school.camera.show(2);
    school.sees(json!("disc"));
    assert_eq!(
        school.refused(r#"{"forget":"door"}"#),
        "\"door\" has no examples; taught are bottles, disc"
    );

    // Without a second label the model's own classifier is back.
    school.ask(r#"{"forget":"disc"}"#);
    school.camera.show(0);
    let seen = school.sees(json!(IN_THE_RECORDING));
    assert_eq!(seen["head"], Value::Null);
    daemon.end();
}

#[test]
fn a_lesson_that_cannot_be_is_refused_with_the_reason() {
    let school = School::new();
    let daemon = school.open("max_examples = 2\npictures = true\n");
    school.sees(json!(IN_THE_RECORDING));
    for (payload, why) in [
        ("", "it needs a label"),
        (r#"{"label":"a","undo":true}"#, "it needs exactly one of"),
        (r#"{"lable":"a"}"#, "unknown key \"lable\""),
        (
            r#"{"label":"a\tb"}"#,
            "the label \"a\\tb\" has a control character",
        ),
        ("unknown", "\"unknown\" is observe.unknown"),
        ("None", "write \"none\" for pictures of nothing"),
        (r#"{"undo":true}"#, "there is no example to take back"),
        (r#"{"take":true}"#, "no label is selected"),
    ] {
        let error = school.refused(payload);
        assert!(error.starts_with(why), "{payload}: {error}");
    }
    let long = "ö".repeat(65);
    assert!(school.refused(&long).contains("64"), "{long}");
    school.broker.send("goldcrest/test/command/pause", "ON");
    school.answers.expect("pause");
    let why = "frames are passed over while paused; send resume first";
    assert_eq!(school.refused("open"), why);
    school.broker.send("goldcrest/test/command/resume", "");
    school.answers.expect("resume");
    let settings = school
        .settings
        .expect_that("settings", |m| m.json()["taught"]["refused"] == why);
    assert_eq!(settings.json()["taught"]["examples"], 0);

    school.camera.show(3);
    let labels = Subscriber::new(&school.broker, "goldcrest/test/label");
    labels.expect_that("label", |m| m.json()["reason"] == "dark");
    assert_eq!(
        school.refused("night"),
        "the pictures are dark and show nothing to teach"
    );
    school.camera.show(0);
    school.sees(json!(IN_THE_RECORDING));

    // The selected label is that of the button in Home Assistant.
    assert_eq!(school.ask(r#"{"select":"open"}"#)["selected"], "open");
    let selected =
        |m: &Value| m["taught"]["selected"] == "open" && m["taught"]["refused"].is_null();
    school
        .settings
        .expect_that("settings", |m| selected(&m.json()));
    assert_eq!(school.ask(r#"{"take":true}"#)["label"], "open");
    assert_eq!(school.ask("none")["examples"], 2);
    assert_eq!(
        school.refused("open"),
        "2 examples are kept, which is teach.max_examples; forget a label, undo, or set more"
    );
    let pictures = school.state.path().join("pictures");
    for label in ["open", "none"] {
        let files = fs::read_dir(pictures.join(label)).unwrap();
        let paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        let picture = image::open(&paths[0]).unwrap();
        assert_eq!((paths.len(), picture.width()), (1, 320), "{label}");
        // A time that `teach` reads, as 20261127T013500.250Z.
        let name = paths[0].file_name().unwrap().to_str().unwrap();
        let form: String = name
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        assert_eq!(form, "00000000T000000.000Z.jpg", "{name}");
    }
    assert_eq!(school.ask(r#"{"undo":true}"#)["undone"], "none");
    assert!(!pictures.join("none").exists() && pictures.join("open").exists());
    daemon.end();
}

#[test]
fn teaching_is_off_unless_it_is_enabled() {
    let school = School::new();
    let daemon = school.open("");
    school.sees(json!(IN_THE_RECORDING));
    daemon.end();
    let text = format!(
        "{RULE}{}[commands]\nenabled = true\n",
        school.broker.config_toml()
    );
    let daemon = Daemon::on(&school.camera.source(), &text);
    school.sees(json!(IN_THE_RECORDING));
    assert_eq!(
        school.refused("open"),
        "teaching is off; set teach.enabled = true"
    );
    let late = Subscriber::new(&school.broker, "goldcrest/test/settings");
    assert!(late.expect("settings").json().get("taught").is_none());
    daemon.end();
}
