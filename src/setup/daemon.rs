//! A daemon of the configured parts.

use super::reread::{Reader, settings};
use super::{Failure, Packing, model, need};
use crate::config::Loaded;
use crate::daemon::{Daemon, Reloader};
use crate::metrics::Textfile;
use crate::publish::Publisher;
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
    let textfile = match &config.metrics.textfile {
        Some(path) => Some(Textfile::open(path, &config.id)?),
        None => None,
    };
    let publisher = if config.mqtt.enabled {
        Some(Publisher::start(&config.mqtt, &config.id)?)
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
    })
}
