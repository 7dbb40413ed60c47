//! The head that lessons were fitted to, in the place of the configured one.

use std::fmt::Display;
use std::path::PathBuf;

use super::{Reloaded, Reloader};
use crate::daemon::lesson_head;
use crate::engine::Memory;
use crate::memory::Guard;
use crate::pipeline::{HeadFile, Pipeline};

impl Reloader {
    /// Puts `head`, which lessons were fitted to, in the place of the head in force; to be called
    /// between two frames. It stays there over reloads, until another call or
    /// [`Reloader::uninstall`].
    ///
    /// # Errors
    /// It does not fit, or would take the daemon over its memory. Nothing changes.
    pub(in crate::daemon) fn install(
        &mut self,
        head: HeadFile,
        pipeline: &mut Pipeline,
        guard: &mut Guard,
    ) -> Result<Reloaded, String> {
        let taught = &head.taught;
        let refuse = |error: &dyn Display| format!("{error}; the head from before stays in force");
        taught.fits(&self.card.sha256).map_err(|e| refuse(&e))?;
        if taught.labels.contains(&self.settings.observe.unknown) {
            let label = &self.settings.observe.unknown;
            return Err(refuse(&format!(
                "the label {label:?} is also observe.unknown"
            )));
        }
        let memory = Memory {
            head: taught.head.bytes(),
            ..pipeline.engine().memory.unwrap_or_default()
        };
        guard.allows(memory).map_err(|why| refuse(&why))?;
        let relabelled = pipeline
            .set_heads(vec![Some(head)], &self.card, &self.settings.observe)
            .map_err(|error| refuse(&error))?;
        guard.changed(memory);
        self.settings.head = lesson_head::of(self.lessons.as_deref(), &self.card.sha256);
        Ok(Reloaded::OtherHead { relabelled })
    }

    /// Puts the configured head in force again, or without one the model's own classifier. A head
    /// that cannot be used is logged, and the classifier takes its place.
    pub(in crate::daemon) fn uninstall(
        &mut self,
        pipeline: &mut Pipeline,
        guard: &mut Guard,
    ) -> Reloaded {
        let unknown = &self.settings.observe.unknown;
        let read = |path: &PathBuf| HeadFile::read(path, &self.card, unknown);
        let head = match self.configured.as_ref().map(read).transpose() {
            Ok(head) => head,
            Err(why) => {
                log::warn!("{why}; the model's own classifier is in force");
                None
            }
        };
        let memory = Memory {
            head: head.as_ref().map_or(0, |head| head.taught.head.bytes()),
            ..pipeline.engine().memory.unwrap_or_default()
        };
        self.settings.head = head.as_ref().and_then(|_| self.configured.clone());
        match pipeline.set_heads(vec![head], &self.card, &self.settings.observe) {
            Ok(relabelled) => {
                guard.changed(memory);
                Reloaded::OtherHead { relabelled }
            }
            Err(why) => {
                log::warn!("{why}; the head from before stays in force");
                Reloaded::Same
            }
        }
    }
}
