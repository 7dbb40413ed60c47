//! Whether the camera has been moved, over time.

use std::time::Duration;

use super::{MOVED, Scene, Unfit};
use crate::engine::Input;

/// The least time from one look to the next.
const PAUSE: Duration = Duration::from_secs(5);
/// How long the view must not fit, on balance, until the camera counts as moved.
const PATIENCE: Duration = Duration::from_secs(180);
/// The fit from which the view fits again. Between this and [`MOVED`] nothing changes.
const FITS: f32 = 0.5;
/// How many times as fast a fit counts as a misfit.
const FASTER: u32 = 2;
/// The most time that one look stands for: pictures may pause for hours.
const STRETCH: Duration = Duration::from_secs(30);

/// Compares the view with a taught scene every few seconds.
///
/// A view that does not fit for three minutes means that the camera has been moved. A view that
/// fits counts double, so that after a move back the statement ends in a minute and a half. Who
/// stands before the camera for a while, or a car with its lights on, is over before that. A view
/// with too few edges, as at night, changes nothing.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    scene: Scene,
    present: Scene,
    input: Input,
    /// When the view was last looked at, by the source's clock.
    looked: Option<Duration>,
    /// How long it has not fitted, on balance; at most [`PATIENCE`].
    misfit: Duration,
    moved: bool,
}

impl Watch {
    /// For the scene in `bytes`, of pictures of the shape of `input`. `None` without a scene.
    ///
    /// # Errors
    /// Bytes of another form.
    pub(crate) fn new(bytes: &[u8], input: &Input) -> Result<Option<Self>, Unfit> {
        if bytes.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            scene: Scene::from_bytes(bytes)?,
            present: Scene::new(),
            input: input.clone(),
            looked: None,
            misfit: Duration::ZERO,
            moved: false,
        }))
    }

    /// Whether the camera has been moved.
    pub(crate) fn moved(&self) -> bool {
        self.moved
    }

    /// Looks at a picture of `elapsed`, the model's input, unless it is too soon. Returns whether
    /// that changed what [`Watch::moved`] returns.
    pub(crate) fn look(&mut self, picture: &[f32], elapsed: Duration) -> bool {
        let since = self.looked.and_then(|looked| elapsed.checked_sub(looked));
        if since.is_some_and(|since| since < PAUSE) {
            return false;
        }
        self.looked = Some(elapsed);
        self.present.see(picture, &self.input);
        let fit = self.scene.fit(&self.present);
        self.note(fit, since.unwrap_or(PAUSE).min(STRETCH))
    }

    /// Takes a `fit` that stands for `time`.
    fn note(&mut self, fit: Option<f32>, time: Duration) -> bool {
        let before = self.moved;
        match fit {
            Some(fit) if fit < MOVED => {
                self.misfit = (self.misfit + time).min(PATIENCE);
                self.moved |= self.misfit == PATIENCE;
            }
            Some(fit) if fit >= FITS => {
                self.misfit = self.misfit.saturating_sub(FASTER * time);
                self.moved &= self.misfit > Duration::ZERO;
            }
            _ => {}
        }
        self.moved != before
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{INPUT, picture};
    use super::*;

    fn watch() -> Watch {
        let mut scene = Scene::new();
        scene.learn(&picture(0.0, 0.0), &INPUT);
        Watch::new(&scene.to_bytes(), &INPUT).unwrap().unwrap()
    }

    /// Notes this fit every five seconds for so many seconds; returns when the state changed.
    fn note(watch: &mut Watch, fit: Option<f32>, seconds: u64) -> Vec<u64> {
        let step = |second: &u64| watch.note(fit, Duration::from_secs(5)) && *second > 0;
        (1..=seconds / 5).map(|n| 5 * n).filter(step).collect()
    }

    #[test]
    fn a_misfit_of_three_minutes_is_a_move_and_a_fit_ends_it() {
        let mut watch = watch();
        assert_eq!(note(&mut watch, Some(0.3), 600), [180]);
        assert!(watch.moved());
        assert_eq!(note(&mut watch, Some(0.6), 600), [90]);
        assert!(!watch.moved());
    }

    #[test]
    fn what_passes_and_what_cannot_be_seen_is_no_move() {
        let mut watch = watch();
        for _ in 0..20 {
            assert!(note(&mut watch, Some(0.3), 120).is_empty());
            assert!(note(&mut watch, None, 3600).is_empty());
            assert!(note(&mut watch, Some(0.6), 60).is_empty());
        }
        // At night a camera that was moved is moved still.
        note(&mut watch, Some(0.3), 180);
        assert!(note(&mut watch, None, 3600).is_empty() && watch.moved());
        assert!(note(&mut watch, Some(0.49), 3600).is_empty() && watch.moved());
    }

    #[test]
    fn a_shifted_view_is_found_and_looked_at_every_few_seconds() {
        let mut watch = watch();
        let (same, shifted) = (picture(0.0, 0.0), picture(14.0, 0.0));
        let mut changes = Vec::new();
        for tenth in 0..6000 {
            let seen = if tenth < 1000 { &same } else { &shifted };
            if watch.look(seen, Duration::from_millis(100 * tenth)) {
                changes.push(tenth / 10);
            }
        }
        assert_eq!(changes, [275]);
    }

    #[test]
    fn without_a_scene_there_is_no_watch() {
        assert!(Watch::new(&[], &INPUT).unwrap().is_none());
        assert_eq!(Watch::new(&[9; 1027], &INPUT).err(), Some(Unfit));
    }
}
