//! What the benchmarks share: their arguments, and time that a loaded machine does not stretch.

// Each benchmark uses its own part of this.
#![allow(dead_code)]

use std::error::Error;
use std::path::PathBuf;

/// The words of the command line, but for what cargo adds.
pub struct Arguments(Vec<String>);

impl Arguments {
    /// Of this process.
    pub fn new() -> Self {
        let words = std::env::args().skip(1);
        Self(words.filter(|word| word != "--bench").collect())
    }

    /// The first word, if it is the path of something that exists.
    pub fn path(&self) -> Option<PathBuf> {
        self.0.first().map(PathBuf::from).filter(|p| p.exists())
    }

    /// Whether `name` is among them.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|word| word == name)
    }

    /// The `n`th word after `name`.
    pub fn after(&self, name: &str, n: usize) -> Option<&str> {
        let at = self.0.iter().position(|word| word == name)?;
        self.0.get(at + n).map(String::as_str)
    }

    /// The number after `name`.
    ///
    /// # Errors
    /// When something else stands there, or nothing.
    pub fn number(&self, name: &str, otherwise: usize) -> Result<usize, Box<dyn Error>> {
        if !self.has(name) {
            return Ok(otherwise);
        }
        let word = self
            .after(name, 1)
            .ok_or(format!("{name} needs a number"))?;
        Ok(word.parse()?)
    }

    /// All words that end so.
    pub fn ending(&self, end: &str) -> impl Iterator<Item = PathBuf> {
        let files = self.0.iter().filter(move |word| word.ends_with(end));
        files.map(PathBuf::from)
    }
}

/// Milliseconds that this thread has run; the kernel may count whole ticks only.
pub fn on_cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
    first.map_or(f64::NAN, |ns| ns / 1e6)
}
