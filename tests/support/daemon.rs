//! A running daemon whose log is read as it comes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use tempfile::TempDir;

use super::program::{command, packed_model, root, signal};
use super::{PATIENCE, wait_for};

/// A daemon with a folder of its own, which holds its configuration and its model, packed. It is
/// killed when the value is dropped.
pub struct Daemon {
    child: Child,
    lines: Receiver<String>,
    /// The folder.
    pub folder: TempDir,
    /// What it has logged so far.
    pub log: Vec<String>,
}

impl Daemon {
    /// Starts it on the bottles, over and over, with `more` at the end of its configuration.
    pub fn start(more: &str) -> Self {
        Self::on(&bottles("loop"), more)
    }

    /// Starts it on `source`, which is the text of `[source]` and of sections beside it.
    pub fn on(source: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = configuration(folder.path(), source, more);
        Self::run(folder, &config, &[])
    }

    /// Starts it on the bottles with these variables in its environment.
    pub fn in_environment(more: &str, environment: &[(&str, &Path)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = configuration(folder.path(), &bottles("loop"), more);
        Self::run(folder, &config, environment)
    }

    /// Starts it with `text` as its whole configuration.
    pub fn configured(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("config.toml");
        fs::write(&config, text).expect("a configuration can be written");
        Self::run(folder, &config, &[])
    }

    /// Starts it with the configuration at `config`, which stands in `folder`.
    pub fn of_file(folder: TempDir, config: &Path) -> Self {
        Self::run(folder, config, &[])
    }

    fn run(folder: TempDir, config: &Path, environment: &[(&str, &Path)]) -> Self {
        let mut run = command(&["run", "--config", config.to_str().expect("UTF-8")]);
        // A cache of its own holds no other bundle.
        run.env("XDG_CACHE_HOME", folder.path().join("cache"));
        run.envs(environment.iter().copied());
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
        signal(self.id(), name);
    }

    /// The next line of its log that holds `words`; others are skipped.
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
                Err(why) => panic!("no line holds {words:?} ({why}): {:#?}", self.log),
            }
        }
    }

    /// Takes in what it has logged meanwhile, and returns the new lines.
    pub fn overheard(&mut self) -> &[String] {
        let known = self.log.len();
        self.log.extend(self.lines.try_iter());
        &self.log[known..]
    }

    /// Waits until `holds`. A daemon that has ended, as for want of memory, is no reason to wait.
    pub fn wait_until(&mut self, mut holds: impl FnMut() -> bool) {
        let mut ended = false;
        let over = || {
            ended = !self.runs();
            ended || holds()
        };
        if !wait_for(PATIENCE, over) || ended {
            self.child.kill().ok();
            self.wait();
            panic!("it ended or nothing came: {:#?}", self.log);
        }
    }

    /// Waits for its end; returns how it ended. Its log is then complete.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        let ended = wait_for(PATIENCE, || {
            status = self.child.try_wait().expect("it can be waited for");
            status.is_some()
        });
        assert!(ended, "it does not end: {:#?}", self.log);
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.log.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("its log does not end"),
            }
        }
        status.expect("it has ended")
    }

    /// Ends it with SIGTERM, as a service manager does; returns all that it has logged.
    pub fn end(mut self) -> Vec<String> {
        self.signal("TERM");
        let status = self.wait();
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

/// A source for [`configuration`]: the shipped recording, ten frames a second. `at_end` is `loop`
/// or `stop`.
pub fn bottles(at_end: &str) -> String {
    let path = root().join("tests/recordings/bottles");
    format!("kind = \"recording\"\npath = {path:?}\nat_end = \"{at_end}\"\n")
}

/// Keys of `[observe]` with which [`changing`] leads to events, whatever the model makes of it;
/// they come first in what [`configuration`] gets as `more`.
pub const CHANGING: &str =
    "threshold = 0.1\nrelease = 0.1\nmargin = 0.0\nspread = 0.0\nsmoothing = 0.2\n";

/// A source for [`configuration`]: twenty pictures in `folder`, over and over, ten of bottles and
/// ten of a plain wall. A bar of 64 pixels at the right of each has the level that [`numbered`]
/// reads.
pub fn changing(folder: &Path) -> String {
    for n in 0..20 {
        let name = format!("tests/recordings/bottles/bottles-{}.jpg", n + 20);
        let mut picture = image::open(root().join(name)).expect("a picture").to_rgb8();
        let (width, height) = picture.dimensions();
        if n >= 10 {
            picture.pixels_mut().for_each(|pixel| pixel.0 = [120; 3]);
        }
        for (x, y) in (width - 64..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
            picture.put_pixel(x, y, image::Rgb([20 + 10 * n as u8; 3]));
        }
        let path = folder.join(format!("{n:02}.png"));
        picture.save(path).expect("room for a picture");
    }
    format!("kind = \"recording\"\nat_end = \"loop\"\npath = {folder:?}\n")
}

/// Which of the pictures of [`changing`] has this level in its bar.
pub fn numbered(level: u8) -> u64 {
    (u64::from(level).saturating_sub(15)) / 10
}

/// Puts the shipped model and its bundle into `folder`, and writes a configuration for it beside
/// them: `source` comes first, `more` last. Returns the configuration's path.
pub fn configuration(folder: &Path, source: &str, more: &str) -> PathBuf {
    let model = packed_model(folder);
    let path = folder.join("config.toml");
    let text = format!(
        "id = \"test\"\n[source]\n{source}\n[model]\npath = {model:?}\n[observe]\nheartbeat = 0.2\n{more}"
    );
    fs::write(&path, text).expect("a configuration can be written");
    path
}

/// MiB of each row of the memory table, from a log or from what `check` prints.
pub fn table(lines: &[String]) -> Vec<(String, f64)> {
    let rows = lines.iter().filter_map(|line| {
        let (before, _) = line.split_once(" MiB")?;
        let (name, number) = before.trim_end().rsplit_once(' ')?;
        let name = name.trim_end().rsplit("  ").next()?.trim();
        Some((name.to_string(), number.parse().ok()?))
    });
    rows.collect()
}
