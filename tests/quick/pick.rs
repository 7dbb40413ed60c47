//! `goldcrest pick` as a user runs it, and what `teach` makes of its pictures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::program::{command, output, root};
use crate::teach::Bench;

/// The names of the pictures that the page in `folder` shows, in their order.
fn shown(folder: &Path) -> Vec<String> {
    let page = fs::read_to_string(folder.join("index.html")).unwrap();
    let parts = page.split("data-file=\"").skip(1);
    parts
        .map(|part| part.split_once('"').unwrap().0.to_string())
        .collect()
}

/// The pictures in `folder`, in the order of their names.
fn pictures(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "index.html").collect();
    names.sort();
    names
}

fn bottle(number: usize) -> PathBuf {
    root().join(format!("tests/recordings/bottles/bottles-{number:02}.jpg"))
}

#[test]
fn picked_frames_are_the_files_of_the_recording_with_their_times() {
    let bench = Bench::new();
    let bottles = root().join("tests/recordings/bottles");
    let ran = bench.run(&[
        "pick",
        bottles.to_str().unwrap(),
        "--out",
        "picked",
        "--count",
        "8",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.starts_with("8 of 60 frames, in picked\n"),
        "{}",
        ran.stdout
    );
    let picked = pictures(&bench.at("picked"));
    assert_eq!(picked.len(), 8);
    assert_eq!(shown(&bench.at("picked")), picked);
    for name in picked {
        // bottles-00h00m01.300s.jpg is the 14th of ten frames a second.
        let time = name.strip_prefix("bottles-00h00m0").unwrap();
        let time: f64 = time.strip_suffix("s.jpg").unwrap().parse().unwrap();
        let number = (time * 10.0).round() as usize + 1;
        let copy = fs::read(bench.at("picked").join(&name)).unwrap();
        assert!(copy == fs::read(bottle(number)).unwrap(), "{name}");
    }
}

#[test]
fn picked_pictures_are_taught_with_their_moments() {
    let bench = Bench::new();
    let film: Vec<u8> = (1..=60)
        .flat_map(|n| fs::read(bottle(n)).unwrap())
        .collect();
    fs::write(bench.at("film.mjpeg"), film).unwrap();
    let ran = bench.run(&["pick", "film.mjpeg", "--out", "picked", "--count", "6"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let picked = pictures(&bench.at("picked"));
    assert_eq!(picked.len(), 6, "{picked:?}");
    // The frames of the stream, byte for byte.
    let copy = fs::read(bench.at("picked").join(&picked[0])).unwrap();
    assert!((1..=60).any(|n| fs::read(bottle(n)).unwrap() == copy));
    for (at, name) in picked.iter().enumerate().take(5) {
        let folder = bench.at("picked").join(["early", "late"][at / 3]);
        fs::create_dir_all(&folder).unwrap();
        fs::rename(bench.at("picked").join(name), folder.join(name)).unwrap();
    }
    let ran = bench.run(&["teach", "picked", "--out", "a.head", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let classes = report["classes"].as_array().unwrap();
    assert_eq!(classes[0]["label"], "early");
    // Six seconds of film are one moment or two, and never as many as there are pictures.
    assert!(classes[0]["bursts"].as_u64().unwrap() < 3, "{report}");
    assert!(
        report["warnings"]
            .to_string()
            .contains("1 picture lies in no folder"),
        "{report}"
    );
}

#[test]
fn raw_frames_are_encoded_and_masks_are_black_in_them() {
    let bench = Bench::new();
    let config = fs::read_to_string(bench.at("config.toml")).unwrap();
    let camera =
        "[source]\nkind = \"synthetic\"\n[camera]\nwidth = 320\nheight = 240\nformat = \"yuyv\"\n";
    fs::write(bench.at("config.toml"), config + camera).unwrap();
    let ran = bench.run(&["record", "frames", "--frames", "5"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let config = fs::read_to_string(bench.at("config.toml")).unwrap();
    let mask = "[vision]\nmasks = [[0.0, 0.0, 0.5, 1.0]]\n[gate]\nenabled = false\n";
    fs::write(bench.at("config.toml"), config + mask).unwrap();
    let ran = bench.run(&["pick", "frames", "--out", "picked", "--count", "3"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for name in pictures(&bench.at("picked")) {
        let picture = image::open(bench.at("picked").join(name))
            .unwrap()
            .into_rgb8();
        assert_eq!(picture.dimensions(), (320, 240));
        let brightest = |columns: std::ops::Range<u32>| {
            let pixels = columns.flat_map(|x| (0..240).map(move |y| (x, y)));
            pixels
                .map(|(x, y)| *picture.get_pixel(x, y).0.iter().max().unwrap())
                .max()
        };
        assert!(brightest(0..150) <= Some(8), "{:?}", brightest(0..150));
        assert!(brightest(170..320) > Some(60));
    }
}

#[test]
fn unrelated_pictures_keep_their_names() {
    let bench = Bench::new();
    let folder = bench.at("many");
    fs::create_dir(&folder).unwrap();
    for (kind, name) in [
        ("chair", "a b.jpg"),
        ("watch", "ä.jpg"),
        ("umbrella", "c.jpeg"),
    ] {
        let picture = root().join(format!("tests/examples/{kind}/00.jpg"));
        fs::copy(picture, folder.join(name)).unwrap();
    }
    fs::copy(folder.join("c.jpeg"), folder.join("again.jpg")).unwrap();
    fs::write(folder.join("bad.jpg"), "x").unwrap();
    let ran = bench.run(&["pick", "many", "--out", "deep/er"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.starts_with("3 of 5 frames, 1 passed over"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        pictures(&bench.at("deep/er")),
        ["a b.jpg", "again.jpg", "ä.jpg"]
    );
    let page = fs::read_to_string(bench.at("deep/er/index.html")).unwrap();
    assert!(page.contains("src=\"a%20b.jpg\"") && page.contains("src=\"%C3%A4.jpg\""));
}

#[test]
fn a_stream_is_picked_from_as_the_file_of_the_same_bytes() {
    let bench = Bench::new();
    let film: Vec<u8> = (1..=60)
        .flat_map(|n| fs::read(bottle(n)).unwrap())
        .collect();
    fs::write(bench.at("film.mjpeg"), film).unwrap();
    let ran = bench.run(&["pick", "film.mjpeg", "--out", "file", "--count", "6"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut command = command(&["pick", "-", "--out", "pipe", "--count", "6"]);
    let mut cat = Command::new("cat")
        .arg(bench.at("film.mjpeg"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    command
        .args(["--config", "config.toml"])
        .current_dir(bench.at(""))
        .stdin(cat.stdout.take().unwrap());
    let ran = output(&mut command);
    cat.wait().unwrap();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.starts_with("6 of 60 frames"), "{}", ran.stdout);
    let (from_file, from_pipe) = (pictures(&bench.at("file")), pictures(&bench.at("pipe")));
    // Only these are left of all that were held.
    assert_eq!(from_pipe.len(), 6, "{from_pipe:?}");
    for (a, b) in from_file.iter().zip(&from_pipe) {
        let time = |name: &str| name.rsplit_once('-').map(|(_, time)| time.to_string());
        assert_eq!(time(a), time(b));
        let read = |folder: &str, name: &str| fs::read(bench.at(folder).join(name)).unwrap();
        assert!(read("file", a) == read("pipe", b), "{a} {b}");
    }
    assert_eq!(shown(&bench.at("pipe")), from_pipe);
}

#[test]
fn what_cannot_be_picked_from_is_refused_in_one_line() {
    let bench = Bench::new();
    fs::create_dir(bench.at("full")).unwrap();
    fs::write(bench.at("full/file"), "").unwrap();
    fs::create_dir(bench.at("bad")).unwrap();
    fs::write(bench.at("bad/1.jpg"), "x").unwrap();
    let bottles = root().join("tests/recordings/bottles");
    let bottles = bottles.to_str().unwrap();
    for (recording, out, code, says) in [
        (bottles, "full", 64, "this folder is not empty"),
        (bottles, "config.toml", 64, "this is not a folder"),
        (bottles, "/proc/picked", 74, "/proc"),
        ("nowhere", "picked", 66, "nowhere"),
        ("-", "picked", 66, "ended before its first byte"),
        ("bad", "picked", 65, "none of its frames"),
        ("config.toml", "picked", 65, "neither a picture nor"),
    ] {
        let mut command = command(&["pick", recording, "--out", out]);
        command
            .args(["--config", "config.toml"])
            .current_dir(bench.at(""))
            .stdin(Stdio::piped());
        let ran = output(&mut command);
        assert_eq!(ran.code, code, "{recording} {out}: {}", ran.stderr);
        let last = ran.stderr.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("goldcrest: ") && last.contains(says),
            "{last}"
        );
        assert!(!bench.at("picked").exists());
    }
    let ran = bench.run(&["pick", bottles, "--out", "picked", "--count", "0"]);
    assert_eq!(ran.code, 64);
}
