//! The manifest beside recorded frames: one JSON object a line, first the camera's, then one for
//! each frame.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::frame::{Captured, Frame};
use crate::source::{Mode, Status};

/// The manifest's name in the folder of its frames.
pub(crate) const NAME: &str = "manifest.jsonl";

/// Whether `folder` has a manifest, so that its pictures follow one another in time.
pub(crate) fn is_listed(folder: &Path) -> bool {
    folder.join(NAME).is_file()
}
/// The longest line that is read in one piece.
const MAX_LINE: u64 = 64 << 10;
/// The most lines that are read: four days of thirty frames a second.
const MOST_LINES: u64 = 10_000_000;
/// The most odd lines that the log names one by one.
const MOST_NOTES: u64 = 10;
/// The version of the format.
const VERSION: u8 = 1;

/// The first line.
#[derive(Serialize)]
pub(crate) struct ManifestHeader<'a> {
    v: u8,
    program: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'a Mode>,
}

impl<'a> ManifestHeader<'a> {
    /// Describes the source with this `status`.
    pub fn new(status: &'a Status) -> Self {
        Self {
            v: VERSION,
            program: concat!("goldcrest ", env!("CARGO_PKG_VERSION")),
            device: status.device.as_deref(),
            card: status.card.as_deref(),
            mode: status.mode.as_ref(),
        }
    }
}

/// One frame.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The file's name.
    pub file: String,
    /// The frame's number in the source's count; dropped frames leave gaps.
    pub seq: u64,
    /// Microseconds from the source's start to the capture.
    pub elapsed_us: u64,
    /// The wall clock at the capture, RFC 3339 in UTC.
    pub captured: String,
    /// The format as it came from the source.
    pub format: String,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Entry {
    /// Describes `frame`, written as `bytes` bytes to `file`.
    pub fn new(frame: &Frame, file: &str, bytes: u64) -> Self {
        let wall = frame.captured.wall.max(SystemTime::UNIX_EPOCH);
        Self {
            file: file.into(),
            seq: frame.seq,
            elapsed_us: u64::try_from(frame.captured.elapsed.as_micros()).unwrap_or(u64::MAX),
            captured: humantime::format_rfc3339_micros(wall).to_string(),
            format: frame.format.to_string(),
            width: frame.width,
            height: frame.height,
            bytes,
        }
    }

    fn captured(&self) -> Option<Captured> {
        Some(Captured {
            elapsed: Duration::from_micros(self.elapsed_us),
            wall: humantime::parse_rfc3339(&self.captured).ok()?,
        })
    }
}

/// Calls `each` with every file that the manifest of `folder` names and when it was captured,
/// counted from the earliest frame; returns `false` without a manifest. A line that cannot be read
/// costs its frame's time alone. If the caller is to `complain`, such lines and what else is odd
/// are named in the log. The last line may be cut short.
///
/// Where lines are not in the order of their times, files are given twice; the second time is
/// right.
pub(crate) fn visit(
    folder: &Path,
    complain: bool,
    mut each: impl FnMut(&str, Captured),
) -> io::Result<bool> {
    let path = folder.join(NAME);
    // A pipe would be waited for.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(&path);
    let mut file = match opened {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => BufReader::new(other?),
    };
    if !file.get_ref().metadata()?.is_file() {
        return Ok(false);
    }
    let mut notes = Notes {
        path: complain.then_some(&path),
        ..Notes::default()
    };
    let span = read(&mut file, None, &mut notes, &mut each)?;
    if span.begin != span.least {
        // Times before the first one were lost.
        file.rewind()?;
        notes.path = None;
        read(&mut file, span.least, &mut notes, &mut each)?;
    }
    Ok(true)
}

/// What the times of a manifest span.
#[derive(Default)]
struct Span {
    /// The time that others were counted from.
    begin: Option<Duration>,
    /// The earliest time.
    least: Option<Duration>,
}

/// Reads all lines. Times are counted from `begin`, or from the first.
fn read(
    file: &mut impl BufRead,
    begin: Option<Duration>,
    notes: &mut Notes<'_>,
    each: &mut impl FnMut(&str, Captured),
) -> io::Result<Span> {
    let mut span = Span {
        begin,
        ..Span::default()
    };
    let (mut last, mut disordered) = (Duration::ZERO, 0);
    let mut line = Vec::new();
    for number in 1.. {
        if number > MOST_LINES {
            notes.add(
                number,
                &"and all that follow are beyond the most that are read",
            );
            break;
        }
        let whole = match next_line(file, &mut line)? {
            Line::End => break,
            Line::Whole => true,
            Line::TooLong => false,
        };
        if !whole {
            notes.add(number, &format_args!("has more than {MAX_LINE} bytes"));
            continue;
        }
        let Some(entry) = entry(&line, number, notes) else {
            continue;
        };
        let Some(mut captured) = entry.captured() else {
            let what = &entry.captured;
            notes.add(number, &format_args!("{what:?} is no time"));
            continue;
        };
        let time = captured.elapsed;
        disordered += u64::from(time < last);
        last = time;
        span.least = Some(span.least.map_or(time, |least| least.min(time)));
        let begin = *span.begin.get_or_insert(time);
        captured.elapsed = time.saturating_sub(begin);
        each(&entry.file, captured);
    }
    notes.end(disordered);
    Ok(span)
}

/// The frame of a line; none for the first line, which describes the camera, and for one that is
/// empty or cannot be read.
fn entry(line: &[u8], number: u64, notes: &mut Notes<'_>) -> Option<Entry> {
    match serde_json::from_slice(line) {
        Ok(entry) => Some(entry),
        Err(cause) => {
            let header = number == 1 && serde_json::from_slice::<IgnoredAny>(line).is_ok();
            if !header && !line.trim_ascii().is_empty() {
                notes.add(number, &format_args!("cannot be read: {cause}"));
            }
            None
        }
    }
}

/// How a line ended.
enum Line {
    Whole,
    /// It has more than [`MAX_LINE`] bytes, which were passed over.
    TooLong,
    /// There is none.
    End,
}

/// Reads the next line into `line`, which never holds more than [`MAX_LINE`] bytes.
fn next_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    if file.take(MAX_LINE).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.len() as u64 == MAX_LINE && !line.ends_with(b"\n") {
        file.skip_until(b'\n')?;
        return Ok(Line::TooLong);
    }
    Ok(Line::Whole)
}

/// What is odd in a manifest, for the log.
#[derive(Default)]
struct Notes<'a> {
    /// The manifest, if the log is to hear of it.
    path: Option<&'a Path>,
    lines: u64,
}

impl Notes<'_> {
    /// Logs that a line is odd, up to [`MOST_NOTES`] times.
    fn add(&mut self, number: u64, what: &dyn Display) {
        self.lines += 1;
        if let Some(path) = self.path.filter(|_| self.lines <= MOST_NOTES) {
            log::warn!("{}: line {number} {what}", path.display());
        }
    }

    /// Logs the number of the others, and that of lines out of order.
    fn end(&self, disordered: u64) {
        let Some(path) = self.path else {
            return;
        };
        let path = path.display();
        if self.lines > MOST_NOTES {
            let more = self.lines - MOST_NOTES;
            log::warn!("{path}: {more} more lines cannot be read");
        }
        if disordered > 0 {
            log::warn!(
                "{path}: {disordered} lines are of frames that were captured before the one of the line above; \
                 was the file sorted or put together by hand?"
            );
        }
    }
}

#[cfg(test)]
mod tests;
