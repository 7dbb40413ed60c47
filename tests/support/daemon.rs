//! A running daemon whose log is read as it comes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::program::{command, packed_model, root};

/// How long a line is waited for; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon with a folder of its own, which holds its configuration and its model, packed; it is
/// killed with the value.
pub struct Daemon {
    child: Child,
    lines: Receiver<String>,
    /// The folder.
    pub folder: tempfile::TempDir,
    /// What it has logged so far.
    pub log: Vec<String>,
}

impl Daemon {
    /// Starts it on the bottles, over and over, with `more` at the end of its configuration.
    pub fn start(more: &str) -> Self {
        Self::with(more, |_| {})
    }

    /// The same, after `prepare` has had the folder.
    pub fn with(more: &str, prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = configuration(folder.path(), more);
        prepare(folder.path());
        Self::run(folder, &config)
    }

    /// Starts it with `text` as its whole configuration.
    pub fn configured(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("config.toml");
        fs::write(&config, text).expect("a configuration can be written");
        Self::run(folder, &config)
    }

    fn run(folder: tempfile::TempDir, config: &Path) -> Self {
        let mut run = command(&["run", "--config", config.to_str().expect("UTF-8")]);
        // With a cache of its own, in which no other bundle stands.
        run.env("XDG_CACHE_HOME", folder.path().join("cache"));
        let mut child = run.stderr(Stdio::piped()).spawn().expect("it starts");
        let errors = BufReader::new(child.stderr.take().expect("it is piped"));
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            lines,
            folder,
            log: Vec::new(),
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by its name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.id().to_string()])
            .status();
        assert!(status.expect("kill runs").success());
    }

    /// The next line of its log that holds `words`; others are passed over.
    pub fn expect(&mut self, words: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            match self
                .lines
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    self.log.push(line.clone());
                    if line.contains(words) {
                        return line;
                    }
                }
                Err(why) => panic!("{words:?} is not said ({why}): {:#?}", self.log),
            }
        }
    }

    /// Ends it with SIGTERM and gives all that it has logged.
    pub fn end(mut self) -> Vec<String> {
        self.signal("TERM");
        let status = self.child.wait().expect("it can be waited for");
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.log.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("its log does not end"),
            }
        }
        assert!(status.success(), "{status}: {:#?}", self.log);
        std::mem::take(&mut self.log)
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Writes a configuration into `folder`, and the shipped model with its bundle beside it.
pub fn configuration(folder: &Path, more: &str) -> PathBuf {
    let bottles = root().join("tests/recordings/bottles");
    let model = packed_model(folder);
    let path = folder.join("config.toml");
    let text = format!(
        "id = \"test\"\n[source]\nkind = \"recording\"\npath = {bottles:?}\nat_end = \"loop\"\nframe_rate = 20.0\n\
         [model]\npath = {model:?}\n[observe]\nheartbeat = 0.2\n{more}"
    );
    fs::write(&path, text).expect("a configuration can be written");
    path
}

/// One field of `/proc/PID/status`, in KiB; none once the process has ended.
pub fn field(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// MiB of each row of the table of what is needed, out of a log or of what `check` prints.
pub fn table(lines: &[String]) -> Vec<(String, f64)> {
    let rows = lines.iter().filter_map(|line| {
        let (before, _) = line.split_once(" MiB")?;
        let (name, number) = before.trim_end().rsplit_once(' ')?;
        let name = name.trim_end().rsplit("  ").next()?.trim();
        Some((name.to_string(), number.parse().ok()?))
    });
    rows.collect()
}
