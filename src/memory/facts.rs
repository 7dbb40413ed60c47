//! The facts that the need is computed from.

/// The memory of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineMemory {
    /// The int8 engine.
    Mapped(crate::engine::Memory),
    /// Plain tract, with its bytes, roughly.
    Plain(usize),
}

impl EngineMemory {
    /// Its anonymous bytes.
    pub(crate) fn anonymous(&self) -> usize {
        match *self {
            Self::Mapped(memory) => sum([memory.arena, memory.maps, memory.head]),
            Self::Plain(bytes) => bytes,
        }
    }
}

/// The sum of `bytes`, or all that this processor can count: what a file claims may be more.
pub(super) fn sum(bytes: impl IntoIterator<Item = usize>) -> usize {
    bytes.into_iter().fold(0, usize::saturating_add)
}

/// What sets the size of the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizedBy {
    /// The section `[camera]`.
    Camera,
    /// The section `[process]`.
    Process,
    /// The section `[http]`.
    Http,
    /// The pictures are as they are.
    Itself,
}

/// Bytes that regions beside the first take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Regions {
    /// From the start on.
    pub held: usize,
    /// Once there are frames.
    pub coming: usize,
}

/// The facts that the need is computed from; all in bytes, except `threads`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The engine.
    pub engine: EngineMemory,
    /// Clean pages of code and constants that are resident now.
    pub code: usize,
    /// Relocated and writable data of the program and its libraries that are resident now.
    pub data: usize,
    /// Anonymous pages now, `data` and the engine's own included.
    pub anonymous: usize,
    /// All buffers of the camera's driver.
    pub device: usize,
    /// One frame where it is copied: a JPEG, or one of a recording.
    pub frame: usize,
    /// What the source holds beside frames.
    pub source: usize,
    /// What sets the size of the pictures.
    pub sized: SizedBy,
    /// The decoder and the resampler.
    pub vision: usize,
    /// The regions beside the first.
    pub regions: Regions,
    /// The MQTT client with a full outbox.
    pub mqtt: usize,
    /// Pictures of events: the copy of a frame, an encoder, and JPEG files on their way.
    pub snapshots: usize,
    /// Pictures for review: the copy of a frame, and an encoder with a JPEG file.
    pub reviews: usize,
    /// Lessons: examples, and a fit to them.
    pub lessons: usize,
    /// Threads that are yet to start.
    pub threads: usize,
}
