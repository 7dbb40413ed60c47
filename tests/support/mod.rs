//! What several tests share: the built program, a daemon, a broker and those who talk to it.

// Each test program uses its own part of this.
#![allow(dead_code, unused_imports)]

pub mod broker;
pub mod bundle;
pub mod certificates;
pub mod cgroup;
pub mod daemon;
pub mod everything;
pub mod head;
pub mod live;
pub mod program;
pub mod schema;
pub mod subscriber;
pub mod talker;
pub mod vivid;
pub mod web;

use std::thread;
use std::time::{Duration, Instant};

pub use broker::{Broker, free_port};
pub use daemon::Daemon;
pub use subscriber::{Received, Subscriber};
pub use talker::Talker;

/// How long a test waits for what must come. Generous, because the machine may be busy; only a test
/// that fails waits for all of it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Calls `holds` until it returns true or the time is up, and returns its last answer.
pub fn wait_for(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
