//! What was seen in pictures whose label is known.

use std::collections::BTreeMap;

use super::about::About;
use super::interval;

/// Counts of pictures by their folder and by what was published.
#[derive(Clone, Debug, Default)]
pub(super) struct Confusion {
    counts: BTreeMap<(usize, Option<u32>), u64>,
}

/// One folder.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Class {
    pub truth: String,
    pub pictures: u64,
    pub right: u64,
    /// Whether neither the model nor the head has the label.
    pub foreign: bool,
    /// Counts in the order of [`Table::seen`].
    pub counts: Vec<u64>,
}

/// The table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub classes: Vec<Class>,
    /// What was published, the folders' own labels first.
    pub seen: Vec<Option<u32>>,
    pub right: u64,
    pub pictures: u64,
    /// The interval of the share of right ones.
    pub interval: [f64; 2],
    /// The mean of the shares of the folders.
    pub balanced: f64,
}

/// Whether a picture of the folder `truth` for which `seen` was published is seen rightly: of
/// pictures of none of the labels, nothing may be known.
pub(super) fn is_right(about: &About, truth: &str, seen: Option<u32>) -> bool {
    match seen {
        None => truth == about.nothing || truth == about.unknown,
        Some(_) => about.label(seen) == truth,
    }
}

impl Confusion {
    /// Counts a picture of the folder with this index.
    pub fn add(&mut self, truth: usize, seen: Option<u32>) {
        *self.counts.entry((truth, seen)).or_default() += 1;
    }

    /// The table of all that was counted.
    pub fn table(&self, about: &About) -> Table {
        let mut seen: Vec<Option<u32>> = self.counts.keys().map(|(_, seen)| *seen).collect();
        let place = |seen: &Option<u32>| {
            let name = about.label(*seen);
            let folder = about.truths.iter().position(|truth| truth == name);
            (
                seen.is_none(),
                folder.unwrap_or(usize::MAX),
                name.to_string(),
            )
        };
        seen.sort_by_key(place);
        seen.dedup();
        let class = |(index, truth): (usize, &String)| {
            let count = |seen: &Option<u32>| {
                let found = self.counts.get(&(index, *seen));
                found.copied().unwrap_or(0)
            };
            let counts: Vec<u64> = seen.iter().map(count).collect();
            let right = seen.iter().zip(&counts);
            let right = right.filter(|(seen, _)| is_right(about, truth, **seen));
            Class {
                truth: truth.clone(),
                pictures: counts.iter().sum(),
                right: right.map(|(_, count)| *count).sum(),
                foreign: truth != about.nothing && !about.labels.contains(truth),
                counts,
            }
        };
        let classes: Vec<Class> = about.truths.iter().enumerate().map(class).collect();
        let right = classes.iter().map(|class| class.right).sum();
        let pictures = classes.iter().map(|class| class.pictures).sum();
        let shares = classes.iter().filter(|class| class.pictures > 0);
        let shares: Vec<f64> = shares
            .map(|class| class.right as f64 / class.pictures as f64)
            .collect();
        Table {
            classes,
            seen,
            right,
            pictures,
            interval: interval::exact(right, pictures),
            balanced: shares.iter().sum::<f64>() / shares.len().max(1) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::about;
    use super::*;

    #[test]
    fn nothing_known_of_pictures_of_none_is_right() {
        let about = About {
            labels: vec!["open".into(), "closed".into()],
            truths: vec!["closed".into(), "none".into(), "open".into(), "ajar".into()],
            ..about()
        };
        let mut confusion = Confusion::default();
        for (truth, seen) in [
            (0, Some(1)),
            (0, Some(1)),
            (0, None),
            (1, None),
            (1, Some(0)),
            (2, Some(0)),
            (3, Some(0)),
        ] {
            confusion.add(truth, seen);
        }
        let table = confusion.table(&about);
        assert_eq!(table.seen, [Some(1), Some(0), None]);
        assert_eq!((table.right, table.pictures), (4, 7));
        assert_eq!(table.classes[0].counts, [2, 0, 1]);
        let right: Vec<u64> = table.classes.iter().map(|c| c.right).collect();
        assert_eq!(right, [2, 1, 1, 0]);
        let foreign: Vec<bool> = table.classes.iter().map(|c| c.foreign).collect();
        assert_eq!(foreign, [false, false, false, true]);
        let balanced = (2.0 / 3.0 + 0.5 + 1.0 + 0.0) / 4.0;
        assert!((table.balanced - balanced).abs() < 1e-12);
    }
}
