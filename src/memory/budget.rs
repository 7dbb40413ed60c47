//! The budget: how much memory is allowed, and whether a need fits.

use serde::Deserialize;

use super::need::{Need, Remedy};
use crate::engine::Memory;
use crate::misfit::{Misfit, within};

const MIB: f64 = (1 << 20) as f64;
/// How much less of the code may be resident at one start than at the next; 0.4 MiB were measured
/// over forty starts.
const SPREAD: usize = 512 << 10;

/// The largest budget, in MiB.
const MOST: u32 = 4096;

/// Section `[memory]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Most that may be resident, in MiB, 16 to 4096.
    pub(crate) budget_mb: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { budget_mb: 48 }
    }
}

/// Why a daemon may not start, or a model may not be loaded: one line that says what to change.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The need is over the budget.
    #[error(
        "memory.budget_mb: {:.1} MiB are needed and {budget_mb} are allowed; {advice}",
        *.need as f64 / MIB
    )]
    OverBudget {
        /// Bytes that are needed.
        need: usize,
        /// The configured budget, in MiB.
        budget_mb: u32,
        /// What would help: each by itself.
        advice: String,
    },
    /// The control group's limit is below what cannot be dropped.
    #[error(
        "the system allows this process {:.1} MiB and {:.1} cannot be dropped: it would be killed; \
         raise MemoryMax= of the service to {enough_mb} MiB or more",
        *.limit as f64 / MIB,
        *.pinned as f64 / MIB
    )]
    UnderLimit {
        /// Bytes that the control group allows.
        limit: u64,
        /// Bytes that cannot be dropped under pressure.
        pinned: u64,
        /// The smallest limit without reading weights again, in MiB.
        enough_mb: u64,
    },
}

impl Config {
    /// Checks the range.
    ///
    /// # Errors
    /// The key and what is allowed.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        within("budget_mb", self.budget_mb, 16..=MOST, "MiB")
    }

    /// The budget in bytes, or all that this processor can count.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = u64::from(self.budget_mb) << 20;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Checks that an engine which holds `memory` fits by itself.
    ///
    /// # Errors
    /// [`Refusal::OverBudget`].
    pub(crate) fn admit_engine(&self, memory: Memory) -> Result<(), Refusal> {
        self.admit(&Need::of_engine(memory), &[])
    }

    /// Checks that `need` fits. A refusal names those of the `remedies` that are enough.
    ///
    /// # Errors
    /// [`Refusal::OverBudget`].
    pub(crate) fn admit(&self, need: &Need, remedies: &[Remedy]) -> Result<(), Refusal> {
        let (total, budget) = (need.total(), self.bytes());
        if total <= budget {
            return Ok(());
        }
        Err(Refusal::OverBudget {
            need: total,
            budget_mb: self.budget_mb,
            advice: advice(remedies, total - budget, total),
        })
    }
}

/// Names what would bring a need of `total` bytes, which are `over` too many, within the budget by
/// itself.
fn advice(remedies: &[Remedy], over: usize, total: usize) -> String {
    let mut helpful: Vec<&Remedy> = Vec::new();
    for remedy in remedies.iter().filter(|remedy| remedy.saves >= over) {
        if helpful.iter().all(|named| named.key != remedy.key) {
            helpful.push(remedy);
        }
    }
    let mut words: Vec<String> = helpful.iter().map(|remedy| remedy.words.clone()).collect();
    let enough = total.saturating_add(SPREAD).div_ceil(1 << 20);
    if enough <= MOST as usize {
        words.push(format!("set memory.budget_mb to {enough} or more"));
    }
    match words.split_last() {
        None => "no budget allows it".into(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{}, or {last}", rest.join(", or ")),
    }
}

/// Compares the control group's `limit` with the need.
///
/// # Errors
/// [`Refusal::UnderLimit`]. A limit that only costs speed is logged.
pub(super) fn within_limit(limit: u64, need: &Need) -> Result<(), Refusal> {
    let (pinned, total) = (need.pinned() as u64, need.total() as u64);
    if limit < pinned {
        return Err(Refusal::UnderLimit {
            limit,
            pinned,
            enough_mb: total.div_ceil(1 << 20),
        });
    }
    if limit < total {
        log::warn!(
            "memory: the system allows {:.1} MiB of {:.1}: weights will be read from the disk again and again; \
             raise MemoryMax= of the service",
            limit as f64 / MIB,
            total as f64 / MIB
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::need::tests::FACTS;

    fn remedy(key: &'static str, words: &str, mib: usize) -> Remedy {
        Remedy {
            key,
            words: words.into(),
            saves: mib << 20,
        }
    }

    #[test]
    fn a_refusal_names_what_is_enough_by_itself() {
        let config = Config { budget_mb: 48 };
        assert_eq!(config.admit(&Need::new(&FACTS), &[]), Ok(()));
        let mut facts = FACTS;
        facts.device = 24 << 20;
        let remedies = [
            remedy("threads", "set model.threads = 1", 1),
            remedy("size", "halve it", 20),
            remedy("size", "quarter it", 23),
            remedy("buffers", "set camera.buffers = 2", 23),
        ];
        let refused = config.admit(&Need::new(&facts), &remedies).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "memory.budget_mb: 70.1 MiB are needed and 48 are allowed; \
             quarter it, or set camera.buffers = 2, or set memory.budget_mb to 71 or more"
        );
    }

    /// A process of 32 bits has no more than the largest budget.
    #[cfg(target_pointer_width = "64")]
    #[test]
    fn a_need_beyond_every_budget_has_no_budget_as_advice() {
        use crate::memory::facts::{EngineMemory, Facts};
        let facts = Facts {
            engine: EngineMemory::Plain(5 << 30),
            ..FACTS
        };
        let refusal = Config::default()
            .admit(&Need::new(&facts), &[])
            .unwrap_err();
        let text = refusal.to_string();
        assert!(text.ends_with("no budget allows it"), "{text}");
    }

    #[test]
    fn a_budget_out_of_its_range_is_named() {
        for budget_mb in [0, 15, 4097] {
            assert_eq!(Config { budget_mb }.check().unwrap_err().key, "budget_mb");
        }
        assert_eq!(Config::default().check(), Ok(()));
    }
}
