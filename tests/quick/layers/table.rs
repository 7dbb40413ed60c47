//! The table of rooms in ARCHITECTURE.md, which the code must agree with.

use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub struct Table {
    pub rooms: BTreeSet<String>,
    /// Pairs of rooms, of which the first may use the second.
    pub allowed: BTreeSet<(String, String)>,
}

impl Table {
    /// Reads the table below `## The rooms`, in which a room may use those above it. Returns what
    /// is wrong with it otherwise.
    pub fn read(markdown: &str) -> Result<Self, String> {
        let section = markdown.split("\n## The rooms\n").nth(1);
        let lines = section.unwrap_or_default().lines();
        let lines = lines.skip_while(|line| !line.starts_with('|'));
        let mut lines = lines.take_while(|line| line.starts_with('|'));
        if lines.next() != Some("| room | noun | may use |") {
            return Err("\"The rooms\" has no table of `room`, `noun` and `may use`".into());
        }
        let mut table = Self::default();
        for line in lines.skip(1) {
            let (room, used) = row(line).ok_or(format!("this row cannot be read: {line}"))?;
            if let Some(used) = used.iter().find(|used| !table.rooms.contains(*used)) {
                return Err(format!(
                    "`{room}` may use `{used}`, which no row above it is for"
                ));
            }
            let allowed = used.into_iter().map(|used| (room.clone(), used));
            table.allowed.extend(allowed);
            if !table.rooms.insert(room) {
                return Err(format!("this room has two rows: {line}"));
            }
        }
        Ok(table)
    }
}

/// A room and those that it may use.
fn row(line: &str) -> Option<(String, Vec<String>)> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let [_, room, _, used, _] = cells[..] else {
        return None;
    };
    let name = |cell: &str| Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_string());
    let used = used.split(", ").filter(|cell| !cell.is_empty());
    Some((name(room)?, used.map(name).collect::<Option<_>>()?))
}
