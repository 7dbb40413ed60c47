//! Updates to MQTT.

use std::io;
use std::time::{Instant, SystemTime};

use crate::frame::{Captured, Frame};
use crate::meter::timing::Stages;
use crate::pipeline::{Listener, Outcome};
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
}

impl<'a> Publishing<'a> {
    /// Publishes through `publisher`.
    pub(crate) fn new(publisher: &'a Publisher) -> Self {
        Self {
            publisher,
            last: None,
            snapshots: None,
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
        let event = event.as_ref().map(|e| (e.id.as_str(), e.label.as_str()));
        let Picture {
            width,
            height,
            jpeg,
            sha256,
        } = picture;
        log::debug!("frame {seq}: snapshot of {} bytes", jpeg.len());
        let file = (jpeg.len(), sha256);
        let info = SnapshotInfo::new(event, command, (seq, captured), (width, height), file);
        self.publisher
            .publish_snapshot(info, jpeg, snapshots.retain());
        snapshots.missed()
    }

    /// Publishes that no label is known since `since`, and why, and by which model and head.
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
        let mut event = None;
        if let Some(update) = &outcome.update {
            let start = Instant::now();
            let id = self.publisher.publish_update(update, outcome.hashes);
            stages.publish.add(start.elapsed());
            event = id.map(|id| Event {
                id,
                label: update.statement().label.into(),
            });
        }
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.passed(outcome.frame, event);
        }
        Ok(())
    }
}
