//! `goldcrest replay` of single pictures and of folders of unrelated ones.

use std::fs;

use serde_json::Value;

use crate::replay::{BLUE, GREY, RED, SURE, bottle, classifier_of_colours, lines, paint};
use crate::support::program::{command, goldcrest, output, root};

#[test]
fn bad_files_are_named_counted_and_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    let whole = bottle(1);
    put("1-good.jpg", &whole);
    put("2-cut.jpg", &whole[..whole.len() / 2]);
    put("3-empty.jpg", b"");
    put("4-text.png", b"this is no picture");
    let image = |name: &str, w, h| {
        image::RgbImage::from_pixel(w, h, image::Rgb([90, 120, 30]))
            .save(dir.path().join(name))
            .unwrap();
    };
    image("5-dot.png", 1, 1);
    image("6-line.png", 20_000, 1);
    image::ImageBuffer::<image::Rgb<u16>, _>::from_pixel(
        40,
        30,
        image::Rgb([9000, 30_000, 65_535]),
    )
    .save(dir.path().join("7-deep.png"))
    .unwrap();
    put("8-palette.png", include_bytes!("../recordings/palette.png"));
    put("notes.txt", b"not a frame");
    put("10-good.jpg", &whole);

    let ran = goldcrest(&["replay", dir.path().to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let all = [
        ("1-good.jpg", None),
        ("2-cut.jpg", Some("ends early")),
        ("3-empty.jpg", Some("the file is empty")),
        ("4-text.png", Some("neither JPEG nor PNG")),
        ("5-dot.png", None),
        ("6-line.png", None),
        ("7-deep.png", None),
        ("8-palette.png", None),
        ("10-good.jpg", None),
    ];
    let read = lines(&ran);
    assert!(
        read.iter().all(|line| line["error"].is_null()),
        "{}",
        ran.stdout
    );
    let bad = ran.stderr.lines().filter(|line| line.starts_with('{'));
    let mut seen: Vec<Value> = bad
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    seen.extend(read);
    seen.sort_by_key(|line| line["seq"].as_u64());
    assert_eq!(seen.len(), all.len(), "{}", ran.stdout);
    for (seq, (line, (name, error))) in seen.iter().zip(all).enumerate() {
        assert_eq!(line["seq"], seq as u64);
        assert_eq!(line["source"], name);
        assert_eq!(line["path"], dir.path().join(name).to_str().unwrap());
        assert_eq!(line["time"], seq as f64 / 10.0);
        match error {
            Some(words) => {
                assert!(line["error"].as_str().unwrap().contains(words), "{line}");
                assert_eq!(line.as_object().unwrap().len(), 5, "{line}");
            }
            None => assert!(
                line["label"].is_string() && line["error"].is_null(),
                "{line}"
            ),
        }
    }
    for bad in ["2-cut.jpg", "3-empty.jpg", "4-text.png"] {
        let named = ran.stderr.lines().filter(|l| l.contains(bad)).count();
        assert_eq!(named, 1, "{bad} must be named once:\n{}", ran.stderr);
    }
    assert!(ran.stderr.contains("3 passed over"), "{}", ran.stderr);
}

#[test]
fn one_picture_answers_with_its_three_best_labels() {
    let folder = tempfile::tempdir().unwrap();
    let [option, config] = classifier_of_colours(folder.path(), SURE);
    let picture = folder.path().join("a.png");
    paint(picture.clone(), BLUE);
    let picture = picture.to_str().unwrap();
    let ran = goldcrest(&["replay", picture, &option, &config]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let said: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(
        said[0],
        format!("{:<20} {:>5} %", "blue", "57.6"),
        "{}",
        ran.stdout
    );
    assert_eq!(said[1], format!("{:<20} {:>5} %", "red", "21.2"));
    assert_eq!(said[2], format!("{:<20} {:>5} %", "green", "21.2"));
    assert!(said[3].starts_with("pictures  1 in "), "{}", ran.stdout);
    assert_eq!(said[4], "labels    blue for 1 picture");
}

#[test]
fn the_pictures_of_a_folder_are_classified_each_alone() {
    let folder = tempfile::tempdir().unwrap();
    let [option, config] = classifier_of_colours(folder.path(), SURE);
    let frames = folder.path().join("frames");
    fs::create_dir(&frames).unwrap();
    for (name, colour) in [
        ("1.png", BLUE),
        ("2.png", RED),
        ("3.png", GREY),
        ("4.png", RED),
    ] {
        paint(frames.join(name), colour);
    }
    let replay = |more: &[&str]| {
        let ran = goldcrest(
            &[
                &["replay", frames.to_str().unwrap(), &option, &config],
                more,
            ]
            .concat(),
        );
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    };
    let text = replay(&[]).stdout;
    let said: Vec<_> = text.lines().collect();
    for (line, label) in said.iter().zip([
        ["1.png", "blue", "57.6"],
        ["2.png", "red", "57.6"],
        ["3.png", "unknown", "best"],
        ["4.png", "red", "57.6"],
    ]) {
        let words: Vec<_> = line.split_whitespace().take(3).collect();
        assert_eq!(words, label, "{text}");
    }
    assert!(said[2].ends_with("best guess: blue 34.2 %"), "{text}");
    assert_eq!(said[5], "labels    red for 2 pictures", "{text}");

    let lines = lines(&replay(&["--json"]));
    let states: Vec<_> = lines.iter().map(|l| l["state"]["label"].clone()).collect();
    assert_eq!(states, ["blue", "red", "unknown", "red"]);
    for line in &lines[..2] {
        assert_eq!(line["state"]["top"], line["top"]);
    }

    // As a film, no two pictures in a row agree.
    for more in [&["--fps", "20"][..], &["--realtime"]] {
        let text = replay(more).stdout;
        assert!(text.contains("frames    4 in "), "{text}");
        assert!(!text.contains("red for"), "{text}");
    }
    fs::write(frames.join("manifest.jsonl"), "{\"v\":1}\n").unwrap();
    let text = replay(&[]).stdout;
    assert!(text.contains("frames    4 in "), "{text}");
}

#[test]
fn filled_in_parts_are_counted_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = root().join("tests/corpus/mjpeg");
    for name in ["restart-7.jpg", "restart-missing.jpg"] {
        fs::copy(corpus.join(name), folder.path().join(name)).unwrap();
    }
    let ran = goldcrest(&["replay", folder.path().to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines = lines(&ran);
    let shares: Vec<Option<f64>> = lines.iter().map(|line| line["made_up"].as_f64()).collect();
    let [None, Some(share)] = shares[..] else {
        panic!("{shares:?}");
    };
    assert!(share > 0.0 && share <= 0.25, "{share}");
    let words = "1 frames had damaged parts filled in";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}

#[test]
fn formats_that_are_not_read_are_counted_and_named_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1.jpg"), bottle(1)).unwrap();
    for name in ["2.webp", "3.webp", "4.bmp"] {
        fs::write(folder.path().join(name), b"whatever").unwrap();
    }
    fs::write(folder.path().join("5.jpg"), b"RIFF\0\0\0\0WEBPVP8 ").unwrap();
    let path = folder.path().to_str().unwrap();
    let ran = goldcrest(&["replay", path]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("4 passed over (4 format)"),
        "{}",
        ran.stdout
    );
    let warned = ran.stderr.matches("3 pictures in formats that").count();
    assert_eq!(warned, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("5.jpg: the file is a WebP picture"),
        "{}",
        ran.stderr
    );

    for name in ["1.jpg", "5.jpg"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let ran = goldcrest(&["replay", path]);
    assert_eq!(ran.code, 65, "{}", ran.stderr);
    let line = ran.stderr.lines().last().unwrap();
    assert!(
        line.contains("3 pictures in formats") && line.contains("ffmpeg -i "),
        "{line}"
    );
}

#[test]
fn a_picture_that_needs_ffmpeg_says_so_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bird.webp");
    fs::write(&path, b"RIFF\0\0\0\0WEBPVP8 ").unwrap();
    let mut command = command(&["replay", path.to_str().unwrap()]);
    let ran = output(command.env("PATH", folder.path()));
    assert_eq!(ran.code, 69, "{}", ran.stderr);
    let line = ran.stderr.lines().last().unwrap();
    assert!(line.contains("this is a WebP picture"), "{line}");
    assert!(line.contains("convert the file to JPEG or PNG"), "{line}");
}
