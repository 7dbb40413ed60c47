//! The memory limit of this process's control group, and how hard it presses.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Where control groups are mounted.
const ROOT: &str = "/sys/fs/cgroup";
/// What version 1 writes where there is no limit, rounded down to pages of up to 64 KiB.
const UNLIMITED: u64 = (i64::MAX as u64) & !0xffff;

/// This process's control group for memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cgroup {
    folder: PathBuf,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The group's figures at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Pressure {
    /// The lowest limit of the group and of those above it, in bytes.
    pub(crate) limit: Option<u64>,
    /// Bytes that the group uses, file cache among them.
    pub(crate) used: Option<u64>,
    /// Share of the last ten seconds in which something in the group waited for memory, in
    /// percent.
    pub(crate) stalled: Option<f64>,
    /// How often the group met its limit.
    pub(crate) limited: u64,
    /// Processes of the group that were killed for want of memory.
    pub(crate) killed: u64,
}

impl Cgroup {
    /// The group of this process; `None` where the system does not control memory.
    pub(crate) fn own() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        Self::find(Path::new(ROOT), &groups)
    }

    /// The group out of the lines `groups` of `/proc/self/cgroup`, with the hierarchies mounted at
    /// `root`.
    fn find(root: &Path, groups: &str) -> Option<Self> {
        let line = |wanted: fn(&str) -> bool| {
            groups.lines().find_map(|line| {
                let mut fields = line.splitn(3, ':').skip(1);
                let controllers = fields.next()?;
                wanted(controllers).then(|| fields.next().unwrap_or("/").trim_start_matches('/'))
            })
        };
        let one = |c: &str| c.split(',').any(|c| c == "memory");
        // In a container the path may be one of the host's; then the mount itself is the group.
        let within = |top: PathBuf, path: &str, file: &str| {
            let folder = top.join(path);
            [folder, top].into_iter().find(|f| f.join(file).exists())
        };
        if let Some(path) = line(one) {
            let folder = within(root.join("memory"), path, "memory.limit_in_bytes")?;
            return Some(Self {
                folder,
                version: Version::One,
            });
        }
        let path = line(str::is_empty)?;
        let folder = within(root.to_path_buf(), path, "memory.max")?;
        Some(Self {
            folder,
            version: Version::Two,
        })
    }

    /// Reads it now.
    pub(crate) fn read(&self) -> Pressure {
        match self.version {
            Version::Two => {
                let events = self.text("memory.events").unwrap_or_default();
                let of = |name| word(&events, name).unwrap_or(0);
                Pressure {
                    limit: self.lowest("memory.max"),
                    used: self.number("memory.current"),
                    stalled: self.text("memory.pressure").and_then(|t| average(&t)),
                    limited: of("max"),
                    killed: of("oom_kill"),
                }
            }
            Version::One => {
                let control = self.text("memory.oom_control").unwrap_or_default();
                Pressure {
                    limit: self.lowest("memory.limit_in_bytes"),
                    used: self.number("memory.usage_in_bytes"),
                    stalled: None,
                    limited: self.number("memory.failcnt").unwrap_or(0),
                    killed: word(&control, "oom_kill").unwrap_or(0),
                }
            }
        }
    }

    /// The least of the limits of this group and of all above it.
    fn lowest(&self, file: &str) -> Option<u64> {
        let limits = self.folder.ancestors().map_while(|folder| {
            let text = fs::read_to_string(folder.join(file)).ok()?;
            Some(text.trim().parse().unwrap_or(u64::MAX))
        });
        limits.min().filter(|&limit| limit < UNLIMITED)
    }

    fn text(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file)).ok()
    }

    fn number(&self, file: &str) -> Option<u64> {
        self.text(file)?.trim().parse().ok()
    }
}

/// The number behind `name` in lines of a name and a number.
fn word(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(n, _)| *n == name)?.1.trim().parse().ok()
}

/// The average over ten seconds of a file of pressure stall information, for `some` task.
fn average(text: &str) -> Option<f64> {
    let some = text.lines().find(|line| line.starts_with("some "))?;
    let field = some
        .split_whitespace()
        .find_map(|w| w.strip_prefix("avg10="));
    field?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
    }

    #[test]
    fn the_second_version_gives_limit_use_and_pressure() {
        let root = tempfile::tempdir().unwrap();
        let slice = root.path().join("system.slice");
        write(&slice, &[("memory.max", "50331648\n")]);
        write(
            &slice.join("goldcrest.service"),
            &[
                ("memory.max", "max\n"),
                ("memory.current", "41943040\n"),
                ("memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\n"),
                (
                    "memory.pressure",
                    "some avg10=1.50 avg60=0.20 avg300=0.00 total=9\nfull avg10=0.50 avg60=0 avg300=0 total=3\n",
                ),
            ],
        );
        let group = Cgroup::find(root.path(), "0::/system.slice/goldcrest.service\n").unwrap();
        assert_eq!(
            group.read(),
            Pressure {
                limit: Some(48 << 20),
                used: Some(40 << 20),
                stalled: Some(1.5),
                limited: 7,
                killed: 1
            }
        );
    }

    #[test]
    fn the_first_version_does_too_as_far_as_it_knows() {
        let root = tempfile::tempdir().unwrap();
        write(
            &root.path().join("memory/box"),
            &[
                ("memory.limit_in_bytes", "41943040\n"),
                ("memory.usage_in_bytes", "1048576\n"),
                ("memory.failcnt", "3\n"),
                (
                    "memory.oom_control",
                    "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
                ),
            ],
        );
        let groups = "12:cpuset:/\n4:memory:/box\n0::/box\n";
        let group = Cgroup::find(root.path(), groups).unwrap();
        let pressure = group.read();
        assert_eq!(pressure.limit, Some(40 << 20));
        assert_eq!((pressure.limited, pressure.killed), (3, 2));

        write(
            &root.path().join("memory"),
            &[("memory.limit_in_bytes", "9223372036854771712\n")],
        );
        let top = Cgroup::find(root.path(), "4:memory:/not/here\n").unwrap();
        assert_eq!(top.read().limit, None);
    }

    #[test]
    fn without_control_of_memory_there_is_no_group() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Cgroup::find(root.path(), "0::/\n"), None);
        assert_eq!(Cgroup::find(root.path(), ""), None);
    }
}
