//! What the kernel says of this process's memory.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Resident memory in MiB, from `/proc/self/status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Resident {
    /// All resident pages (`VmRSS`).
    pub(crate) rss_mb: f64,
    /// Anonymous pages (`RssAnon`): those that cannot be dropped and read again.
    pub(crate) rss_anon_mb: f64,
    /// The most that was ever resident (`VmHWM`).
    pub(crate) rss_peak_mb: f64,
}

impl Resident {
    /// Anonymous pages, in bytes.
    pub(crate) fn anonymous(&self) -> usize {
        (self.rss_anon_mb * f64::from(1 << 20)) as usize
    }
}

/// Reads it now; zeros where there is no `/proc`.
pub(crate) fn resident() -> Resident {
    parse(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
}

/// Bytes that the program and its libraries hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    /// Clean pages of their files: code and constants.
    pub code: usize,
    /// Pages of theirs that were written: relocations and variables.
    pub data: usize,
}

/// What of the program and its libraries is resident now; zeros where there is no `/proc`. A
/// mapping of `weights` is not theirs.
pub(crate) fn image(weights: impl Fn(&Path) -> bool) -> Image {
    let mut image = Image::default();
    for mapping in mappings().iter().filter(|m| !weights(&m.path)) {
        image.code += mapping.resident - mapping.written;
        image.data += mapping.written;
    }
    image
}

/// A file that is mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) addresses: Range<usize>,
    /// Its access as `/proc` shows it, such as `r-xp`.
    pub(crate) access: String,
    pub(crate) path: PathBuf,
    /// Bytes in memory.
    pub(crate) resident: usize,
    /// Those of them that are no longer the file's.
    pub(crate) written: usize,
    /// Bytes that were written and are not resident any more.
    pub(crate) swapped: usize,
}

/// All files that are mapped, by `/proc/self/smaps`.
pub(crate) fn mappings() -> Vec<Mapping> {
    read(&std::fs::read_to_string("/proc/self/smaps").unwrap_or_default())
}

fn read(smaps: &str) -> Vec<Mapping> {
    let mut all: Vec<Mapping> = Vec::new();
    let mut file = false;
    for line in smaps.lines() {
        // A mapping begins with its addresses in small hexadecimal digits; its fields with a
        // capital.
        if line.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_lowercase()) {
            let mapping = head(line);
            file = mapping.is_some();
            all.extend(mapping);
        } else if file && let Some(mapping) = all.last_mut() {
            let kib = |name: &str| -> Option<usize> {
                let value = line.strip_prefix(name)?.split_whitespace().next()?;
                Some(value.parse::<usize>().ok()? << 10)
            };
            if let Some(bytes) = kib("Rss:") {
                mapping.resident = bytes;
            } else if let Some(bytes) = kib("Anonymous:") {
                mapping.written = bytes.min(mapping.resident);
            } else if let Some(bytes) = kib("Swap:") {
                mapping.swapped = bytes;
            }
        }
    }
    all
}

/// The first line of a mapping, if it is one of a file.
fn head(line: &str) -> Option<Mapping> {
    let path = PathBuf::from(&line[line.find('/')?..]);
    let mut words = line.split(' ');
    let (from, to) = words.next()?.split_once('-')?;
    let number = |digits| usize::from_str_radix(digits, 16).ok();
    Some(Mapping {
        addresses: number(from)?..number(to)?,
        access: words.next()?.into(),
        path,
        resident: 0,
        written: 0,
        swapped: 0,
    })
}

fn parse(status: &str) -> Resident {
    let field = |name: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(name));
        let kib: f64 = line
            .and_then(|l| l.split_whitespace().next()?.parse().ok())
            .unwrap_or(0.0);
        (kib / 1024.0 * 10.0).round() / 10.0
    };
    Resident {
        rss_mb: field("VmRSS:"),
        rss_anon_mb: field("RssAnon:"),
        rss_peak_mb: field("VmHWM:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_read_in_mebibytes() {
        let status = "Name:\tx\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nRssAnon:\t    1536 kB\n";
        assert_eq!(
            parse(status),
            Resident {
                rss_mb: 10.0,
                rss_anon_mb: 1.5,
                rss_peak_mb: 20.0
            }
        );
        assert_eq!(parse("nothing"), Resident::default());
        assert!(resident().rss_mb > 0.5);
    }
    #[test]
    fn mappings_of_files_are_told_from_others() {
        let smaps = "\
55d0-55f0 r-xp 00000000 08:01 7   /usr/bin/goldcrest
Rss:                 100 kB
Anonymous:             0 kB
55f0-5600 rw-p 00000000 08:01 7   /usr/bin/goldcrest
Rss:                  20 kB
Anonymous:            16 kB
Swap:                  4 kB
7f20-7f30 rw-p 00000000 00:00 0   [heap]
Rss:                 300 kB
Anonymous:           300 kB
7f00-7f10 r--p 00000000 08:01 9   /var/cache/the model.bundle
Rss:               28000 kB
";
        let found = read(smaps);
        let sizes: Vec<_> = found
            .iter()
            .map(|m| (&m.access[..], m.resident >> 10, m.written >> 10))
            .collect();
        assert_eq!(
            sizes,
            [("r-xp", 100, 0), ("rw-p", 20, 16), ("r--p", 28000, 0)]
        );
        assert_eq!(found[1].swapped, 4 << 10);
        assert_eq!(found[0].addresses, 0x55d0..0x55f0);
        assert_eq!(found[2].path, Path::new("/var/cache/the model.bundle"));
    }
    #[test]
    fn weights_are_left_out_of_the_image() {
        let all = image(|_| false);
        assert!(all.code > 1 << 19 && all.data > 0, "{all:?}");
        assert_eq!(image(|_| true), Image::default());
    }
}
