//! The sums at the end: each frame, each event, and what the process holds.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::camera::{Refusal, Sent};
use crate::scene::Scene;
use crate::slope::{Sample, Slope};
use crate::support::PATIENCE;
use crate::support::daemon::table;

/// Causes in `drops` of `health` that count something else than frames.
const NO_FRAMES: [&str; 6] = [
    "unsent",
    "oversized",
    "command",
    "violation",
    "snapshot",
    "review",
];

/// Ends all trouble, and waits until no frame and no message is on its way. Returns the last
/// `health`.
pub fn settle(scene: &mut Scene) -> Value {
    scene.wait("the broker", |scene| scene.broker_serves());
    scene.configure(&scene.config);
    scene.daemon.overheard();
    scene.daemon.signal("HUP");
    scene.wait("a good reload", |scene| {
        let lines = scene.daemon.overheard();
        lines
            .iter()
            .any(|line| line.contains("reload: now running"))
            || scene.heard("settings", |settings| settings["reload_error"].is_null())
    });
    // The rate of commands is bounded, and one that is refused is not obeyed later.
    scene.wait("the end of the pause", |scene| {
        scene.broker.send("goldcrest/test/command/resume", "PRESS");
        std::thread::sleep(Duration::from_secs(1));
        scene.heard("settings", |settings| settings["paused"] == false)
    });
    scene.camera.refuses(2 * PATIENCE, Refusal::Closed);
    scene.wait("the loss of the camera", |scene| {
        scene.heard("camera", |camera| camera["state"] == "lost")
    });
    let after = Instant::now() + Duration::from_secs(1);
    let mut before = Value::Null;
    let mut health = Value::Null;
    scene.wait("the last message", |scene| {
        let Some((now, at)) = scene.listener.last("health") else {
            return false;
        };
        let still = at > after && now["frames"] == before["frames"];
        // Messages about the message itself are under way.
        let sent = now["outbox"]["waiting"] == 0;
        if now != before {
            before = now.clone();
        }
        health = now;
        still && sent && health["camera"] == "lost"
    });
    health
}

/// What a daemon has done with its frames.
#[derive(Debug, PartialEq)]
pub struct Frames {
    pub classified: u64,
    pub gated: u64,
    pub dropped: u64,
}

/// The frames of a `health`.
pub fn frames(health: &Value) -> Frames {
    let drops = health["drops"].as_object().expect("drops by cause");
    let counts = drops
        .iter()
        .filter(|(cause, _)| !NO_FRAMES.contains(&cause.as_str()));
    let count = |value: &Value| value.as_u64().expect("a count");
    let gated = drops.get("still").map_or(0, count);
    Frames {
        classified: count(&health["classified"]),
        gated,
        dropped: counts.map(|(_, value)| count(value)).sum::<u64>() - gated,
    }
}

/// Each picture that the camera sent was classified, found still, or dropped and counted.
pub fn frames_add_up(health: &Value, sent: Sent) {
    let frames = frames(health);
    println!(
        "frames: sent {sent:?}; {frames:?}; drops {}",
        health["drops"]
    );
    let (sum, all) = (
        frames.classified + frames.gated + frames.dropped,
        sent.whole + sent.damaged,
    );
    assert!(
        (all.saturating_sub(sent.unsure)..=all + sent.unsure).contains(&sum),
        "{all} pictures were sent, {} more or less, and {sum} are accounted for",
        sent.unsure
    );
}

/// What the camera's own counters tell after the stop is what `health` told before.
pub fn counters_agree(camera: &Value, health: &Value) {
    let delivered = camera["counters"]["delivered"].as_u64().expect("a count");
    let of = |value: &Value| value.as_u64().unwrap_or(0);
    let drops = &health["drops"];
    assert_eq!(
        delivered,
        of(&health["frames"]) + of(&drops["slot"]),
        "{camera} {health}"
    );
}

/// Each event arrived, once or with the same payload, in its order, and each follows from the one
/// before.
pub fn events_are_exact(scene: &Scene, health: &Value) {
    let heard = scene.listener.heard();
    let outbox = &health["outbox"];
    let arrived: u64 = heard.payloads.values().map(|(_, count)| count).sum();
    let distinct = heard.events.len() as u64;
    println!(
        "events: {} of the outbox, {} sent, {} unsent; arrived {arrived}, distinct {distinct}, twice {}; {} sessions",
        outbox["events"],
        outbox["sent"],
        outbox["unsent"],
        arrived - distinct,
        heard.sessions
    );
    println!(
        "messages: {:?}; answers {:?}",
        heard.messages, heard.answers
    );
    assert!(heard.wrong.is_empty(), "{:#?}", heard.wrong);
    assert_eq!(outbox["unsent"], 0);
    assert_eq!(outbox["events"].as_u64(), Some(distinct));
    for pair in heard.events.windows(2) {
        let [one, next] = pair else { continue };
        assert!(one.seq < next.seq, "{one:?} came before {next:?}");
        // A reload that brings other labels forgets the previous one.
        let follows = next.previous.is_null() || one.label == next.previous;
        assert!(follows, "{one:?} and {next:?}");
        let run = |id: &str| id.split('-').next().map(String::from);
        assert_eq!(run(&one.id), run(&next.id));
    }
}

/// Memory stays below what was computed at the start.
pub fn memory_is_bounded(scene: &Scene, samples: &[Sample]) {
    let need = table(&scene.daemon.log);
    let need = need.iter().find(|(name, _)| name == "in all, at most");
    let need = need.expect("the table of the start").1;
    let peak = samples.iter().map(|sample| sample.rss).fold(0.0, f64::max) / 1024.0;
    println!("memory: peak {peak:.2} MiB of {need} computed");
    assert!(peak <= need, "{peak} MiB of {need}");
}

/// Prints how fast the process grew after its first fifth, and fails if it certainly did.
pub fn nothing_grows(scene: &Scene, samples: &[Sample], begun: Instant, length: Duration) {
    let points = |of: fn(&Sample) -> f64| -> Vec<(f64, f64)> {
        let points = samples.iter().map(|s| (s.at, of(s)));
        later(points, begun, length)
    };
    let heap = scene.listener.heard().heap.clone();
    let heap = later(heap.into_iter(), begun, length);
    for (name, points, least) in [
        ("RSS, KiB", points(|s| s.rss), 256.0),
        ("anonymous, KiB", points(|s| s.anonymous), 256.0),
        ("heap, bytes", heap, 65_536.0),
        ("files", points(|s| s.files), 1.0),
        ("threads", points(|s| s.threads), 1.0),
    ] {
        let Some(slope) = Slope::of(&points, 20) else {
            println!("{name}: too few samples");
            continue;
        };
        let values = points.iter().map(|p| p.1);
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        println!(
            "{name}: {:+.1} an hour, standard error {:.1}; {low} to {high} in {} samples",
            slope.hourly,
            slope.error,
            points.len()
        );
        // A short run tells nothing about an hour.
        if length >= Duration::from_secs(600) {
            let certain = slope.hourly - 3.0 * slope.error;
            assert!(certain <= least, "{name} grows by {slope:?}");
        }
    }
}

/// Seconds and values of what came after the first fifth of the run.
fn later(
    points: impl Iterator<Item = (Instant, f64)>,
    begun: Instant,
    length: Duration,
) -> Vec<(f64, f64)> {
    let from = begun + length / 5;
    points
        .filter(|(at, _)| *at >= from && *at <= begun + length)
        .map(|(at, value)| ((at - begun).as_secs_f64(), value))
        .collect()
}
