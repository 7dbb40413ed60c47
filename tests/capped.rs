//! Under a limit of the system's that is below the weights and more: slower, and never killed.
//!
//! Needs root and a memory controller; without them it says so and checks nothing.

mod support {
    pub mod program;
}

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::program::{command, packed_model};

/// A control group of its own, which goes with the value.
struct Group {
    folder: PathBuf,
    first: bool,
}

impl Group {
    /// Makes a group under a limit of `bytes`, of whichever version the system has.
    fn new(name: &str, bytes: Option<u64>) -> Result<Self, String> {
        let name = format!("goldcrest-{name}-{}", std::process::id());
        let one = Path::new("/sys/fs/cgroup/memory");
        let first = one.join("memory.limit_in_bytes").exists();
        let two = Path::new("/sys/fs/cgroup");
        if !first {
            let on = fs::write(two.join("cgroup.subtree_control"), "+memory");
            on.map_err(|e| format!("no memory controller of either version: {e}"))?;
        }
        let folder = if first {
            one.join(name)
        } else {
            two.join(name)
        };
        fs::create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let group = Self { folder, first };
        if let Some(bytes) = bytes {
            let file = if first {
                "memory.limit_in_bytes"
            } else {
                "memory.max"
            };
            fs::write(group.folder.join(file), bytes.to_string())
                .map_err(|e| format!("{file}: {e}"))?;
        }
        Ok(group)
    }

    /// How many processes of it were killed for want of memory.
    fn kills(&self) -> u64 {
        let file = if self.first {
            "memory.oom_control"
        } else {
            "memory.events"
        };
        let text = fs::read_to_string(self.folder.join(file)).expect("its counts");
        let line = text.lines().find_map(|l| l.strip_prefix("oom_kill "));
        line.expect("a count of kills")
            .trim()
            .parse()
            .expect("a number")
    }

    /// The most it ever used, in MiB, where the system tells.
    fn peak(&self) -> Option<u64> {
        let file = if self.first {
            "memory.max_usage_in_bytes"
        } else {
            "memory.peak"
        };
        let text = fs::read_to_string(self.folder.join(file)).ok()?;
        Some(text.trim().parse::<u64>().ok()? >> 20)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The last process may take a moment to be gone.
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Replays `path` in `group` from a cold cache; gives the time and how many frames were answered.
fn replay(group: &Group, config: &Path, path: &str) -> Result<(Duration, usize), String> {
    // Pages that are in memory already are another group's to pay for.
    fs::write("/proc/sys/vm/drop_caches", "1").map_err(|e| format!("drop_caches: {e}"))?;
    let program = command(&[
        "replay",
        path,
        "--json",
        "--config",
        config.to_str().unwrap(),
    ]);
    let mut inside = std::process::Command::new("sh");
    inside
        .args(["-c", "echo $$ > \"$0\" && exec \"$@\""])
        .arg(group.folder.join("cgroup.procs"))
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(program.get_current_dir().expect("the top"))
        .stdin(Stdio::null());
    let begun = Instant::now();
    let output = inside.output().map_err(|e| e.to_string())?;
    let took = begun.elapsed();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    let answers = String::from_utf8_lossy(&output.stdout).lines().count();
    Ok((took, answers))
}

fn measured(mib: Option<u64>, config: &Path) -> Result<(f64, u64, Option<u64>), String> {
    let group = Group::new("capped", mib.map(|n| n << 20))?;
    let (one, _) = replay(&group, config, "tests/recordings/bottles/bottles-01.jpg")?;
    let (all, answers) = replay(&group, config, "tests/recordings/bottles")?;
    assert_eq!(answers, 60, "under {mib:?} MiB");
    let each = all.saturating_sub(one).as_secs_f64() * 1000.0 / 59.0;
    Ok((each, group.kills(), group.peak()))
}

#[test]
fn it_is_not_killed_at_40_mib_and_still_answers_at_24() {
    let folder = tempfile::tempdir().unwrap();
    let model = packed_model(folder.path());
    let config = folder.path().join("config.toml");
    fs::write(&config, format!("[model]\npath = {model:?}\n")).unwrap();
    for mib in [None, Some(40), Some(24)] {
        match measured(mib, &config) {
            Ok((each, kills, peak)) => {
                let limit = mib.map_or("no limit".into(), |n| format!("{n} MiB"));
                println!("{limit}: {each:.1} ms a frame, {kills} kills, group's peak {peak:?} MiB");
                assert_eq!(kills, 0, "under {limit}");
            }
            Err(why) => {
                println!(
                    "SKIPPED, nothing is checked: a memory limit needs root and a controller: {why}"
                );
                return;
            }
        }
    }
}
