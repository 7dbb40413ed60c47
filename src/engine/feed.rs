//! The input tensor that an ONNX file declares, filled from a prepared picture.

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::{DimFact, Factoid};
use tract_onnx::tract_hir::internal::DimLike;

use super::card::Input;

/// The form of a network's only input.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    kind: DatumType,
    /// `[1, height, width, 3]` instead of `[1, 3, height, width]`.
    channels_last: bool,
    input: Input,
}

impl Feed {
    /// The form that `declared` has, for pictures of `input`. Extents that the file leaves open
    /// are filled in.
    pub fn of(declared: &InferenceFact, input: &Input) -> TractResult<Self> {
        let kind = declared.datum_type.concretize().unwrap_or(DatumType::F32);
        let known = [
            DatumType::F32,
            DatumType::F16,
            DatumType::F64,
            DatumType::U8,
        ];
        if !known.contains(&kind) {
            let message = format!("its input is {kind:?} and can be F32, F16, F64 or U8");
            return Err(TractError::msg(message));
        }
        let feed = |channels_last| Self {
            kind,
            channels_last,
            input: input.clone(),
        };
        let extent = |dim: &DimFact| dim.concretize().and_then(|d| d.to_usize().ok());
        let extents: Vec<Option<usize>> = declared.shape.dims().map(extent).collect();
        let fits = |feed: &Self| {
            let mut pairs = extents.iter().zip(feed.shape());
            extents.len() == 4 && pairs.all(|(&found, wanted)| found.is_none_or(|n| n == wanted))
        };
        let open = declared.shape.is_open() && extents.is_empty();
        let mut forms = [false, true].map(feed).into_iter();
        let planar = feed(false).shape();
        forms.find(|feed| open || fits(feed)).ok_or_else(|| {
            let name = |n: &Option<usize>| n.map_or("?".into(), |n| n.to_string());
            let found: Vec<String> = extents.iter().map(name).collect();
            let found = found.join(", ");
            TractError::msg(format!(
                "its input is [{found}] and model.toml asks for {planar:?}"
            ))
        })
    }

    /// Extents of the tensor.
    pub fn shape(&self) -> [usize; 4] {
        let Input { width, height, .. } = self.input;
        if self.channels_last {
            [1, height, width, 3]
        } else {
            [1, 3, height, width]
        }
    }

    /// The fact of the tensor, for tract.
    pub fn fact(&self) -> InferenceFact {
        InferenceFact::dt_shape(self.kind, self.shape())
    }

    /// The tensor of `picture`, f32 `[3, height, width]`, normalised. Bytes are the levels 0 to 255
    /// before normalisation.
    pub fn tensor(&self, picture: &[f32]) -> TractResult<Tensor> {
        if !self.channels_last && self.kind == DatumType::F32 {
            return Tensor::from_shape(&self.shape(), picture);
        }
        let pixels = self.input.width * self.input.height;
        if picture.len() != 3 * pixels {
            let message = format!(
                "the input has {} values instead of 3 x {pixels}",
                picture.len()
            );
            return Err(TractError::msg(message));
        }
        let order = |i: usize| {
            if self.channels_last {
                i % 3 * pixels + i / 3
            } else {
                i
            }
        };
        if self.kind == DatumType::U8 {
            let bytes: Vec<u8> = (0..3 * pixels)
                .map(|i| self.level(order(i) / pixels, picture[order(i)]))
                .collect();
            return Tensor::from_shape(&self.shape(), &bytes);
        }
        let values: Vec<f32> = (0..3 * pixels).map(|i| picture[order(i)]).collect();
        let tensor = Tensor::from_shape(&self.shape(), &values)?;
        Ok(tensor.cast_to_dt(self.kind)?.into_owned())
    }

    /// The level, 0 to 255, of a normalised `value` of `colour`.
    fn level(&self, colour: usize, value: f32) -> u8 {
        let level = value * self.input.std[colour] + self.input.mean[colour];
        // The cast saturates.
        (level * 255.0).round() as u8
    }
}
