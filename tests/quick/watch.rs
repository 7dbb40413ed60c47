//! `--watch`, on a terminal and without one.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::replay::{BLUE, RED, SURE, classifier_of_colours, paint};
use crate::support::program::{goldcrest, output, packed_model, root};

/// A film of a toy classifier, of three seconds, in `folder`; returns the arguments that replay it.
fn film(folder: &Path) -> Vec<String> {
    let config = classifier_of_colours(folder, SURE);
    let film = folder.join("film");
    fs::create_dir(&film).unwrap();
    for n in 0..30 {
        paint(
            film.join(format!("{n}.png")),
            if n < 15 { RED } else { BLUE },
        );
    }
    fs::write(film.join("9.jpg"), "no picture").unwrap();
    let more = ["--fps", "10", "--realtime", "--watch"].map(String::from);
    let mut arguments = vec!["replay".into(), film.to_str().unwrap().into()];
    arguments.extend(config);
    arguments.extend(more);
    arguments
}

/// What a terminal of so many columns shows once it was sent `bytes`.
fn shown(bytes: &[u8], columns: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut rows = vec![vec![' '; columns]];
    let (mut x, mut y) = (0, 0);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\r' => x = 0,
            '\n' => y += 1,
            '\x1b' => {
                assert_eq!(rest.next(), Some('['), "{text:?}");
                let mut sequence = String::new();
                while !sequence.ends_with(|c: char| c.is_ascii_alphabetic()) {
                    sequence.push(rest.next().expect("a sequence ends"));
                }
                let (number, command) = sequence.split_at(sequence.len() - 1);
                match command {
                    "A" => y -= number.parse::<usize>().unwrap(),
                    "J" => {
                        rows.truncate(y + 1);
                        rows[y][x..].fill(' ');
                    }
                    // Colours.
                    "m" => {}
                    _ => panic!("{sequence:?} is more than a simple terminal knows"),
                }
            }
            c => {
                if x == columns {
                    (x, y) = (0, y + 1);
                }
                while rows.len() <= y {
                    rows.push(vec![' '; columns]);
                }
                rows[y][x] = c;
                x += 1;
            }
        }
        while rows.len() <= y {
            rows.push(vec![' '; columns]);
        }
    }
    assert_eq!(x, 0, "the cursor stands at the beginning of a line");
    let rows = rows
        .into_iter()
        .map(|row| row.into_iter().collect::<String>());
    rows.map(|row| row.trim_end().to_string()).collect()
}

/// Runs the program with `arguments` on a terminal of so many columns, which sends SIGINT after
/// `seconds`. Returns all that the terminal was sent.
fn on_a_terminal(
    arguments: &[String],
    columns: usize,
    seconds: &str,
    more: &[(&str, &str)],
) -> Vec<u8> {
    let quoted = arguments.iter().map(|word| format!("'{word}'"));
    let line = format!(
        "stty cols {columns} rows 30; exec timeout --foreground -s INT {seconds} '{}' {}",
        env!("CARGO_BIN_EXE_goldcrest"),
        quoted.collect::<Vec<_>>().join(" ")
    );
    let mut script = Command::new("script");
    script
        .args(["-qec", &line, "/dev/null"])
        .current_dir(root())
        .env_remove("JOURNAL_STREAM")
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .env("LC_ALL", "C.UTF-8")
        .envs(more.iter().copied())
        .stdin(Stdio::null());
    script.output().expect("util-linux has script").stdout
}

#[test]
fn without_a_terminal_a_plain_line_comes_each_second() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = film(folder.path());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = goldcrest(&arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stderr.contains('\x1b'), "{}", ran.stderr);
    let lines: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.contains(" fps, "))
        .collect();
    // Three seconds, and one at the end.
    assert!((3..=6).contains(&lines.len()), "{lines:?}");
    let last = lines.last().unwrap();
    assert!(
        last.contains("blue 0.5") && last.contains("30 of 31 frames, 1 dropped (1 "),
        "{last}"
    );
    // What a replay prints otherwise is the same.
    assert_eq!(
        ran.stdout
            .lines()
            .filter(|line| line.contains("  frame "))
            .count(),
        2
    );
    assert!(ran.stdout.contains("frames    30 in "), "{}", ran.stdout);
}

#[test]
fn a_view_leaves_nothing_behind_and_tears_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = film(folder.path());
    for columns in [80, 40] {
        let sent = on_a_terminal(&arguments, columns, "20", &[]);
        let text = String::from_utf8_lossy(&sent);
        // Drawn, in place, several times, with bars.
        assert!(text.matches("\x1b[J").count() > 5, "{text}");
        assert!(text.contains("██") && text.contains(" fps · "), "{text}");
        assert!(text.contains("\x1b[1m"), "the label is bold: {text}");
        assert!(!text.contains("\x1b[?"), "nothing is hidden: {text:?}");
        let left = shown(&sent, columns).join("\n");
        assert!(!left.contains("fps") && !left.contains('█'), "{left}");
        // A line of the log that came while the view was there is whole.
        let joined = left.replace('\n', "");
        assert!(
            joined.contains("9.jpg: ") && joined.contains("passed over"),
            "{left}"
        );
        assert!(left.contains("frames    30 in "), "{left}");
    }
}

#[test]
fn a_view_ends_clean_at_an_interrupt() {
    let folder = tempfile::tempdir().unwrap();
    let sent = on_a_terminal(&film(folder.path()), 80, "1.5", &[("NO_COLOR", "1")]);
    let text = String::from_utf8_lossy(&sent);
    assert!(text.contains(" fps · "), "{text}");
    assert!(
        !text.contains("\x1b[1m") && !text.contains("\x1b[2m"),
        "{text:?}"
    );
    let left = shown(&sent, 80);
    let last = left.iter().rev().find(|line| !line.is_empty());
    assert_eq!(
        last.map(String::as_str),
        Some("goldcrest: interrupted"),
        "{left:?}"
    );
    assert!(!left.iter().any(|line| line.contains("fps")), "{left:?}");
}

#[test]
fn a_dumb_terminal_gets_plain_lines() {
    let folder = tempfile::tempdir().unwrap();
    let sent = on_a_terminal(&film(folder.path()), 80, "20", &[("TERM", "dumb")]);
    let text = String::from_utf8_lossy(&sent);
    assert!(
        text.contains(" fps, ") && !text.contains("\x1b[J"),
        "{text}"
    );
}

#[test]
fn the_daemon_is_watched_below_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let model = packed_model(folder.path());
    let config = folder.path().join("c.toml");
    fs::write(
        &config,
        format!(
            "[source]\nkind = \"synthetic\"\n[camera]\nwidth = 320\nheight = 240\nfps = 20.0\n\
             [mqtt]\nenabled = false\n[model]\npath = {model:?}\n"
        ),
    )
    .unwrap();
    let arguments = ["run", "--config", config.to_str().unwrap(), "--watch"];
    let sent = on_a_terminal(&arguments.map(String::from), 100, "6", &[]);
    let text = String::from_utf8_lossy(&sent);
    assert!(text.contains("camera streaming, picture ok"), "{text}");
    assert!(text.contains(" of 48 MiB"), "{text}");
    let left = shown(&sent, 100).join("\n");
    assert!(
        left.contains("INFO  ended: ") && !left.contains(" fps"),
        "{left}"
    );
    let line = format!(
        "exec timeout -s INT 5 '{}' {}",
        env!("CARGO_BIN_EXE_goldcrest"),
        arguments.join(" ")
    );
    let mut shell = Command::new("sh");
    let ran = output(
        shell
            .args(["-c", &line])
            .current_dir(root())
            .env_remove("JOURNAL_STREAM"),
    );
    assert!(
        ran.stderr.contains(" fps, ") && ran.stderr.contains("camera streaming"),
        "{}",
        ran.stderr
    );
}
