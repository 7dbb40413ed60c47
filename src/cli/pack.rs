//! `goldcrest pack`: from an ONNX file to the bundle that the int8 engine maps.

use std::path::PathBuf;

use super::say;
use crate::engine::{bundle, pack};
use crate::exit;
use crate::setup::Failure;

/// Options of `goldcrest pack`.
#[derive(clap::Args)]
pub struct Options {
    /// The model, an int8 ConvNeXt as model/tools/quantize.py writes it
    model: PathBuf,
    /// Folder for the bundle; it is made if it is not there
    #[arg(short, long, value_name = "BUNDLE_DIR")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    std::fs::create_dir_all(&options.out)
        .map_err(|e| Failure::new(exit::IO, format!("{}: {e}", options.out.display())))?;
    let report = pack::pack(&options.model, &options.out.join(bundle::NAME))?;
    say(&format!(
        "{}: {:.1} MB, {} int8 layers with {:.1} MB of weights, from the model with SHA-256 {}",
        report.bundle.display(),
        report.bytes as f64 / 1e6,
        report.layers,
        report.weight_bytes as f64 / 1e6,
        report.model_hash,
    ))
}
