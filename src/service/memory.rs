//! What the kernel says of this process's memory.

use serde::Serialize;

/// Resident memory in MiB, from `/proc/self/status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Resident {
    /// All resident pages (`VmRSS`).
    pub rss_mb: f64,
    /// Anonymous pages (`RssAnon`): those that cannot be dropped and read again.
    pub rss_anon_mb: f64,
    /// The most that was ever resident (`VmHWM`).
    pub rss_peak_mb: f64,
}

/// Reads it now; zeros where there is no `/proc`.
pub fn resident() -> Resident {
    parse(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
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
}
