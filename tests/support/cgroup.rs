//! A limit of the system's on memory, for the tests that run under one. As root.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A control group of its own, which goes with the value.
pub struct Group {
    folder: PathBuf,
    first: bool,
}

impl Group {
    /// Makes a group under a limit of `bytes`, of whichever version the system has.
    pub fn new(name: &str, bytes: Option<u64>) -> Result<Self, String> {
        let name = format!("goldcrest-{name}-{}", std::process::id());
        let one = Path::new("/sys/fs/cgroup/memory");
        let first = one.join("memory.limit_in_bytes").exists();
        let two = Path::new("/sys/fs/cgroup");
        if !first {
            let on = fs::write(two.join("cgroup.subtree_control"), "+memory");
            on.map_err(|e| format!("no memory controller of either version: {e}"))?;
        }
        let folder = if first {
            one.join(name)
        } else {
            two.join(name)
        };
        fs::create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let group = Self { folder, first };
        if let Some(bytes) = bytes {
            let file = if first {
                "memory.limit_in_bytes"
            } else {
                "memory.max"
            };
            fs::write(group.folder.join(file), bytes.to_string())
                .map_err(|e| format!("{file}: {e}"))?;
        }
        Ok(group)
    }

    /// How many processes of it were killed for want of memory.
    pub fn kills(&self) -> u64 {
        let file = if self.first {
            "memory.oom_control"
        } else {
            "memory.events"
        };
        let text = fs::read_to_string(self.folder.join(file)).expect("its counts");
        let line = text.lines().find_map(|l| l.strip_prefix("oom_kill "));
        line.expect("a count of kills")
            .trim()
            .parse()
            .expect("a number")
    }

    /// The file that takes the number of a process that is to be in it.
    pub fn processes(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// Moves this process, and with it what it starts, into the group until the value goes.
    pub fn enter(&self) -> Inside {
        fs::write(self.processes(), "0").expect("a process may move");
        Inside(self.folder.with_file_name("cgroup.procs"))
    }

    /// The most it ever used, in MiB, where the system tells.
    pub fn peak(&self) -> Option<u64> {
        let file = if self.first {
            "memory.max_usage_in_bytes"
        } else {
            "memory.peak"
        };
        let text = fs::read_to_string(self.folder.join(file)).ok()?;
        Some(text.trim().parse::<u64>().ok()? >> 20)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The last process may take a moment to be gone.
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// This process in a [`Group`]; it goes back to the group above with the value.
pub struct Inside(PathBuf);

impl Drop for Inside {
    fn drop(&mut self) {
        fs::write(&self.0, "0").ok();
    }
}
