//! `goldcrest pack`: from an ONNX file to the bundle that the int8 engine maps.

use std::path::{Path, PathBuf};

use super::say;
use crate::engine::{self, Card, bundle, pack};
use crate::escape::OneLine;
use crate::exit;
use crate::setup::Failure;

/// Options of `goldcrest pack`.
#[derive(clap::Args)]
pub struct Options {
    /// The model, an int8 ConvNeXt as model/tools/quantize.py writes it
    model: PathBuf,
    /// Folder for the bundle, instead of the model's own; it is made if it is not there
    #[arg(short, long, value_name = "BUNDLE_DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let model = &options.model;
    let beside = model.parent().unwrap_or(Path::new(""));
    // A bundle of a file that its card does not describe would serve nobody.
    if let Ok(card) = Card::read(model) {
        engine::verify_file(model, &card)?;
    }
    let out = options.out.as_deref().unwrap_or(beside);
    let report = pack::pack(model, &out.join(bundle::NAME)).map_err(|error| match error {
        engine::Error::Io { path, cause } if path != *model => {
            Failure::new(exit::IO, format!("{}: {cause}", path.display()))
        }
        error => error.into(),
    })?;
    let bundle = report.bundle.display();
    say(&format!(
        "{}: {:.1} MB, {} int8 layers with {:.1} MB of weights, from the model with SHA-256 {}",
        OneLine(bundle),
        report.bytes as f64 / 1e6,
        report.layers,
        report.weight_bytes as f64 / 1e6,
        report.model_hash,
    ))
}
