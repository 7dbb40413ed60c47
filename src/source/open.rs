//! From the configuration to a source.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::camera::{self, Camera};
use super::http::{self, Http};
use super::process::{self, Launch, Process};
use super::{
    Config, Error, Footprint, Monitor, Pauses, Recording, Source, SourceKind, Synthetic,
    SyntheticOptions, recording,
};
use crate::frame::PixelFormat;
use crate::signals::Stop;

/// What a configuration says of sources.
#[derive(Clone, Copy)]
pub(crate) struct Sections<'a> {
    /// Which source.
    pub source: &'a Config,
    /// The section of its kind.
    pub camera: &'a camera::Config,
    /// The section of its kind.
    pub process: &'a process::Config,
    /// The section of its kind.
    pub http: &'a http::Config,
    /// Where relative paths start.
    pub folder: &'a Path,
}

/// A source that is ready to give frames.
pub struct Opened {
    /// A camera, a program, an address, a recording or a synthetic source.
    pub source: Box<dyn Source>,
    /// Whether the caller must hold frames to their times: true for a recording; a camera keeps
    /// time by itself.
    pub paced: bool,
    /// A description in one line.
    pub says: String,
    /// When the source's clock began, if it runs by itself; `None` if it begins with the first
    /// use.
    pub begun: Option<Instant>,
    /// The source's state, for other threads. Only live sources are ever lost.
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

/// Opens the configured source. A camera opens its device when the first frame is asked for, and
/// waits for one that is not plugged in; a program is started then, and an address is asked. The
/// beginning of a recorded stream is waited for until `stop` is requested.
///
/// # Errors
/// Why the recording or the key cannot be used, and what to do.
pub(crate) fn open(sections: Sections<'_>, stop: &Stop) -> Result<Opened, Error> {
    let Sections {
        source: config,
        camera,
        process,
        http,
        folder,
    } = sections;
    match (config.kind, &config.path) {
        (SourceKind::Process, _) => Ok(started(&process.below(folder))),
        (SourceKind::Http, _) => asked(http, folder),
        (SourceKind::Recording, Some(path)) => opened(config, &within(folder, path), stop),
        (SourceKind::Recording, None) => Err(Error::Unsupported(
            "source.path: a recording needs its path",
        )),
        (SourceKind::Synthetic, _) => Ok(synthetic(camera)),
        (SourceKind::Camera, _) => Ok(physical(camera)),
    }
}

fn physical(config: &camera::Config) -> Opened {
    let mut camera = Camera::new(config.clone());
    Opened {
        footprint: camera.footprint(),
        camera: camera.monitor(),
        begun: Some(camera.begun()),
        source: Box::new(camera),
        paced: false,
        says: format!("camera {}", config.device),
    }
}

fn started(config: &process::Config) -> Opened {
    let process = Process::new(config, Launch::default());
    let camera = process.monitor();
    Opened {
        says: camera.status().card.unwrap_or_default(),
        camera,
        begun: Some(process.begun()),
        source: Box::new(process),
        paced: false,
        footprint: config.footprint(),
    }
}

fn asked(config: &http::Config, folder: &Path) -> Result<Opened, Error> {
    let http = Http::new(config, folder, Pauses::default())?;
    let camera = http.monitor();
    Ok(Opened {
        says: camera.status().card.unwrap_or_default(),
        camera,
        begun: Some(http.begun()),
        source: Box::new(http),
        paced: false,
        footprint: config.footprint(),
    })
}

/// A relative path starts at `folder`; an address and `-`, which is standard input, do not.
fn within(folder: &Path, path: &Path) -> PathBuf {
    if path == Path::new("-") || path.to_str().is_some_and(recording::is_address) {
        path.into()
    } else {
        folder.join(path)
    }
}

fn opened(config: &Config, path: &Path, stop: &Stop) -> Result<Opened, Error> {
    let mut recording = Recording::open_until(path, config.recording_options(), stop)?;
    let frames = match recording.len_hint() {
        Some(n) => format!("{n} frames"),
        None => "an unknown number of frames".into(),
    };
    let says = format!(
        "recording {}, {frames}, {} a second",
        recording::shown_path(path).display(),
        recording.frame_rate()
    );
    Ok(Opened {
        footprint: recording.bounded(),
        source: Box::new(recording),
        paced: true,
        begun: None,
        camera: Monitor::steady(&says),
        says,
    })
}

/// A source that was looked at.
pub(crate) struct Looked {
    /// A description in one line.
    pub(crate) says: String,
    /// The memory that it takes.
    pub(crate) footprint: Footprint,
}

/// Opens the source and closes it again. A pipe stays unread, or its writer would lose the
/// beginning: its pictures count as of the size that `[camera]` has. A program is not started, and
/// an address is not asked.
///
/// # Errors
/// As [`open`].
pub(crate) fn look(sections: Sections<'_>, stop: &Stop) -> Result<Looked, Error> {
    let Sections {
        source: config,
        camera,
        folder,
        ..
    } = sections;
    if let (SourceKind::Recording, Some(path)) = (config.kind, &config.path) {
        let path = within(folder, path);
        if Recording::is_stream(&path)? {
            let pictures = expected(SourceKind::Synthetic, camera, false);
            let (width, height) = (camera.width, camera.height);
            return Ok(Looked {
                says: format!(
                    "{} is a stream, which is not read now; its memory is computed for pictures of \
                     {width}x{height} (camera.width and camera.height)",
                    recording::shown_path(&path).display()
                ),
                footprint: Footprint {
                    threads: 1,
                    ..pictures
                },
            });
        }
    }
    let opened = open(sections, stop)?;
    Ok(Looked {
        says: opened.says,
        footprint: opened.footprint,
    })
}

/// The footprint of pictures that `camera` describes, from a source of this kind, which `copies`
/// raw ones or not.
pub(crate) fn expected(kind: SourceKind, camera: &camera::Config, copies: bool) -> Footprint {
    match kind {
        SourceKind::Synthetic => Synthetic::new(drawn(camera)).footprint(),
        _ => camera.footprint(copies),
    }
}

/// A drawn camera that gives exactly what a real one is asked for.
fn drawn(camera: &camera::Config) -> SyntheticOptions {
    SyntheticOptions {
        format: camera.format.pixel_format().unwrap_or(PixelFormat::Yuyv),
        width: camera.width as usize,
        height: camera.height as usize,
        frame_rate: camera.fps,
        ..SyntheticOptions::default()
    }
}

fn synthetic(camera: &camera::Config) -> Opened {
    let options = drawn(camera);
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
