//! A state as lines for a terminal. Pure.

use std::time::{Duration, Instant};

use console::Style;

use super::state::State;
use crate::escape::OneLine;
use crate::terminal::Line;

/// The most columns of a view: bars that are longer tell no more.
const WIDEST: usize = 100;
/// The narrowest one that is drawn for.
const NARROWEST: usize = 20;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub columns: usize,
    pub colours: bool,
    /// Whether the terminal knows signs beyond ASCII.
    pub signs: bool,
}

impl Look {
    /// For the terminal on standard error, with so many columns.
    pub fn of_terminal(columns: usize) -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        Self {
            columns,
            colours: console::colors_enabled_stderr(),
            signs: locale.contains("utf-8") || locale.contains("utf8"),
        }
    }

    /// Columns of a line.
    fn width(self) -> usize {
        // The last column stays free: some terminals begin a line once it is filled.
        self.columns.clamp(NARROWEST, WIDEST + 1) - 1
    }

    /// `text` as a line, cut where the terminal ends.
    fn line(self, text: &str, style: &Style) -> Line {
        let (text, width) = cut(text, self.width());
        Line {
            text: style.apply_to(text).force_styling(self.colours).to_string(),
            width,
        }
    }
}

/// The columns that `c` takes. Signs of East Asia and pictures take two.
fn columns(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// The beginning of `text` that takes at most so many columns, and the columns that it takes.
fn cut(text: &str, most: usize) -> (&str, usize) {
    let mut width = 0;
    for (at, c) in text.char_indices() {
        let next = width + columns(c);
        if next > most {
            return (&text[..at], width);
        }
        width = next;
    }
    (text, width)
}

/// `text` cut or filled to exactly so many columns.
fn padded(text: &str, to: usize) -> String {
    let (text, width) = cut(text, to);
    format!("{text}{}", " ".repeat(to - width))
}

/// A bar of a share of so many columns.
fn bar(share: f32, columns: usize, signs: bool) -> String {
    let share = if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    };
    if !signs {
        return "#".repeat((share * columns as f32).round() as usize);
    }
    let eighths = (share * columns as f32 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if let Some(part) = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"].get((eighths % 8).wrapping_sub(1))
    {
        bar.push_str(part);
    }
    bar
}

/// A time as minutes and seconds, or hours.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// The rates, the counts and the memory.
fn numbers(state: &mut State, now: Instant, memory: f64) -> Vec<String> {
    let (fps, classified) = state.rates(now);
    let mut parts = vec![format!("{fps:.1} fps")];
    if (fps - classified).abs() > 0.05 {
        parts.push(format!("{classified:.1} classified"));
    }
    parts.push(match state.length {
        Some(length) => format!("{} of {length} frames", state.frames),
        None => format!("{} frames", state.frames),
    });
    parts.push(match state.drops.total() {
        0 => "0 dropped".into(),
        total => format!("{total} dropped ({})", state.drops),
    });
    parts.push(format!("{memory:.1} of {} MiB", state.budget));
    parts
}

/// The published label, and since when.
fn label(state: &State) -> String {
    match &state.label {
        None => "no label yet".into(),
        Some((label, score, since)) => {
            let score = score
                .map(|score| format!(" {score:.2}"))
                .unwrap_or_default();
            format!(
                "{label}{score}  for {}",
                clock(state.clock.saturating_sub(*since))
            )
        }
    }
}

/// The view.
pub(super) fn lines(state: &mut State, now: Instant, memory: f64, look: Look) -> Vec<Line> {
    let (plain, strong, soft) = (Style::new(), Style::new().bold(), Style::new().dim());
    let width = look.width();
    let rule = if look.signs { "─" } else { "-" };
    let title = OneLine(&state.title).to_string();
    let time = clock(state.clock);
    let (title, taken) = cut(&title, width.saturating_sub(time.len() + 6));
    let fill = width.saturating_sub(taken + time.len() + 6);
    let head = format!("{rule}{rule} {title} {} {time}", rule.repeat(fill));
    let mut lines = vec![look.line(&head, &soft)];
    lines.push(look.line(&OneLine(label(state)).to_string(), &strong));
    let names = (width / 3).min(24);
    let bars = width.saturating_sub(names + 6);
    for (name, score) in &state.top {
        let name = padded(&OneLine(name).to_string(), names);
        let bar = padded(&bar(*score, bars, look.signs), bars);
        lines.push(look.line(&format!("{name} {bar} {score:.2}"), &plain));
    }
    // As many to a line as there is room for.
    let mut row = String::new();
    for part in numbers(state, now, memory) {
        let joined = row.chars().count() + part.chars().count() + 3;
        if !row.is_empty() && joined > width {
            lines.push(look.line(&row, &soft));
            row.clear();
        }
        if !row.is_empty() {
            row.push_str(if look.signs { " · " } else { " | " });
        }
        row.push_str(&part);
    }
    lines.push(look.line(&row, &soft));
    if !state.source.is_empty() {
        lines.push(look.line(&OneLine(&state.source).to_string(), &soft));
    }
    for event in state.events.iter().rev() {
        let text = format!("{:>8}  {}", clock(event.at), OneLine(&event.text));
        lines.push(look.line(&text, &plain));
    }
    lines
}

/// The same as one line, where there is no terminal.
pub(super) fn plain(state: &mut State, now: Instant, memory: f64) -> String {
    let numbers = numbers(state, now, memory).join(", ");
    let source = match state.source.as_str() {
        "" => String::new(),
        source => format!(", {source}"),
    };
    format!(
        "{:>8}  {}; {numbers}{source}",
        clock(state.clock),
        label(state)
    )
}

#[cfg(test)]
mod tests;
