//! The state of a live source, as it is published.

use std::time::{Duration, Instant, SystemTime};

use crate::frame::{Captured, Frame, PixelFormat};
use crate::source::{Loss, Mode, Monitor, SourceState, Status};

/// The state, and what of it other threads have yet to hear.
pub(in crate::source) struct Standing {
    pub status: Status,
    monitor: Monitor,
    /// Whether more of the status than its counters has changed.
    changed: bool,
    begun: Instant,
}

impl Standing {
    /// The state of a source that was not opened yet and is called `card`.
    pub fn new(card: String) -> Self {
        let status = Status {
            card: Some(card),
            ..Status::new()
        };
        Self {
            monitor: Monitor::new(&status),
            status,
            changed: false,
            begun: Instant::now(),
        }
    }

    /// The state, for other threads.
    pub fn monitor(&self) -> Monitor {
        self.monitor.clone()
    }

    /// The loss of a source that is asked to begin anew.
    pub fn reopens(&self) -> Option<Loss> {
        self.monitor.reopens()
    }

    /// The moment from which times count.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// How long frames have come; nothing if they do not.
    pub fn good(&self) -> Duration {
        match self.status.state {
            SourceState::Streaming => self
                .begun
                .elapsed()
                .saturating_sub(self.status.since.elapsed),
            SourceState::Lost => Duration::ZERO,
        }
    }

    /// Notes that no frames come. The same message is published once.
    pub fn lose(&mut self, loss: Loss) {
        let before = self.status.loss.as_ref();
        if before.is_some_and(|before| before.cause == loss.cause && alike(before, &loss)) {
            return;
        }
        self.changed = true;
        let now = self.now();
        self.status.lose(loss, now);
    }

    /// Notes that `frame` came.
    pub fn streams(&mut self, frame: &Frame) {
        self.status.counters.delivered += 1;
        if self.status.state == SourceState::Streaming {
            return;
        }
        self.changed = true;
        self.status.state = SourceState::Streaming;
        self.status.loss = None;
        self.status.since = self.now();
        let mode = mode(frame);
        log::info!(
            "camera streaming: {}, {} {}x{}",
            self.status.card.as_deref().unwrap_or_default(),
            mode.fourcc,
            mode.width,
            mode.height
        );
        self.status.mode = Some(mode);
    }

    /// Tells other threads what has changed.
    pub fn tell(&mut self) {
        let changed = std::mem::take(&mut self.changed);
        self.monitor.tell(&self.status, changed);
    }

    fn now(&self) -> Captured {
        Captured {
            elapsed: self.begun.elapsed(),
            wall: SystemTime::now(),
        }
    }
}

/// Whether two messages differ only in words that change each time, such as a process's number or
/// an address in memory.
fn alike(one: &Loss, other: &Loss) -> bool {
    let mut words = one.message.split(' ');
    let mut others = other.message.split(' ');
    let passing = |word: &str| word.len() > 3 && word.contains(|c: char| c.is_ascii_digit());
    loop {
        match (words.next(), others.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b || (passing(a) && passing(b)) => {}
            _ => return false,
        }
    }
}

/// The mode of a stream, by one of its frames. Nobody tells its rate.
fn mode(frame: &Frame) -> Mode {
    let fourcc = match frame.format {
        PixelFormat::Jpeg => "MJPG".into(),
        raw => raw.to_string(),
    };
    Mode {
        format: frame.format,
        fourcc,
        width: frame.width,
        height: frame.height,
        stride: frame.stride,
        colour: frame.colour,
        size_image: match frame.format {
            PixelFormat::Jpeg => 0,
            _ => frame.data.len(),
        },
        fps: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Cause;

    #[test]
    fn a_message_that_only_counts_on_is_published_once() {
        let mut standing = Standing::new("eye".into());
        let monitor = standing.monitor();
        let mut seen = 0;
        monitor.change(&mut seen);
        let mut changes = |message: &str| {
            standing.lose(Loss::new(Cause::Exited, message));
            standing.tell();
            monitor.change(&mut seen).is_some()
        };
        assert!(changes(
            "eye ended with code 1; its last line: [rtsp @ 0x55d0c8] refused"
        ));
        assert!(!changes(
            "eye ended with code 1; its last line: [rtsp @ 0x77a0e1] refused"
        ));
        assert!(changes(
            "eye ended with code 3; its last line: [rtsp @ 0x77a0e1] refused"
        ));
        assert!(changes(
            "eye ended with code 3; its last line: unknown host"
        ));
    }
}
