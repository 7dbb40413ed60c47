//! A daemon of the configured parts.

use std::path::PathBuf;

use super::reread::{Reader, settings};
use super::{Failure, Packing, model, need};
use crate::config::Loaded;
use crate::daemon::{Daemon, Reloader};
use crate::meter::thermal;
use crate::publish::Publisher;
use crate::publish::homeassistant::{Abilities, Announcement};
use crate::signals::{Request, Stop};
use crate::source;

/// Opens the model and the source, checks the memory they need, and begins to connect to the
/// broker. A stream's beginning is waited for until `stop` is requested.
///
/// # Errors
/// The first part that cannot be used. A camera or a broker that is missing is waited for later.
pub fn daemon(
    loaded: &Loaded,
    requested: Request,
    report: Request,
    stop: &Stop,
) -> Result<Daemon, Failure> {
    let config = &loaded.config;
    let mut source = source::open(&config.source, &config.camera, loaded.folder(), stop)?;
    let mut model = model(loaded, None, None, Packing::Never(source.footprint))?;
    model.engine.self_test()?;
    let reloader = Reloader {
        requested,
        settings: settings(config, model.path),
        card: model.card,
        reread: Some(Box::new(Reader::new(loaded))),
    };
    let pipeline = reloader.pipeline(&reloader.card, model.engine);
    let path = &reloader.settings.model;
    let guard = need::admit(loaded, path, pipeline.engine(), source.footprint)?;
    let publisher = if config.mqtt.enabled {
        let announcement = announcement(loaded, &reloader);
        let publisher = Publisher::start_announced(&config.mqtt, &config.id, &announcement)?;
        Some(publisher)
    } else {
        None
    };
    source.start();
    Ok(Daemon {
        source,
        pipeline,
        publisher,
        guard,
        reloader,
        report,
    })
}

/// What Home Assistant is told.
fn announcement(loaded: &Loaded, reloader: &Reloader) -> Announcement {
    let config = &loaded.config.homeassistant;
    let folder = match &config.folder {
        Some(folder) => Some(loaded.folder().join(folder)),
        None => state_folder(),
    };
    Announcement {
        config: config.clone(),
        folder,
        abilities: Abilities {
            thermometer: thermal::temperature().is_some(),
            ..Abilities::default()
        },
        offer: reloader.offer(),
    }
}

/// The folder that systemd gives to the service.
fn state_folder() -> Option<PathBuf> {
    let folders = std::env::var_os("STATE_DIRECTORY")?;
    std::env::split_paths(&folders).next()
}
