//! From the pictures of a folder to the examples that a head is taught.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use super::ahead::{self, Step};
use super::cache::Cache;
use super::eye::Eye;
use super::film::Film;
use super::gathered::{Example, Gathered};
use crate::cli::moment;
use crate::cli::progress::Progress;
use crate::config::Config;
use crate::exit;
use crate::setup::{Failure, Model};
use crate::signals::Stop;
use crate::source::{Recording, RecordingOptions};
use crate::teach::{self, MOST_EXAMPLES, Moment};
use crate::vision::Preparer;

/// Reads pictures and turns them into examples.
pub(super) struct Gatherer<'a> {
    preparer: Preparer,
    frame_rate: f64,
    stop: &'a Stop,
    desk: Desk,
}

/// Where pictures that are read become examples.
struct Desk {
    eye: Eye,
    cache: Cache,
    found: Vec<Example>,
    bar: Progress,
    /// Pictures that cannot be read.
    passed_over: u64,
    /// Pictures whose features are needed, and those of them whose features were kept.
    wanted: u64,
    kept: u64,
    groups: Groups,
}

/// Numbers for clocks. Times of different ones have nothing to do with each other.
#[derive(Default)]
struct Groups {
    named: HashMap<String, u32>,
    next: u32,
}

impl Groups {
    fn another(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn named(&mut self, clock: String) -> u32 {
        if let Some(group) = self.named.get(&clock) {
            return *group;
        }
        let group = self.another();
        self.named.insert(clock, group);
        group
    }
}

impl<'a> Gatherer<'a> {
    /// Reads pictures as `config` has them, with `model`, and with features that `cache` knows.
    pub fn new(config: &Config, model: Model, cache: Cache, bar: Progress, stop: &'a Stop) -> Self {
        let input = model.card.input;
        Self {
            preparer: Preparer::new(&config.vision, &input),
            frame_rate: config.source.frame_rate,
            stop,
            desk: Desk {
                eye: Eye::new(model.engine, input),
                cache,
                found: Vec::new(),
                bar,
                passed_over: 0,
                wanted: 0,
                kept: 0,
                groups: Groups::default(),
            },
        }
    }

    /// Adds the pictures of the recordings of the label `name`, which has the number `label`.
    ///
    /// # Errors
    /// None of them can be read; a recording cannot be opened; there are too many; the end is
    /// requested.
    pub fn label(
        &mut self,
        (label, name): (usize, &str),
        recordings: &[PathBuf],
    ) -> Result<(), Failure> {
        let before = self.desk.found.len();
        for path in recordings {
            self.recording(label, path)?;
        }
        if self.desk.found.len() == before {
            let path = recordings.first().map_or(Path::new(name), |path| path);
            let message = format!(
                "{}: none of the pictures of {name:?} can be read; replace them, or remove the label",
                path.display()
            );
            return Err(Failure::new(exit::DATA, message));
        }
        Ok(())
    }

    /// Adds the pictures of one recording. A thread reads and prepares each while the model works
    /// on the one before.
    fn recording(&mut self, label: usize, path: &Path) -> Result<(), Failure> {
        let options = RecordingOptions {
            frame_rate: self.frame_rate,
            ..RecordingOptions::default()
        };
        let mut recording = Recording::open_until(path, options, self.stop)?;
        let mut film = recording.is_film(false).then(Film::default);
        let group = self.desk.groups.another();
        let is_film = film.is_some();
        let (recording, preparer, film_read) = (&mut recording, &mut self.preparer, film.as_mut());
        let (stop, desk) = (self.stop, &mut self.desk);
        // It waits with the next picture until the model wants it: one ahead, and no more.
        let (send, steps) = mpsc::sync_channel(0);
        thread::scope(|scope| {
            let read = move || {
                let tell = |step| send.send(step).is_ok();
                ahead::read(recording, preparer, film_read, stop, tell)
            };
            let reader = thread::Builder::new().name("pictures".into());
            let reader = reader.spawn_scoped(scope, read).map_err(|e| {
                let message = format!("cannot start the thread that reads pictures: {e}");
                Failure::new(exit::SYSTEM, message)
            })?;
            let done = steps
                .iter()
                .try_for_each(|step| desk.take(label, step, is_film));
            drop(steps);
            let read = reader
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            done.and(read)
        })?;
        if let Some(film) = film {
            self.desk.add_film(label, path, group, &film);
        }
        Ok(())
    }

    /// Closes the model, clears the bar and writes the cache: all that was computed, also of a run
    /// that is not `whole`, because it serves the next one.
    pub fn finish(self, whole: bool) -> Gathered {
        let Desk {
            eye,
            mut cache,
            found,
            bar,
            passed_over,
            wanted,
            kept,
            ..
        } = self.desk;
        bar.finish();
        let scene = eye.into_scene();
        cache.save(whole);
        if cache.has_file() {
            log::info!("features of {kept} of {wanted} pictures were kept from an earlier run");
        }
        Gathered {
            scene,
            passed_over,
            cache,
            found,
        }
    }
}

impl Desk {
    /// Takes what came of one frame of a recording: of a film, only its features.
    fn take(&mut self, label: usize, step: Step, film: bool) -> Result<(), Failure> {
        match step {
            Step::Lost(count) => self.passed_over += count,
            Step::Bad { name, why } => {
                self.passed_over += 1;
                self.bar
                    .suspend(|| log::warn!("{name}: {why}; passed over"));
            }
            Step::Passed => {}
            Step::Picture(picture) => {
                let key = picture.key;
                let known = self.cache.knows(&key);
                if let Some(features) = self.eye.see(&picture.input, known)? {
                    self.cache.add(key, features);
                }
                self.wanted += 1;
                self.kept += u64::from(known);
                if !film {
                    let moment = self.moment(&picture.name);
                    self.found.push(Example {
                        label,
                        key,
                        moment,
                        file: picture.name.into(),
                        film,
                    });
                }
            }
        }
        if self.found.len() > MOST_EXAMPLES {
            let most = MOST_EXAMPLES;
            return Err(teach::Error::Examples { most }.into());
        }
        self.bar.inc(1);
        Ok(())
    }

    /// Adds the frames of a film that are examples.
    fn add_film(&mut self, label: usize, path: &Path, group: u32, film: &Film) {
        if film.frames as usize > film.rows.len() && film.is_thinned() {
            log::info!(
                "{}: {} of its {} frames are examples, taken evenly",
                path.display(),
                film.rows.len(),
                film.frames
            );
        }
        let file: Rc<str> = path.display().to_string().into();
        self.found
            .extend(film.rows.iter().map(|&(seconds, key)| Example {
                label,
                key,
                moment: Moment { group, seconds },
                file: Rc::clone(&file),
                film: true,
            }));
    }

    /// The moment of a picture that is in a file of its own.
    fn moment(&mut self, path: &str) -> Moment {
        let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str());
        match stem.and_then(moment::Moment::of) {
            Some(moment::Moment { clock, seconds }) => Moment {
                group: self.groups.named(clock),
                seconds,
            },
            None => Moment {
                group: self.groups.another(),
                seconds: 0.0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_clock_has_one_number() {
        let mut groups = Groups::default();
        let (wall, alone) = (groups.named(String::new()), groups.another());
        assert_eq!(groups.named(String::new()), wall);
        assert!(alone != wall && groups.named("porch".into()) != wall);
    }
}
