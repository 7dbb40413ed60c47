//! From the configuration to a source.

use std::path::Path;
use std::time::Instant;

use super::camera::{self, Camera};
use super::{
    Config, Error, Footprint, Monitor, Recording, Source, SourceKind, Synthetic, SyntheticOptions,
};
use crate::frame::PixelFormat;

/// A source that is ready to give frames.
pub struct Opened {
    /// A camera, a recording or a synthetic source.
    pub source: Box<dyn Source>,
    /// Whether the caller must hold frames to their times: true for a recording; a camera keeps
    /// time by itself.
    pub paced: bool,
    /// A description in one line.
    pub says: String,
    /// When the source's clock began, if it runs by itself; `None` if it begins with the first use.
    pub begun: Option<Instant>,
    /// The source's state, for other threads. Only a camera is ever lost.
    pub camera: Monitor,
    /// The memory that the source takes, known without waiting for a frame.
    pub footprint: Footprint,
}

impl Opened {
    /// Starts the source's clock, if it runs by itself and can be started again. To be called once
    /// everything else is ready, so that no frame is late before the first one is read.
    pub(crate) fn start(&mut self) {
        self.begun = self.source.start().or(self.begun);
    }
}

/// Opens the configured source; a relative path starts at `folder`. A camera opens its device when
/// the first frame is asked for, and waits for one that is not plugged in.
///
/// # Errors
/// Why the recording or the key cannot be used, and what to do.
pub(crate) fn open(
    config: &Config,
    camera: &camera::Config,
    folder: &Path,
) -> Result<Opened, Error> {
    match (config.kind, &config.path) {
        (SourceKind::Recording, Some(path)) => recording(config, &folder.join(path)),
        (SourceKind::Recording, None) => Err(Error::Unsupported(
            "source.path: a recording needs its path",
        )),
        (SourceKind::Synthetic, _) => Ok(synthetic(camera)),
        (SourceKind::Camera, _) => Ok(physical(camera)),
    }
}

fn physical(config: &camera::Config) -> Opened {
    let camera = Camera::new(config.clone());
    Opened {
        camera: camera.monitor(),
        begun: Some(camera.begun()),
        source: Box::new(camera),
        paced: false,
        says: format!("camera {}", config.device),
        footprint: config.footprint(),
    }
}

fn recording(config: &Config, path: &Path) -> Result<Opened, Error> {
    let recording = Recording::open(path, config.recording_options())?;
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
        footprint: recording.footprint(),
        source: Box::new(recording),
        paced: true,
        begun: None,
        camera: Monitor::steady(&says),
        says,
    })
}

/// A drawn camera that gives exactly what a real one is asked for.
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
        footprint: source.footprint(),
        source: Box::new(source),
        paced: false,
        camera: Monitor::steady(&says),
        says,
    }
}
