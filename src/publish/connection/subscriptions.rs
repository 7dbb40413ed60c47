//! What a connection subscribes to, and what it leaves out after trouble.
//!
//! Some brokers close the connection of a client that may not subscribe, and a message above the
//! largest packet ends the connection too. Neither may happen again on each connection, so a
//! subscription that cost some of them rests for a while.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The most filters in one SUBSCRIBE; AWS IoT Core takes no more.
const FILTERS: usize = 8;

/// Sessions in a row that may end between a subscription and its acknowledgement.
const TRIES: u32 = 2;

/// How long a subscription rests that cost connections before and after a shorter rest.
pub(super) const REST: Duration = Duration::from_secs(600);

/// How long the broker may take to acknowledge a subscription.
const PATIENCE: Duration = Duration::from_secs(20);

/// The pause before a subscription that was refused is asked for again, and the first rest of one
/// that cost connections: perhaps the broker itself broke down.
pub(super) const AGAIN: Duration = Duration::from_secs(60);

/// The filters of one SUBSCRIBE.
#[derive(Debug, Default)]
struct Group {
    filters: Vec<String>,
    /// The filters of which the broker may deliver messages: those that were sent on this
    /// connection and not refused.
    open: Vec<String>,
    /// Sent on this connection.
    asked: bool,
    /// Sessions in a row that ended before it was acknowledged.
    unconfirmed: u32,
    rests_until: Option<Instant>,
    /// It rested before because connections ended, and was not acknowledged since.
    rested: bool,
    /// Whether the log has a line about the refusal.
    told: bool,
}

/// All subscriptions, the most trusted first.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    groups: Vec<Group>,
    /// Sent and not acknowledged yet, oldest first; places in `groups`, and when they were sent.
    awaited: VecDeque<(usize, Instant)>,
}

impl Subscriptions {
    /// The filters in their order of trust; each inner list is subscribed to apart from the others.
    pub(super) fn new(lists: &[Vec<String>]) -> Self {
        let parts = lists.iter().flat_map(|list| list.chunks(FILTERS));
        let group = |filters: &[String]| Group {
            filters: filters.to_vec(),
            ..Group::default()
        };
        Self {
            groups: parts.map(group).collect(),
            awaited: VecDeque::new(),
        }
    }

    /// The filters to subscribe to now, if there are any. After trouble, one group waits for the
    /// acknowledgement of the one before, so that the culprit is known.
    pub(super) fn next(&mut self, now: Instant) -> Option<Vec<&str>> {
        if self.waits() {
            return None;
        }
        let wanted =
            |group: &Group| !group.asked && group.rests_until.is_none_or(|until| until <= now);
        let place = self.groups.iter().position(wanted)?;
        let group = &mut self.groups[place];
        group.asked = true;
        group.rests_until = None;
        group.open.clone_from(&group.filters);
        self.awaited.push_back((place, now));
        Some(group.filters.iter().map(String::as_str).collect())
    }

    /// Whether an acknowledgement must come before the next subscription.
    fn waits(&self) -> bool {
        let careful = self.groups.iter().any(|group| group.unconfirmed > 0);
        careful && !self.awaited.is_empty()
    }

    /// When the next group has rested; `None` if none rests, or if an acknowledgement comes first.
    pub(super) fn due_at(&self) -> Option<Instant> {
        if self.waits() {
            return None;
        }
        self.groups.iter().filter_map(|g| g.rests_until).min()
    }

    /// When patience with the oldest subscription that is not acknowledged ends.
    pub(super) fn overdue_at(&self) -> Option<Instant> {
        self.awaited.front().map(|(_, since)| *since + PATIENCE)
    }

    /// Whether the broker may deliver messages of `topic` on this connection.
    pub(super) fn cover(&self, topic: &str) -> bool {
        let mut open = self.groups.iter().flat_map(|group| &group.open);
        open.any(|filter| matches(filter, topic))
    }

    /// The broker answered the oldest subscription: whether it accepted each filter. Returns the
    /// filters that it refused, if that is news. They are asked for again after a pause.
    pub(super) fn answered(&mut self, accepted: &[bool], now: Instant) -> Vec<&str> {
        let Some((place, _)) = self.awaited.pop_front() else {
            return Vec::new();
        };
        let group = &mut self.groups[place];
        let mut answers = accepted.iter();
        group.open.retain(|_| answers.next() != Some(&false));
        group.unconfirmed = 0;
        group.rested = false;
        let refused = accepted.contains(&false);
        if refused {
            group.rest(now, AGAIN);
        }
        if !refused || std::mem::replace(&mut group.told, true) {
            group.told = refused;
            return Vec::new();
        }
        let answers = group.filters.iter().zip(accepted);
        let refused = answers.filter(|(_, accepted)| !**accepted);
        refused.map(|(filter, _)| filter.as_str()).collect()
    }

    /// A message above the largest packet came. Leaves out every group but the first, or that one
    /// if it was alone. Returns the filters that rest now.
    pub(super) fn too_large(&mut self, now: Instant) -> Vec<String> {
        let others = self.groups.iter().skip(1).any(|group| group.asked);
        let mut resting = Vec::new();
        for group in self.groups.iter_mut().skip(usize::from(others)) {
            if group.asked {
                group.rest(now, REST);
                resting.extend_from_slice(&group.filters);
            }
        }
        resting
    }

    /// The connection ended. Returns the filters that may have been the cause and rest now, and for
    /// how long the last of them rests.
    pub(super) fn ended(&mut self, now: Instant) -> (Vec<String>, Duration) {
        let (mut resting, mut time) = (Vec::new(), AGAIN);
        for (place, _) in std::mem::take(&mut self.awaited) {
            let group = &mut self.groups[place];
            group.unconfirmed += 1;
            if group.unconfirmed >= TRIES {
                // The next failure is enough.
                group.unconfirmed = TRIES - 1;
                let again = std::mem::replace(&mut group.rested, true);
                time = if again { REST } else { AGAIN };
                group.rest(now, time);
                resting.extend_from_slice(&group.filters);
            }
        }
        for group in &mut self.groups {
            group.asked = false;
            group.open.clear();
        }
        (resting, time)
    }
}

/// Whether `topic` is one of `filter`, whose last level may be `+`.
fn matches(filter: &str, topic: &str) -> bool {
    match filter.strip_suffix('+') {
        Some(before) => topic
            .strip_prefix(before)
            .is_some_and(|level| !level.contains('/')),
        None => filter == topic,
    }
}

impl Group {
    fn rest(&mut self, now: Instant, time: Duration) {
        self.asked = false;
        self.rests_until = now.checked_add(time);
    }
}

#[cfg(test)]
mod tests;
