//! The interface that the rest of the program sees of an engine.

use std::fmt;

use serde::Serialize;

use super::digest::HexDigest;
use super::error::Error;
use super::head::Head;

/// A classifier that is ready to run.
pub trait Engine: Send {
    /// Runs the network on one prepared input, f32 `[3, height, width]` row-major (planar RGB,
    /// normalised).
    ///
    /// Returns one value for each label in the card's order: what [`Description::output`] names.
    /// With another head, see [`Engine::set_head`], the logits of that head.
    ///
    /// # Errors
    /// [`Error::Run`] when the runtime fails; the engine stays usable.
    fn infer(&mut self, input: &[f32]) -> Result<&[f32], Error>;

    /// The features of the last picture that [`Engine::infer`] ran on, 0 before the first: f32, one
    /// for each channel of the last feature map (768 in ConvNeXt-Tiny). They are the mean over all
    /// pixels, after the last LayerNorm with its gain and bias, and have no unit. All kernels give
    /// the same bits.
    ///
    /// They are the result of `head.norm` in the ONNX file. `quantize.py` leaves that layer as
    /// trained. In a file whose quantiser shifted and scaled its channels, the features are shifted
    /// and scaled too.
    ///
    /// None where plain tract runs the network.
    fn features(&self) -> Option<&[f32]> {
        None
    }

    /// Puts these heads in the places of all before, and chooses the one at place 0. None stands for
    /// the network's own classifier.
    ///
    /// # Errors
    /// [`Error::Head`] when the network gives no features, or another number than a head takes; the
    /// heads before stay.
    fn set_heads(&mut self, heads: Vec<Option<Head>>) -> Result<(), Error> {
        if heads.iter().all(Option::is_none) {
            return Ok(());
        }
        Err(Error::Head(
            "plain tract runs the model and gives no features to a head; pack the model with `goldcrest pack`"
                .into(),
        ))
    }

    /// Puts `head` in the place of the network's own classifier, from the next inference on. None
    /// puts the network's own back.
    ///
    /// # Errors
    /// As [`Engine::set_heads`].
    fn set_head(&mut self, head: Option<Head>) -> Result<(), Error> {
        self.set_heads(vec![head])
    }

    /// Has the next inferences run the head at `place`, or the network's own classifier where there
    /// is none. Costs nothing.
    fn choose(&mut self, _place: usize) {}

    /// The probability that the last picture is of a kind that the head was taught, 0 to 1. Scores
    /// are multiplied by it. 1 without a taught head.
    fn familiarity(&self) -> f32 {
        1.0
    }

    /// The engine's kernels, layers and memory, for `check`, `bench` and the health topic.
    fn describe(&self) -> &Description;

    /// Reads the bytes that [`open`](super::open()) left unread, and checks that none is damaged.
    ///
    /// # Errors
    /// [`Error::Model`] when one is.
    fn verify(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Returns mapped weights to the system until they are next used, while another engine takes
    /// this one's place.
    fn rest(&self) {}

    /// Runs the network once on a fixed input and compares its logits, bit for bit, with those that
    /// packing stored. Without a packed model there is nothing to compare.
    ///
    /// # Errors
    /// [`Error::Run`] when they differ.
    fn self_test(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// The description of an [`Engine`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct Description {
    /// The kernel or runtime that does most of the work, such as `tract-onnx`.
    pub kernel: String,
    /// SHA-256 of the ONNX file, in hex.
    pub model_hash: HexDigest,
    /// Threads that one inference uses.
    pub threads: usize,
    /// The layers in order, with the arithmetic that each runs in; empty when plain tract decides.
    pub layers: Vec<Layer>,
    /// The engine's memory; None when plain tract decides.
    pub memory: Option<Memory>,
    /// The meaning of the values that an inference returns.
    pub output: Output,
}

/// The meaning of a network's outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// Logits, which softmax turns into probabilities.
    #[default]
    Logits,
    /// Probabilities that sum to 1: the network has its own softmax.
    Softmax,
    /// One probability for each label by itself: the network has its own sigmoid.
    Sigmoid,
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Logits => "logits",
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
        })
    }
}

/// One layer of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// The name in the ONNX file.
    pub name: String,
    /// The operation, such as `linear`.
    pub op: String,
    /// The kernel that computes it.
    pub kernel: String,
    /// The factors of its products: `u8*s8` or `f32`.
    pub dtype: String,
    /// Multiplications in one inference.
    pub macs: u64,
    /// Bytes of its weights.
    pub weight_bytes: u64,
}

/// Bytes that an engine holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Mapped from the bundle: file pages that the system may drop and read again.
    pub mapped: usize,
    /// Scratch of the kernels.
    pub arena: usize,
    /// Input, feature maps and logits.
    pub maps: usize,
    /// Weights of taught heads, and where their examples lie.
    pub head: usize,
}
