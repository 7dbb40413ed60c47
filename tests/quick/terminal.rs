//! Names that steer a terminal: no command prints them as they are.

use std::fs;
use std::path::Path;

use crate::support::program::{Ran, goldcrest, packed_model, root};

/// A name that would begin a line of its own, colour it, erase it and turn it round.
const NAME: &str = "a\nINFO  fine\u{1b}[31m\u{9b}2K\u{202e}\u{2066}\u{7f}b";

/// Characters that a terminal obeys, or that turn what it shows.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

/// Fails if `ran` printed the name as it is; it must have shown it.
fn shows_it_escaped(ran: &Ran) {
    for printed in [&ran.stdout, &ran.stderr] {
        assert!(!printed.contains(steers), "{printed:?}");
        assert!(
            !printed.lines().any(|line| line.starts_with("INFO  fine")),
            "{printed}"
        );
    }
    let printed = format!("{}{}", ran.stdout, ran.stderr);
    assert!(
        printed.contains("u{202e}") || printed.contains("u202e"),
        "{printed}"
    );
}

/// A configuration with the shipped model, in a folder.
fn configuration(folder: &Path) -> String {
    let model = packed_model(folder);
    let path = folder.join("c.toml");
    let text = format!(
        "[source]\nkind = \"synthetic\"\n[camera]\nwidth = 320\nheight = 240\nfps = 50.0\n\
         [mqtt]\nenabled = false\n[model]\npath = {model:?}\n"
    );
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().into()
}

#[test]
fn a_name_in_an_answer_is_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let pictures = folder.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    let bottle = root().join("tests/recordings/bottles/bottles-01.jpg");
    fs::copy(bottle, pictures.join(format!("{NAME}.jpg"))).unwrap();
    fs::write(pictures.join(format!("{NAME}-broken.jpg")), "no picture").unwrap();
    let pictures = pictures.to_str().unwrap();
    let replay = |more: &[&str]| {
        let arguments = ["replay", pictures, "--config", &config];
        goldcrest(&[&arguments, more].concat())
    };
    shows_it_escaped(&replay(&[]));
    let json = replay(&["--json"]);
    shows_it_escaped(&json);
    let line: serde_json::Value = serde_json::from_str(json.stdout.trim_end()).unwrap();
    assert_eq!(line["source"], format!("{NAME}.jpg"));

    let out = folder.path().join(NAME);
    let out = out.to_str().unwrap();
    let record = goldcrest(&["record", out, "--frames", "2", "--config", &config]);
    assert_eq!(record.code, 0, "{}", record.stderr);
    shows_it_escaped(&record);
    let picked = folder.path().join(format!("{NAME}-picked"));
    let picked = picked.to_str().unwrap();
    let pick = goldcrest(&["pick", out, "--out", picked, "--config", &config]);
    assert_eq!(pick.code, 0, "{}", pick.stderr);
    shows_it_escaped(&pick);
}

#[test]
fn a_name_in_an_error_is_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let missing = folder.path().join(NAME);
    let missing = missing.to_str().unwrap();
    let bottle = root().join("tests/recordings/bottles/bottles-01.jpg");
    let film = folder.path().join(format!("{NAME}.mp4"));
    // Its name is repeated by ffmpeg.
    fs::write(&film, "no film").unwrap();
    for (arguments, code) in [
        (&["check", "--config", missing][..], 78),
        (&["check", "--json", "--config", missing], 78),
        (&["replay", missing, "--config", &config], 66),
        (&["replay", film.to_str().unwrap(), "--config", &config], 65),
        (
            &["replay", bottle.to_str().unwrap(), "--model", missing],
            66,
        ),
        (&["pack", missing], 66),
        (&["replay", "x", NAME], 64),
        (&["record", "x", "--frames", NAME], 64),
    ] {
        let ran = goldcrest(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
        shows_it_escaped(&ran);
    }
}
