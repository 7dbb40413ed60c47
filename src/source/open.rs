//! From the configuration to a source.

use std::path::Path;

use super::camera::{self, Camera, Monitor};
use super::{Config, Error, Kind, Recording, Source};

/// A source that is ready to give frames.
pub struct Opened {
    /// The source.
    pub source: Box<dyn Source>,
    /// Whether it must be held to its own clock, as a recording must and a camera need not.
    pub paced: bool,
    /// What it is, in one line.
    pub says: String,
    /// How the camera is, if it is one.
    pub camera: Option<Monitor>,
}

/// Opens the configured source; a relative path starts at `folder`. A camera is opened at its first frame: one that is
/// not there yet is waited for.
///
/// # Errors
/// Names the recording or the key, and what to do.
pub fn open(config: &Config, camera: &camera::Config, folder: &Path) -> Result<Opened, Error> {
    let path = match (config.kind, &config.path) {
        (Kind::Recording, Some(path)) => folder.join(path),
        (Kind::Recording, None) => {
            return Err(Error::Unsupported(
                "source.path: a recording needs its path",
            ));
        }
        (Kind::Camera, _) => {
            let says = format!("camera {}", camera.device);
            let camera = Camera::new(camera.clone());
            return Ok(Opened {
                camera: Some(camera.monitor()),
                source: Box::new(camera),
                paced: false,
                says,
            });
        }
    };
    let recording = Recording::open(&path, config.recording_options())?;
    let frames = match recording.len_hint() {
        Some(n) => format!("{n} frames"),
        None => "an unknown number of frames".into(),
    };
    let says = format!(
        "recording {}, {frames}, {} a second",
        path.display(),
        recording.frame_rate()
    );
    Ok(Opened {
        source: Box::new(recording),
        paced: true,
        says,
        camera: None,
    })
}
