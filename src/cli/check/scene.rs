//! The present view, compared with the scene that the head was taught in.

use std::time::{Duration, Instant};

use crate::config::Loaded;
use crate::engine::Input;
use crate::frame::Frame;
use crate::pipeline::HeadInUse;
use crate::signals::Stop;
use crate::source::{self, Next, SourceKind};
use crate::vision::{self, MOVED, Preparer, Scene, Unfit};

/// How long a frame is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The scene of a head, and the pictures that it is of.
pub(super) struct Taught {
    scene: Result<Scene, Unfit>,
    input: Input,
}

impl Taught {
    /// The scene of `head`, of pictures of the shape of `input`; `None` if it has none.
    pub fn new(head: &HeadInUse, input: &Input) -> Option<Self> {
        (!head.scene.is_empty()).then(|| Self {
            scene: Scene::from_bytes(&head.scene),
            input: input.clone(),
        })
    }
}

/// Says how the present frame, as `vision` sees it, fits the scene. One frame proves nothing, so nothing here fails.
pub(super) fn says(
    loaded: &Loaded,
    vision: &vision::Config,
    taught: &Taught,
    stop: &Stop,
) -> String {
    let scene = match &taught.scene {
        Ok(scene) => scene,
        Err(why) => return why.to_string(),
    };
    let present = match present(loaded, vision, &taught.input, stop) {
        Ok(present) => present,
        Err(why) => return format!("not compared with the view: {why}"),
    };
    match scene.fit(&present) {
        None => "not compared with the view: too few edges, as in the dark".into(),
        Some(fit) if fit < MOVED => format!(
            "the view does not fit the one that was taught ({fit:.2}, and {MOVED} or more fits): if \
             nothing blocks it, the camera was moved; move it back, or teach the head again"
        ),
        Some(fit) => format!("the view fits the one that was taught ({fit:.2}, from {MOVED} on)"),
    }
}

/// The edges of the next frame.
fn present(
    loaded: &Loaded,
    vision: &vision::Config,
    input: &Input,
    stop: &Stop,
) -> Result<Scene, String> {
    let config = &loaded.config;
    // A stream would lose its beginning.
    if config.source.kind == SourceKind::Recording {
        let path = config
            .source
            .path
            .as_ref()
            .map(|path| loaded.folder().join(path));
        if !path.is_some_and(|path| path.is_file() || path.is_dir()) {
            return Err("a stream is not read now".into());
        }
    }
    let opened = source::open(config.sections(loaded.folder()), stop);
    let mut opened = opened.map_err(|e| e.to_string())?;
    opened.start();
    let mut frame = Frame::empty();
    let end = Instant::now() + PATIENCE;
    loop {
        match opened.source.next(&mut frame).map_err(|e| e.to_string())? {
            Next::Frame => break,
            Next::Idle if Instant::now() < end && !stop.requested() => {}
            _ => {
                let loss = opened.camera.status().loss;
                return Err(loss.map_or("no frame came".into(), |loss| loss.message));
            }
        }
    }
    let mut preparer = Preparer::new(vision, input);
    let picture = preparer.prepare(frame.view()).map_err(|e| e.to_string())?;
    let mut scene = Scene::new();
    scene.see(picture, input);
    Ok(scene)
}
