//! The present view, compared with the scene that the head was taught in.

use std::time::Duration;

use crate::cli::sight::{self, Patience};
use crate::config::Loaded;
use crate::engine::Input;
use crate::pipeline::HeadInUse;
use crate::signals::Stop;
use crate::vision::{self, MOVED, Preparer, Scene, Unfit};

/// How long a frame is waited for.
const PATIENCE: Patience = Patience {
    limit: Duration::from_secs(10),
    tries_again: true,
};

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

/// Says how the present frame, as `vision` sees it, fits the scene. One frame proves nothing, so
/// nothing here fails.
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
    let frame = sight::frame(loaded, PATIENCE, stop)?;
    let mut preparer = Preparer::new(vision, input);
    let picture = preparer.prepare(frame.view()).map_err(|e| e.to_string())?;
    let mut scene = Scene::new();
    scene.see(picture, input);
    Ok(scene)
}
