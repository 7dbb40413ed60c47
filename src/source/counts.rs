//! How often what happened.

/// How often each cause occurred. The causes are few and fixed, so that counting allocates only for a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(Vec<(&'static str, u64)>);

impl Counts {
    /// Nothing happened yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Counts `cause` once more; returns how often it has occurred.
    pub fn add(&mut self, cause: &'static str) -> u64 {
        if let Some((_, count)) = self.0.iter_mut().find(|(name, _)| *name == cause) {
            *count += 1;
            return *count;
        }
        self.0.push((cause, 1));
        1
    }

    /// Each cause that occurred and how often, in the order in which they first did.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
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
    pub fn total(&self) -> u64 {
        self.0.iter().map(|c| c.1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_counted_apart() {
        let mut counts = Counts::new();
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
    }
}
