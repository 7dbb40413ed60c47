//! Times the start: from exec to the first label, with the bundle there.
//!
//! `cargo bench --bench start [-- --runs N]`
//!
//! The program replays one frame and prints its label, and what is timed is until that line is
//! there. Warm means that the page cache holds the program and the bundle; cold, that the whole
//! cache was dropped before, which needs root.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const FRAME: &str = "tests/recordings/bottles/bottles-01.jpg";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runs = support::Arguments::new().number("--runs", 20)?.max(1);
    let packed = Command::new(env!("CARGO_BIN_EXE_goldcrest"))
        .args(["pack", "model/convnext_tiny_128_int8.onnx"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::null())
        .status()?;
    if !packed.success() {
        return Err("the model cannot be packed".into());
    }
    first_label()?;
    let warm = times(runs, || Ok(()))?;
    println!("warm  {warm}");
    let drop_caches = || std::fs::write("/proc/sys/vm/drop_caches", "1");
    if Path::new("/proc/sys/vm/drop_caches").exists() && drop_caches().is_ok() {
        println!("cold  {}", times(runs.min(5), drop_caches)?);
    } else {
        println!("cold  not measured: dropping the page cache needs root");
    }
    Ok(())
}

fn times(
    runs: usize,
    before: impl Fn() -> std::io::Result<()>,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut all = Vec::new();
    for _ in 0..runs {
        before()?;
        all.push(first_label()?);
    }
    all.sort_by(f64::total_cmp);
    Ok(format!(
        "median {:.0} ms, least {:.0}, most {:.0}, of {runs} starts",
        all[runs / 2],
        all[0],
        all[runs - 1]
    ))
}

/// Milliseconds from exec to the label of one frame.
fn first_label() -> Result<f64, Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_goldcrest"))
        .args(["replay", FRAME, "--json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    let took = begun.elapsed().as_secs_f64() * 1000.0;
    let status = child.wait()?;
    if !status.success() || !line.contains("\"label\"") {
        let mut why = String::new();
        if let Some(mut errors) = child.stderr.take() {
            errors.read_to_string(&mut why)?;
        }
        return Err(format!("{status}: {why}").into());
    }
    Ok(took)
}
