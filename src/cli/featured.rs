//! A model that gives features.

use crate::config::Loaded;
use crate::exit;
use crate::setup::{self, Failure, Model};

/// Opens the configured model, without its head, for the command of this name. Returns the number
/// of its features, too.
///
/// # Errors
/// The model cannot be opened, or plain tract runs it and gives no features.
pub(super) fn featured(loaded: &Loaded, command: &str) -> Result<(Model, usize), Failure> {
    let model = setup::model(loaded, None, None, setup::Packing::Cache)?;
    match model.engine.features().map(<[f32]>::len) {
        Some(width) => Ok((model, width)),
        None => {
            let path = model.path.display();
            let message = format!(
                "{path}: plain tract runs it and gives no features; {command} needs a model that `goldcrest pack` packs"
            );
            Err(Failure::new(exit::DATA, message))
        }
    }
}
