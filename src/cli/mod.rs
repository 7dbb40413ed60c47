//! The commands: one file each, and what they share.

mod bench;
mod check;
mod child;
mod featured;
mod first_run;
mod manual;
mod moment;
mod pack;
mod pick;
mod place;
mod progress;
mod record;
mod replay;
mod run;
mod sight;
mod simulate;
mod teach;

use std::env;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::escape::{self, Lines, OneLine};
use crate::setup::Failure;
use crate::{exit, memory, panics};

/// Watches one camera and publishes over MQTT what it sees.
#[derive(Parser)]
#[command(version, after_help = after_help(), disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Where the configuration is looked for, and the exit codes.
fn after_help() -> String {
    let codes: Vec<String> = exit::ALL
        .iter()
        .map(|(code, meaning)| format!("{code} {meaning}"))
        .collect();
    let (first, rest) = codes.split_at(6);
    format!(
        "Without --config the configuration is ./config.toml, unless root runs the command, else\n\
         /etc/goldcrest/config.toml, else the defaults.\n\
         Exit codes: {},\n{}.",
        first.join(", "),
        rest.join(", ")
    )
}

#[derive(Subcommand)]
enum Command {
    /// Set up a camera: find or ask for source, broker and name, try them, and enable the service
    Setup(Box<first_run::Options>),
    /// Run the daemon: watch the configured source and publish what it shows
    Run(run::Options),
    /// Classify every frame of a recording: a folder of pictures, a picture, MJPEG, Y4M or a video
    /// file
    Replay(replay::Options),
    /// Save frames of the source into a folder, for replay, teaching and calibration
    Record(record::Options),
    /// Pick the frames of a long recording that differ most, to be sorted by label and taught
    Pick(pick::Options),
    /// Teach labels of your own from a few pictures of each, and report how good the result is
    Teach(teach::Options),
    /// Try configuration, model, source and broker, and report what works
    Check(check::Options),
    /// Pack an int8 model into the bundle that the int8 engine maps
    Pack(pack::Options),
    /// Measure inference and whole frames on this machine
    Bench(bench::Options),
    /// Keep the program of a source of `kind = "process"`; the daemon starts this by itself
    #[command(hide = true)]
    Child(child::Options),
    /// Write manual pages and completions of shells into a folder, for packages
    #[command(hide = true)]
    Manual(manual::Options),
    /// Publish the messages of many devices at the configured broker, and count what arrives
    Simulate(simulate::Options),
}

/// The configuration that a command uses.
#[derive(clap::Args)]
struct ConfigOption {
    /// Configuration file
    #[arg(id = "config", long = "config", value_name = "FILE")]
    path: Option<PathBuf>,
}

/// Runs the command that the arguments name and gives its exit code.
pub fn main() -> ExitCode {
    panics::end_the_process();
    // Before there is another thread.
    memory::remember_code();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            // It repeats the arguments, which may be the names of files.
            let escaped = env::args_os().map(|word| OneLine(word.display()).to_string());
            let Err(e) = Arguments::try_parse_from(escaped) else {
                // Escaped, they would do.
                let _ = write!(io::stderr(), "{}", Lines(e.render()));
                return ExitCode::from(exit::USAGE);
            };
            // Help and version are no errors, and a closed pipe does not make them one.
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { exit::USAGE } else { 0 });
        }
    };
    let done = match arguments.command {
        Command::Setup(o) => first_run::run(&o),
        Command::Run(o) => run::run(&o),
        Command::Replay(o) => replay::run(&o),
        Command::Record(o) => record::run(&o),
        Command::Pick(o) => pick::run(&o),
        Command::Teach(o) => teach::run(&o),
        Command::Check(o) => check::run(&o),
        Command::Pack(o) => pack::run(&o),
        Command::Bench(o) => bench::run(&o),
        Command::Child(o) => child::run(&o),
        Command::Manual(o) => manual::run(&o),
        Command::Simulate(o) => simulate::run(&o),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Where nobody reads, the exit code remains.
            let _ = writeln!(io::stderr(), "goldcrest: {}", OneLine(failure.message));
            ExitCode::from(failure.code)
        }
    }
}

/// The answer of `--json`.
fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    escape::json(value).map_err(|e| Failure::new(exit::SOFTWARE, e))
}

/// Writes a command's answer, of one line or several, to standard output. A reader that closed it
/// has seen enough.
fn say(answer: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", Lines(answer)).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(exit::IO, format!("standard output: {e}")))
        }
        _ => Ok(()),
    }
}
