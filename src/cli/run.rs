//! `goldcrest run`: the daemon.

use super::ConfigOption;
use crate::daemon;
use crate::meter::process;
use crate::setup::{self, Failure};
use crate::signals::{Reload, Stop};

/// Options of `goldcrest run`.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    config: ConfigOption,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let loaded = setup::configuration(options.config.path.as_deref())?;
    let stop = Stop::on_signals().map_err(Failure::system)?;
    let reload = Reload::on_signal().map_err(Failure::system)?;
    let daemon = setup::daemon(&loaded, reload)?;
    let ended = daemon.run(&stop);
    daemon::stopping();
    let daemon::Summary {
        totals,
        replaced,
        unsent,
    } = ended?;
    log::info!(
        "ended: {} frames classified, {} still, {} changes published, {replaced} replaced by newer ones, \
         passed over: {}, {unsent} messages unsent, memory peak {:.1} MiB",
        totals.classified,
        totals.still,
        totals.changes,
        totals.bad,
        process::resident().rss_peak_mb,
    );
    Ok(())
}
