//! The manifest beside recorded frames: one JSON object a line, first the camera's, then one for
//! each frame.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::frame::{Captured, Frame};
use crate::source::{Mode, Status};

/// The manifest's name in the folder of its frames.
pub(crate) const NAME: &str = "manifest.jsonl";
/// The longest line that is read in one piece.
const MAX_LINE: u64 = 64 << 10;
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
/// counted from the first frame; returns `false` without a manifest. A line that cannot be read is
/// named in the log, if the caller is to `complain`, and costs its frame's time alone. The last one
/// may be cut short.
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
    let mut first = None;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if (&mut file).take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let entry = match serde_json::from_slice::<Entry>(&line) {
            Ok(entry) => entry,
            Err(cause) => {
                // The first line describes the camera.
                let header = number == 1 && serde_json::from_slice::<IgnoredAny>(&line).is_ok();
                if complain && !header && !line.trim_ascii().is_empty() {
                    log::warn!("{}: line {number} cannot be read: {cause}", path.display());
                }
                continue;
            }
        };
        let Some(mut captured) = entry.captured() else {
            if complain {
                let what = &entry.captured;
                log::warn!("{}: line {number}: {what:?} is no time", path.display());
            }
            continue;
        };
        let begin = *first.get_or_insert(captured.elapsed);
        captured.elapsed = captured.elapsed.saturating_sub(begin);
        each(&entry.file, captured);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use tempfile::TempDir;

    fn entry(file: &str, elapsed: u64) -> String {
        format!(
            r#"{{"file":"{file}","seq":0,"elapsed_us":{elapsed},"captured":"2026-01-02T03:04:05Z","format":"JPEG","width":4,"height":3,"bytes":9}}"#
        )
    }

    #[test]
    fn a_line_that_cannot_be_read_costs_that_line_alone() {
        let folder = TempDir::new().unwrap();
        let bad_time = entry("c.jpg", 3).replace("2026-01-02T03:04:05Z", "yesterday");
        let mut data = Vec::new();
        for line in [
            br#"{"v":1,"program":"goldcrest"}"#.as_slice(),
            entry("a.jpg", 10).as_bytes(),
            b"\xff\xfe no text",
            b"{\"file\": 7}",
            bad_time.as_bytes(),
            b"",
            entry("b.jpg", 30).as_bytes(),
            &entry("d.jpg", 50).as_bytes()[..20],
        ] {
            data.extend(line);
            data.extend(b"\r\n");
        }
        std::fs::write(folder.path().join(NAME), data).unwrap();
        let mut times = HashMap::new();
        let there = visit(folder.path(), true, |file, captured| {
            times.insert(file.to_string(), captured);
        });
        assert!(there.unwrap());
        let of = |file: &str| times.get(file).map(|time| time.elapsed.as_micros());
        assert_eq!(
            (of("a.jpg"), of("b.jpg"), times.len()),
            (Some(0), Some(20), 2)
        );
    }

    #[test]
    fn a_folder_without_a_manifest_has_no_times() {
        let folder = TempDir::new().unwrap();
        let there = visit(folder.path(), true, |_, _| panic!("it names a file"));
        assert!(!there.unwrap());
    }
}
