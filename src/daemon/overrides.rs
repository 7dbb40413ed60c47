//! The settings that commands set in place of the configuration's.

use log::LevelFilter;

use super::settings::Settings;

/// What commands set, and what the configuration had then.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Overrides {
    configured: (f32, LevelFilter),
    pub(super) threshold: Option<f32>,
    pub(super) log: Option<LevelFilter>,
}

impl Overrides {
    /// Nothing, over `settings` of the configuration.
    pub(super) fn over(settings: &Settings) -> Self {
        Self {
            configured: (settings.observe.threshold, settings.log),
            threshold: None,
            log: None,
        }
    }

    /// What remains once the configuration is `settings`: a key that changed there is newer than a
    /// command.
    pub(super) fn after(&self, settings: &Settings) -> Self {
        let configured = (settings.observe.threshold, settings.log);
        Self {
            threshold: self.threshold.filter(|_| configured.0 == self.configured.0),
            log: self.log.filter(|_| configured.1 == self.configured.1),
            configured,
        }
    }

    /// Puts them into `settings`. A threshold that no longer fits the other keys is left out.
    ///
    /// # Errors
    /// Why it does not fit.
    pub(super) fn apply(&mut self, settings: &mut Settings) -> Result<(), String> {
        if let Some(log) = self.log {
            settings.log = log;
        }
        let Some(threshold) = self.threshold else {
            return Ok(());
        };
        let mut observe = settings.observe.clone();
        observe.threshold = threshold;
        if let Err(misfit) = observe.check() {
            self.threshold = None;
            return Err(format!("observe.{misfit}"));
        }
        settings.observe = observe;
        Ok(())
    }
}
