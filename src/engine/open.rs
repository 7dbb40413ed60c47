//! Chooses the engine for a model.
//!
//! The bundle beside a model is the one that every command agrees about. The user's cache serves
//! `replay` and `bench` alone, for a model without a fresh bundle beside it.

use std::path::{Path, PathBuf};

use super::bundle::{self, Stamp, Unfit};
use super::card::Card;
use super::error::Error;
use super::hash::verify_file;
use super::interface::Engine;
use super::onnx::Onnx;
use super::pack;
use super::prepared::Prepared;

/// What runs a model, as its files stand.
#[derive(Debug)]
pub(crate) enum Standing {
    /// The int8 engine, from this bundle.
    Packed(PathBuf),
    /// The int8 engine could, and has no fresh bundle: [`Error::Unpacked`].
    Unpacked(Error),
    /// Plain tract: the model is of another form than the int8 engine's.
    Plain(Plain),
}

/// Why plain tract runs a model.
#[derive(Debug, thiserror::Error)]
#[error(
    "{model} runs through plain tract, in float and on one thread: five to ten times slower and with five times the \
     memory; {fault}",
    model = .model.display()
)]
pub(crate) struct Plain {
    model: PathBuf,
    fault: String,
}

/// The bundle of the model at `path`: itself, or the fresh one beside it.
///
/// A bundle is fresh if it was packed from the file that stands there. Size and modification time
/// tell that; if they differ, the SHA-256 does. Packages leave that file out: then the bundle alone
/// is enough, unless the file's name is not that of the card's model.
///
/// # Errors
/// [`Error::Unpacked`]; [`Error::Model`] when the bundle is the card's, and the file is another.
pub(crate) fn packed(path: &Path, card: &Card) -> Result<PathBuf, Error> {
    if is_bundle(path) {
        return Ok(path.into());
    }
    let beside = path.with_file_name(bundle::NAME);
    match bundle::fit(&beside, &card.sha256) {
        Ok(stamp) => {
            if is_left_out(path, card) {
                return Ok(beside);
            }
            let here = Stamp::of(path).ok();
            if !here
                .zip(stamp)
                .is_some_and(|(here, packed)| here.is_of(packed))
            {
                verify_file(path, card).map_err(|error| no_model(path).unwrap_or(error))?;
            }
            Ok(beside)
        }
        // Packing again would not tell who wrote it.
        Err(Unfit::Distrusted { path, cause }) => Err(Error::Io { path, cause }),
        Err(unfit) => Err(Error::Unpacked {
            model: path.into(),
            unfit,
        }),
    }
}

/// Whether there is no file at `path`, and it is named as the model of `card` is. A misspelt name is
/// an error all the same.
fn is_left_out(path: &Path, card: &Card) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let named = name.is_some_and(|name| name.starts_with(&card.name) && name.ends_with(".onnx"));
    named && matches!(path.try_exists(), Ok(false))
}

/// Whether a bundle stands in for the ONNX file that would be at `path`.
pub(crate) fn stands_packed(path: &Path) -> bool {
    path.with_file_name(bundle::NAME).is_file()
        && Card::read(path).is_ok_and(|card| is_left_out(path, &card))
}

/// Decides what runs the model at `path`.
///
/// # Errors
/// [`Error::Model`] when the file is no ONNX model, or not the card's; [`Error::Io`].
pub(crate) fn standing(path: &Path, card: &Card) -> Result<Standing, Error> {
    let unpacked = match packed(path, card) {
        Ok(bundle) => return Ok(Standing::Packed(bundle)),
        Err(unpacked @ Error::Unpacked { .. }) => unpacked,
        Err(error) => return Err(error),
    };
    let difference = pack::difference(path)?;
    verify_file(path, card)?;
    Ok(match difference {
        None => Standing::Unpacked(unpacked),
        Some(difference) => Standing::Plain(Plain {
            model: path.into(),
            fault: format!("it cannot be packed: {difference}"),
        }),
    })
}

/// Opens the model at `path` with the best engine that can run it, `threads` threads wide.
///
/// That is the int8 engine if `path` is a bundle, or a fresh bundle of this model stands beside it
/// or in the user's cache; otherwise plain tract.
///
/// # Errors
/// [`Error::Io`], [`Error::Bundle`] and [`Error::Model`] name the file and the remedy;
/// [`Error::Setup`] when kernels or threads cannot start; [`Error::Run`] when tract refuses the
/// plan.
pub fn open(path: &Path, card: &Card, threads: usize) -> Result<Box<dyn Engine>, Error> {
    runner(&standing(path, card)?, path, card, threads)?.open(path, card)
}

/// What will run a model. No weights were read, mapped or allocated yet.
#[derive(Debug)]
pub(crate) enum Runner {
    /// The int8 engine.
    Packed(Box<Prepared>),
    /// Plain tract.
    Plain,
}

/// What will run the model of this `standing`.
///
/// # Errors
/// Those of [`Prepared::read`].
pub(crate) fn runner(
    standing: &Standing,
    path: &Path,
    card: &Card,
    threads: usize,
) -> Result<Runner, Error> {
    let prepared = match standing {
        Standing::Packed(bundle) => {
            Prepared::read(bundle, card, threads).map_err(|error| error.packed_from(path))?
        }
        Standing::Unpacked(_) => match cached(card) {
            Some(bundle) => {
                log::info!(
                    "{}: using its bundle in the user's cache, {}",
                    path.display(),
                    bundle.display()
                );
                Prepared::read(&bundle, card, threads)?
            }
            None => {
                let fault = "it has no bundle, here or in the user's cache".into();
                let model = path.into();
                log::warn!("{}", Plain { model, fault });
                return Ok(Runner::Plain);
            }
        },
        Standing::Plain(_) => return Ok(Runner::Plain),
    };
    Ok(Runner::Packed(Box::new(prepared)))
}

impl Runner {
    /// Opens the engine for the model at `path`.
    ///
    /// # Errors
    /// As [`open`].
    pub(crate) fn open(self, path: &Path, card: &Card) -> Result<Box<dyn Engine>, Error> {
        Ok(match self {
            Self::Packed(prepared) => {
                Box::new(prepared.open().map_err(|error| error.packed_from(path))?)
            }
            Self::Plain => Box::new(Onnx::open(path, card)?),
        })
    }
}

/// Why the bundle beside the model at `path` cannot be used, if `error` tells that: a bundle may be
/// fresh by its first and its last bytes, and damaged between them.
pub(crate) fn damaged(path: &Path, error: Error) -> Result<Error, Error> {
    match error {
        Error::Bundle {
            path: bundle,
            fault,
            ..
        } if bundle != path => Ok(Error::Unpacked {
            model: path.into(),
            unfit: bundle::Unfit::Refused {
                path: bundle,
                fault,
            },
        }),
        error => Err(error),
    }
}

/// The fresh and whole bundle of the model of `card` in the user's cache, if there is one.
pub(crate) fn cached(card: &Card) -> Option<PathBuf> {
    let bundle = bundle::cache_folder(&card.sha256)?.join(bundle::NAME);
    bundle::whole(&bundle, &card.sha256).then_some(bundle)
}

/// Why the file at `path` is neither a bundle nor an ONNX model; none if it is one.
pub(crate) fn no_model(path: &Path) -> Option<Error> {
    let error = pack::difference(path).err();
    error.filter(|_| !is_bundle(path))
}

/// Whether the file at `path` is taken for a bundle.
pub(crate) fn is_bundle(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "bundle")
}
