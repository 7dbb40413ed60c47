//! What a replay prints while it runs: a line a change or a picture, JSON lines, bad frames, a
//! progress bar.

use std::fmt::Display;
use std::io::{self, BufWriter, Stderr, StdoutLock, Write};

use indicatif::ProgressBar;

use super::Options;
use super::kind::Kind;
use super::stills::Stills;
use crate::cli::progress::progress;
use crate::escape::OneLine;
use crate::frame::Frame;
use crate::meter::timing::Stages;
use crate::observe::Update;
use crate::pipeline::{JsonLines, Listener, Outcome, Passed};
use crate::terminal;

/// Standard output, with a progress bar on standard error.
pub(super) struct Output {
    lines: Lines,
    bar: ProgressBar,
}

/// What is printed of each frame.
pub(super) enum Lines {
    /// A line a change.
    Changes(Out),
    /// What unrelated pictures show.
    Stills(Stills, Out),
    /// A JSON object a frame.
    Json(JsonLines<Out, Stderr>),
}

type Out = BufWriter<StdoutLock<'static>>;

impl Lines {
    /// JSON as the `options` say, with the `top` best labels of each frame, or what one reads of a
    /// recording of this `kind`. Frames are `numbered` where one file holds many.
    pub fn new(options: &Options, top: usize, kind: Kind<'_>, numbered: bool) -> Self {
        let out = BufWriter::new(io::stdout().lock());
        match kind {
            _ if options.json => Self::Json(JsonLines::new(
                out,
                io::stderr(),
                top,
                options.features,
                numbered,
            )),
            Kind::Film => Self::Changes(out),
            Kind::Folder(folder) => Self::Stills(Stills::of(folder), out),
            Kind::Picture => Self::Stills(Stills::One, out),
        }
    }
}

impl Output {
    /// Prints `lines`, with a `bar` of progress if wanted. `length` is the number of frames, where
    /// it is known.
    pub fn new(lines: Lines, length: Option<u64>, bar: bool) -> Self {
        Self {
            lines,
            bar: if bar {
                progress(length, "frames")
            } else {
                ProgressBar::hidden()
            },
        }
    }

    /// Writes what is buffered and clears the progress bar.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn finish(self) -> io::Result<()> {
        self.bar.finish_and_clear();
        match self.lines {
            Lines::Changes(mut out) | Lines::Stills(_, mut out) => out.flush(),
            Lines::Json(mut lines) => lines.flush(),
        }
    }
}

impl Listener for Output {
    fn passed(&mut self, _: &Frame, _: Passed) {
        self.bar.inc(1);
    }

    fn outcome(&mut self, outcome: &Outcome<'_>, stages: &mut Stages) -> io::Result<()> {
        match &mut self.lines {
            Lines::Json(lines) => lines.outcome(outcome, stages),
            Lines::Stills(stills, out) => print(&self.bar, || {
                stills.write(outcome, out)?;
                out.flush()
            }),
            Lines::Changes(out) => {
                let Some(Update::Change { statement, .. }) = &outcome.update else {
                    return Ok(());
                };
                let at = outcome.frame.captured.elapsed.as_secs_f64();
                // The text for unknown has no score.
                let score = statement.score.map(|score| format!(" {score:.2}"));
                print(&self.bar, || {
                    let (seq, label) = (outcome.frame.seq, statement.label);
                    let score = score.unwrap_or_default();
                    match outcome.hashes.region {
                        None => {
                            let line =
                                format_args!("{at:9.2} s  frame {seq:<6} {label:<20}{score}");
                            writeln!(out, "{}", OneLine(line))?;
                        }
                        Some(region) => {
                            let line = format_args!(
                                "{at:9.2} s  frame {seq:<6} {region:<12} {label:<20}{score}"
                            );
                            writeln!(out, "{}", OneLine(line))?;
                        }
                    }
                    out.flush()
                })
            }
        }
    }

    fn bad_frame(
        &mut self,
        frame: &Frame,
        cause: &'static str,
        error: &dyn Display,
    ) -> io::Result<()> {
        self.bar.inc(1);
        let (seq, name) = (frame.seq, &frame.name);
        match &mut self.lines {
            Lines::Json(lines) => print(&self.bar, || lines.bad_frame(frame, cause, error)),
            Lines::Changes(_) | Lines::Stills(..) => {
                // The log itself keeps clear of a view.
                let warn = || log::warn!("frame {seq} {name}: {error}; passed over");
                self.bar.suspend(warn);
                Ok(())
            }
        }
    }
}

/// Runs `print` while neither a bar nor a view is in the way.
fn print<R>(bar: &ProgressBar, print: impl FnOnce() -> R) -> R {
    bar.suspend(|| terminal::above(print))
}
