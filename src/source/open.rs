//! From the configuration to a source.

use std::path::Path;
use std::time::Instant;

use super::camera::{self, Camera};
use super::{Config, Error, Monitor, Recording, Source, SourceKind, Synthetic, SyntheticOptions};
use crate::frame::PixelFormat;

/// A source that is ready to give frames.
pub struct Opened {
    /// The source.
    pub source: Box<dyn Source>,
    /// Whether it must be held to its own clock, as a recording must and a camera need not.
    pub paced: bool,
    /// What it is, in one line.
    pub says: String,
    /// When its clock began, if that runs by itself; else it begins with its first use.
    pub begun: Option<Instant>,
    /// How it is; a source that is no camera always streams.
    pub camera: Monitor,
}

/// Opens the configured source; a relative path starts at `folder`. A camera is opened at its first
/// frame: one that is not there yet is waited for.
///
/// # Errors
/// Names the recording or the key, and what to do.
pub fn open(config: &Config, camera: &camera::Config, folder: &Path) -> Result<Opened, Error> {
    let path = match (config.kind, &config.path) {
        (SourceKind::Recording, Some(path)) => folder.join(path),
        (SourceKind::Recording, None) => {
            return Err(Error::Unsupported(
                "source.path: a recording needs its path",
            ));
        }
        (SourceKind::Synthetic, _) => return Ok(synthetic(camera)),
        (SourceKind::Camera, _) => {
            let says = format!("camera {}", camera.device);
            let camera = Camera::new(camera.clone());
            return Ok(Opened {
                camera: camera.monitor(),
                begun: Some(camera.begun()),
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
        begun: None,
        camera: Monitor::steady(&says),
        says,
    })
}

/// A made-up camera that gives just what a real one is asked for.
fn synthetic(camera: &camera::Config) -> Opened {
    let options = SyntheticOptions {
        format: camera.format.pixel_format().unwrap_or(PixelFormat::Yuyv),
        width: camera.width as usize,
        height: camera.height as usize,
        frame_rate: camera.fps,
        ..SyntheticOptions::default()
    };
    let says = format!(
        "synthetic, {} {}x{} at {} frames a second",
        options.format, options.width, options.height, options.frame_rate
    );
    let source = Synthetic::new(options);
    Opened {
        begun: Some(source.begun()),
        source: Box::new(source),
        paced: false,
        camera: Monitor::steady(&says),
        says,
    }
}
