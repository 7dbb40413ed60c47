//! The progress bar of commands that take long.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar over `length` things of this `noun`, where the number is known, on standard
/// error; nothing where that is no terminal.
pub(super) fn progress(length: Option<u64>, noun: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(n) => (
            ProgressBar::new(n),
            format!("{{bar:40}} {{pos}}/{{len}} {noun}, {{per_sec}}, {{eta}} left"),
        ),
        None => (
            ProgressBar::no_length(),
            format!("{{spinner}} {{pos}} {noun}, {{per_sec}}"),
        ),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    // The templates are right but for the noun; were one wrong, indicatif's own would do.
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
