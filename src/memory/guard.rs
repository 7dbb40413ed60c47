//! Watches the running daemon's memory, and logs once when it leaves its bounds.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::budget::{Config, Refusal, within_limit};
use super::facts::{EngineMemory, Facts};
use super::need::{Need, Remedy};
use crate::engine::Memory;
use crate::meter::cgroup::{Cgroup, Pressure};
use crate::meter::process::{self, Resident};
use crate::source::Monitor;

/// How often memory is read.
const EVERY: Duration = Duration::from_secs(10);
/// Share of time spent waiting for memory, in percent: above the first it is logged, below the
/// second the trouble is over.
const STALLED: (f64, f64) = (10.0, 5.0);

/// The memory at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Reading {
    /// The budget.
    pub(crate) budget_mb: u32,
    /// This process's pages.
    pub(crate) resident: Resident,
    /// The control group, where there is one.
    pub(crate) pressure: Option<Pressure>,
}

/// The watch over one daemon's memory.
#[derive(Debug)]
pub struct Guard {
    config: Config,
    facts: Facts,
    /// Bytes of the driver's buffers by the configuration.
    counted: usize,
    need: Need,
    remedies: Vec<Remedy>,
    cgroup: Option<Cgroup>,
    last: Reading,
    due: Instant,
    over: bool,
    pressed: bool,
}

impl Guard {
    /// Begins the watch with the need that `facts` make, which `remedies` would make smaller.
    pub fn new(config: &Config, facts: Facts, remedies: Vec<Remedy>) -> Self {
        let cgroup = Cgroup::own();
        let seen = Reading {
            budget_mb: config.budget_mb,
            resident: process::resident(),
            pressure: cgroup.as_ref().map(Cgroup::read),
        };
        Self {
            config: config.clone(),
            need: Need::new(&facts),
            counted: facts.device,
            facts,
            remedies,
            cgroup,
            last: seen,
            due: Instant::now() + EVERY,
            over: false,
            pressed: false,
        }
    }

    /// The parts of the need.
    pub(crate) fn need(&self) -> &Need {
        &self.need
    }

    /// The budget, in bytes.
    pub(crate) fn budget(&self) -> usize {
        self.config.bytes()
    }

    /// Puts another budget into force. Returns the one before.
    pub(crate) fn set_budget(&mut self, config: Config) -> Config {
        std::mem::replace(&mut self.config, config)
    }

    /// Bytes that the budget leaves beside the need, with the driver's buffers as they were counted
    /// at the start.
    pub(crate) fn spare(&self) -> usize {
        let need = self.need.total().saturating_sub(self.facts.device);
        let need = need.saturating_add(self.counted);
        self.budget().saturating_sub(need)
    }

    /// The last reading.
    pub(crate) fn last(&self) -> &Reading {
        &self.last
    }

    /// Checks the need against the budget and the control group's limit. A limit that only costs
    /// speed is logged.
    ///
    /// # Errors
    /// Either is exceeded.
    pub(crate) fn admit(&self) -> Result<(), Refusal> {
        self.config.admit(&self.need, &self.remedies)?;
        match self.last.pressure.and_then(|p| p.limit) {
            Some(limit) => within_limit(limit, &self.need),
            None => Ok(()),
        }
    }

    /// Reads the memory if that is due, and the size of the driver's buffers from `camera`. Logs
    /// one line when something got worse, and one when it is well again.
    pub(crate) fn check(&mut self, camera: &Monitor) {
        let now = Instant::now();
        if now < self.due {
            return;
        }
        self.due = now + EVERY;
        self.device(camera.status().buffer_bytes);
        // A reload may have put another budget into force.
        camera.allow(self.spare());
        let seen = Reading {
            budget_mb: self.config.budget_mb,
            resident: process::resident(),
            pressure: self.cgroup.as_ref().map(Cgroup::read),
        };
        self.judge(seen);
    }

    /// Notes the size of the buffers that a driver gave, in bytes.
    fn device(&mut self, bytes: usize) {
        if bytes <= self.facts.device {
            return;
        }
        self.facts.device = bytes;
        self.need = Need::new(&self.facts);
        match self.config.admit(&self.need, &self.remedies) {
            Ok(()) => log::info!(
                "memory: the camera's buffers take {:.1} MiB",
                mib(bytes as u64)
            ),
            Err(why) => log::warn!("with the buffers that the camera's driver gave, {why}"),
        }
    }

    fn judge(&mut self, seen: Reading) {
        let before = std::mem::replace(&mut self.last, seen);
        let budget = f64::from(self.config.budget_mb);
        let over = seen.resident.rss_mb > budget;
        if over && !self.over {
            log::warn!(
                "memory: {:.1} MiB are resident, {:.1} of them anonymous, and memory.budget_mb is {budget}",
                seen.resident.rss_mb,
                seen.resident.rss_anon_mb
            );
        } else if self.over && !over {
            log::info!("memory: within memory.budget_mb = {budget} again");
        }
        self.over = over;
        let (Some(now), Some(then)) = (seen.pressure, before.pressure) else {
            return;
        };
        if now.killed > then.killed {
            log::warn!(
                "memory: the system killed {} process(es) of this control group for want of memory",
                now.killed - then.killed
            );
        }
        let stalled = now.stalled.unwrap_or(0.0);
        if stalled > STALLED.0 && !self.pressed {
            self.pressed = true;
            log::warn!(
                "memory: {stalled:.0} % of the time is spent waiting for memory; raise MemoryMax= of the service"
            );
        } else if stalled < STALLED.1 && self.pressed {
            self.pressed = false;
            log::info!("memory: no longer waiting for memory");
        }
    }

    /// Checks that an engine which holds `memory` may replace the current one.
    ///
    /// # Errors
    /// As [`Guard::admit`].
    pub(crate) fn allows(&self, memory: Memory) -> Result<(), Refusal> {
        self.config.admit(&self.with(memory), &self.remedies)
    }

    /// Notes that the current engine holds `memory`.
    pub(crate) fn changed(&mut self, memory: Memory) {
        self.facts = self.facts_with(memory);
        self.need = Need::new(&self.facts);
    }

    fn with(&self, memory: Memory) -> Need {
        Need::new(&self.facts_with(memory))
    }

    fn facts_with(&self, memory: Memory) -> Facts {
        let engine = EngineMemory::Mapped(memory);
        let rest = self
            .facts
            .anonymous
            .saturating_sub(self.facts.engine.anonymous());
        Facts {
            anonymous: rest.saturating_add(engine.anonymous()),
            engine,
            ..self.facts
        }
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests;
