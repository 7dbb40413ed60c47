//! The `goldcrest` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    goldcrest::cli::main()
}
