//! The table of rooms in ARCHITECTURE.md, which the code must agree with.

/// A room and those that it may use.
#[derive(Debug)]
pub struct Row {
    pub room: String,
    pub may_use: Vec<String>,
}

/// Reads the table below `## The rooms`, from the lowest room to the highest. Returns what is wrong
/// with it otherwise.
pub fn read(markdown: &str) -> Result<Vec<Row>, String> {
    let section = markdown
        .split("\n## The rooms\n")
        .nth(1)
        .unwrap_or_default();
    let lines = section.lines().skip_while(|line| !line.starts_with('|'));
    let mut lines = lines.take_while(|line| line.starts_with('|'));
    if lines.next() != Some("| room | noun | may use |") {
        return Err("\"The rooms\" has no table of `room`, `noun` and `may use`".into());
    }
    let mut rows: Vec<Row> = Vec::new();
    for line in lines.skip(1) {
        let Row { room, may_use } = row(line).ok_or(format!("this row cannot be read: {line}"))?;
        let is_above = |room: &String| rows.iter().any(|row| row.room == *room);
        if is_above(&room) {
            return Err(format!("`{room}` has two rows"));
        }
        if let Some(used) = may_use.iter().find(|used| !is_above(used)) {
            return Err(format!(
                "`{room}` may use `{used}`, which no row above it is for"
            ));
        }
        rows.push(Row { room, may_use });
    }
    Ok(rows)
}

fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let [_, room, _, may_use, _] = cells[..] else {
        return None;
    };
    let name = |cell: &str| Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_string());
    let used = may_use.split(", ").filter(|cell| !cell.is_empty());
    Some(Row {
        room: name(room)?,
        may_use: used.map(name).collect::<Option<_>>()?,
    })
}
