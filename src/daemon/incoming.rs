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
    /// An engine that runs the head; `None` where the current one goes on.
    pub engine: Option<Box<dyn Engine>>,
    /// The head's file; `None` for the model's own classifier.
    pub head: Option<HeadFile>,
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
    let head = match &settings.head {
        Some(path) => {
            // What it claims, before it is read. One that is not there is left to its reader.
            let head = engine::head_bytes(path).unwrap_or(0);
            let memory = pipeline.engine().memory.unwrap_or_default();
            guard.allows(Memory { head, ..memory })?;
            Some(HeadFile::read(path, &card, unknown)?)
        }
        None => None,
    };
    let bytes = head.as_ref().map_or(0, |head| head.taught.head.bytes());
    let running = pipeline.engine();
    let same = card == *current.1 && settings.model == current.0.model;
    if let Some(memory) = running.memory
        && same
        && settings.threads == current.0.threads
        && head.as_ref().map(|head| &*head.sha256) != pipeline.hashes().head
    {
        guard.allows(Memory {
            head: bytes,
            ..memory
        })?;
        return Ok(Incoming {
            card,
            engine: None,
            head,
        });
    }
    let bundle = match engine::packed(&settings.model, &card) {
        Ok(bundle) => bundle,
        Err(_) if running.memory.is_none() && same => {
            return Ok(Incoming {
                card,
                engine: None,
                head,
            });
        }
        Err(unpacked) => return Err(unpacked.into()),
    };
    let engine = try_out(&bundle, settings, &card, head.as_ref(), (pipeline, guard))?;
    Ok(Incoming {
        card,
        engine: Some(engine),
        head,
    })
}

/// Opens the bundle, has it run the head, and tests it.
fn try_out(
    bundle: &Path,
    settings: &Settings,
    card: &Card,
    head: Option<&HeadFile>,
    (pipeline, guard): (&Pipeline, &Guard),
) -> Result<Box<dyn Engine>, Rejection> {
    // Before anything is mapped or allocated: the checksum alone would read all of it into memory.
    let mend = |error: engine::Error| error.packed_from(&settings.model);
    let prepared = Prepared::read(bundle, card, settings.threads).map_err(mend)?;
    guard.allows(Memory {
        head: head.map_or(0, |head| head.taught.head.bytes()),
        ..prepared.memory()
    })?;
    pipeline.rest();
    memory::trim();
    let mut engine = prepared.open().map_err(mend)?;
    // The code that planned the network must not stay beside the weights, which come next.
    memory::trim();
    if let (Some(head), Some(path)) = (head, &settings.head) {
        let taken = engine.set_head(Some(head.taught.head.clone()));
        taken.map_err(|error| pipeline::named(path, &error))?;
    }
    engine.verify()?;
    engine.self_test()?;
    Ok(Box::new(engine))
}
