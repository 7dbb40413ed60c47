//! A daemon with everything on, through faults at random: a camera (over HTTP, or of an odd seed a
//! program) that ends, hangs, lies and bursts, a broker that is killed, files that are broken,
//! commands, lessons, and strangers.
//!
//! At the end each picture that the camera sent is classified, found still, or dropped for a cause;
//! each event has arrived; and memory, files and threads are as they were.
//!
//! `cargo test --release --test faults` takes half a minute. A soak, which prints each fault:
//!
//! `FAULT_SECONDS=1800 FAULT_SEED=7 cargo test --release --test faults -- --nocapture`
//!
//! The same seed gives the same faults in the same order, but not at the same frames.

mod camera;
mod listener;
mod random;
mod scene;
mod slope;
mod sums;
#[path = "../support/mod.rs"]
mod support;
mod trouble;

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use scene::Scene;
use slope::Sampler;

/// The address of the camera, for the program that reads its stream.
const CAMERA_OF_CHILD: &str = "GOLDCREST_TEST_CAMERA";
/// The file for that program's number.
const PID_OF_CHILD: &str = "GOLDCREST_TEST_CAMERA_PID";

/// No test: the program whose output is the camera.
#[test]
#[ignore = "started by the daemon of another test"]
fn program_that_is_the_camera() {
    let [Ok(address), Ok(file)] = [CAMERA_OF_CHILD, PID_OF_CHILD].map(std::env::var) else {
        return;
    };
    fs::write(file, std::process::id().to_string()).expect("a file");
    let mut stream = TcpStream::connect(address).expect("a camera");
    let request = b"GET /video HTTP/1.1\r\n\r\n";
    stream.write_all(request).expect("a camera that reads");
    // Ends with the stream.
    drop(io::copy(&mut stream, &mut io::stdout()));
}

/// A number of the environment.
fn asked<T: FromStr<Err: Display>>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|e| panic!("{name}: {e}")))
}

#[test]
fn faults_at_random_lose_no_frame_and_no_event() {
    let length = Duration::from_secs(asked("FAULT_SECONDS").unwrap_or(30));
    let clock = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = asked("FAULT_SEED").unwrap_or(clock.map_or(0, |now| now.as_secs()));
    println!("FAULT_SEED={seed} FAULT_SECONDS={}", length.as_secs());

    let mut scene = Scene::start(seed);
    let sampler = Sampler::start(scene.daemon.id());
    let begun = Instant::now();
    let mut next = begun;
    while begun.elapsed() < length {
        scene.tick();
        if Instant::now() >= next {
            trouble::strike(&mut scene);
            next = Instant::now() + scene.random.time(200, 2500);
        }
        thread::sleep(Duration::from_millis(20));
    }

    let samples = sampler.stop();
    let health = sums::settle(&mut scene);
    for (what, count) in &scene.done {
        println!("{count:6} {what}");
    }
    sums::frames_add_up(&health, scene.camera.sent());
    sums::events_are_exact(&scene, &health);
    sums::memory_is_bounded(&scene, &samples);
    sums::nothing_grows(&scene, &samples, begun, length);

    scene.daemon.signal("TERM");
    let asked = Instant::now();
    let status = scene.daemon.wait();
    let took = asked.elapsed();
    assert!(status.success(), "{status}: {:#?}", scene.daemon.log);
    assert!(took < Duration::from_secs(4), "{took:?}");
    scene.wait_for_last_words();
    let (camera, _) = scene.listener.last("camera").expect("a state");
    sums::counters_agree(&camera, &health);
}
