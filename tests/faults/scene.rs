//! The daemon, its camera, its broker and its subscriber.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::camera::{Camera, TIMEOUT};
use crate::listener::Listener;
use crate::random::Random;
use crate::support::bundle::replace;
use crate::support::daemon::{CHANGING, configuration};
use crate::support::{Broker, Daemon, PATIENCE, head, wait_for};
use crate::{CAMERA_OF_CHILD, PID_OF_CHILD};

/// What the broker does at the moment.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    Up,
    Down { until: Instant },
    Frozen { until: Instant },
}

/// All that takes part.
pub struct Scene {
    pub random: Random,
    pub camera: Camera,
    pub broker: Broker,
    pub daemon: Daemon,
    pub listener: Listener,
    /// Whether the camera is a program's output.
    pub program: bool,
    pub folder: PathBuf,
    /// The daemon's configuration as it was at its start.
    pub config: String,
    /// Labels that stand beside the model at the start.
    pub labels: String,
    /// What was done, by its name.
    pub done: BTreeMap<&'static str, u64>,
    begun: Instant,
    standing: Standing,
    /// Sessions of the listener when the broker was last killed.
    sessions: u64,
}

impl Scene {
    /// Starts everything, and waits until the first label came.
    ///
    /// Of an odd seed the camera is a program.
    pub fn start(seed: u64) -> Self {
        let program = seed % 2 == 1;
        let broker = Broker::that_keeps();
        let listener = Listener::start(broker.port());
        let connected = || listener.heard().sessions > 0;
        assert!(wait_for(PATIENCE, connected), "the listener is refused");
        let camera = Camera::start(seed ^ 1);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let from = source(&camera, program.then(|| folder.path()));
        let file = configuration(folder.path(), &from, &settings(&broker, folder.path()));
        let path = folder.path().to_path_buf();
        let read = |name: &str| std::fs::read_to_string(path.join(name)).expect("a file");
        let (config, labels) = (read("config.toml"), read("labels.txt"));
        head::write(&path, "one.head", ["bottle", "wall"]);
        head::write(&path, "other.head", ["flask", "plain"]);
        head::write_foreign(&path, "foreign.head");
        let daemon = Daemon::of_file(folder, &file);
        let mut scene = Self {
            random: Random::new(seed),
            camera,
            broker,
            daemon,
            listener,
            program,
            folder: path,
            config,
            labels,
            done: BTreeMap::new(),
            begun: Instant::now(),
            standing: Standing::Up,
            sessions: 0,
        };
        scene.wait("a first label", |scene| {
            scene.heard("label", |label| label["label"].is_string())
        });
        scene.begun = Instant::now();
        scene
    }

    /// Notes what was done, in the output too.
    pub fn note(&mut self, what: &'static str, more: &str) {
        *self.done.entry(what).or_default() += 1;
        println!("{:9.3} {what} {more}", self.begun.elapsed().as_secs_f64());
    }

    /// Whether the last payload on a topic is such.
    pub fn heard(&self, name: &str, holds: impl Fn(&Value) -> bool) -> bool {
        self.listener
            .last(name)
            .is_some_and(|(json, _)| holds(&json))
    }

    /// Whether the broker serves its clients, and the listener is there.
    pub fn broker_serves(&self) -> bool {
        self.standing == Standing::Up && self.listener.heard().sessions > self.sessions
    }

    /// Kills the broker for a while, or ends it in peace.
    pub fn stop_broker(&mut self, time: Duration, kill: bool) {
        if kill {
            self.broker.stop();
        } else {
            self.broker.end();
        }
        self.sessions = self.listener.heard().sessions;
        let until = Instant::now() + time;
        self.standing = Standing::Down { until };
    }

    /// Has the broker answer nothing for a while.
    pub fn freeze_broker(&mut self, time: Duration) {
        self.broker.freeze();
        let until = Instant::now() + time;
        self.standing = Standing::Frozen { until };
    }

    /// The process of the program that is the camera, if one runs.
    pub fn camera_process(&self) -> Option<u32> {
        let pid = std::fs::read_to_string(self.folder.join("camera.pid")).ok()?;
        let pid = pid.parse().ok()?;
        // Not one that has its number meanwhile.
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line);
        line.contains("program_that_is_the_camera").then_some(pid)
    }

    /// Has the broker come back when it is time, and sees that the daemon runs.
    pub fn tick(&mut self) {
        let now = Instant::now();
        match self.standing {
            Standing::Down { until } if now >= until => {
                self.broker.start_again();
                self.standing = Standing::Up;
            }
            Standing::Frozen { until } if now >= until => {
                self.broker.thaw();
                self.standing = Standing::Up;
            }
            _ => {}
        }
        for line in self.daemon.overheard() {
            assert!(!line.contains("panicked"), "{line}");
        }
        if !self.daemon.runs() {
            let status = self.daemon.wait();
            panic!("the daemon has ended, {status}: {:#?}", self.daemon.log);
        }
    }

    /// Goes on until `holds`.
    pub fn wait(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self) {
            self.tick();
            if Instant::now() > end {
                let last: Vec<_> = self.daemon.log.iter().rev().take(20).collect();
                panic!("{what} does not come; the last lines, newest first: {last:#?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for what a daemon that has ended published last.
    pub fn wait_for_last_words(&self) {
        let stopped = || self.heard("camera", |camera| camera["state"] == "stopped");
        assert!(
            wait_for(PATIENCE, stopped),
            "{:?}",
            self.listener.last("camera")
        );
    }

    /// Puts another configuration in place, as packages and people do: whole.
    pub fn configure(&self, text: &str) {
        replace(&self.folder, "config.toml", text.as_bytes());
    }
}

/// The camera over HTTP, or a program that reads the same stream and leaves its number in this
/// folder.
fn source(camera: &Camera, program: Option<&Path>) -> String {
    let source = if let Some(folder) = program {
        let exe = std::env::current_exe().expect("this program");
        let address = format!("{CAMERA_OF_CHILD}={}", camera.address());
        let number = format!("{PID_OF_CHILD}={}", folder.join("camera.pid").display());
        let argv = [
            "env",
            &address,
            &number,
            exe.to_str().expect("UTF-8"),
            "--exact",
            "program_that_is_the_camera",
            "--ignored",
            "--nocapture",
        ];
        format!("kind = \"process\"\n[process]\nargv = {argv:?}\nformat = \"mjpeg\"\n")
    } else {
        format!("kind = \"http\"\n[http]\nurl = \"{}\"\n", camera.url())
    };
    format!("{source}timeout = {TIMEOUT:?}\nstart_timeout = 5.0\n")
}

/// Everything on, as far as it takes no second camera.
fn settings(broker: &Broker, folder: &Path) -> String {
    format!(
        "{CHANGING}{}[outbox]\nfolder = \"outbox\"\nmax_bytes = 1048576\n\
         [commands]\nenabled = true\nkeep = true\nfolder = \"commands\"\n\
         [homeassistant]\nenabled = true\nfolder = \"announced\"\n\
         [snapshot]\nenabled = true\n[review]\nfolder = \"review\"\nmost = 20\n\
         [teach]\nenabled = true\nfolder = \"lessons\"\nmax_examples = 24\n\
         [metrics]\ntextfile = {:?}\n[gate]\nhold = 0.3\nstuck = 3.0\n\
         [health]\ninterval = 2.0\n[memory]\nbudget_mb = 64\n",
        broker.config_toml(),
        folder.join("goldcrest.prom")
    )
}
