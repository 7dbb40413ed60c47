//! What a replay prints of pictures that have nothing to do with each other.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use crate::escape::OneLine;
use crate::observe::scores::rank;
use crate::pipeline::Outcome;

/// The number of labels printed of one picture.
const BEST: usize = 3;

/// Pictures that are classified each alone.
pub(super) enum Stills {
    /// One picture: its best labels, one a line.
    One,
    /// The pictures of the folder with this path: one line each.
    Folder(String),
}

impl Stills {
    /// The pictures of `folder`.
    pub fn of(folder: &Path) -> Self {
        Self::Folder(folder.to_string_lossy().into())
    }

    /// Writes what `outcome` tells of its picture.
    pub fn write(&self, outcome: &Outcome<'_>, out: &mut impl Write) -> io::Result<()> {
        let mut ranked = Vec::with_capacity(BEST);
        rank(outcome.scores, BEST, &mut ranked);
        let mut best = ranked
            .iter()
            .map(|r| (&outcome.labels[r.index], 100.0 * r.score));
        let Self::Folder(folder) = self else {
            if let Some(region) = outcome.hashes.region {
                line(out, format_args!("{region}:"))?;
            }
            return best.try_for_each(|(label, percent)| {
                line(out, format_args!("{label:<20} {percent:5.1} %"))
            });
        };
        let (Some(update), Some((label, percent))) = (&outcome.update, best.next()) else {
            return Ok(());
        };
        let path = Path::new(&outcome.frame.name);
        let path = path.strip_prefix(folder).unwrap_or(path).display();
        let path = match outcome.hashes.region {
            Some(region) => format!("{path} {region}"),
            None => path.to_string(),
        };
        let state = update.statement();
        if state.index.is_some() {
            line(out, format_args!("{path:<30} {label:<20} {percent:5.1} %"))
        } else {
            let unknown = state.label;
            line(
                out,
                format_args!("{path:<30} {unknown:<20}         best guess: {label} {percent:.1} %"),
            )
        }
    }
}

fn line(out: &mut impl Write, text: fmt::Arguments<'_>) -> io::Result<()> {
    writeln!(out, "{}", OneLine(text))
}
