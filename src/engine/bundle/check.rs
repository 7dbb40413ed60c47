//! Checks that a manifest fits itself and its bundle.

use super::manifest::{BlockEntry, LinearEntry, Manifest, NormEntry, Section, StageEntry, filled};

/// Where a manifest does not fit itself or its bundle.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum Mismatch {
    /// A size of the whole network.
    #[error("its sizes are out of range")]
    Sizes,
    /// A size of a stage.
    #[error("its stages are out of range")]
    Stages,
    /// There is nothing to run.
    #[error("it has no stages")]
    NoStages,
    /// The first stage has a way in, or a later one has none.
    #[error("stage {0} has no way in")]
    NoWayIn(usize),
    /// A stage is not half as large as the one before.
    #[error("stage {stage} is {} instead of {}", by(found), by(wanted))]
    Extent {
        /// The stage's number.
        stage: usize,
        /// Height and width, as they stand.
        found: (usize, usize),
        /// As they should be.
        wanted: (usize, usize),
    },
    /// A LayerNorm's channels.
    #[error("{name} has {found} channels instead of {wanted}")]
    Channels {
        /// The layer.
        name: String,
        /// As they stand.
        found: usize,
        /// As they should be.
        wanted: usize,
    },
    /// A layer's inputs and columns.
    #[error("{name} is {} instead of {}", by(found), by(wanted))]
    Layer {
        /// The layer.
        name: String,
        /// As they stand.
        found: (usize, usize),
        /// As they should be.
        wanted: (usize, usize),
    },
    /// A hidden layer's columns.
    #[error("{name} has {found} columns")]
    Columns {
        /// The layer.
        name: String,
        /// As they stand.
        found: usize,
    },
    /// An array lies outside the bundle, is not aligned or has the wrong length.
    #[error("{name} stands at {} with {} bytes instead of {wanted}", .found.0, .found.1)]
    Array {
        /// The layer.
        name: String,
        /// As it stands.
        found: Section,
        /// The bytes that it should have.
        wanted: usize,
    },
}

fn by(size: &(usize, usize)) -> String {
    format!("{}x{}", size.0, size.1)
}

/// The check of one bundle, whose arrays lie within its first `data` bytes.
struct Check {
    data: u64,
}

impl Check {
    fn array(&self, name: &str, found: Section, wanted: usize) -> Result<(), Mismatch> {
        let Section(at, length) = found;
        let end = at.checked_add(length);
        let inside = at.is_multiple_of(64) && end.is_some_and(|end| end <= self.data);
        if inside && length == wanted as u64 {
            return Ok(());
        }
        Err(Mismatch::Array {
            name: name.into(),
            found,
            wanted,
        })
    }

    /// An array of `n` numbers of 32 bits.
    fn numbers(&self, name: &str, found: Section, n: usize) -> Result<(), Mismatch> {
        self.array(name, found, n * 4)
    }

    fn norm(&self, name: &str, norm: &NormEntry, channels: usize) -> Result<(), Mismatch> {
        if norm.channels != channels || norm.epsilon <= 0.0 {
            return Err(Mismatch::Channels {
                name: name.into(),
                found: norm.channels,
                wanted: channels,
            });
        }
        self.numbers(name, norm.gain, filled(channels))?;
        self.numbers(name, norm.shift, filled(channels))
    }

    fn linear(
        &self,
        layer: &LinearEntry,
        inputs: usize,
        filled_inputs: usize,
        columns: usize,
    ) -> Result<(), Mismatch> {
        let (name, n) = (&layer.name, filled(columns));
        let found = (layer.inputs, layer.filled, layer.columns);
        if found != (inputs, filled_inputs, columns) || layer.scale <= 0.0 {
            return Err(Mismatch::Layer {
                name: name.clone(),
                found: (layer.inputs, layer.columns),
                wanted: (inputs, columns),
            });
        }
        self.array(name, layer.weights, filled_inputs.next_multiple_of(64) * n)?;
        self.numbers(name, layer.sums, n)?;
        self.numbers(name, layer.scales, n)?;
        self.numbers(name, layer.biases, n)
    }

    fn block(&self, block: &BlockEntry, channels: usize) -> Result<(), Mismatch> {
        let hidden = block.first.columns;
        if !(1..=1 << 16).contains(&hidden) {
            return Err(Mismatch::Columns {
                name: block.first.name.clone(),
                found: hidden,
            });
        }
        self.numbers(&block.name, block.taps, 49 * filled(channels))?;
        self.numbers(&block.name, block.bias, filled(channels))?;
        self.norm(&block.name, &block.norm, channels)?;
        self.linear(&block.first, channels, filled(channels), hidden)?;
        self.linear(&block.second, hidden, filled(hidden), channels)
    }

    /// Stage number `number` of `map` pixels, height and width, after one of `before` channels.
    fn stage(
        &self,
        number: usize,
        stage: &StageEntry,
        map: (usize, usize),
        before: usize,
    ) -> Result<(), Mismatch> {
        if let Some(down) = &stage.down {
            self.norm(&down.layer.name, &down.norm, before)?;
            let filled_inputs = 4 * filled(before);
            self.linear(&down.layer, 4 * before, filled_inputs, stage.channels)?;
        }
        if (stage.height, stage.width) != map || map.0 * map.1 == 0 {
            return Err(Mismatch::Extent {
                stage: number,
                found: (stage.height, stage.width),
                wanted: map,
            });
        }
        let mut blocks = stage.blocks.iter();
        blocks.try_for_each(|block| self.block(block, stage.channels))
    }
}

impl Manifest {
    /// Checks that all sizes fit each other and that every array lies within `data`, the bytes
    /// before the manifest.
    ///
    /// # Errors
    /// The first [`Mismatch`].
    pub(crate) fn check(&self, data: u64) -> Result<(), Mismatch> {
        let check = Check { data };
        let first = self.stages.first().ok_or(Mismatch::NoStages)?;
        let side = 4..=1 << 14;
        if !side.contains(&self.height)
            || !side.contains(&self.width)
            || !(1..=1 << 20).contains(&self.classes)
            || self.stages.len() > 16
        {
            return Err(Mismatch::Sizes);
        }
        let sane = |s: &StageEntry| {
            s.height.max(s.width) <= 1 << 12 && (1..=1 << 14).contains(&s.channels)
        };
        if !self.stages.iter().all(sane) {
            return Err(Mismatch::Stages);
        }
        let (mut height, mut width, mut before) = (self.height / 4, self.width / 4, first.channels);
        check.numbers("stem", self.stem.weights, 48 * filled(before))?;
        check.numbers("stem", self.stem.bias, filled(before))?;
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
        check.linear(&self.head.layer, before, filled(before), self.classes)
    }
}
