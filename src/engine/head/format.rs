//! The bytes of a head file.
//!
//! All numbers are little-endian; floats are IEEE 754; a text is its length in a word of 4 bytes
//! and UTF-8; what may be absent begins with a byte that is 0 or 1.
//!
//! | what | bytes |
//! |---|---|
//! | magic `GCRSTHED`, version 1 | 8, 4 |
//! | SHA-256 of the backbone's ONNX file; seconds since 1970 | 32, 8 |
//! | number of features, number of labels | 4, 4 |
//! | labels | texts |
//! | temperature, threshold, release, margin | 4 each |
//! | accuracy, which may be absent; its interval | 1 + 4, 8 |
//! | each class: examples, bursts, accuracy and confused label, which may be absent | 4, 4, 1 + 4, 1 + text |
//! | number of warnings, warnings | 4, texts |
//! | scene: length and bytes | 4, |
//! | weights (a row a label), biases | 4 each |
//! | whether it was taught: 1; centre, kinds, far, near | 1, 4 each |
//! | SHA-256 of all bytes before | 32 |

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::bytes::{Reader, Short, Writer};
use super::{Class, Head, Known, MOST_LABELS, Quality, Rule, Taught};
use crate::engine::digest::HexDigest;
use crate::engine::error::Error;

const MAGIC: &[u8; 8] = b"GCRSTHED";
const VERSION: u32 = 1;
const DIGEST: usize = 32;

/// Bytes up to the labels.
pub(super) const HEADER: usize = MAGIC.len() + 4 + DIGEST + 8 + 4 + 4;

/// Why bytes are no head: to be read after the file's path.
#[derive(Debug)]
pub(super) struct Fault(pub String);

impl From<Short> for Fault {
    fn from(_: Short) -> Self {
        Self("its checksum fits and its content does not: whoever wrote it failed; teach it again with `goldcrest teach`".into())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self(format!("{error}; teach it again with `goldcrest teach`"))
    }
}

/// The SHA-256 of `bytes`.
pub(super) fn digest(bytes: &[u8]) -> [u8; DIGEST] {
    Sha256::digest(bytes).into()
}

/// The bytes of a file that holds `taught`.
///
/// # Errors
/// [`Error::Head`] when it is not a whole head, see [`Taught::check`].
pub(super) fn encode(taught: &Taught) -> Result<Vec<u8>, Error> {
    taught.check()?;
    let made = taught.made.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut w = Writer::default();
    w.put(MAGIC);
    w.word(VERSION);
    w.put(&taught.backbone.bytes());
    w.long(made.as_secs());
    w.count(taught.head.inputs());
    w.count(taught.labels.len());
    taught.labels.iter().for_each(|label| w.text(label));
    let rule = &taught.rule;
    w.floats(&[
        taught.temperature,
        rule.threshold,
        rule.release,
        rule.margin,
    ]);
    put_quality(&mut w, &taught.quality);
    w.block(&taught.scene);
    let (weights, biases, known) = taught.head.parts();
    w.floats(weights);
    w.floats(biases);
    w.maybe(known, |w, known| {
        w.floats(&known.centre);
        w.floats(&known.kinds);
        w.floats(&[known.far, known.near]);
    });
    let sum = digest(&w.0);
    w.put(&sum);
    Ok(w.0)
}

fn put_quality(w: &mut Writer, quality: &Quality) {
    w.maybe(quality.accuracy, Writer::float);
    w.floats(&quality.interval);
    for class in &quality.classes {
        w.word(class.examples);
        w.word(class.bursts);
        w.maybe(class.accuracy, Writer::float);
        w.maybe(class.confused_with.as_deref(), Writer::text);
    }
    w.count(quality.warnings.len());
    quality.warnings.iter().for_each(|text| w.text(text));
}

/// The bytes in memory of the head whose file begins with `start`; none if that is no head. Weights
/// and kinds are a row of features a label.
pub(super) fn claimed(start: &[u8]) -> Option<usize> {
    let mut r = Reader(start);
    let known = r.take(MAGIC.len()) == Ok(MAGIC) && r.word() == Ok(VERSION);
    if !known || r.take(DIGEST + 8).is_err() {
        return None;
    }
    let (features, labels) = (u64::from(r.word().ok()?), u64::from(r.word().ok()?));
    let rows = features.saturating_mul(labels);
    let numbers = rows.saturating_add(features).saturating_add(labels);
    let bytes = numbers.saturating_mul(2 * size_of::<f32>() as u64);
    Some(usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// The head that `bytes` hold.
pub(super) fn decode(bytes: &[u8]) -> Result<Taught, Fault> {
    let mut r = Reader(bytes);
    if r.take(MAGIC.len()) != Ok(MAGIC) {
        return Err(Fault(
            "it is no head; make one with `goldcrest teach FOLDER --out HEAD`".into(),
        ));
    }
    let damaged = || {
        Fault("it is damaged or cut short: its checksum does not fit; copy it anew, or teach it again with `goldcrest teach`".into())
    };
    match r.word() {
        Ok(VERSION) => {}
        Ok(version) => {
            return Err(Fault(format!(
                "it is of version {version} of the format and this program reads version {VERSION}; \
                 use the Goldcrest that wrote it, or teach it again with `goldcrest teach`"
            )));
        }
        Err(Short) => return Err(damaged()),
    }
    let content = bytes.len().checked_sub(DIGEST).ok_or_else(damaged)?;
    let (content, sum) = bytes.split_at(content);
    if digest(content) != sum {
        return Err(damaged());
    }
    let body = content.get(bytes.len() - r.0.len()..).ok_or_else(damaged)?;
    let mut r = Reader(body);
    let taught = body_of(&mut r)?;
    if !r.0.is_empty() {
        return Err(Short.into());
    }
    taught.check()?;
    Ok(taught)
}

fn body_of(r: &mut Reader) -> Result<Taught, Fault> {
    let backbone = HexDigest::from_bytes(&r.array()?);
    let made = Duration::from_secs(r.long()?);
    let made: SystemTime = UNIX_EPOCH.checked_add(made).ok_or(Short)?;
    let inputs = usize::try_from(r.word()?).map_err(|_| Short)?;
    let count = usize::try_from(r.word()?).map_err(|_| Short)?;
    if count > MOST_LABELS {
        return Err(Short.into());
    }
    let labels: Vec<String> = (0..count).map(|_| r.text()).collect::<Result<_, _>>()?;
    let temperature = r.float()?;
    let rule = Rule {
        threshold: r.float()?,
        release: r.float()?,
        margin: r.float()?,
    };
    let quality = quality_of(r, &labels)?;
    let scene = r.block()?.to_vec();
    let rows = inputs.checked_mul(count).ok_or(Short)?;
    let (weights, biases) = (r.floats(rows)?, r.floats(count)?);
    let known = r.maybe(|r| {
        Ok(Known {
            centre: r.floats(inputs)?,
            kinds: r.floats(rows)?,
            far: r.float()?,
            near: r.float()?,
        })
    })?;
    let head = match known {
        Some(known) => Head::taught(weights, biases, known)?,
        None => Head::new(weights, biases)?,
    };
    Ok(Taught {
        labels,
        head,
        temperature,
        rule,
        quality,
        scene,
        backbone,
        made,
    })
}

fn quality_of(r: &mut Reader, labels: &[String]) -> Result<Quality, Short> {
    let accuracy = r.maybe(Reader::float)?;
    let interval = [r.float()?, r.float()?];
    let class = |label: &String| {
        Ok(Class {
            label: label.clone(),
            examples: r.word()?,
            bursts: r.word()?,
            accuracy: r.maybe(Reader::float)?,
            confused_with: r.maybe(Reader::text)?,
        })
    };
    let classes = labels.iter().map(class).collect::<Result<_, Short>>()?;
    let count = r.word()?;
    // Each is at least its length.
    let warnings = (0..count).map(|_| r.text()).collect::<Result<_, Short>>()?;
    Ok(Quality {
        accuracy,
        interval,
        classes,
        warnings,
    })
}
