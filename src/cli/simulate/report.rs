//! What a simulation found.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::device::Device;
use super::tally::Tally;
use crate::exit;
use crate::publish::MessageCounts;
use crate::setup::Failure;

/// What `--json` prints.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    devices: usize,
    /// Devices that are connected at the end.
    connected: usize,
    /// Connections that the broker accepted, of all devices.
    connections: u64,
    /// For how long all devices published.
    seconds: f64,
    /// Messages of all topics a second, in this time.
    messages_per_second: f64,
    /// Bytes that a device would publish in a day at this rate, MQTT's own included and those of
    /// TLS and TCP not.
    bytes_per_device_day: u64,
    /// Events that were handed to the publishers.
    sent: u64,
    arrived: u64,
    /// Sent events that did not arrive.
    lost: u64,
    /// Of these, events that a full outbox dropped.
    dropped: u64,
    doubled: u64,
    /// Events that arrived for the first time after a later one of their device.
    out_of_order: u64,
    /// Payloads on the topic of events that are none.
    unreadable: u64,
}

impl Report {
    /// What `tally` heard of these devices, which published for `window`.
    pub(super) fn new(tally: &Tally, devices: &[Device], window: Duration) -> Self {
        let counts: Vec<MessageCounts> = devices.iter().map(|d| d.publisher.counts()).collect();
        let sent: u64 = devices.iter().map(Device::events).sum();
        let seconds = window.as_secs_f64().max(1e-3);
        let day = 86_400.0 / seconds / devices.len().max(1) as f64;
        Self {
            devices: devices.len(),
            connected: counts.iter().filter(|counts| counts.connected).count(),
            connections: counts.iter().map(|counts| counts.connections).sum(),
            seconds: (seconds * 10.0).round() / 10.0,
            messages_per_second: (tally.messages as f64 / seconds * 10.0).round() / 10.0,
            bytes_per_device_day: (tally.bytes as f64 * day) as u64,
            sent,
            arrived: tally.arrived,
            lost: sent.saturating_sub(tally.arrived),
            dropped: counts.iter().map(|counts| counts.events.unsent).sum(),
            doubled: tally.doubled,
            out_of_order: tally.late,
            unreadable: tally.unreadable,
        }
    }

    /// Success only if no event was lost.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let message = match self {
            Self { sent: 0, .. } => "simulate: no event was sent".to_string(),
            Self { lost: 0, .. } => return Ok(()),
            Self { lost, sent, .. } => format!("simulate: {lost} of {sent} events did not arrive"),
        };
        Err(Failure::new(exit::UNAVAILABLE, message))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "devices      {}, {} connected at the end; {} connections",
            self.devices, self.connected, self.connections
        )?;
        writeln!(
            f,
            "rate         {} messages a second over {} s",
            self.messages_per_second, self.seconds
        )?;
        writeln!(
            f,
            "traffic      {} bytes a device and day",
            self.bytes_per_device_day
        )?;
        writeln!(f, "sent         {} events", self.sent)?;
        writeln!(f, "arrived      {}", self.arrived)?;
        writeln!(
            f,
            "lost         {}, {} of them dropped by full outboxes",
            self.lost, self.dropped
        )?;
        writeln!(f, "doubled      {}", self.doubled)?;
        write!(f, "out of order {}", self.out_of_order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(sent: u64, lost: u64) -> Report {
        let mut report = Report::new(&Tally::new(1), &[], Duration::from_secs(1));
        (report.sent, report.lost) = (sent, lost);
        report
    }

    #[test]
    fn only_a_run_that_lost_nothing_succeeds() {
        assert!(report(5, 0).verdict().is_ok());
        let failure = report(5, 2).verdict().unwrap_err();
        assert_eq!(failure.code, exit::UNAVAILABLE);
        assert_eq!(failure.message, "simulate: 2 of 5 events did not arrive");
        // A run without events proves nothing.
        assert!(report(0, 0).verdict().is_err());
    }
}
