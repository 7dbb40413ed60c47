//! A model and a head that are opened and tried while others run.

use std::path::Path;

use super::settings::Settings;
use crate::engine::{self, Card, Engine, Memory, Prepared};
use crate::memory::{self, Guard};
use crate::pipeline::{self, HeadError, HeadFile, Pipeline};

/// What a reload found.
pub(super) struct Incoming {
    /// What stands beside the model.
    pub card: Card,
    /// An engine that has the heads in their places; `None` where the current one goes on.
    pub engine: Option<Box<dyn Engine>>,
    /// The head's file for each look; `None` for the model's own classifier.
    pub heads: Vec<Option<HeadFile>>,
}

impl Incoming {
    /// Whether one of the heads is another than in `pipeline`.
    pub(super) fn other_heads(&self, pipeline: &Pipeline) -> bool {
        differ(&self.heads, pipeline)
    }
}

fn differ(heads: &[Option<HeadFile>], pipeline: &Pipeline) -> bool {
    let hashes = heads.iter().map(|head| Some(&*head.as_ref()?.sha256));
    !hashes.eq(pipeline.looks().map(|look| look.hashes.head))
}

/// The bytes that the engine holds of `heads`.
fn bytes(heads: &[Option<HeadFile>]) -> usize {
    let heads = heads.iter().flatten();
    heads.map(|head| head.taught.head.bytes()).sum()
}

/// Why nothing changes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rejection {
    #[error("{0}; nothing changes")]
    Configuration(String),
    #[error("{0}; nothing changes")]
    Head(#[from] HeadError),
    #[error("{0}; the current model keeps running")]
    Engine(#[from] engine::Error),
    #[error("{0}; the current model keeps running")]
    Memory(#[from] memory::Refusal),
}

/// Opens and tries the model and the head of `settings`, while `pipeline` runs those of `current`.
///
/// The engine goes on where only the head is another. It also does where plain tract runs the same
/// model already: plain tract reads all weights into memory, which two engines must not do at once.
pub(super) fn load(
    current: (&Settings, &Card),
    settings: &Settings,
    pipeline: &Pipeline,
    guard: &Guard,
) -> Result<Incoming, Rejection> {
    let card = Card::read(&settings.model)?;
    let unknown = &settings.observe.unknown;
    let paths = settings.heads();
    if paths.iter().any(Option::is_some) {
        // What they claim, before one is read. One that is not there is left to its reader.
        let claims = paths.iter().flatten().map(|path| engine::head_bytes(path));
        let claimed = claims.map(|claim| claim.unwrap_or(0));
        let memory = pipeline.engine().memory.unwrap_or_default();
        guard.allows(Memory {
            head: claimed.fold(0, usize::saturating_add),
            ..memory
        })?;
    }
    let read = |path: Option<&Path>| {
        path.map(|path| HeadFile::read(path, &card, unknown))
            .transpose()
    };
    let heads: Vec<_> = paths.into_iter().map(read).collect::<Result<_, _>>()?;
    let running = pipeline.engine();
    let same = card == *current.1 && settings.model == current.0.model;
    if let Some(memory) = running.memory
        && same
        && settings.threads == current.0.threads
        && differ(&heads, pipeline)
    {
        guard.allows(Memory {
            head: bytes(&heads),
            ..memory
        })?;
        return Ok(Incoming {
            card,
            engine: None,
            heads,
        });
    }
    let bundle = match engine::packed(&settings.model, &card) {
        Ok(bundle) => bundle,
        Err(_) if running.memory.is_none() && same => {
            return Ok(Incoming {
                card,
                engine: None,
                heads,
            });
        }
        Err(unpacked) => return Err(unpacked.into()),
    };
    let engine = try_out(&bundle, settings, &card, &heads, (pipeline, guard))?;
    Ok(Incoming {
        card,
        engine: Some(engine),
        heads,
    })
}

/// Opens the bundle, puts the heads in their places, and tests it.
fn try_out(
    bundle: &Path,
    settings: &Settings,
    card: &Card,
    heads: &[Option<HeadFile>],
    (pipeline, guard): (&Pipeline, &Guard),
) -> Result<Box<dyn Engine>, Rejection> {
    // Before anything is mapped or allocated: the checksum alone would read all of it into memory.
    let mend = |error: engine::Error| error.packed_from(&settings.model);
    let prepared = Prepared::read(bundle, card, settings.threads).map_err(mend)?;
    guard.allows(Memory {
        head: bytes(heads),
        ..prepared.memory()
    })?;
    pipeline.rest();
    memory::trim();
    let mut engine = prepared.open().map_err(mend)?;
    // The code that planned the network must not stay beside the weights, which come next.
    memory::trim();
    let copies = heads
        .iter()
        .map(|head| Some(head.as_ref()?.taught.head.clone()));
    let path = settings.heads().into_iter().flatten().next();
    engine
        .set_heads(copies.collect())
        .map_err(|error| pipeline::named(path.unwrap_or(&settings.model), &error))?;
    engine.verify()?;
    engine.self_test()?;
    Ok(Box::new(engine))
}
