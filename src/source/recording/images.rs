//! Picture files, one a frame.

use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use super::clock::Clock;
use super::container::{self, kind_of};
use super::file::{measure, read};
use super::folder::{self, Entry};
use super::manifest;
use super::names::{Name, Names, Others, WINDOW};
use super::png;
use super::reader::Reader;
use crate::frame::{Captured, Frame, jpeg};
use crate::source::parse::{Fetched, MAX_FILE, as_jpeg};
use crate::source::{Error, Footprint};

/// The pictures of a directory, or a single one.
pub(super) struct Images {
    files: Files,
    path: PathBuf,
    /// A PNG file as it was read.
    file: Vec<u8>,
    /// What the pictures took when they were measured. A file may be replaced since.
    most: Option<Footprint>,
}

/// Where the files are.
enum Files {
    Folder {
        names: Box<Names>,
        /// Whether a manifest tells that the pictures follow one another.
        listed: bool,
        /// When each was captured, where a manifest lists some.
        clock: Option<Clock>,
        /// Pictures that are not read, until they were counted.
        foreign: u64,
    },
    /// A single file; true once it was read.
    File(bool),
}

impl Images {
    /// The pictures of a directory, in natural order.
    pub fn directory(path: &Path) -> Result<Self, Error> {
        let io = |cause| Error::Io {
            path: path.into(),
            cause,
        };
        let names = Names::new(path, WINDOW).map_err(io)?;
        let Others {
            entries,
            foreign,
            example,
        } = &names.others;
        if names.total == 0 && *foreign > 0 {
            return Err(Error::Format {
                path: path.into(),
                message: format!(
                    "the directory has no .jpg, .jpeg or .png files, and {foreign} pictures in \
                     formats that Goldcrest does not read; {}",
                    convert(example.as_ref())
                ),
            });
        }
        if names.total == 0 {
            return Err(Error::Empty {
                path: path.into(),
                reason: "the directory has no .jpg, .jpeg or .png files",
            });
        }
        if *foreign > 0 {
            log::warn!(
                "{}: passing over {foreign} pictures in formats that Goldcrest does not read; {}",
                path.display(),
                convert(example.as_ref())
            );
        }
        if *entries > 0 {
            log::info!(
                "{}: ignoring {entries} entries that are not pictures",
                path.display()
            );
        }
        let clock = Clock::of(path).map_err(io)?;
        Ok(Self {
            files: Files::Folder {
                foreign: names.others.foreign,
                names: Box::new(names),
                listed: manifest::is_listed(path),
                clock,
            },
            path: path.into(),
            file: Vec::new(),
            most: None,
        })
    }

    /// One picture.
    pub fn one(path: &Path) -> Self {
        Self {
            files: Files::File(false),
            path: path.into(),
            file: Vec::new(),
            most: None,
        }
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::Io {
            path: self.path.clone(),
            cause,
        }
    }

    /// The next file; `None` at the end.
    fn advance(&mut self) -> io::Result<Option<PathBuf>> {
        match &mut self.files {
            Files::File(read) => Ok((!std::mem::replace(read, true)).then(|| self.path.clone())),
            Files::Folder { names, clock, .. } => {
                let Some(Name { name, captured }) = names.next()? else {
                    return Ok(None);
                };
                if let Some(clock) = clock {
                    clock.tick(*captured);
                }
                Ok(Some(self.path.join(name)))
            }
        }
    }

    /// What is there behind the last file: the ones that are gone, and those that are not read.
    fn rest(&mut self) -> Fetched {
        let Files::Folder { names, foreign, .. } = &mut self.files else {
            return Fetched::End;
        };
        let gone = names.take_gone();
        if gone > 0 {
            log::warn!(
                "{}: {gone} files that were there at the start are gone; passed over",
                self.path.display()
            );
            return Fetched::Lost {
                count: gone,
                cause: "unreadable",
            };
        }
        match std::mem::take(foreign) {
            0 => Fetched::End,
            count => Fetched::Lost {
                count,
                cause: "format",
            },
        }
    }
}

/// How to make a picture that is not read into one that is.
fn convert(example: Option<&OsString>) -> String {
    let name = example.map_or("IN".into(), |name| name.to_string_lossy());
    format!("convert them to JPEG or PNG, as in: ffmpeg -i {name} {name}.png")
}

impl Reader for Images {
    fn next(&mut self, frame: &mut Frame) -> Result<Fetched, Error> {
        let path = self.advance().map_err(|cause| self.failed(cause))?;
        let Some(path) = path else {
            return Ok(self.rest());
        };
        frame.name.clear();
        frame.name.push_str(&path.to_string_lossy());
        let bad = |cause, what: &dyn Display| {
            let message = what.to_string();
            Ok(Fetched::Bad { cause, message })
        };
        // A PNG file counts as the source's own.
        let most = self
            .most
            .map_or(MAX_FILE, |most| most.frame.max(most.own) as u64);
        let png = match read(&path, most, frame, &mut self.file) {
            Ok(png) => png,
            Err(refused) => return bad(refused.cause(), &refused),
        };
        if png {
            if let Err(refused) = png::decode(&self.file, frame, self.most) {
                return bad(refused.cause(), &refused);
            }
        } else if frame.data.starts_with(container::JPEG) {
            as_jpeg(frame);
            frame.orientation = jpeg::orientation(&frame.data);
        } else {
            let kind = kind_of(&frame.data).unwrap_or("neither JPEG nor PNG");
            return bad("format", &format_args!("the file is {kind}"));
        }
        Ok(Fetched::Frame)
    }

    fn rewind(&mut self) -> Result<(), Error> {
        let rewound = match &mut self.files {
            Files::File(read) => {
                *read = false;
                Ok(())
            }
            Files::Folder { names, clock, .. } => {
                if let Some(clock) = clock {
                    clock.rewind();
                }
                names.rewind()
            }
        };
        rewound.map_err(|cause| self.failed(cause))
    }

    fn len_hint(&self) -> Option<u64> {
        Some(match &self.files {
            Files::File(_) => 1,
            Files::Folder { names, .. } => names.total,
        })
    }

    fn frame_rate(&self) -> Option<f64> {
        match &self.files {
            Files::Folder { clock, .. } => clock.as_ref()?.frame_rate(),
            Files::File(_) => None,
        }
    }

    fn is_film(&self) -> bool {
        matches!(&self.files, Files::Folder { listed: true, .. })
    }

    fn captured(&self) -> Option<Captured> {
        match &self.files {
            Files::Folder { clock, .. } => clock.as_ref()?.now(),
            Files::File(_) => None,
        }
    }

    fn limit(&mut self, most: Footprint) {
        self.most = Some(most);
    }

    /// In each respect that of the picture that takes most.
    fn footprint(&self) -> Footprint {
        let mut all = Footprint::default();
        let mut head = Vec::new();
        let mut add = |file: &Path| {
            // A file that cannot be read gives no frame either.
            all = all.max(measure(file, &mut head).unwrap_or_default());
        };
        match &self.files {
            Files::File(_) => add(&self.path),
            Files::Folder { names, .. } => {
                // A folder that cannot be read ends the run at its first frame.
                let _ = folder::visit(&self.path, |entry| {
                    if let Entry::Picture(name) = entry {
                        add(&self.path.join(name));
                    }
                });
                // The names of the first window are held already.
                all.own += if names.beyond_window() { WINDOW } else { 0 };
            }
        }
        all
    }
}
