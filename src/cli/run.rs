//! `goldcrest run`: the daemon.

use super::ConfigOption;
use crate::daemon;
use crate::exit;
use crate::meter::process;
use crate::pipeline::Watching;
use crate::setup::{self, Failure};
use crate::signals::{Request, Stop};
use crate::threads;
use crate::watch::Watch;

/// Options of `goldcrest run`.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    config: ConfigOption,
    /// Show the label, the best labels as bars, rates, drops, memory and the last events in place,
    /// on the terminal of standard error, below the log; a line a second where that is no terminal
    #[arg(long)]
    watch: bool,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    threads::watch().map_err(Failure::system)?;
    let stop = Stop::on_signals().map_err(Failure::system)?;
    let reload = Request::on_hangup().map_err(Failure::system)?;
    let report = Request::on_user_signal().map_err(Failure::system)?;
    let loaded = setup::configuration(options.config.path.as_deref())?;
    setup::warn_of_exposed(&loaded);
    let mut daemon = match setup::daemon(&loaded, reload, report, &stop) {
        // A service that is stopped while it waits for its source has done what it should.
        Err(failure) if failure.code == exit::INTERRUPTED => return Ok(()),
        daemon => daemon?,
    };
    if options.watch {
        let config = &loaded.config;
        let title = format!("goldcrest {}", config.id);
        let watch = Watch::start(&title, config.memory.budget_mb, None);
        let watch = watch.map_err(Failure::system)?;
        daemon.watching = Some(Watching::new(watch, config.observe.top));
    }
    let ended = daemon.run(&stop);
    daemon::stopping();
    let daemon::Summary {
        totals,
        replaced,
        unsent,
    } = ended?;
    log::info!(
        "ended: {} frames classified, {} still, {} changes published, {replaced} replaced by newer ones, \
         passed over: {}, damaged parts filled in: {}, {unsent} messages unsent, memory peak {:.1} MiB",
        totals.classified,
        totals.still,
        totals.changes,
        totals.bad,
        totals.filled_in,
        process::resident().rss_peak_mb,
    );
    Ok(())
}
