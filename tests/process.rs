//! Programs that give frames and misbehave in every way: state, cause, counters, recovery, and what
//! they leave behind.
//!
//! Open files, children and the heap are the whole process's, so only one of these tests runs at a
//! time, in a program of its own.

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use goldcrest::meter::heap;
use goldcrest::source::process::{Argv, Config, Format, Launch, Process};
use goldcrest::source::{Cause, Pauses};
use tempfile::TempDir;

use support::live::{BACK, Before, LATEST, Live, ODDS, open_files};

/// A program, which does what the file `way` says, and its source.
struct Scene {
    folder: TempDir,
    live: Live<Process>,
    before: Before,
}

impl Deref for Scene {
    type Target = Live<Process>;

    fn deref(&self) -> &Self::Target {
        &self.live
    }
}

impl DerefMut for Scene {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.live
    }
}

/// What a program does once it is told to behave: a picture, twenty times a second.
const GOOD: &str = "while :; do cat frame; sleep 0.05; done";

fn picture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/jpeg/420.jpg")
}

/// Children of this process, zombies too, with their state.
fn children() -> Vec<String> {
    below(std::process::id())
}

fn below(top: u32) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((_, rest)) = stat.rsplit_once(") ") else {
            continue;
        };
        if rest.split(' ').nth(1) == Some(&top.to_string()) {
            all.push(stat);
        }
    }
    all
}

/// Numbers of all processes that have `word` in their command line.
fn with_word(word: &str) -> Vec<u32> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(word) {
            all.extend(
                entry
                    .file_name()
                    .to_str()
                    .and_then(|n| n.parse::<u32>().ok()),
            );
        }
    }
    all
}

impl Scene {
    /// A program that misbehaves as the shell's text `way` does.
    fn new(way: &str, change: impl FnOnce(&mut Config)) -> Self {
        Self::with_pauses(way, Pauses::default(), change)
    }

    fn with_pauses(way: &str, pauses: Pauses, change: impl FnOnce(&mut Config)) -> Self {
        let before = Before::alone();
        let folder = tempfile::tempdir().unwrap();
        fs::copy(picture(), folder.path().join("frame")).unwrap();
        fs::write(folder.path().join("way"), way).unwrap();
        let script = format!("cd {} && . ./way", folder.path().display());
        let mut config = Config {
            argv: Argv::from(&["sh", "-c", &script][..]),
            timeout: 1.0,
            start_timeout: 1.5,
            ..Config::default()
        };
        change(&mut config);
        let launch = Launch {
            keeper: env!("CARGO_BIN_EXE_goldcrest").into(),
            pauses,
        };
        assert!(children().is_empty(), "{:?}", children());
        Self {
            live: Live::new(Process::new(&config, launch)),
            folder,
            before,
        }
    }

    /// Has the program do something else from its next start on.
    fn set_way(&self, way: &str) {
        let next = self.folder.path().join("next");
        fs::write(&next, way).unwrap();
        fs::rename(next, self.folder.path().join("way")).unwrap();
    }

    /// Has the program behave, and waits for pictures.
    fn recovers(&mut self) {
        self.set_way(GOOD);
        self.live.comes_back(3);
    }

    /// Ends everything, and sees what is left.
    fn end(self) {
        let Self {
            folder,
            live,
            before,
        } = self;
        drop(live);
        let word = folder.path().display().to_string();
        before.is_back(|| {
            let left = (children(), with_word(&word));
            (left != (Vec::new(), Vec::new())).then(|| format!("{left:?}"))
        });
    }
}

#[test]
fn an_end_within_a_frame_is_counted_and_started_again() {
    let way = "cat frame; sleep 0.1; head -c 500 frame; exit 0";
    let mut scene = Scene::new(way, |_| {});
    let said = scene.lost(Cause::Exited);
    assert!(said.contains("sh ended by itself"), "{said}");
    assert!(said.contains("wrote nothing"), "{said}");
    assert_eq!(scene.bad(), "1 truncated");
    assert_eq!(scene.status().losses, 1);
    scene.recovers();
    scene.end();
}

#[test]
fn a_stall_within_a_frame_ends_at_the_time_out() {
    let way = "cat frame; head -c 500 frame; sleep 1000";
    let mut scene = Scene::new(way, |_| {});
    let said = scene.lost(Cause::Timeout);
    assert!(said.contains("sent no frame for 1.0 s"), "{said}");
    scene.recovers();
    assert_eq!(scene.bad(), "1 truncated");
    scene.end();
}

#[test]
fn a_program_that_sends_nothing_has_longer_for_its_first_frame() {
    let mut scene = Scene::new("echo warming up >&2; sleep 1000", |_| {});
    let begun = Instant::now();
    let said = scene.lost(Cause::Timeout);
    assert!(begun.elapsed() > Duration::from_millis(1500));
    assert!(said.ends_with("its last line: warming up"), "{said}");
    scene.recovers();
    scene.end();
}

#[test]
fn a_flood_of_standard_error_stops_nothing() {
    let way = "(yes flood of words >&2) & while :; do cat frame; sleep 0.05; done";
    let mut scene = Scene::new(way, |config| config.timeout = 5.0);
    scene.frames(20);
    scene.set_way("yes flood of words | head -c 1000000 >&2; exit 3");
    // The present run goes on, so it has to be ended.
    for line in below_keeper(&scene) {
        Command::new("kill").args(["-9", &line]).status().unwrap();
    }
    let said = scene.lost(Cause::Exited);
    assert!(said.contains("; its last line: f"), "{said}");
    scene.recovers();
    scene.end();
}

/// The programs that the keeper of `scene` started.
fn below_keeper(_scene: &Scene) -> Vec<String> {
    let keeper = children();
    let keeper = keeper.first().and_then(|stat| stat.split(' ').next());
    let of = below(keeper.unwrap().parse().unwrap());
    of.iter()
        .filter_map(|stat| Some(stat.split(' ').next()?.into()))
        .collect()
}

#[test]
fn a_program_that_ignores_int_and_term_is_killed() {
    let way = "trap '' INT TERM; cat frame; while :; do sleep 1; done";
    let mut scene = Scene::new(way, |_| {});
    scene.lost(Cause::Timeout);
    scene.recovers();
    scene.end();
}

#[test]
fn a_program_that_is_stopped_is_killed() {
    let mut scene = Scene::new("cat frame; sleep 0.1; kill -STOP $$", |_| {});
    scene.lost(Cause::Timeout);
    scene.recovers();
    scene.end();
}

#[test]
fn what_a_program_forks_ends_with_it() {
    // In sessions of their own, with the pipes closed and with them open, and orphaned.
    let way = "setsid sh -c 'trap \"\" INT TERM; while :; do sleep 1; done; : '$PWD </dev/null >/dev/null 2>&1 &
               (setsid sh -c 'sleep 1000; : '$PWD &) ; cat frame; sleep 0.2; exit 0";
    let mut scene = Scene::new(way, |config| config.timeout = 4.0);
    scene.lost(Cause::Exited);
    let word = scene.folder.path().display().to_string();
    assert!(with_word(&word).is_empty(), "{:?}", with_word(&word));
    scene.recovers();
    scene.end();
}

#[test]
fn a_program_that_ends_at_once_is_started_with_pauses() {
    let mut scene = Scene::new("echo no camera >&2; exit 1", |_| {});
    let said = scene.lost(Cause::Exited);
    assert!(said.contains("ended with code 1;"), "{said}");
    assert!(said.ends_with("its last line: no camera"), "{said}");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        scene.turn();
    }
    let opens = scene.status().opens;
    assert!((2..=7).contains(&opens), "{opens} starts in four seconds");
    scene.set_way("exit 0");
    let end = Instant::now() + LATEST;
    loop {
        scene.turn();
        let loss = scene.status().loss.clone().unwrap();
        if loss.message.contains("ended by itself") {
            break;
        }
        assert!(Instant::now() < end, "{loss:?}");
    }
    scene.recovers();
    scene.end();
}

#[test]
fn a_slow_program_is_no_lost_one() {
    let slow = "while :; do cat frame; sleep 1.5; done";
    let mut scene = Scene::new(slow, |config| config.timeout = 4.0);
    scene.frames(4);
    assert_eq!(scene.status().losses, 0);
    scene.end();
    let mut scene = Scene::new(slow, |_| {});
    scene.frames(1);
    scene.lost(Cause::Timeout);
    scene.recovers();
    scene.end();
}

#[test]
fn of_a_fast_program_the_newest_frames_are_taken() {
    // Raw frames whose level is their number: 200 in each burst of 16.
    let way = "while :; do for level in 1 2 3 4 5 6 7 8 9; do
               head -c 4096 /dev/zero | tr '\\0' $level; done; sleep 0.045; done";
    let mut scene = Scene::new(way, |config| {
        config.format = Format::Grey;
        (config.width, config.height) = (Some(64), Some(64));
    });
    let mut last = None;
    for _ in 0..20 {
        scene.frames(1);
        assert!(last.is_none_or(|last| last < scene.frame.seq));
        last = Some(scene.frame.seq);
        thread::sleep(Duration::from_millis(100));
    }
    let counters = &scene.status().counters;
    let all = counters.delivered + counters.replaced;
    let offered = scene.frame.seq + 1;
    assert!(counters.replaced > 20, "{counters:?}");
    // Those that came since the last frame are counted already.
    assert!(
        all >= offered && all < offered + 100,
        "{counters:?} of {offered}"
    );
    assert_eq!(scene.bad(), "none");
    scene.end();
}

#[test]
fn garbage_before_a_picture_costs_nothing() {
    let way = "yes garbage | head -c 5001; while :; do cat frame; sleep 0.05; done";
    let mut scene = Scene::new(way, |_| {});
    scene.frames(5);
    assert_eq!(scene.status().losses, 0);
    scene.end();
}

#[test]
fn garbage_alone_is_lost_at_the_time_out() {
    let mut scene = Scene::new("yes garbage", |_| {});
    scene.lost(Cause::Timeout);
    scene.recovers();
    scene.end();
}

#[test]
fn pictures_without_an_end_are_corrupt() {
    let way = "while :; do head -c 900 frame; sleep 0.05; done";
    let mut scene = Scene::new(way, |_| {});
    let said = scene.lost(Cause::Corrupt);
    assert!(said.contains("a picture has no end"), "{said}");
    scene.recovers();
    scene.end();
}

#[test]
fn pictures_of_another_size_are_named() {
    let mut scene = Scene::new(GOOD, |config| {
        (config.width, config.height) = (Some(64), Some(64));
    });
    let said = scene.lost(Cause::WrongSize);
    assert!(said.contains("107x75") && said.contains("64x64"), "{said}");
    scene.end();
    // Raw frames have no size; a rest at the end is what can be seen of it.
    let mut scene = Scene::new("head -c 5000 /dev/zero", |config| {
        config.format = Format::Grey;
        (config.width, config.height) = (Some(64), Some(64));
    });
    scene.lost(Cause::Exited);
    assert_eq!(scene.bad(), "1 truncated");
    scene.end();
}

#[test]
fn another_stream_than_y4m_is_no_format() {
    let mut scene = Scene::new(GOOD, |config| config.format = Format::Y4m);
    let said = scene.lost(Cause::NoFormat);
    assert!(said.contains("YUV4MPEG2"), "{said}");
    scene.end();
}

#[test]
fn a_program_that_is_missing_is_waited_for() {
    let mut scene = Scene::new(GOOD, |config| {
        config.argv = Argv::from(&["/no/such/eye"][..]);
    });
    let said = scene.lost(Cause::NotFound);
    assert!(
        said.contains("/no/such/eye") && said.contains("install"),
        "{said}"
    );
    scene.end();
    let mut scene = Scene::new(GOOD, |config| {
        config.argv = Argv::from(&["/etc/passwd"][..]);
    });
    let said = scene.lost(Cause::Denied);
    assert!(said.contains("chmod +x"), "{said}");
    scene.end();
}

#[test]
fn a_program_whose_keeper_is_killed_ends_and_comes_back() {
    let mut scene = Scene::new(GOOD, |_| {});
    scene.frames(3);
    let keeper = children();
    let keeper = keeper[0].split(' ').next().unwrap();
    let program = below_keeper(&scene);
    Command::new("kill").args(["-9", keeper]).status().unwrap();
    let said = scene.lost(Cause::Exited);
    assert!(said.contains("lost its keeper"), "{said}");
    let lives = |id: &String| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.contains("(sh)") && !stat.contains(") Z ")
    };
    let end = Instant::now() + BACK;
    while program.iter().any(lives) {
        assert!(Instant::now() < end, "{program:?} live on");
        thread::sleep(Duration::from_millis(10));
    }
    scene.recovers();
    scene.end();
}

#[test]
fn a_pipe_that_an_orphan_holds_stops_nothing() {
    let way = "setsid sh -c 'sleep 1000; : '$PWD & while :; do cat frame; sleep 0.05; done";
    let mut scene = Scene::new(way, |_| {});
    scene.frames(3);
    let word = scene.folder.path().display().to_string();
    let keeper = children();
    let keeper = keeper[0].split(' ').next().unwrap();
    Command::new("kill").args(["-9", keeper]).status().unwrap();
    // Without its keeper, what left its group lives on, with the pipes.
    scene.set_way(GOOD);
    scene.lost(Cause::Timeout);
    scene.frames(3);
    for id in with_word(&format!("sleep 1000; : {word}")) {
        // The shell, and what it waits for.
        Command::new("pkill")
            .args(["-P", &id.to_string()])
            .status()
            .unwrap();
        Command::new("kill")
            .args(["-9", &id.to_string()])
            .status()
            .ok();
    }
    scene.end();
}

#[test]
fn without_memory_the_program_is_killed_before_this_process() {
    let score = |id: &str| -> i32 {
        let text = fs::read_to_string(format!("/proc/{id}/oom_score_adj")).unwrap();
        text.trim().parse().unwrap()
    };
    let mut scene = Scene::new(GOOD, |_| {});
    scene.frames(1);
    let program = below_keeper(&scene);
    assert!(score(&program[0]) > score("self"));
    scene.end();
}

#[test]
fn secrets_of_the_arguments_are_hidden() {
    let way = "echo cannot open rtsp://me:cuckoo@porch/1: refused >&2; exit 1";
    let mut scene = Scene::new(way, |config| {
        let script = format!("{config:?}");
        assert!(!script.contains("cuckoo"), "{script}");
    });
    let said = scene.lost(Cause::Exited);
    assert!(said.ends_with("rtsp://***@porch/1: refused"), "{said}");
    scene.end();
}

#[test]
fn a_thousand_restarts_leave_nothing_behind() {
    let quick = Pauses {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(1),
        ..Pauses::default()
    };
    let mut scene = Scene::with_pauses("cat frame; exit 0", quick, |_| {});
    let most = Duration::from_secs(600);
    let begun = Instant::now();
    let mut at_100 = (0, 0);
    while scene.status().opens < 1000 {
        scene.turn();
        if scene.status().opens == 100 {
            at_100 = (open_files(), heap::now().live);
        }
        assert!(begun.elapsed() < most, "{:?}", scene.status());
    }
    println!("1,000 starts took {:?}", begun.elapsed());
    scene.lost(Cause::Exited);
    assert!(
        open_files() <= at_100.0 + 4,
        "{} and {at_100:?}",
        open_files()
    );
    assert!(
        heap::now().live - at_100.1 < ODDS,
        "{:?} and {at_100:?}",
        heap::now()
    );
    assert!(children().len() <= 1, "{:?}", children());
    scene.end();
}
