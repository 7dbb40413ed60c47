//! The unit, and the first label that it publishes.

use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::ask::interrupted;
use crate::config::Loaded;
use crate::exit;
use crate::publish::{Listening, Topics};
use crate::setup::Failure;
use crate::signals::Stop;

/// How long the broker may take to answer.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the first label may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time between two looks at the signals.
const STEP: Duration = Duration::from_millis(100);

/// Has systemd read its files anew, and stops the unit if it runs: what it publishes as it ends is
/// not the first label.
///
/// # Errors
/// systemd refuses; the code is that of an unavailable service.
pub(super) fn prepare(unit: &str) -> Result<(), Failure> {
    systemctl(&["daemon-reload"])?;
    match systemctl(&["is-active", "--quiet", unit]) {
        Ok(()) => systemctl(&["stop", unit]),
        Err(_) => Ok(()),
    }
}

/// Enables the unit and starts it.
///
/// # Errors
/// As [`prepare`].
pub(super) fn enable(unit: &str) -> Result<(), Failure> {
    systemctl(&["enable", "--now", unit])
}

fn systemctl(arguments: &[&str]) -> Result<(), Failure> {
    let refused = |why: String| {
        // The lines that follow name commands that show more.
        let why = why.lines().next().unwrap_or("it failed").trim();
        let message = format!("systemctl {}: {why}", arguments.join(" "));
        Failure::new(exit::UNAVAILABLE, message)
    };
    let ran = Command::new("systemctl")
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    match ran {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(refused(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
        Err(why) => Err(refused(why.to_string())),
    }
}

/// What is read of a label.
#[derive(Deserialize)]
pub(super) struct Label {
    label: Option<String>,
    score: Option<f32>,
}

impl Label {
    /// The label in words.
    pub fn says(&self) -> String {
        let label = self.label.as_deref().unwrap_or_default();
        match self.score {
            Some(score) => format!("{label} ({score:.2})"),
            None => label.into(),
        }
    }
}

/// Hears the labels of one instance.
pub(super) struct Ear {
    labels: Receiver<Label>,
    _listening: Listening,
}

impl Ear {
    /// Subscribes at the broker of `loaded`.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn open(loaded: &Loaded, stop: &Stop) -> Result<Self, Failure> {
        let mqtt = &loaded.config.mqtt;
        let topics = Topics::new(&mqtt.base, &loaded.config.id)?;
        let (told, labels) = mpsc::channel();
        let hear = move |_: &str, payload: &[u8], retained: bool| {
            // What the broker kept is of an earlier run.
            if let Some(label) = label(payload).filter(|_| !retained) {
                let _ = told.send(label);
            }
        };
        let client_id = format!("goldcrestsetup{}", std::process::id());
        let listening = Listening::start(mqtt, client_id, topics.label, hear)?;
        listening.wait_subscribed(CONNECT, || stop.requested())?;
        Ok(Self {
            labels,
            _listening: listening,
        })
    }

    /// The first label, or none if it does not come in time.
    ///
    /// # Errors
    /// `stop` was requested.
    pub fn first(&self, stop: &Stop) -> Result<Option<Label>, Failure> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if stop.requested() {
                return Err(interrupted("the service is enabled and runs"));
            }
            match self.labels.recv_timeout(STEP) {
                Ok(label) => return Ok(Some(label)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(None)
    }
}

/// The label of a payload that has one.
fn label(payload: &[u8]) -> Option<Label> {
    let label: Label = serde_json::from_slice(payload).ok()?;
    label.label.is_some().then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_of_null_is_not_the_first_one() {
        let says = |text: &str| label(text.as_bytes()).map(|label| label.says());
        let known = says(r#"{"v":1,"label":"beaker","score":0.8595,"top":[]}"#);
        assert_eq!(known.as_deref(), Some("beaker (0.86)"));
        let unknown = says(r#"{"v":1,"label":"unknown","score":null}"#);
        assert_eq!(unknown.as_deref(), Some("unknown"));
        assert_eq!(says(r#"{"v":1,"label":null,"reason":"starting"}"#), None);
        assert_eq!(says("offline"), None);
    }
}
