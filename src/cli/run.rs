//! `goldcrest run`: the daemon.

use super::{ConfigOption, Failure, exit, setup};
use crate::publish::Publisher;
use crate::service::daemon::{self, Daemon};
use crate::service::pipeline::Pipeline;
use crate::service::signals::Stop;
use crate::service::{memory, watchdog};
use crate::source;
use crate::vision::Gate;

/// Options of `goldcrest run`.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    config: ConfigOption,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let loaded = setup::configuration(&options.config)?;
    let config = &loaded.config;
    let stop = Stop::on_signals().map_err(|e| Failure::new(exit::SOFTWARE, e))?;
    let model = setup::model(&loaded, None, None, setup::Packing::Never)?;
    let source = source::open(&config.source, &config.camera, loaded.folder())?;
    let publisher = match config.mqtt.enabled {
        true => Some(Publisher::start(&config.mqtt, &config.id)?),
        false => None,
    };
    let gate = Gate::new(&config.gate, &config.vision, &model.card.input);
    let pipeline =
        Pipeline::new(&config.vision, &config.observe, &model.card, model.engine).gated(gate);
    let daemon = Daemon {
        source,
        pipeline,
        publisher,
        health: config.health.clone(),
    };
    let ended = daemon.run(&stop);
    watchdog::stopping();
    let counts = ended.map_err(|e| match e {
        daemon::Error::Source(e) => e.into(),
        daemon::Error::Pipeline(e) => e.into(),
        e @ daemon::Error::Thread(_) => Failure::new(exit::SOFTWARE, e),
    })?;
    let memory = memory::resident();
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
