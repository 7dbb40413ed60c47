//! Updates to MQTT.

use std::io;
use std::time::{Instant, SystemTime};

use crate::frame::{Captured, Frame};
use crate::meter::timing::Stages;
use crate::pipeline::{Listener, Outcome, Passed};
use crate::publish::{Hashes, Label, Payload, Publisher, SnapshotInfo, Unknown};
use crate::snapshot::{Event, Picture, Snapshot, Snapshots};
use crate::vision;

/// Hands each update to the publisher's queue, which never waits, and has a picture taken of each
/// event.
pub(crate) struct Publishing<'a> {
    publisher: &'a Publisher,
    /// Number and time of the last frame.
    last: Option<(u64, Captured)>,
    /// Takes the pictures; `None` without any.
    snapshots: Option<Snapshots>,
    /// The first event of the present frame, and how many more it has.
    events: (Option<Event>, u64),
}

impl<'a> Publishing<'a> {
    /// Publishes through `publisher`.
    pub(crate) fn new(publisher: &'a Publisher) -> Self {
        Self {
            publisher,
            last: None,
            snapshots: None,
            events: (None, 0),
        }
    }

    /// Takes pictures with `snapshots`.
    #[must_use]
    pub(crate) fn with_snapshots(mut self, snapshots: Option<Snapshots>) -> Self {
        self.snapshots = snapshots;
        self
    }

    /// What it publishes through.
    pub(crate) fn publisher(&self) -> &'a Publisher {
        self.publisher
    }

    /// Asks for a picture of the next frame. Returns false if none are taken.
    pub(crate) fn request_snapshot(&mut self) -> bool {
        self.snapshots.as_mut().map(Snapshots::request).is_some()
    }

    /// Has pictures turned, cropped and masked as `vision` does from here on.
    pub(crate) fn set_vision(&mut self, vision: &vision::Config) {
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.set_vision(vision);
        }
    }

    /// Publishes the picture that is ready, if there is one. Returns how many pictures were wanted
    /// and could not be taken so far.
    pub(crate) fn publish_snapshot(&mut self) -> u64 {
        let Some(snapshots) = &mut self.snapshots else {
            return 0;
        };
        let Some(snapshot) = snapshots.ready() else {
            return snapshots.missed();
        };
        let Snapshot {
            event,
            command,
            seq,
            captured,
            picture,
        } = snapshot;
        let (region, event) = match &event {
            Some(e) => (e.region.as_deref(), Some((e.id.as_str(), e.label.as_str()))),
            None => (None, None),
        };
        let Picture {
            width,
            height,
            jpeg,
            sha256,
        } = picture;
        log::debug!("frame {seq}: snapshot of {} bytes", jpeg.len());
        let file = (jpeg.len(), sha256);
        let info = SnapshotInfo::new(event, command, (seq, captured), (width, height), file)
            .of_region(region);
        self.publisher
            .publish_snapshot(info, jpeg, snapshots.retain());
        snapshots.missed()
    }

    /// Publishes that no label is known since `since`, and why, of the region and by the model and
    /// head of `hashes`.
    pub(crate) fn unknown(&self, reason: Unknown, since: SystemTime, hashes: Hashes<'_>) {
        let label = Label::unknown(reason, since, self.last, hashes);
        self.publisher.publish(&Payload::Label(label));
    }
}

impl Listener for Publishing<'_> {
    fn frame(&mut self, frame: &Frame, near: bool) {
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.frame(frame, near);
        }
    }

    fn outcome(&mut self, outcome: &Outcome<'_>, stages: &mut Stages) -> io::Result<()> {
        self.last = Some((outcome.frame.seq, outcome.frame.captured));
        let Some(update) = &outcome.update else {
            return Ok(());
        };
        let start = Instant::now();
        let id = self.publisher.publish_update(update, outcome.hashes);
        stages.publish.add(start.elapsed());
        let Some(id) = id else { return Ok(()) };
        match &mut self.events {
            (Some(_), more) => *more += 1,
            (first, _) => {
                *first = Some(Event {
                    id,
                    label: update.statement().label.into(),
                    region: outcome.hashes.region.map(Into::into),
                });
            }
        }
        Ok(())
    }

    /// Hands the picture of the frame on. It is of one event.
    fn passed(&mut self, frame: &Frame, _: Passed) {
        let (event, more) = std::mem::take(&mut self.events);
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.passed(frame, event);
            snapshots.note_shared(more);
        }
    }
}
