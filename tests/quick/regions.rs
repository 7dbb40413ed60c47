//! Several regions of one picture: a garage with two doors.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::daemon::configuration;
use crate::support::head::{self, RULE};
use crate::support::program::{Ran, command, output, root};
use crate::support::{Broker, Daemon, PATIENCE, Received, Subscriber};

/// Two doors side by side, each with a head of its own.
const DOORS: &str = "[[region]]\nname = \"left\"\ncrop = [0, 0, 0.5, 1]\nhead = \"left.head\"\n\
                     [[region]]\nname = \"right\"\ncrop = [0.5, 0, 0.5, 1]\nhead = \"right.head\"\n";

/// Keys of `[observe]` and `[gate]` with which two frames decide, and each is classified.
const PROMPT: &str = "frames = 2\nsmoothing = 0.0\n[gate]\nenabled = false\n";

/// Writes twenty pictures of two doors into `folder`, half a second apart. The left half shows a
/// bottle in the first ten, and a plain wall then. The right half is a wall in all of them.
fn film(folder: &Path) -> String {
    let bottle = image::open(root().join("tests/recordings/bottles/bottles-23.jpg"));
    let bottle = bottle.expect("a picture").into_rgb8();
    let (width, height) = bottle.dimensions();
    for n in 0..20 {
        let mut both = image::RgbImage::from_pixel(2 * width, height, image::Rgb([120; 3]));
        if n < 10 {
            image::imageops::replace(&mut both, &bottle, 0, 0);
        }
        both.save(folder.join(format!("{n:02}.png")))
            .expect("room for a picture");
    }
    format!("kind = \"recording\"\nat_end = \"loop\"\nframe_rate = 2.0\npath = {folder:?}\n")
}

/// A folder with this configuration of the two doors, their heads and their film.
fn garage(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("film");
    fs::create_dir(&pictures).unwrap();
    configuration(folder.path(), &film(&pictures), more);
    head::write(folder.path(), "left.head", ["open", "shut"]);
    head::write(folder.path(), "right.head", ["car", "empty"]);
    folder
}

fn running(more: &str) -> Daemon {
    let folder = garage(more);
    let config = folder.path().join("config.toml");
    Daemon::of_file(folder, &config)
}

/// Replaces `old` by `new` in the configuration of `daemon`.
fn edit(daemon: &Daemon, old: &str, new: &str) {
    let path = daemon.folder.path().join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{text}");
    fs::write(&path, text.replace(old, new)).unwrap();
}

/// Runs a command on the configuration of `folder`.
fn on(folder: &Path, arguments: &[&str]) -> Ran {
    let config = folder.join("config.toml");
    let all = [arguments, &["--config", config.to_str().unwrap()]].concat();
    output(command(&all).env("XDG_CACHE_HOME", folder.join("cache")))
}

/// All messages until the one for which `last` holds.
fn until(subscriber: &Subscriber, mut last: impl FnMut(&Received) -> bool) -> Vec<Received> {
    let mut all = Vec::new();
    loop {
        let message = subscriber.next(PATIENCE);
        all.push(message.unwrap_or_else(|| panic!("it did not come: {all:#?}")));
        if all.last().is_some_and(&mut last) {
            return all;
        }
    }
}

/// What the broker retains on `topic`.
fn retained(broker: &Broker, topic: &str) -> Option<Received> {
    Subscriber::new(broker, topic).next(Duration::from_secs(2))
}

fn is(message: &Received, topic: &str, label: &str) -> bool {
    message.topic == format!("goldcrest/test/{topic}") && message.json()["label"] == label
}

#[test]
fn each_region_has_its_label_its_events_and_its_entities() {
    let broker = Broker::start();
    let state = tempfile::tempdir().unwrap();
    // What an earlier run without regions left at the broker.
    broker.publish("goldcrest/test/label", "{\"v\":1}");
    let subscriber = Subscriber::new(&broker, "#");
    let home = format!(
        "[homeassistant]\nenabled = true\nfolder = {:?}\n",
        state.path()
    );
    let daemon = running(&format!("{PROMPT}{DOORS}{home}{}", broker.config_toml()));
    let all = until(&subscriber, |m| is(m, "left/event", "shut"));
    let of = |topic: &str| -> Vec<&Received> {
        let topic = format!("goldcrest/test/{topic}");
        all.iter().filter(|m| m.topic == topic).collect()
    };
    // The left door opens and shuts, and the right one never changes.
    let events: Vec<Value> = of("left/event").iter().map(|m| m.json()).collect();
    let last = events.last().unwrap();
    assert_eq!(
        (&last["region"], &last["previous"]),
        (&json!("left"), &json!("open"))
    );
    let id = last["event"].as_str().unwrap();
    assert!(id.ends_with(&format!("-{}-left", last["seq"])), "{id}");
    assert_eq!(of("right/event").len(), 1);
    assert_eq!(of("right/event")[0].json()["label"], "empty");
    let right = of("right/label");
    assert!(right.iter().any(|m| m.json()["label"] == "empty"));
    assert!(right.iter().all(|m| m.json()["region"] == "right"));
    assert!(right.iter().any(|m| m.json()["reason"] == "starting"));
    assert_eq!(right[0].json()["label"], Value::Null);
    // Without regions there is nothing, and what was there is cleared.
    let whole = of("label");
    assert!(
        whole.iter().all(|m| m.bytes.is_empty() || m.retained),
        "{whole:?}"
    );
    assert!(of("event").is_empty());
    assert!(retained(&broker, "goldcrest/test/label").is_none());
    // One device has the entities of both.
    let config = all
        .iter()
        .rfind(|m| m.topic.ends_with("/config"))
        .unwrap()
        .json();
    let options =
        |region: &str| config["components"][format!("region_{region}_label")]["options"].clone();
    assert_eq!(options("left"), json!(["open", "shut", "unknown"]));
    assert_eq!(options("right"), json!(["car", "empty", "unknown"]));
    for part in ["label", "score", "change"] {
        assert!(config["components"].get(part).is_none(), "{part}");
        let of_region = &config["components"][format!("region_right_{part}")];
        assert_eq!(of_region["name"], format!("right {part}"));
    }
    daemon.end();
    for region in ["left", "right"] {
        let label = Subscriber::new(&broker, &format!("goldcrest/test/{region}/label"));
        let label = label.expect("label");
        assert!(label.retained);
        assert_eq!(
            (&label.json()["label"], &label.json()["reason"]),
            (&Value::Null, &json!("stopped"))
        );
    }
}

#[test]
fn another_head_of_one_region_leaves_the_other_as_it_is() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let mut daemon = running(&format!("{PROMPT}{DOORS}{}", broker.config_toml()));
    until(&subscriber, |m| is(m, "right/label", "empty"));
    let hash = head::write(daemon.folder.path(), "other.head", ["van", "free"]);
    edit(&daemon, "right.head", "other.head");
    daemon.signal("HUP");
    let all = until(&subscriber, |m| is(m, "right/event", "free"));
    let reason = |topic: &str| {
        let of = all
            .iter()
            .filter(|m| m.topic == format!("goldcrest/test/{topic}"));
        of.filter(|m| m.json()["reason"] == "head changed").count()
    };
    assert_eq!((reason("right/label"), reason("left/label")), (1, 0));
    assert_eq!(all.last().unwrap().json()["head"], hash);
    daemon.expect("took over region");
    // Other names are topics and entities that a start makes.
    edit(&daemon, "\"right\"", "\"south\"");
    daemon.signal("HUP");
    daemon.expect("region changes at the next start");
    until(&subscriber, |m| is(m, "right/label", "free"));
    daemon.end();
}

#[test]
fn settings_commands_and_health_tell_of_each_region() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let more = "[commands]\nenabled = true\n[health]\ninterval = 3600.0\n";
    let daemon = running(&format!("{PROMPT}{DOORS}{more}{}", broker.config_toml()));
    let settings = subscriber.expect("settings").json();
    let regions = settings["regions"].as_array().unwrap();
    assert_eq!(
        (&regions[0]["name"], &regions[1]["name"]),
        (&json!("left"), &json!("right"))
    );
    assert_eq!(regions[1]["threshold"], json!(RULE.threshold));
    assert_eq!(regions[1]["labels"], 2);
    assert_ne!(regions[0]["head"], regions[1]["head"]);
    until(&subscriber, |m| is(m, "left/label", "open"));
    broker.send("goldcrest/test/command/threshold", "0.75");
    let settings = subscriber.expect_that("settings", |m| m.json()["threshold"] == 0.75);
    for region in settings.json()["regions"].as_array().unwrap() {
        assert_eq!(region["threshold"], 0.75);
    }
    let reports = Subscriber::new(&broker, "goldcrest/test/health");
    broker.send("goldcrest/test/command/health", "");
    let health = reports.expect("health").json();
    let frames = health["classified"].as_u64().unwrap();
    assert!(frames > 0, "{health}");
    let regions = health["regions"].as_array().unwrap();
    assert_eq!(regions.len(), 2);
    for region in regions {
        // Each frame cost one inference here and one there, exactly.
        assert_eq!(region["inferences"], frames, "{health}");
        assert_eq!(
            (&region["still"], &region["no_turn"]),
            (&json!(0), &json!(0))
        );
        assert!(region["look_ms"]["p50"].as_f64().unwrap() > 0.0, "{health}");
    }
    daemon.end();
}

#[test]
fn a_region_that_is_gone_leaves_no_label_at_the_broker() {
    let broker = Broker::start();
    let state = tempfile::tempdir().unwrap();
    let home = format!(
        "[homeassistant]\nenabled = true\nfolder = {:?}\n",
        state.path()
    );
    let more = format!("{PROMPT}{DOORS}{home}{}", broker.config_toml());
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let daemon = running(&more);
    until(&subscriber, |m| is(m, "right/label", "empty"));
    daemon.end();
    let left = &DOORS[..DOORS.rfind("[[region]]").unwrap()];
    let daemon = running(&more.replace(DOORS, left));
    until(&subscriber, |m| {
        m.topic.ends_with("right/label") && m.bytes.is_empty()
    });
    until(&subscriber, |m| is(m, "left/label", "open"));
    assert!(retained(&broker, "goldcrest/test/right/label").is_none());
    daemon.end();
}

#[test]
fn a_replay_has_a_line_for_each_frame_and_region() {
    let folder = garage(&format!("{PROMPT}{DOORS}[mqtt]\nenabled = false\n"));
    let film = folder.path().join("film");
    let ran = on(
        folder.path(),
        &["replay", film.to_str().unwrap(), "--fps", "2", "--json"],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines: Vec<Value> = ran
        .stdout
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 40);
    for (n, pair) in lines.chunks_exact(2).enumerate() {
        assert_eq!((&pair[0]["seq"], &pair[1]["seq"]), (&json!(n), &json!(n)));
        assert_eq!(
            (&pair[0]["region"], &pair[1]["region"]),
            (&json!("left"), &json!("right"))
        );
        let left = if n < 10 { "open" } else { "shut" };
        assert_eq!(
            (&pair[0]["label"], &pair[1]["label"]),
            (&json!(left), &json!("empty"))
        );
    }
    assert!(ran.stderr.contains("20 inferences"), "{}", ran.stderr);

    // In turn each frame has one line.
    let config = folder.path().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("crop", "every = 2\ncrop")).unwrap();
    let ran = on(
        folder.path(),
        &["replay", film.to_str().unwrap(), "--fps", "2"],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("left         open"), "{}", ran.stdout);
    assert_eq!(
        ran.stdout.matches("10 inferences").count(),
        2,
        "{}",
        ran.stdout
    );
}

#[test]
fn check_describes_each_region_and_its_head() {
    let folder = garage(&format!("{PROMPT}{DOORS}[mqtt]\nenabled = false\n"));
    let check = |folder: &Path| {
        let ran = on(folder, &["check", "--json"]);
        (
            ran.code,
            serde_json::from_str::<Value>(&ran.stdout).unwrap(),
        )
    };
    let (code, found) = check(folder.path());
    assert_eq!(code, 0, "{found}");
    let says = |what: &str| {
        let all = found["findings"].as_array().unwrap();
        let one = all.iter().find(|f| f["what"] == what);
        one.unwrap_or_else(|| panic!("no {what}: {found}"))["says"].to_string()
    };
    assert!(
        says("region left").contains("crop [0, 0, 0.5, 1], each frame"),
        "{found}"
    );
    assert!(
        says("region right").contains("right.head, 2 labels"),
        "{found}"
    );
    let right = &found["regions"][1];
    assert_eq!(
        (&right["name"], &right["every"]),
        (&json!("right"), &json!(1))
    );
    assert_eq!(right["head"]["classes"][0]["label"], "car");
    assert_eq!(right["observe"]["threshold"]["from"], "head");
    assert_eq!(found["head"], Value::Null);
    let parts = found["memory"]["parts"].as_array().unwrap();
    assert!(
        parts
            .iter()
            .any(|part| part["what"] == "regions beside the first"),
        "{found}"
    );

    fs::remove_file(folder.path().join("right.head")).unwrap();
    let (code, found) = check(folder.path());
    assert_eq!(code, 66, "{found}");
    assert!(
        found.to_string().contains("right.head: no such head"),
        "{found}"
    );
}

#[test]
fn a_head_is_taught_to_one_region_and_used_there() {
    let folder = garage(&format!("{PROMPT}{DOORS}[mqtt]\nenabled = false\n"));
    let pictures = folder.path().join("pictures");
    for n in 0..8 {
        // What differs is at the left, with some noise at the right.
        let (label, from) = if n < 4 { ("up", n) } else { ("down", n + 10) };
        let mut picture = image::open(folder.path().join(format!("film/{from:02}.png")))
            .unwrap()
            .into_rgb8();
        for (x, y) in (0..20 + 20 * n).flat_map(|x| (0..40).map(move |y| (1279 - x, y))) {
            picture.put_pixel(x, y, image::Rgb([10 * n as u8; 3]));
        }
        for (x, y) in (0..10 + 9 * n).flat_map(|x| (0..30).map(move |y| (x, y))) {
            picture.put_pixel(x, y, image::Rgb([30 * n as u8; 3]));
        }
        let place = pictures.join(label);
        fs::create_dir_all(&place).unwrap();
        picture
            .save(place.join(format!("2026010{}_120000.png", n + 1)))
            .unwrap();
    }
    let out = folder.path().join("left.head");
    let (pictures, out) = (pictures.to_str().unwrap(), out.to_str().unwrap());
    let teach = |more: &[&str]| {
        on(
            folder.path(),
            &[&["teach", pictures, "--out", out], more].concat(),
        )
    };
    for (more, part) in [
        (&[][..], "the regions left, right; name one with --region"),
        (&["--region", "middle"], "the regions left, right"),
    ] {
        let ran = teach(more);
        assert!(
            ran.code == 64 && ran.stderr.contains(part),
            "{}",
            ran.stderr
        );
    }
    let ran = teach(&["--region", "left"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let film = folder.path().join("film");
    let ran = on(
        folder.path(),
        &["replay", film.to_str().unwrap(), "--fps", "2", "--json"],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let right = |line: &Value| {
        let first = line["seq"].as_u64().unwrap() < 10;
        line["label"] == if first { "up" } else { "down" }
    };
    let lines = ran
        .stdout
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap());
    let lines: Vec<_> = lines.filter(|line| line["region"] == "left").collect();
    let told = lines.iter().filter(|line| right(line)).count();
    assert!(lines.len() == 20 && told >= 18, "{told}: {}", ran.stdout);
}

#[test]
fn a_review_picture_is_named_after_its_region_and_shows_it_alone() {
    let kept = tempfile::tempdir().unwrap();
    // The copy of a frame for review takes 2 MiB at this size, beside all that regions take.
    let more = format!(
        "[memory]\nbudget_mb = 52\n[review]\nfolder = {:?}\ninterval = 1.0\n",
        kept.path()
    );
    let broker = Broker::start();
    let mut daemon = running(&format!("{PROMPT}{DOORS}{more}{}", broker.config_toml()));
    let found = || {
        let entries = fs::read_dir(kept.path()).unwrap();
        let mut paths = entries.map(|e| e.unwrap().path());
        paths.find(|path| path.to_string_lossy().contains("-changed-left-shut-"))
    };
    daemon.wait_until(|| found().is_some());
    let picture = image::open(found().unwrap()).unwrap().to_rgb8();
    let (width, height) = picture.dimensions();
    let black = |x: u32| (0..height).all(|y| picture.get_pixel(x, y).0.iter().all(|&v| v < 16));
    assert!((width / 2 + 4..width).all(black), "the other region shows");
    assert!(!(0..width / 2 - 4).any(black));
    daemon.end();
}
