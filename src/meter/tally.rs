//! Counts by cause.

use std::fmt;

use serde::{Serialize, Serializer};

/// A count for each cause. Causes are few and fixed, so that counting allocates only for a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(Vec<(&'static str, u64)>);

impl Tally {
    /// An empty tally.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Counts `cause` once more and returns its count.
    pub(crate) fn add(&mut self, cause: &'static str) -> u64 {
        self.add_many(cause, 1)
    }

    /// Adds all counts of `other`.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (cause, count) in other.iter() {
            self.add_many(cause, count);
        }
    }

    /// Adds `count` to `cause` and returns its count.
    pub(crate) fn add_many(&mut self, cause: &'static str, count: u64) -> u64 {
        if let Some((_, known)) = self.0.iter_mut().find(|(name, _)| *name == cause) {
            *known += count;
            return *known;
        }
        if count > 0 {
            self.0.push((cause, count));
        }
        count
    }

    /// Each cause with its count, in the order of their first occurrence.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().copied()
    }

    /// How often `cause` occurred.
    pub fn of(&self, cause: &str) -> u64 {
        self.0
            .iter()
            .find(|(name, _)| *name == cause)
            .map_or(0, |c| c.1)
    }

    /// How often anything occurred.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|c| c.1).sum()
    }
}

/// A map from cause to count, in the order in which the causes first occurred.
impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// As in `2 short, 1 empty`, or `none`.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (i, (cause, count)) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {cause}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_serializes_as_a_map_in_order() {
        let mut tally = Tally::new();
        tally.add_many("short", 2);
        tally.add("empty");
        let json = serde_json::to_string(&tally).unwrap();
        assert_eq!(json, r#"{"short":2,"empty":1}"#);
    }

    #[test]
    fn causes_are_counted_apart() {
        let mut counts = Tally::new();
        for cause in ["short", "empty", "short"] {
            counts.add(cause);
        }
        assert_eq!(
            counts.iter().collect::<Vec<_>>(),
            [("short", 2), ("empty", 1)]
        );
        assert_eq!(
            (counts.of("short"), counts.of("corrupt"), counts.total()),
            (2, 0, 3)
        );
        let mut more = Tally::new();
        more.add("corrupt");
        more.add("short");
        counts.add_all(&more);
        assert_eq!(counts.to_string(), "3 short, 1 empty, 1 corrupt");
        assert_eq!(Tally::new().to_string(), "none");
    }
}
