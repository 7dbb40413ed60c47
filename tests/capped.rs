//! Under a limit of the system's that is below the weights and more: slower, and never killed.
//!
//! Needs root and a memory controller; without them it says so and checks nothing.

mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::cgroup::Group;
use support::program::{command, packed_model};

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
        .arg(group.processes())
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
