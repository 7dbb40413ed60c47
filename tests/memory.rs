//! The promise that the memory is small and does not grow, held on the whole process.

mod support;

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use support::Broker;
use support::program::{command, goldcrest, root};

/// Most that may ever be resident, code and mapped weights included, in KiB.
const PEAK: u64 = 48 * 1024;
/// Most that may be anonymous at any time, in KiB.
const ANONYMOUS: u64 = 12 * 1024;

/// One field of `/proc/PID/status`, in KiB; none once the process has ended.
fn field(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status
        .lines()
        .find_map(|l| l.strip_prefix(name))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

#[test]
fn five_hundred_frames_over_mqtt_stay_within_the_promise() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    for n in 0..500 {
        let frame = root().join(format!(
            "tests/recordings/bottles/bottles-{:02}.jpg",
            n % 60 + 1
        ));
        std::os::unix::fs::symlink(frame, folder.path().join(format!("{n}.jpg"))).unwrap();
    }
    let config = folder.path().join("config.toml");
    let model = root().join("model/convnext_tiny_128_int8.onnx");
    fs::write(
        &config,
        format!("[model]\npath = {model:?}\n{}", broker.config_toml()),
    )
    .unwrap();
    let config = config.to_str().unwrap();

    // The first use of a model packs it, in a child process and once.
    let packed = goldcrest(&[
        "replay",
        "tests/recordings/bottles/bottles-01.jpg",
        "--config",
        config,
    ]);
    assert_eq!(packed.code, 0, "{}", packed.stderr);

    let path = folder.path().to_str().unwrap();
    let mut child = command(&["replay", path, "--mqtt", "--config", config])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut peak, mut anonymous, mut samples) = (0, 0, 0);
    let status = loop {
        if let (Some(high), Some(anon)) =
            (field(child.id(), "VmHWM:"), field(child.id(), "RssAnon:"))
        {
            (peak, anonymous, samples) = (peak.max(high), anonymous.max(anon), samples + 1);
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(10));
    };
    assert!(status.success(), "{status}");
    println!("peak {peak} KiB, anonymous {anonymous} KiB, of {samples} samples");
    assert!(samples > 20, "only {samples} samples were taken");
    assert!(peak <= PEAK, "peak RSS is {peak} KiB and may be {PEAK}");
    assert!(
        anonymous <= ANONYMOUS,
        "anonymous RSS is {anonymous} KiB and may be {ANONYMOUS}"
    );
}

#[test]
fn the_heap_is_the_same_at_frame_100_and_at_frame_10_000() {
    // `bench` counts from frame 100 on.
    let ran = goldcrest(&["bench", "--frames", "9900", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["live_heap_growth_bytes"], 0, "{report}");
    assert_eq!(report["allocations_per_inference"], 0.0, "{report}");
}
