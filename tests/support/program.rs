//! The built program, run as a user runs it.

// Each test program uses its own part of this.
#![allow(dead_code)]

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a run of the program left.
pub struct Ran {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The top of the project, where the program is run.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The program with its arguments, ready to be started.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_goldcrest"));
    command
        .args(arguments)
        .current_dir(root())
        .env_remove("JOURNAL_STREAM")
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn goldcrest(arguments: &[&str]) -> Ran {
    output(&mut command(arguments))
}

/// Runs a prepared command to its end.
pub fn output(command: &mut Command) -> Ran {
    let output = command
        .output()
        .expect("the program was built with the tests");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}
