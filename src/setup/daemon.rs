//! A daemon of the configured parts.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use super::reread::{Reader, settings};
use super::{Failure, Packing, model, need};
use crate::config::Loaded;
use crate::daemon::{self, Daemon, Keeper, Reloader};
use crate::exit;
use crate::meter::Progress;
use crate::metrics::Textfile;
use crate::publish::{CommandsConfig, Extras, Publisher};
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
    let reloader = Reloader::new(
        requested,
        settings(config, model.path),
        model.card,
        Some(Box::new(Reader::new(loaded))),
    );
    let keeper = keeper(&config.commands)?;
    let pipeline = reloader.pipeline(&reloader.card, model.engine);
    let path = &reloader.settings.model;
    let guard = need::admit(loaded, path, pipeline.engine(), source.footprint)?;
    let textfile = match &config.metrics.textfile {
        Some(path) => Some(Textfile::open(path, &config.id)?),
        None => None,
    };
    let progress = Arc::new(Progress::default());
    let publisher = if config.mqtt.enabled {
        let extras = Extras {
            commands: config.commands.clone(),
            progress: Some((Arc::clone(&progress), daemon::patience())),
            ..Extras::default()
        };
        Some(Publisher::start_with(&config.mqtt, &config.id, extras)?)
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
        textfile,
        keeper,
        progress,
    })
}

/// What keeps settings over restarts, in the configured folder or in systemd's.
fn keeper(config: &CommandsConfig) -> Result<Option<Keeper>, Failure> {
    if !config.keep {
        return Ok(None);
    }
    // systemd separates several folders by colons (systemd.exec(5)).
    let state = std::env::var_os("STATE_DIRECTORY");
    let state = state.as_deref().and_then(OsStr::to_str).unwrap_or_default();
    let first = state.split(':').find(|folder| !folder.is_empty());
    match (config.folder.as_deref(), first) {
        (Some(folder), _) => Ok(Some(Keeper::new(folder))),
        (None, Some(folder)) => Ok(Some(Keeper::new(Path::new(folder)))),
        (None, None) => Err(Failure::new(
            exit::CONFIG,
            "commands.keep needs a folder: set commands.folder, or StateDirectory= in the systemd unit",
        )),
    }
}
