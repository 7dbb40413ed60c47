//! The real system: V4L2 through the v4l crate's handle, types and ioctl numbers.
//!
//! The crate's own stream, capability and control readers are not used: they queue buffers that the
//! kernel owns, and panic on names that are not UTF-8. The camera's unsafe code is in this folder
//! alone.
#![allow(unsafe_code)]

mod device;
mod mapping;
mod plain;

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use self::device::OpenNode;
#[cfg(test)]
pub use self::mapping::Mapped;
use super::system::{Device, Node, System};

/// The running kernel.
#[derive(Debug, Default)]
pub struct Linux;

impl System for Linux {
    fn nodes(&self) -> io::Result<Vec<Node>> {
        let mut links = Vec::new();
        for folder in ["/dev/v4l/by-id", "/dev/v4l/by-path"] {
            // The folders exist only while a camera with such a name is plugged in.
            for link in fs::read_dir(folder).into_iter().flatten().flatten() {
                if let Ok(target) = fs::canonicalize(link.path()) {
                    links.push((link.path(), target));
                }
            }
        }
        links.sort();
        let mut nodes = Vec::new();
        for entry in fs::read_dir("/dev")?.flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|n| n.strip_prefix("video"));
            let Some(number) = number.and_then(|n| n.parse::<u32>().ok()) else {
                continue;
            };
            let path = entry.path();
            let own = links.iter().filter(|(_, target)| *target == path);
            let links = own.map(|(link, _)| link.clone()).collect();
            nodes.push((number, Node { path, links }));
        }
        nodes.sort_by_key(|(number, _)| *number);
        Ok(nodes.into_iter().map(|(_, node)| node).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Device>> {
        // Opening a pipe or a disk by mistake could block or do harm.
        if !fs::metadata(path)?.file_type().is_char_device() {
            return Err(io::Error::from_raw_os_error(libc::ENOTTY));
        }
        let handle = v4l::Device::with_path(path)?.handle();
        // SAFETY: F_SETFD takes an integer and touches no memory; the handle keeps the descriptor
        // open.
        if unsafe { libc::fcntl(handle.fd(), libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(Box::new(OpenNode::new(handle)))
    }

    fn holders(&self, path: &Path) -> Vec<String> {
        let Ok(path) = fs::canonicalize(path) else {
            return Vec::new();
        };
        let mut holders = Vec::new();
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = process.file_name();
            let Some(pid) = name.to_str().and_then(|n| n.parse::<u32>().ok()) else {
                continue;
            };
            if pid == std::process::id() {
                continue;
            }
            let open = fs::read_dir(process.path().join("fd"));
            let mut targets = open.into_iter().flatten().flatten();
            if targets.any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == path)) {
                let comm = fs::read(process.path().join("comm")).unwrap_or_default();
                holders.push(format!("{} ({pid})", String::from_utf8_lossy(&comm).trim()));
            }
        }
        holders
    }

    fn now(&self) -> Duration {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the kernel writes one timespec to `time`, which is borrowed for the call. Linux
        // always has CLOCK_MONOTONIC; a failure would leave the zeros.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
    }

    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_not_a_camera_is_refused() {
        let null = Linux.open(Path::new("/dev/null")).unwrap();
        let error = null.capability().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
        let folder = Linux.open(Path::new("/dev")).err().unwrap();
        assert_eq!(folder.raw_os_error(), Some(libc::ENOTTY));
        assert!(Linux.open(Path::new("/dev/\0")).is_err());
    }
}
