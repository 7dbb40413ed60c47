//! Faults of cameras, on a fake kernel: the reported state, the counters, and that pictures come
//! back.
//!
//! `fault_NN_*` tests failure NN in the table of `tests/README.md`.

mod bench;
pub(crate) mod fake;
mod frames;
mod lending;
mod limits;
mod opening;
mod settings;
mod streaming;

use std::sync::Arc;
use std::time::Duration;

use super::system::System;
use super::{Camera, Config};
use crate::source::Opened;

pub(crate) use self::limits::claiming;

/// The clock of a fake kernel.
pub(crate) fn now(fake: &fake::Fake) -> Duration {
    fake.now()
}

/// A camera on a fake kernel, as a daemon gets it.
pub(crate) fn opened(fake: &fake::Fake, config: Config) -> Opened {
    let mut camera = Camera::on(Arc::new(fake.clone()), config);
    Opened {
        footprint: camera.footprint(),
        camera: camera.monitor(),
        begun: Some(camera.begun()),
        source: Box::new(camera),
        paced: false,
        says: "a fake camera".into(),
    }
}
