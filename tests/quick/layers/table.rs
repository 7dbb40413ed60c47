//! The table of rooms in ARCHITECTURE.md, which the code must agree with.

/// A row: a room and those that it may use.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    pub room: String,
    pub may_use: Vec<String>,
}

/// Reads the table below `## The rooms`, whose columns are `room`, `noun` and `may use`. A room is
/// named in backticks, and several with commas between them. Returns what is wrong with it
/// otherwise.
pub fn read(markdown: &str) -> Result<Vec<Row>, String> {
    let section = markdown.split("\n## The rooms\n").nth(1);
    let section = section.ok_or("there is no section \"The rooms\"")?;
    let lines = section.lines().skip_while(|line| !line.starts_with('|'));
    let mut lines = lines.take_while(|line| line.starts_with('|'));
    let head = lines.next().unwrap_or_default();
    if head != "| room | noun | may use |" {
        return Err(format!("the table's head is {head:?}"));
    }
    let mut rows: Vec<Row> = Vec::new();
    for line in lines.skip(1) {
        let row = row(line).ok_or_else(|| format!("this row cannot be read: {line}"))?;
        let above = |room: &String| rows.iter().any(|r| r.room == *room);
        if let Some(room) = row.may_use.iter().find(|room| !above(room)) {
            return Err(format!(
                "`{}` may use `{room}`, which no row above it is for",
                row.room
            ));
        }
        if above(&row.room) {
            return Err(format!("`{}` has two rows", row.room));
        }
        rows.push(row);
    }
    Ok(rows)
}

fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let [_, room, _, may_use, _] = cells[..] else {
        return None;
    };
    let may_use = match may_use {
        "" => Vec::new(),
        rooms => rooms.split(", ").map(name).collect::<Option<_>>()?,
    };
    let room = name(room)?;
    Some(Row { room, may_use })
}

fn name(cell: &str) -> Option<String> {
    let name = cell.strip_prefix('`')?.strip_suffix('`')?;
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    plain.then(|| name.to_string())
}
