//! `goldcrest run`: the daemon.

use super::ConfigOption;
use crate::daemon::reload::Reloader;
use crate::daemon::{self, Daemon};
use crate::exit;
use crate::publish::Publisher;
use crate::setup::{self, Failure, need};
use crate::signals::{Reload, Stop};
use crate::source;
use crate::{daemon::watchdog, meter::process};

/// Options of `goldcrest run`.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    config: ConfigOption,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let loaded = setup::configuration(options.config.path.as_deref())?;
    let config = &loaded.config;
    let broken = |e| Failure::new(exit::SOFTWARE, e);
    let stop = Stop::on_signals().map_err(broken)?;
    let asked = Reload::on_signal().map_err(broken)?;
    let mut source = source::open(&config.source, &config.camera, loaded.folder())?;
    let packing = setup::Packing::Never(source.footprint);
    let mut model = setup::model(&loaded, None, None, packing)?;
    model.engine.self_test()?;
    let reloader = Reloader {
        asked,
        model: model.path,
        threads: config.model.threads,
        vision: config.vision.clone(),
        gate: config.gate.clone(),
        observe: config.observe.clone(),
    };
    let pipeline = reloader.pipeline(&model.card, model.engine);
    let guard = need::admit(
        &loaded,
        &reloader.model,
        pipeline.engine(),
        source.footprint,
    )?;
    let publisher = match config.mqtt.enabled {
        true => Some(Publisher::start(&config.mqtt, &config.id)?),
        false => None,
    };
    source.start();
    let daemon = Daemon {
        source,
        pipeline,
        publisher,
        health: config.health.clone(),
        guard,
        reloader,
    };
    let ended = daemon.run(&stop);
    watchdog::stopping();
    let counts = ended.map_err(|e| match e {
        daemon::Error::Source(e) => e.into(),
        daemon::Error::Pipeline(e) => e.into(),
        e @ daemon::Error::Thread(_) => Failure::new(exit::SOFTWARE, e),
    })?;
    let memory = process::resident();
    log::info!(
        "ended: {} frames classified, {} still, {} changes said, {} replaced by newer ones, passed over: {}, \
         {} messages unsent, memory peak {:.1} MiB",
        counts.frames,
        counts.still,
        counts.changes,
        counts.replaced,
        counts.passed_over,
        counts.unsent,
        memory.rss_peak_mb,
    );
    Ok(())
}
