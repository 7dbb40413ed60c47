//! Threads that end without being told to: each is noticed, whatever it is.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::everything::Everything;
use crate::support::program::root;
use crate::support::{Broker, PATIENCE};

/// A daemon with every thread that there is, whose parent can end each of them.
struct Doomed {
    parent: Child,
    lines: mpsc::Receiver<String>,
    _everything: Everything,
}

impl Doomed {
    fn start(broker: &Broker) -> Self {
        let everything = Everything::new(broker);
        let mut parent = Command::new("python3")
            .arg(root().join("tests/support/end_thread.py"))
            .args([env!("CARGO_BIN_EXE_goldcrest"), "run", "--config"])
            .arg(&everything.config)
            .current_dir(root())
            .env_remove("JOURNAL_STREAM")
            // One heap for all threads, so that whoever dies within it takes it from all others.
            .env("GLIBC_TUNABLES", "glibc.malloc.arena_max=1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let errors = BufReader::new(parent.stderr.take().unwrap());
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            parent,
            lines,
            _everything: everything,
        }
    }

    fn expect(&self, words: &str) {
        let mut log = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            if line.contains(words) {
                return;
            }
            log.push(line);
        }
        panic!("no line holds {words:?}: {log:#?}");
    }

    /// Ends the thread of this name. Returns how long the process went on, its exit code, and its
    /// last lines.
    fn end(mut self, thread: &str) -> (Duration, Option<i32>, Vec<String>) {
        self.expect("connected as");
        let mut stdin = self.parent.stdin.take().unwrap();
        writeln!(stdin, "{thread}").unwrap();
        let ended = BufReader::new(self.parent.stdout.take().unwrap())
            .lines()
            .next();
        let start = Instant::now();
        assert!(
            matches!(ended, Some(Ok(line)) if line == "ended"),
            "{thread}"
        );
        let status = self.parent.wait().unwrap();
        let took = start.elapsed();
        (took, status.code(), self.lines.iter().collect())
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn any_thread_that_dies_ends_the_process_within_a_second() {
    let broker = Broker::start();
    // As the kernel knows them; the first one has the program's name.
    for (thread, name) in [
        ("goldcrest", "main"),
        ("watch", "watch"),
        ("second-watch", "second-watch"),
        ("signals", "signals"),
        ("capture", "capture"),
        ("stream", "stream"),
        ("engine-1", "engine-1"),
        ("mqtt", "mqtt"),
        ("outbox", "outbox"),
        ("snapshot", "snapshot"),
        ("review", "review"),
        ("lessons", "lessons"),
    ] {
        let (took, code, lines) = Doomed::start(&broker).end(thread);
        let wanted =
            format!("goldcrest: the thread {name} is gone; this is a bug: please report it");
        assert_eq!(lines.last(), Some(&wanted), "{lines:#?}");
        assert_eq!(code, Some(70), "{name}");
        println!("{name}: {} ms", took.as_millis());
        assert!(took < Duration::from_secs(1), "{name}: {took:?}");
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.flat_map(|path| match path.is_dir() {
        true => rust_files(&path),
        false => vec![path],
    });
    files
        .filter(|file| file.extension().is_some_and(|e| e == "rs"))
        .collect()
}

#[test]
fn every_thread_of_the_program_is_watched() {
    let src = root().join("src");
    let kernels = rust_files(&root().join("kernels/src"));
    for file in rust_files(&src).into_iter().chain(kernels) {
        let text = fs::read_to_string(&file).unwrap();
        // Tests start their own.
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let name = file.strip_prefix(&src).unwrap_or(&file);
        let name = name.display().to_string();
        let starts = [
            "thread::spawn(",
            "Builder::new().name",
            "std::thread::Builder",
        ];
        // One of a command, which joins it before it goes on.
        let joined = name == "cli/teach/gather.rs";
        if name != "threads.rs" && !joined && !name.contains("tests") {
            for start in starts {
                assert!(
                    !code.contains(start),
                    "{name} holds {start}: use threads::spawn"
                );
            }
        }
    }
}
