//! The commands: one file each, and what they share.

mod bench;
mod check;
mod need;
mod pack;
mod record;
mod replay;
mod run;
mod setup;

use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::service::pipeline;
use crate::{config, engine, publish, source};

/// Exit codes, as in sysexits.h.
pub mod exit {
    /// The command line is wrong.
    pub const USAGE: u8 = 64;
    /// The input is not what it should be.
    pub const DATA: u8 = 65;
    /// An input file is not there.
    pub const NO_INPUT: u8 = 66;
    /// A service, such as the broker, cannot be had.
    pub const UNAVAILABLE: u8 = 69;
    /// Goldcrest itself failed.
    pub const SOFTWARE: u8 = 70;
    /// Reading or writing failed.
    pub const IO: u8 = 74;
    /// Something is forbidden to this user.
    pub const NO_PERMISSION: u8 = 77;
    /// The configuration is wrong.
    pub const CONFIG: u8 = 78;
}

/// Watches one camera and says over MQTT what it sees.
#[derive(Parser)]
#[command(version, after_help = AFTER, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Without --config the configuration is ./config.toml, else /etc/goldcrest/config.toml, else the defaults.
Exit codes: 0 well, 64 usage, 65 bad data, 66 no input, 69 unavailable, 70 internal, 74 input/output,
77 permission, 78 configuration.";

#[derive(Subcommand)]
enum Command {
    /// Watch the configured source and publish what it shows, until SIGTERM or SIGINT
    Run(run::Options),
    /// Classify every frame of a recording: a folder of pictures, a picture, MJPEG, Y4M or a video
    /// file
    Replay(replay::Options),
    /// Write the source's frames into a folder, for replay and calibration
    Record(record::Options),
    /// Look over configuration, model, source and broker, and say what would be used
    Check(check::Options),
    /// Pack an int8 model into the bundle that the fast engine maps
    Pack(pack::Options),
    /// Measure inference and whole frames on this machine
    Bench(bench::Options),
}

/// Which configuration a command uses.
#[derive(clap::Args)]
struct ConfigOption {
    /// Configuration file
    #[arg(id = "config", long = "config", value_name = "FILE")]
    path: Option<PathBuf>,
}

/// Why a command failed: one line that says what, where and what to do, and the exit code.
#[derive(Debug)]
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    fn new(code: u8, message: impl fmt::Display) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }
}

impl From<config::Error> for Failure {
    fn from(e: config::Error) -> Self {
        Self::new(exit::CONFIG, e)
    }
}

impl From<engine::Error> for Failure {
    fn from(e: engine::Error) -> Self {
        Self::new(e.exit_code(), e)
    }
}

impl From<source::Error> for Failure {
    fn from(e: source::Error) -> Self {
        Self::new(e.exit_code(), e)
    }
}

impl From<source::RecordError> for Failure {
    fn from(e: source::RecordError) -> Self {
        let code = match &e {
            source::RecordError::NotEmpty(_) => exit::USAGE,
            source::RecordError::Full { .. } | source::RecordError::Io { .. } => exit::IO,
            source::RecordError::Frame(_) => exit::DATA,
        };
        Self::new(code, e)
    }
}

impl From<publish::Error> for Failure {
    fn from(e: publish::Error) -> Self {
        Self::new(e.exit_code(), e)
    }
}

impl From<pipeline::Error> for Failure {
    fn from(e: pipeline::Error) -> Self {
        let code = match &e {
            pipeline::Error::Frame(_) => exit::DATA,
            pipeline::Error::Engine(e) => e.exit_code(),
            pipeline::Error::Scores(_) => exit::SOFTWARE,
        };
        Self::new(code, e)
    }
}

/// Runs the command that the arguments name and gives its exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            // Help and version are no errors, and a closed pipe must not turn them into one.
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { exit::USAGE } else { 0 });
        }
    };
    let done = match arguments.command {
        Command::Run(o) => run::run(&o),
        Command::Replay(o) => replay::run(&o),
        Command::Record(o) => record::run(&o),
        Command::Check(o) => check::run(&o),
        Command::Pack(o) => pack::run(&o),
        Command::Bench(o) => bench::run(&o),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // The exit code tells it all the same where nobody reads.
            let _ = writeln!(io::stderr(), "goldcrest: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Writes a command's answer to standard output. Whoever closed that has seen enough.
fn say(answer: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{answer}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(exit::IO, format!("standard output: {e}")))
        }
        _ => Ok(()),
    }
}
