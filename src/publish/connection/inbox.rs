//! What comes from the broker: commands, the own availability, and the births of others.
//!
//! Whoever may publish on the topics of commands may flood them. So the number and the size of what
//! is read is bounded here, before it reaches the main thread.

use std::time::Instant;

use super::rate::Bucket;
use super::wire::Incoming;
use crate::publish::Topics;
use crate::publish::commands::{self, Asker, CommandQueue, NAMES, Request, parse};

/// The largest payload of a command, in bytes.
const LARGEST: usize = 4096;

/// The longest name of a command, and the longest topic and correlation data that a request may
/// have answered, in bytes.
const NAME: usize = 32;
const RESPONSE: usize = 256;

/// What the connection has to do about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing, or to send the answer that waits.
    Nothing,
    /// `offline` was published on the own availability topic.
    Offline,
    /// Another program was born that wants all states again.
    Birth,
    /// What we retain on the discovery topic was deleted.
    Deleted,
}

/// Reads what comes.
pub(crate) struct Inbox {
    availability: String,
    commands: Option<Commands>,
    births: Vec<(String, String)>,
    /// The topic of our device in Home Assistant.
    discovery: Option<String>,
}

/// The topics and the limits of commands.
struct Commands {
    topics: Topics,
    allow: Vec<String>,
    rate: Bucket,
    /// Errors for what the rate or the size forbids.
    errors: Bucket,
    lines: Bucket,
    /// The log has a line about a retained command.
    told_retained: bool,
}

impl Inbox {
    /// For the topics of one instance. A message that equals one of `births`, topic and payload,
    /// wants all states again, and an empty one on `discovery` deletes our device.
    pub(crate) fn new(
        topics: &Topics,
        config: &commands::Config,
        births: Vec<(String, String)>,
        discovery: Option<String>,
    ) -> Self {
        let commands = config.enabled.then(|| Commands {
            topics: topics.clone(),
            allow: config.allow.clone(),
            rate: Bucket::new(20, 5.0),
            errors: Bucket::new(3, 1.0),
            lines: Bucket::new(5, 0.1),
            told_retained: false,
        });
        Self {
            availability: topics.availability.clone(),
            commands,
            births,
            discovery,
        }
    }

    /// The filters to subscribe to, the most trusted first.
    pub(super) fn filters(&self) -> [Vec<String>; 4] {
        let commands = self.commands.as_ref();
        [
            vec![self.availability.clone()],
            commands
                .map(|c| format!("{}+", c.topics.command))
                .into_iter()
                .collect(),
            self.births.iter().map(|(topic, _)| topic.clone()).collect(),
            self.discovery.iter().cloned().collect(),
        ]
    }

    /// Reads one message. A command goes into `queue`, and so does the answer to one that is
    /// refused.
    pub(super) fn hear(
        &mut self,
        incoming: Incoming,
        queue: &mut CommandQueue,
        now: Instant,
    ) -> Heard {
        if let Some(commands) = &mut self.commands
            && let Some(name) = incoming.topic.strip_prefix(&commands.topics.command)
        {
            let name = name.to_string();
            commands.hear(name, incoming, queue, now);
            return Heard::Nothing;
        }
        // What the broker retained is from before this connection.
        if incoming.retained {
            return Heard::Nothing;
        }
        if incoming.topic == self.availability {
            return match &incoming.payload[..] {
                b"offline" => Heard::Offline,
                _ => Heard::Nothing,
            };
        }
        if self.discovery.as_ref() == Some(&incoming.topic) {
            return match incoming.payload.is_empty() {
                true => Heard::Deleted,
                false => Heard::Nothing,
            };
        }
        let is = |(topic, payload): &(String, String)| {
            *topic == incoming.topic && payload.as_bytes() == incoming.payload
        };
        if self.births.iter().any(is) {
            return Heard::Birth;
        }
        Heard::Nothing
    }
}

impl Commands {
    fn hear(&mut self, name: String, incoming: Incoming, queue: &mut CommandQueue, now: Instant) {
        if incoming.retained {
            queue.refused += 1;
            // It would be obeyed at each connection.
            if !std::mem::replace(&mut self.told_retained, true) {
                log::warn!(
                    "{}: ignoring a retained command; publish commands without the retain flag, and delete this one \
                     with `mosquitto_pub -r -n -t {}`",
                    incoming.topic,
                    incoming.topic
                );
            }
            return;
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > NAME || !name.chars().all(plain) {
            queue.refused += 1;
            return;
        }
        let mut asker = Asker {
            name,
            ..Asker::default()
        };
        let refusal = if incoming.payload.len() > LARGEST {
            Some(format!("the payload is larger than {LARGEST} bytes"))
        } else if !self.rate.take(now) {
            Some("too many commands: at most 5 a second".into())
        } else {
            None
        };
        if let Some(why) = refusal {
            let answered = self.errors.take(now);
            return self.refuse(asker, why, answered, queue, now);
        }
        self.name_response(&mut asker, &incoming);
        let asked = parse(&asker.name, &incoming.payload);
        asker.correlation = asked.correlation;
        let known = NAMES.contains(&asker.name.as_str());
        if known && !self.allow.contains(&asker.name) {
            let why = format!("not allowed: commands.allow lacks {:?}", asker.name);
            return self.refuse(asker, why, true, queue, now);
        }
        match asked.command {
            Err(why) => self.refuse(asker, why, true, queue, now),
            Ok(command) => {
                if let Some(request) = queue.put(Request { command, asker }) {
                    let why = "the daemon is busy; ask again later".into();
                    self.refuse(request.asker, why, true, queue, now);
                }
            }
        }
    }

    /// Takes over where the request wants its answer. Our own topics are no place for it: an answer
    /// must be neither a command nor a state.
    fn name_response(&self, asker: &mut Asker, incoming: &Incoming) {
        let Some(topic) = &incoming.response_topic else {
            return;
        };
        let own = topic.starts_with(&self.topics.own) && !topic.starts_with(&self.topics.response);
        let data = incoming.correlation.as_deref().unwrap_or_default();
        if own
            || topic.is_empty()
            || topic.len() > RESPONSE
            || data.len() > RESPONSE
            || topic.starts_with('$')
            || topic.contains(crate::publish::topics::is_special)
        {
            return;
        }
        asker.response_topic = Some(topic.clone());
        asker.correlation_data.clone_from(&incoming.correlation);
    }

    fn refuse(
        &mut self,
        asker: Asker,
        why: String,
        answered: bool,
        queue: &mut CommandQueue,
        now: Instant,
    ) {
        queue.refused += 1;
        if self.lines.take(now) {
            log::warn!("command {}: refused: {why}", asker.name);
        }
        if answered {
            let answers = asker.answers(&self.topics.response, Err(why));
            answers.into_iter().for_each(|answer| queue.answer(answer));
        }
    }
}

#[cfg(test)]
mod tests;
