//! `goldcrest child`: the process between the daemon and the program that gives frames.

use std::ffi::OsString;

use crate::exit;
use crate::setup::Failure;
use crate::source::process;

/// Options of `goldcrest child`.
#[derive(clap::Args)]
pub struct Options {
    /// Become the program itself, unless the process of this number is gone
    #[arg(long)]
    parent: Option<u32>,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    argv: Vec<OsString>,
}

/// Runs the command. Unless it fails, it ends the process with the program's exit code.
pub fn run(options: &Options) -> Result<(), Failure> {
    if let Some(parent) = options.parent {
        let error = process::become_program(parent, &options.argv);
        let message = format!("the program of [process] cannot be run: {error}");
        return Err(Failure::new(exit::UNAVAILABLE, message));
    }
    let code = process::keep(&options.argv).map_err(Failure::system)?;
    std::process::exit(code.into());
}
