//! The processes below one, and their memory.

use std::fs;

use serde::Serialize;

/// The memory of several processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Held {
    /// How many processes there are.
    pub(crate) processes: usize,
    /// Their memory in MiB: of pages that they share with others, their share.
    pub(crate) memory_mb: f64,
}

/// A line of `/proc/PID/stat`: the process, its parent, and whether it has ended and waits for its
/// parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    id: u32,
    parent: u32,
    over: bool,
}

/// All processes below `top` that have not ended, those of them first that started first.
pub(crate) fn below(top: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let all: Vec<Entry> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|id| parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?))
        .collect();
    let mut found = tree(&all, top);
    found.retain(|entry| !entry.over);
    found.into_iter().map(|entry| entry.id).collect()
}

/// The entries below `top`, level by level.
fn tree(all: &[Entry], top: u32) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut next = 0;
    let mut parent = top;
    loop {
        let known = found.len();
        for entry in all.iter().filter(|entry| entry.parent == parent) {
            if entry.id != top && !found[..known].contains(entry) {
                found.push(*entry);
            }
        }
        let Some(entry) = found.get(next) else {
            return found;
        };
        (parent, next) = (entry.id, next + 1);
    }
}

/// Parses a line. The name in parentheses may hold anything.
fn parse(stat: &str) -> Option<Entry> {
    let (id, rest) = stat.split_once(' ')?;
    let mut fields = rest.get(rest.rfind(')')? + 1..)?.split_whitespace();
    let state = fields.next()?;
    Some(Entry {
        id: id.parse().ok()?,
        parent: fields.next()?.parse().ok()?,
        over: matches!(state, "Z" | "X" | "x"),
    })
}

/// The memory of `top` and of all processes below it; `None` once it has ended.
pub(crate) fn held(top: u32) -> Option<Held> {
    let mut held = Held::default();
    let mut kib = 0;
    for id in std::iter::once(top).chain(below(top)) {
        if let Some(more) = share(id) {
            kib += more;
            held.processes += 1;
        }
    }
    held.memory_mb = (kib as f64 / 1024.0 * 10.0).round() / 10.0;
    (held.processes > 0).then_some(held)
}

/// The memory of one process in KiB: its share, or all of it where the kernel shows no share.
fn share(id: u32) -> Option<u64> {
    let of = |file: &str, name: &str| {
        let text = fs::read_to_string(format!("/proc/{id}/{file}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    of("smaps_rollup", "Pss:").or_else(|| of("status", "VmRSS:"))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let entry = parse("42 (a) b (c) S 7 42 42 0\n").unwrap();
        assert_eq!((entry.id, entry.parent, entry.over), (42, 7, false));
        assert!(parse("42 (x) Z 7 42").unwrap().over);
        assert_eq!(parse("42 x"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn children_of_children_are_found_and_a_circle_ends() {
        let entry = |id, parent| Entry {
            id,
            parent,
            over: false,
        };
        let all = [
            entry(5, 4),
            entry(3, 2),
            entry(4, 2),
            entry(9, 1),
            entry(2, 5),
        ];
        let found: Vec<u32> = tree(&all, 2).iter().map(|entry| entry.id).collect();
        assert_eq!(found, [3, 4, 5]);
    }

    #[test]
    fn a_child_and_its_memory_are_found() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 60 & echo; read x"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0];
        let mut stdout = child.stdout.take().unwrap();
        std::io::Read::read_exact(&mut stdout, &mut line).unwrap();
        let sleeper = below(child.id());
        assert_eq!(sleeper.len(), 1);
        assert!(below(std::process::id()).contains(&sleeper[0]));
        let held = held(child.id()).unwrap();
        assert_eq!(held.processes, 2);
        assert!(held.memory_mb > 0.0, "{held:?}");
        let stopped = Command::new("kill").arg(sleeper[0].to_string()).status();
        assert!(stopped.unwrap().success());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(super::held(child.id()), None);
    }
}
