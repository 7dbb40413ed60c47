//! The faults. Each is picked by its weight, and may find that it is not its time.

use std::time::Duration;

use crate::camera::{Damage, Refusal, TIMEOUT, Trouble};
use crate::scene::Scene;
use crate::support::bundle::replace;
use crate::support::program;

/// Does something wrong; returns what to print about it, or nothing if it was not its time.
type Fault = fn(&mut Scene) -> Option<String>;

/// The faults with their weights.
const FAULTS: [(&str, u64, Fault); 26] = [
    ("camera ends", 4, |s| camera(s, Trouble::End)),
    ("camera cuts a picture", 3, |s| camera(s, Trouble::Cut)),
    ("camera pauses", 3, camera_pauses),
    ("camera hangs", 2, |s| camera(s, Trouble::Hang)),
    ("camera hangs in a picture", 2, |s| {
        camera(s, Trouble::HangWithin)
    }),
    ("camera bursts", 3, camera_bursts),
    ("camera damages pictures", 5, camera_damages),
    ("camera sends junk", 2, |s| camera(s, Trouble::Junk)),
    ("camera is dark", 2, |s| camera(s, Trouble::Dark(20))),
    ("camera is stuck", 1, |s| camera(s, Trouble::Same(45))),
    ("camera refuses", 4, camera_refuses),
    ("program is killed", 3, |s| signal(s, "KILL")),
    ("program is asked to end", 1, |s| signal(s, "TERM")),
    ("broker is killed", 6, |s| stop_broker(s, true)),
    ("broker ends", 2, |s| stop_broker(s, false)),
    ("broker freezes", 3, freeze_broker),
    ("reload of a good file", 6, good_reload),
    ("reload of a broken file", 5, broken_reload),
    ("reload of another model", 2, other_model),
    ("reload of a broken bundle", 1, broken_bundle),
    ("command", 10, command),
    ("bad command", 4, bad_command),
    ("flood of commands", 1, flood),
    ("pause or resume", 3, pause),
    ("teaching", 14, teach),
    ("a stranger's message", 2, stranger),
];

/// Does one fault.
pub fn strike(scene: &mut Scene) {
    let all: u64 = FAULTS.iter().map(|(_, weight, _)| weight).sum();
    let mut at = scene.random.below(all);
    for (name, weight, fault) in FAULTS {
        if at < weight {
            if let Some(more) = fault(scene) {
                scene.note(name, &more);
            }
            return;
        }
        at -= weight;
    }
}

fn camera(scene: &mut Scene, trouble: Trouble) -> Option<String> {
    scene.camera.meets(trouble);
    Some(format!("{trouble:?}"))
}

fn camera_pauses(scene: &mut Scene) -> Option<String> {
    let longest = (TIMEOUT * 600.0) as u64;
    let time = scene.random.time(100, longest);
    camera(scene, Trouble::Pause(time))
}

fn camera_bursts(scene: &mut Scene) -> Option<String> {
    let count = scene.random.between(10, 200);
    camera(scene, Trouble::Burst(count))
}

fn camera_damages(scene: &mut Scene) -> Option<String> {
    let all = [
        Damage::Half,
        Damage::Header,
        Damage::Large,
        Damage::Progressive,
    ];
    let damage = *scene.random.pick(&all);
    let count = scene.random.between(1, 5);
    camera(scene, Trouble::Damaged(damage, count))
}

fn camera_refuses(scene: &mut Scene) -> Option<String> {
    let all = [
        Refusal::Status("503 Service Unavailable"),
        Refusal::Status("404 Not Found"),
        Refusal::Status("401 Unauthorized"),
        Refusal::Closed,
        Refusal::Silence,
        Refusal::Page,
    ];
    let refusal = *scene.random.pick(&all);
    let time = scene.random.time(100, 6000);
    scene.camera.refuses(time, refusal);
    Some(format!("{refusal:?} for {time:.1?}"))
}

/// Of what such a program has read and not written, nobody knows how much there is.
fn signal(scene: &mut Scene, name: &str) -> Option<String> {
    let process = scene.camera_process().filter(|_| scene.program)?;
    program::signal(process, name);
    Some(format!("process {process}"))
}

fn stop_broker(scene: &mut Scene, kill: bool) -> Option<String> {
    if !scene.broker_serves() {
        return None;
    }
    let time = scene.random.time(0, 4000);
    scene.stop_broker(time, kill);
    Some(format!("for {time:.1?}"))
}

fn freeze_broker(scene: &mut Scene) -> Option<String> {
    if !scene.broker_serves() {
        return None;
    }
    // One in eight is longer than an acknowledgement may take.
    let time = match scene.random.below(8) {
        0 => scene.random.time(21_000, 24_000),
        _ => scene.random.time(100, 4000),
    };
    scene.freeze_broker(time);
    Some(format!("for {time:.1?}"))
}

/// Configurations that a reload takes over, as changes of the first one.
const GOOD: [(&str, &str); 7] = [
    ("", ""),
    ("hold = 0.3", "hold = 1.0\nthreshold = 3.0"),
    ("smoothing = 0.2", "smoothing = 0.0\nframes = 2"),
    ("[observe]\n", "head = \"one.head\"\n[observe]\n"),
    ("[observe]\n", "head = \"other.head\"\n[observe]\n"),
    ("interval = 2.0", "interval = 1.0\n[log]\nlevel = \"debug\""),
    ("most = 20", "most = 10"),
];

/// Configurations that a reload refuses.
const BROKEN: [(&str, &str); 7] = [
    ("[observe]", "[observe"),
    ("hold = 0.3", "hold = -1.0"),
    ("hold = 0.3", "holt = 0.3"),
    ("[observe]\n", "head = \"foreign.head\"\n[observe]\n"),
    ("[observe]\n", "head = \"absent.head\"\n[observe]\n"),
    ("budget_mb = 64", "budget_mb = 16"),
    ("hold = 0.3", "hold = \"\u{1b}[2J\""),
];

fn change(scene: &mut Scene, all: &[(&str, &str)]) -> String {
    let (from, to) = *scene.random.pick(all);
    assert!(scene.config.contains(from), "{from}");
    scene.configure(&scene.config.replacen(from, to, 1));
    to.escape_debug().to_string()
}

fn good_reload(scene: &mut Scene) -> Option<String> {
    let to = change(scene, &GOOD);
    if scene.broker_serves() && scene.random.below(3) == 0 {
        send(scene, "reload", "PRESS");
        return Some(format!("by a command: {to}"));
    }
    scene.daemon.signal("HUP");
    Some(to)
}

fn broken_reload(scene: &mut Scene) -> Option<String> {
    let to = change(scene, &BROKEN);
    scene.daemon.signal("HUP");
    Some(to)
}

fn other_model(scene: &mut Scene) -> Option<String> {
    let name = *scene.random.pick(&["beaker", "lemonade", "tall glass"]);
    let labels = scene.labels.replace("beaker", name);
    replace(&scene.folder, "labels.txt", labels.as_bytes());
    scene.configure(&scene.config);
    scene.daemon.signal("HUP");
    Some(format!("with the label {name}"))
}

fn broken_bundle(scene: &mut Scene) -> Option<String> {
    let good = std::fs::read(scene.folder.join("model.bundle")).expect("a bundle");
    let mut broken = good.clone();
    let place = scene.random.below(good.len() as u64) as usize;
    broken[place] ^= 1;
    replace(&scene.folder, "model.bundle", &broken);
    scene.daemon.signal("HUP");
    std::thread::sleep(Duration::from_secs(1));
    replace(&scene.folder, "model.bundle", &good);
    Some(format!("with a false bit at {place}"))
}

fn send(scene: &mut Scene, name: &str, payload: &str) {
    let topic = format!("goldcrest/test/command/{name}");
    scene.broker.send(&topic, payload);
}

fn command(scene: &mut Scene) -> Option<String> {
    const ALL: [(&str, &str); 9] = [
        ("threshold", "0.3"),
        ("threshold", "{\"value\":0.15,\"correlation\":7}"),
        ("log_level", "debug"),
        ("log_level", "warn"),
        ("log_level", "info"),
        ("health", ""),
        ("snapshot", "PRESS"),
        ("reload", "PRESS"),
        ("resume", "PRESS"),
    ];
    if !scene.broker_serves() {
        return None;
    }
    let (name, payload) = *scene.random.pick(&ALL);
    send(scene, name, payload);
    if scene.random.below(6) == 0 {
        scene.daemon.signal("USR1");
    }
    Some(format!("{name} {payload}"))
}

fn bad_command(scene: &mut Scene) -> Option<String> {
    let large = "x".repeat(8000);
    let all = [
        ("threshold", "7"),
        ("threshold", "{\"value\":"),
        ("log_level", "loud"),
        ("explode", "now"),
        ("teach", "{\"label\":\"a\",\"undo\":true}"),
        ("teach", large.as_str()),
        ("pause", "\u{0}"),
    ];
    if !scene.broker_serves() {
        return None;
    }
    let (name, payload) = *scene.random.pick(&all);
    // A NUL cannot be an argument.
    send(scene, name, payload.replace('\u{0}', "\u{1}").as_str());
    Some(format!("{name}, {} bytes", payload.len()))
}

fn flood(scene: &mut Scene) -> Option<String> {
    if !scene.broker_serves() {
        return None;
    }
    scene
        .broker
        .flood("goldcrest/test/command/threshold", "0.2", 300);
    Some(String::new())
}

fn pause(scene: &mut Scene) -> Option<String> {
    if !scene.broker_serves() {
        return None;
    }
    let name = *scene.random.pick(&["pause", "resume", "resume"]);
    send(scene, name, "PRESS");
    Some(name.into())
}

fn teach(scene: &mut Scene) -> Option<String> {
    const ALL: [&str; 10] = [
        "{\"label\":\"open\"}",
        "{\"label\":\"open\"}",
        "{\"label\":\"shut\"}",
        "{\"label\":\"shut\"}",
        "none",
        "{\"undo\":true}",
        "{\"forget\":\"open\"}",
        "{\"list\":true}",
        "{\"select\":\"shut\"}",
        "{\"take\":true}",
    ];
    if !scene.broker_serves() {
        return None;
    }
    let payload = *scene.random.pick(&ALL);
    send(scene, "teach", payload);
    Some(payload.into())
}

fn stranger(scene: &mut Scene) -> Option<String> {
    if !scene.broker_serves() {
        return None;
    }
    match scene.random.below(3) {
        0 => {
            scene
                .broker
                .publish("goldcrest/test/availability", "offline");
            Some("offline in its name".into())
        }
        1 => {
            scene.broker.send("homeassistant/status", "online");
            Some("Home Assistant starts".into())
        }
        _ => {
            let topic = "goldcrest/test/command/pause";
            scene.broker.publish(topic, "ON");
            scene.broker.publish(topic, "");
            Some("a retained command".into())
        }
    }
}
