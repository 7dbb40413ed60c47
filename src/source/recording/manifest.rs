//! The manifest beside recorded frames: one JSON object a line, first the camera's, then one for
//! each frame.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::frame::{Captured, Frame};
use crate::source::{Mode, Status};

/// The manifest's name in the folder of its frames.
pub(crate) const NAME: &str = "manifest.jsonl";
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

/// When each file was captured, counted from the first frame, by the manifest of `folder`; `None`
/// without a manifest. A line that is cut short, as the last one may be, is ignored.
pub(crate) fn read(folder: &Path) -> io::Result<Option<HashMap<String, Captured>>> {
    let file = match File::open(folder.join(NAME)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut times = HashMap::new();
    let mut first = None;
    for line in BufReader::new(file).lines() {
        let Ok(entry) = serde_json::from_str::<Entry>(&line?) else {
            continue;
        };
        if let Some(mut captured) = entry.captured() {
            let begin = *first.get_or_insert(captured.elapsed);
            captured.elapsed = captured.elapsed.saturating_sub(begin);
            times.insert(entry.file, captured);
        }
    }
    Ok(Some(times))
}
