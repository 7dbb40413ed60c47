//! Checks that a manifest fits itself and its bundle.

use super::header::PAGE;
use super::manifest::{
    BlockEntry, LinearEntry, Manifest, NormEntry, Section, StageEntry, filled, is_name,
};
use super::mismatch::Mismatch;
use crate::engine::card::SIDES;
use crate::engine::extent::Extent;
use crate::engine::labels;

/// The most stages, channels of one, and hidden channels of a block. Kernels count inputs in fours
/// in 16 bits, and a layer has up to four times the channels of a stage, or the hidden ones.
const MOST_STAGES: usize = 16;
pub(crate) const MOST_CHANNELS: usize = 1 << 14;
const MOST_HIDDEN: usize = 1 << 16;

/// The check of one bundle, whose arrays lie between its first page and its first `data` bytes.
struct Check {
    data: u64,
    arrays: Vec<Section>,
}

impl Check {
    /// An array of `dims` elements of `size` bytes.
    fn array(
        &mut self,
        name: &str,
        found: Section,
        dims: &[usize],
        size: usize,
    ) -> Result<(), Mismatch> {
        let wanted = extent(name, dims)?.bytes(size);
        let Section(at, length) = found;
        let end = at.checked_add(length);
        let inside =
            at.is_multiple_of(64) && at >= PAGE as u64 && end.is_some_and(|end| end <= self.data);
        if !inside || length != wanted {
            return Err(Mismatch::Array {
                name: name.into(),
                found,
                wanted,
            });
        }
        self.arrays.push(found);
        Ok(())
    }

    /// An array of numbers of 32 bits.
    fn numbers(&mut self, name: &str, found: Section, dims: &[usize]) -> Result<(), Mismatch> {
        self.array(name, found, dims, 4)
    }

    fn norm(&mut self, name: &str, norm: &NormEntry, channels: usize) -> Result<(), Mismatch> {
        if norm.channels != channels {
            return Err(Mismatch::Channels {
                name: name.into(),
                found: norm.channels,
                wanted: channels,
            });
        }
        positive(name, "epsilon", norm.epsilon)?;
        self.numbers(name, norm.gain, &[filled(channels)])?;
        self.numbers(name, norm.shift, &[filled(channels)])
    }

    /// A layer of `inputs` real and `wide` filled inputs, which runs on `rows` rows.
    fn linear(
        &mut self,
        layer: &LinearEntry,
        (inputs, wide): (usize, usize),
        columns: usize,
        rows: usize,
    ) -> Result<(), Mismatch> {
        named(&layer.name)?;
        let (name, n) = (&layer.name, filled(columns));
        if (layer.inputs, layer.filled, layer.columns) != (inputs, wide, columns) {
            return Err(Mismatch::Layer {
                name: name.clone(),
                found: (layer.inputs, layer.columns),
                wanted: (inputs, columns),
            });
        }
        positive(name, "scale", layer.scale)?;
        let row = wide.next_multiple_of(64);
        // What it reads and what it writes must be countable, too.
        extent(name, &[rows.next_multiple_of(16), row])?;
        extent(name, &[rows, n])?;
        self.array(name, layer.weights, &[row, n], 1)?;
        self.numbers(name, layer.sums, &[n])?;
        self.numbers(name, layer.scales, &[n])?;
        self.numbers(name, layer.biases, &[n])
    }

    /// A block on `rows` pixels.
    fn block(&mut self, block: &BlockEntry, channels: usize, rows: usize) -> Result<(), Mismatch> {
        named(&block.name)?;
        let hidden = block.first.columns;
        if !(1..=MOST_HIDDEN).contains(&hidden) {
            return Err(Mismatch::Columns {
                name: block.name.clone(),
                found: hidden,
            });
        }
        let (n, wide) = (filled(channels), filled(hidden));
        self.numbers(&block.name, block.taps, &[49, n])?;
        self.numbers(&block.name, block.bias, &[n])?;
        self.norm(&block.name, &block.norm, channels)?;
        // Hidden activations exist for a tile of rows at a time, of 32 where rows are long.
        self.linear(&block.first, (channels, n), hidden, rows.min(32))?;
        extent(
            &block.name,
            &[rows.next_multiple_of(16), n.next_multiple_of(64)],
        )?;
        self.linear(&block.second, (hidden, wide), channels, rows.min(32))
    }

    /// Stage number `number` of `map` pixels, height and width, after one of `before` channels.
    fn stage(
        &mut self,
        number: usize,
        stage: &StageEntry,
        map: (usize, usize),
        before: usize,
    ) -> Result<(), Mismatch> {
        if (stage.height, stage.width) != map || map.0 * map.1 == 0 {
            return Err(Mismatch::Map {
                stage: number,
                found: (stage.height, stage.width),
                wanted: map,
            });
        }
        let rows = map.0 * map.1;
        extent("a feature map", &[rows, filled(stage.channels)])?;
        if let Some(down) = &stage.down {
            named(&down.layer.name)?;
            self.norm(&down.layer.name, &down.norm, before)?;
            let inputs = (4 * before, 4 * filled(before));
            self.linear(&down.layer, inputs, stage.channels, rows)?;
        }
        let mut blocks = stage.blocks.iter();
        blocks.try_for_each(|block| self.block(block, stage.channels, rows))
    }

    /// Refuses arrays that share bytes.
    fn apart(mut self) -> Result<(), Mismatch> {
        self.arrays.sort_unstable_by_key(|section| section.0);
        let mut pairs = self.arrays.windows(2);
        match pairs.find(|pair| pair[0].0 + pair[0].1 > pair[1].0) {
            Some(pair) => Err(Mismatch::Overlap(pair[0], pair[1])),
            None => Ok(()),
        }
    }
}

/// The product of `dims`.
fn extent(name: &str, dims: &[usize]) -> Result<Extent, Mismatch> {
    Extent::of(dims).ok_or_else(|| Mismatch::Size(name.into()))
}

/// Refuses a number that is no divisor: 0, below it, subnormal, infinite or none.
fn positive(name: &str, what: &'static str, found: f32) -> Result<(), Mismatch> {
    if found.is_normal() && found > 0.0 {
        return Ok(());
    }
    Err(Mismatch::Number {
        name: name.into(),
        what,
        found,
    })
}

fn named(name: &str) -> Result<(), Mismatch> {
    is_name(name).then_some(()).ok_or(Mismatch::Name)
}

impl Manifest {
    /// Checks that all sizes fit each other and can be counted, and that every array lies within
    /// `data`, the bytes before the manifest, and apart from all others.
    ///
    /// # Errors
    /// The first [`Mismatch`].
    pub(crate) fn check(&self, data: u64) -> Result<(), Mismatch> {
        let mut check = Check {
            data,
            arrays: Vec::new(),
        };
        let first = self.stages.first().ok_or(Mismatch::NoStages)?;
        if !(4..=*SIDES.end()).contains(&self.height)
            || !(4..=*SIDES.end()).contains(&self.width)
            || !(1..=labels::MOST).contains(&self.classes)
            || self.stages.len() > MOST_STAGES
        {
            return Err(Mismatch::Sizes);
        }
        let sane = |s: &StageEntry| (1..=MOST_CHANNELS).contains(&s.channels);
        if !self.stages.iter().all(sane) {
            return Err(Mismatch::Stages);
        }
        let (mut height, mut width, mut before) = (self.height / 4, self.width / 4, first.channels);
        check.numbers("stem", self.stem.weights, &[48, filled(before)])?;
        check.numbers("stem", self.stem.bias, &[filled(before)])?;
        check.norm("stem", &self.stem.norm, before)?;
        for (number, stage) in self.stages.iter().enumerate() {
            if (number > 0) != stage.down.is_some() {
                return Err(Mismatch::NoWayIn(number));
            }
            if stage.down.is_some() {
                (height, width) = (height / 2, width / 2);
            }
            check.stage(number, stage, (height, width), before)?;
            before = stage.channels;
        }
        check.norm("head", &self.head.norm, before)?;
        let inputs = (before, filled(before));
        check.linear(&self.head.layer, inputs, self.classes, 1)?;
        check.apart()
    }
}
