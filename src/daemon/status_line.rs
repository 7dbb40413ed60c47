//! The line that `systemctl status` shows of the daemon.

use std::io;
use std::time::{Duration, Instant};

use super::watchdog;
use crate::escape::OneLine;
use crate::frame::PictureState;
use crate::meter::timing::Stages;
use crate::observe::Update;
use crate::pipeline::{Listener, Outcome};
use crate::source::SourceState;

/// The least time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// What the line tells beside the labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) camera: SourceState,
    pub(super) picture: PictureState,
    pub(super) paused: bool,
    /// Whether the broker is there; `None` without MQTT.
    pub(super) connected: Option<bool>,
}

/// Hears of labels, and tells systemd what has changed.
#[derive(Default)]
pub(super) struct StatusLine {
    /// The region and the label of each look.
    labels: Vec<(Option<String>, String)>,
    /// A label has changed since the last line.
    changed: bool,
    told: Option<(Standing, Instant)>,
}

impl StatusLine {
    /// Tells systemd, if it listens, what is so `now` and was not before.
    pub(super) fn tell(&mut self, standing: Standing, now: Instant) {
        if let Some((told, at)) = self.told
            && (now.saturating_duration_since(at) < PAUSE || (told == standing && !self.changed))
        {
            return;
        }
        self.told = Some((standing, now));
        self.changed = false;
        watchdog::status(&self.text(standing));
    }

    fn text(&self, standing: Standing) -> String {
        let camera = match (standing.camera, standing.picture) {
            _ if standing.paused => "paused",
            (SourceState::Lost, _) => "camera lost",
            (SourceState::Streaming, PictureState::Ok) => "camera streaming",
            (SourceState::Streaming, PictureState::Dark) => "camera dark",
            (SourceState::Streaming, PictureState::Stuck) => "camera stuck",
        };
        let broker = match standing.connected {
            None => "",
            Some(true) => ", broker connected",
            Some(false) => ", broker not connected",
        };
        let mut text = format!("{camera}{broker}");
        // A label of what is no longer seen is not true any more.
        if camera != "camera streaming" {
            return text;
        }
        for (place, (region, label)) in self.labels.iter().enumerate() {
            text.push_str(if place == 0 { ": " } else { ", " });
            if let Some(region) = region {
                text.push_str(region);
                text.push(' ');
            }
            text.push_str(&OneLine(label).to_string());
        }
        text
    }
}

impl Listener for StatusLine {
    fn outcome(&mut self, outcome: &Outcome<'_>, _: &mut Stages) -> io::Result<()> {
        if let Some(Update::Change { statement, .. } | Update::Return(statement)) = &outcome.update
        {
            while self.labels.len() <= outcome.place {
                self.labels.push((None, String::new()));
            }
            let region = outcome.hashes.region.map(String::from);
            self.labels[outcome.place] = (region, statement.label.into());
            self.changed = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Standing = Standing {
        camera: SourceState::Streaming,
        picture: PictureState::Ok,
        paused: false,
        connected: Some(true),
    };

    fn line(labels: &[(Option<&str>, &str)]) -> StatusLine {
        let owned =
            |(region, label): &(Option<&str>, &str)| (region.map(Into::into), (*label).into());
        StatusLine {
            labels: labels.iter().map(owned).collect(),
            ..StatusLine::default()
        }
    }

    #[test]
    fn a_line_has_camera_broker_and_labels() {
        let one = line(&[(None, "open")]);
        assert_eq!(one.text(GOOD), "camera streaming, broker connected: open");
        let two = line(&[(Some("left"), "open"), (Some("right"), "shut\n")]);
        let alone = Standing {
            connected: None,
            ..GOOD
        };
        assert_eq!(
            two.text(alone),
            "camera streaming: left open, right shut\\n"
        );
    }

    #[test]
    fn a_line_has_no_label_of_what_is_not_seen() {
        let one = line(&[(None, "open")]);
        let lost = Standing {
            camera: SourceState::Lost,
            connected: Some(false),
            ..GOOD
        };
        assert_eq!(one.text(lost), "camera lost, broker not connected");
        let paused = Standing {
            paused: true,
            ..GOOD
        };
        assert_eq!(one.text(paused), "paused, broker connected");
    }

    #[test]
    fn lines_come_a_second_apart_and_only_with_news() {
        let (mut one, begun) = (line(&[]), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        let told = |line: &StatusLine| line.told.map(|(_, at)| at);
        one.tell(GOOD, at(0));
        one.tell(GOOD, at(5));
        assert_eq!(told(&one), Some(at(0)));
        one.changed = true;
        one.tell(GOOD, begun + Duration::from_millis(900));
        assert_eq!(told(&one), Some(at(0)));
        one.tell(GOOD, at(6));
        assert_eq!((told(&one), one.changed), (Some(at(6)), false));
    }
}
