//! What a replay prints while it runs: changes or JSON lines, bad frames, a progress bar.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Options;
use crate::frame::{self, Frame};
use crate::meter::timing::Stages;
use crate::observe::Update;
use crate::pipeline::{JsonLines, Listener, Outcome};

/// Standard output, with a progress bar on standard error.
pub(super) struct Output {
    lines: Lines,
    bar: ProgressBar,
}

enum Lines {
    /// A line a change.
    Changes(BufWriter<StdoutLock<'static>>),
    /// A JSON object a frame.
    Json(JsonLines<BufWriter<StdoutLock<'static>>>),
}

impl Output {
    /// Prints JSON as the options say, with the `top` best labels of each frame, or changes.
    /// `length` is the number of frames, where it is known.
    pub fn new(options: &Options, top: usize, length: Option<u64>) -> Self {
        let out = BufWriter::new(io::stdout().lock());
        Self {
            lines: if options.json {
                Lines::Json(JsonLines::new(out, top, options.features))
            } else {
                Lines::Changes(out)
            },
            bar: progress(length),
        }
    }

    /// Writes what is buffered and clears the progress bar.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn finish(self) -> io::Result<()> {
        self.bar.finish_and_clear();
        match self.lines {
            Lines::Changes(mut out) => out.flush(),
            Lines::Json(mut lines) => lines.flush(),
        }
    }
}

impl Listener for Output {
    fn outcome(&mut self, outcome: &Outcome<'_>, stages: &mut Stages) -> io::Result<()> {
        self.bar.inc(1);
        match &mut self.lines {
            Lines::Json(lines) => lines.outcome(outcome, stages),
            Lines::Changes(out) => {
                let Some(Update::Change { statement, .. }) = &outcome.update else {
                    return Ok(());
                };
                let at = outcome.frame.captured.elapsed.as_secs_f64();
                self.bar.suspend(|| {
                    writeln!(
                        out,
                        "{at:9.2} s  frame {:<6} {:<20} {:.2}",
                        outcome.frame.seq, statement.label, statement.score
                    )?;
                    out.flush()
                })
            }
        }
    }

    fn bad_frame(&mut self, frame: &Frame, error: &frame::Error) {
        self.bar.inc(1);
        self.bar
            .suspend(|| log::warn!("{}: {error}; passed over", frame.name));
    }
}

/// A progress bar on a terminal, nothing elsewhere.
fn progress(length: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(n) => (
            ProgressBar::new(n),
            "{bar:40} {pos}/{len} frames, {per_sec}, {eta} left",
        ),
        None => (
            ProgressBar::no_length(),
            "{spinner} {pos} frames, {per_sec}",
        ),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    // The templates are constants; were one wrong, indicatif's own would do.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
