//! A daemon of the configured parts.

use std::sync::Arc;

use super::folders::state_folder;
use super::lessons::lessons;
use super::reread::{Reader, settings};
use super::{Failure, Packing, StateFolder, heads, model, need};
use crate::config::Loaded;
use crate::daemon::{self, Daemon, Keeper, Reloader};
use crate::exit;
use crate::lessons::Opening;
use crate::meter::{Progress, thermal};
use crate::metrics::Textfile;
use crate::publish::homeassistant::{Abilities, Announcement, Offer};
use crate::publish::{Extras, Publisher};
use crate::review::Reviews;
use crate::signals::{Request, Stop};
use crate::snapshot::Snapshots;
use crate::source;
use crate::vision;

/// Opens the model and the source, checks the memory they need, and begins to connect to the
/// broker. A stream's beginning is waited for until `stop` is requested.
///
/// # Errors
/// The first part that cannot be used. A camera or a broker that is missing is waited for later.
pub fn daemon(
    loaded: &Loaded,
    requested: Request,
    report: Request,
    stop: &Stop,
) -> Result<Daemon, Failure> {
    let config = &loaded.config;
    let mut source = source::open(config.sections(loaded.folder()), stop)?;
    let mut model = model(loaded, None, None, Packing::Never(source.footprint))?;
    model.engine.self_test()?;
    let mut lessons = lessons(loaded, &mut model)?;
    let taught = lessons.head.is_some();
    let heads = match lessons.head.take() {
        Some(head) => vec![Some(head)],
        None => heads(loaded, None, &mut model)?,
    };
    let reloader = Reloader::new(
        requested,
        settings(config, model.path, loaded.folder()),
        model.card,
        Some(Box::new(Reader::new(loaded))),
    )
    .taught_in(lessons.folder(), taught);
    for folder in StateFolder::configured(loaded) {
        folder.make()?;
    }
    let keeper = keeper(loaded)?;
    let pipeline = reloader.pipeline(heads, model.engine);
    let path = &reloader.settings.model;
    let named = (path.as_path(), &reloader.card);
    let guard = need::admit(loaded, named, pipeline.engine(), source.footprint)?;
    source.camera.allow(guard.spare());
    let textfile = match &config.metrics.textfile {
        Some(path) => Some(Textfile::open(path, &config.id)?),
        None => None,
    };
    let opened = lessons.opening;
    let labels = opened.as_ref().map(|opening| opening.state().names());
    let labels = labels.unwrap_or_default();
    let progress = Arc::new(Progress::default());
    let publisher = if config.mqtt.enabled {
        let extras = Extras {
            commands: config.commands.clone(),
            progress: Some((Arc::clone(&progress), daemon::patience())),
            announcement: Some(announcement(loaded, reloader.offer(&pipeline, labels))),
            regions: !config.region.is_empty(),
        };
        let outbox = config.outbox.below(loaded.folder());
        Some(Publisher::start_with(
            &config.mqtt,
            &outbox,
            &config.id,
            extras,
        )?)
    } else {
        None
    };
    let snapshots = if config.mqtt.enabled && config.snapshot.enabled {
        let vision = &reloader.settings.vision;
        let started = Snapshots::start(&config.snapshot, vision);
        Some(started.map_err(|cause| {
            Failure::new(
                exit::SYSTEM,
                format!("cannot start the snapshot thread: {cause}"),
            )
        })?)
    } else {
        None
    };
    let reviews = reviews(loaded, reloader.settings.views())?;
    let lessons = opened.map(Opening::start).transpose()?;
    source.start();
    Ok(Daemon {
        source,
        pipeline,
        publisher,
        snapshots,
        reviews,
        guard,
        reloader,
        report,
        textfile,
        lessons,
        lesson_pictures: config.teach.pictures.then(|| config.vision.clone()),
        keeper,
        progress,
        watching: None,
    })
}

/// What keeps pictures for review, if a folder is configured. Trouble with the folder is logged
/// when a picture is to be kept, because the disk may come later.
fn reviews(loaded: &Loaded, views: Vec<(vision::Config, u32)>) -> Result<Option<Reviews>, Failure> {
    let review = loaded.config.review.below(loaded.folder());
    if review.folder.is_none() {
        return Ok(None);
    }
    let seen = views.into_iter().map(|(vision, _)| vision);
    match Reviews::start(&review, seen.collect()) {
        Ok(reviews) => Ok(Some(reviews)),
        Err(cause) => Err(Failure::new(
            exit::SYSTEM,
            format!("cannot start the review thread: {cause}"),
        )),
    }
}

/// What keeps settings over restarts, in the configured folder or in systemd's.
fn keeper(loaded: &Loaded) -> Result<Option<Keeper>, Failure> {
    let config = &loaded.config.commands;
    if !config.keep {
        return Ok(None);
    }
    match state_folder(loaded, config.folder.as_deref()) {
        Some(folder) => Ok(Some(Keeper::new(&folder))),
        None => Err(Failure::new(
            exit::CONFIG,
            "commands.keep needs a folder: set commands.folder, or StateDirectory= in the systemd unit",
        )),
    }
}

/// What Home Assistant is told, if that is enabled; and where to remember it.
fn announcement(loaded: &Loaded, offer: Offer) -> Announcement {
    let config = &loaded.config;
    let folder = state_folder(loaded, config.homeassistant.folder.as_deref());
    let commands = if config.commands.enabled {
        config.commands.allow.clone()
    } else {
        Vec::new()
    };
    Announcement {
        config: config.homeassistant.clone(),
        folder,
        abilities: Abilities {
            commands,
            snapshot: loaded.config.snapshot.enabled,
            thermometer: thermal::temperature().is_some(),
            teach: loaded.config.teach.enabled,
        },
        offer,
    }
}
