//! From the pictures of a folder to the examples that a head is taught.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::cache::{self, Cache, Key};
use super::eye::Eye;
use crate::cli::moment;
use crate::cli::progress::Progress;
use crate::exit;
use crate::frame::Frame;
use crate::setup::Failure;
use crate::signals::Stop;
use crate::source::{Fetched, Recording, RecordingOptions};
use crate::teach::{self, Examples, MOST_EXAMPLES, Moment};

/// The most frames of one film that are examples. Frames of a longer one are taken evenly: they are
/// near-copies of each other, and each costs an inference.
const FRAMES: usize = 500;

/// Reads pictures and turns them into examples.
pub(super) struct Gatherer<'a> {
    eye: Eye,
    cache: Cache,
    found: Vec<Example>,
    frame_rate: f64,
    bar: Progress,
    stop: &'a Stop,
    /// Pictures that cannot be read.
    passed_over: u64,
    /// Pictures whose features are needed, and those of them whose features were kept.
    wanted: u64,
    kept: u64,
    groups: Groups,
}

/// A picture that is to be taught. Its features stay in the cache until all are read, because the
/// model takes the memory meanwhile.
struct Example {
    label: usize,
    key: Key,
    moment: Moment,
}

/// What was found in all pictures.
pub(super) struct Gathered {
    /// The edges in view.
    pub scene: Vec<u8>,
    /// Pictures that cannot be read.
    pub passed_over: u64,
    cache: Cache,
    found: Vec<Example>,
}

impl Gathered {
    /// Adds what was found to `examples`.
    ///
    /// # Errors
    /// There are too many.
    pub fn add_to(self, examples: &mut Examples) -> Result<(), teach::Error> {
        self.found.iter().try_for_each(|example| {
            let features = self.cache.get(&example.key).unwrap_or_default();
            examples.push(example.label, features, example.moment)
        })
    }
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

/// The kept frames of one film: all, or every second, fourth, eighth ... one.
#[derive(Default)]
struct Film {
    rows: Vec<(f64, Key)>,
    /// Frames from one that is kept to the next, less 1.
    between: u64,
    /// Frames that are passed by until the next that is kept.
    wait: u64,
    /// All frames.
    frames: u64,
}

impl Film {
    /// Whether the next frame is to be kept.
    fn wants(&mut self) -> bool {
        self.frames += 1;
        if self.wait > 0 {
            self.wait -= 1;
            return false;
        }
        self.wait = self.between;
        true
    }

    fn keep(&mut self, seconds: f64, key: Key) {
        if self.rows.len() == FRAMES {
            let mut at = 0;
            self.rows.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            // This one stands where an even number of frames stood before it.
            self.between = 2 * self.between + 1;
            self.wait = self.between;
        }
        self.rows.push((seconds, key));
    }
}

impl<'a> Gatherer<'a> {
    pub fn new(eye: Eye, cache: Cache, frame_rate: f64, bar: Progress, stop: &'a Stop) -> Self {
        Self {
            eye,
            cache,
            found: Vec::new(),
            frame_rate,
            bar,
            stop,
            passed_over: 0,
            wanted: 0,
            kept: 0,
            groups: Groups::default(),
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
        let before = self.found.len();
        for path in recordings {
            self.recording(label, path)?;
        }
        if self.found.len() == before {
            let path = recordings.first().map_or(Path::new(name), |path| path);
            let message = format!(
                "{}: none of the pictures of {name:?} can be read; replace them, or remove the label",
                path.display()
            );
            return Err(Failure::new(exit::DATA, message));
        }
        Ok(())
    }

    fn recording(&mut self, label: usize, path: &Path) -> Result<(), Failure> {
        let options = RecordingOptions {
            frame_rate: self.frame_rate,
            ..RecordingOptions::default()
        };
        let mut recording = Recording::open_until(path, options, self.stop)?;
        let mut film = recording.is_film(false).then(Film::default);
        let group = self.groups.another();
        let mut frame = Frame::empty();
        loop {
            if self.stop.requested() {
                return Err(Failure::new(exit::INTERRUPTED, "interrupted"));
            }
            match recording.step(&mut frame)? {
                Fetched::End => break,
                Fetched::Idle => continue,
                Fetched::Lost { count, .. } => self.passed_over += count,
                Fetched::Bad { message, .. } => self.pass_over(&frame, &message),
                Fetched::Frame if film.as_mut().is_some_and(|film| !film.wants()) => {}
                Fetched::Frame => {
                    let seconds = frame.captured.elapsed.as_secs_f64();
                    let moment = match &film {
                        Some(_) => Moment { group, seconds },
                        None => self.moment(&frame.name),
                    };
                    self.frame(label, &frame, moment, film.as_mut())?;
                }
            }
            self.bar.inc(1);
        }
        if let Some(film) = film {
            if film.frames as usize > film.rows.len() && film.between > 0 {
                log::info!(
                    "{}: {} of its {} frames are examples, taken evenly",
                    path.display(),
                    film.rows.len(),
                    film.frames
                );
            }
            self.found
                .extend(film.rows.iter().map(|&(seconds, key)| Example {
                    label,
                    key,
                    moment: Moment { group, seconds },
                }));
        }
        Ok(())
    }

    /// Computes the features of a frame, or finds them, and puts it into the film or among those
    /// that were found.
    fn frame(
        &mut self,
        label: usize,
        frame: &Frame,
        moment: Moment,
        film: Option<&mut Film>,
    ) -> Result<(), Failure> {
        let key = cache::key(frame);
        let known = self.cache.knows(&key);
        match self.eye.see(frame, known)? {
            Ok(Some(features)) => self.cache.add(key, features),
            Ok(None) => {}
            Err(why) => {
                self.pass_over(frame, &why);
                return Ok(());
            }
        }
        self.wanted += 1;
        self.kept += u64::from(known);
        match film {
            Some(film) => film.keep(moment.seconds, key),
            None => self.found.push(Example { label, key, moment }),
        }
        if self.found.len() > MOST_EXAMPLES {
            let most = MOST_EXAMPLES;
            return Err(teach::Error::Examples { most }.into());
        }
        Ok(())
    }

    /// Closes the model, clears the bar and writes the cache: all that was computed, also of a run
    /// that is not `whole`, because it serves the next one.
    pub fn finish(self, whole: bool) -> Gathered {
        self.bar.finish();
        let scene = self.eye.into_scene();
        let mut cache = self.cache;
        cache.save(whole);
        if cache.has_file() {
            log::info!(
                "features of {} of {} pictures were kept from an earlier run",
                self.kept,
                self.wanted
            );
        }
        Gathered {
            scene,
            passed_over: self.passed_over,
            cache,
            found: self.found,
        }
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

    /// Names a picture that cannot be used.
    fn pass_over(&mut self, frame: &Frame, why: &dyn Display) {
        self.passed_over += 1;
        self.bar
            .suspend(|| log::warn!("{}: {why}; passed over", frame.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds of the kept frames of a film of so many.
    fn kept(frames: u32) -> Vec<u32> {
        let mut film = Film::default();
        for at in 0..frames {
            if film.wants() {
                film.keep(f64::from(at), Key::default());
            }
        }
        assert_eq!(film.frames, u64::from(frames));
        film.rows
            .iter()
            .map(|(seconds, _)| *seconds as u32)
            .collect()
    }

    #[test]
    fn a_film_is_taken_evenly_whatever_its_length() {
        assert_eq!(kept(500), (0..500).collect::<Vec<_>>());
        for (frames, step) in [(501, 2), (1000, 2), (1001, 4), (2000, 4), (10_001, 32)] {
            let wanted: Vec<_> = (0..frames).step_by(step).collect();
            assert_eq!(kept(frames), wanted, "{frames}");
        }
    }

    #[test]
    fn each_clock_has_one_number() {
        let mut groups = Groups::default();
        let (wall, alone) = (groups.named(String::new()), groups.another());
        assert_eq!(groups.named(String::new()), wall);
        assert!(alone != wall && groups.named("porch".into()) != wall);
    }
}
