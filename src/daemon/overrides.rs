//! The settings that commands set in place of the configuration's.

use log::LevelFilter;

use super::settings::Settings;

/// What commands set, and what the configuration had then.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Overrides {
    configured: (Option<f32>, LevelFilter),
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
        observe.threshold = Some(threshold);
        if let Err(misfit) = observe.check(settings.heads().iter().any(Option::is_some)) {
            self.threshold = None;
            return Err(format!("observe.{misfit}"));
        }
        settings.observe = observe;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(threshold: f32, log: LevelFilter) -> Settings {
        let mut settings = Settings {
            model: Default::default(),
            head: None,
            threads: 1,
            vision: Default::default(),
            regions: Vec::new(),
            gate: Default::default(),
            observe: Default::default(),
            review: Default::default(),
            health: Default::default(),
            memory: Default::default(),
            log,
        };
        settings.observe.threshold = Some(threshold);
        settings
    }

    fn set() -> Overrides {
        Overrides {
            threshold: Some(0.5),
            log: Some(LevelFilter::Debug),
            ..Overrides::over(&settings(0.6, LevelFilter::Info))
        }
    }

    #[test]
    fn only_a_key_that_changed_in_the_file_takes_its_command_back() {
        let same = set().after(&settings(0.6, LevelFilter::Info));
        assert_eq!(same, set());
        let mut changed = settings(0.6, LevelFilter::Warn);
        let mut after = set().after(&changed);
        assert_eq!((after.threshold, after.log), (Some(0.5), None));
        after.apply(&mut changed).unwrap();
        assert_eq!(changed, settings(0.5, LevelFilter::Warn));
        // The file's value is the one to compare with from now on.
        let again = after.after(&settings(0.6, LevelFilter::Warn));
        assert_eq!(again, after);
    }

    #[test]
    fn a_threshold_that_no_longer_fits_is_left_out_and_named() {
        let mut strict = settings(0.6, LevelFilter::Info);
        strict.observe.release = Some(0.55);
        let before = strict.observe.clone();
        let mut overrides = set();
        let why = overrides.apply(&mut strict).unwrap_err();
        assert!(
            why.starts_with("observe.release must be 0 to the threshold, which is 0.5"),
            "{why}"
        );
        assert_eq!((overrides.threshold, strict.observe), (None, before));
        assert_eq!(strict.log, LevelFilter::Debug);
    }
}
