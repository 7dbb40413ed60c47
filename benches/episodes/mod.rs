//! Kinds of pictures, episodes of teaching drawn from them, and what a head tells.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::SystemTime;

use goldcrest::engine::{HexDigest, Taught};
use goldcrest::teach::{Examples, Moment, Options, fit};

pub type Fault = Box<dyn Error>;

/// Features of pictures of a kind.
pub struct Kind {
    pub name: String,
    pub rows: Vec<Vec<f32>>,
}

/// The kinds of a folder, by name.
pub fn kinds(folder: &Path) -> Result<Vec<Kind>, Fault> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "jsonl") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let rows = BufReader::new(File::open(&path)?).lines().map(|line| {
                let value: serde_json::Value = serde_json::from_str(&line?)?;
                Ok(serde_json::from_value(value["features"].clone())?)
            });
            found.push(Kind {
                name: name.into_owned(),
                rows: rows.collect::<Result<_, Fault>>()?,
            });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if found.len() < 2 {
        return Err(format!("{} has fewer than two kinds", folder.display()).into());
    }
    Ok(found)
}

/// Numbers that look random and are the same every time.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) as usize) % n
    }

    pub fn order(&mut self, n: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            all.swap(i, self.below(i + 1));
        }
        all
    }
}

/// A head, the kinds of its labels, and for each the pictures that it was not taught.
pub struct Episode {
    pub taught: Taught,
    pub drawn: Vec<usize>,
    pub others: Vec<Vec<usize>>,
}

/// Teaches `shots[k]` pictures of the `k`th kind that is drawn.
pub fn episode(
    kinds: &[Kind],
    shots: &[usize],
    random: &mut Random,
    change: impl Fn(&[f32]) -> Vec<f32>,
) -> Result<Episode, Fault> {
    let drawn: Vec<usize> = random.order(kinds.len())[..shots.len()].to_vec();
    let names = drawn.iter().map(|&k| kinds[k].name.clone()).collect();
    let mut examples = Examples::new(names, kinds[0].rows[0].len())?;
    let mut others = Vec::new();
    for (label, (&k, &count)) in drawn.iter().zip(shots).enumerate() {
        let order = random.order(kinds[k].rows.len());
        for &i in &order[..count] {
            let moment = Moment {
                group: i as u32,
                seconds: 0.0,
            };
            examples.push(label, &change(&kinds[k].rows[i]), moment)?;
        }
        others.push(order[count..].to_vec());
    }
    Ok(Episode {
        taught: fit(&examples, &options())?,
        drawn,
        others,
    })
}

pub fn options() -> Options {
    Options {
        backbone: HexDigest::default(),
        made: SystemTime::UNIX_EPOCH,
        scene: Vec::new(),
    }
}

/// The label that is told of a picture, and if the rule claims it.
pub fn told(taught: &mut Taught, row: &[f32]) -> (usize, bool) {
    taught.head.run(row);
    let logits = taught.head.logits();
    let best = (0..logits.len()).fold(0, |b, i| if logits[i] > logits[b] { i } else { b });
    let share = |l: f32| ((l - logits[best]) / taught.temperature).exp();
    let sum: f32 = logits.iter().map(|l| share(*l)).sum();
    let rest = (0..logits.len()).filter(|&i| i != best);
    let second = rest.map(|i| share(logits[i])).fold(0.0, f32::max);
    let familiarity = taught.head.familiarity();
    let (first, second) = (familiarity / sum, familiarity * second / sum);
    let rule = taught.rule;
    (
        best,
        first >= rule.threshold && first - second >= rule.margin,
    )
}

/// What a head tells of pictures of its own kinds, labels counting the same: shares that are right,
/// that are claimed, and that are claimed and right.
pub fn known(episode: &mut Episode, kinds: &[Kind]) -> [f64; 3] {
    let mut sums = [0.0; 3];
    let labels = episode.drawn.len() as f64;
    for (label, (&k, others)) in episode.drawn.iter().zip(&episode.others).enumerate() {
        for &i in others {
            let (best, claimed) = told(&mut episode.taught, &kinds[k].rows[i]);
            let right = best == label;
            for (sum, hit) in sums.iter_mut().zip([right, claimed, claimed && right]) {
                *sum += f64::from(u8::from(hit)) / (labels * others.len() as f64);
            }
        }
    }
    sums
}
