//! The budget: how much memory is allowed, and whether a need fits.

use serde::Deserialize;

use super::need::{Need, Pages};
use crate::misfit::{Misfit, within};

const MIB: f64 = (1 << 20) as f64;
/// How much less of the code may be resident at one start than at the next; 0.4 MiB were measured
/// over forty starts.
const SPREAD: usize = 512 << 10;

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
        "memory.budget_mb: {:.1} MiB are needed and {budget_mb} are allowed; {advice}set it to {enough_mb} or more",
        *.need as f64 / MIB
    )]
    OverBudget {
        /// Bytes that are needed.
        need: usize,
        /// The configured budget, in MiB.
        budget_mb: u32,
        /// What else would help, ready to stand before the last clause; empty where nothing would.
        advice: String,
        /// The smallest budget that is enough, in MiB.
        enough_mb: usize,
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
        within("budget_mb", self.budget_mb, 16..=4096, "MiB")
    }

    /// The budget in bytes.
    pub(crate) fn bytes(&self) -> usize {
        (self.budget_mb as usize) << 20
    }

    /// Checks that `need` fits.
    ///
    /// # Errors
    /// [`Refusal::OverBudget`].
    pub(crate) fn admit(&self, need: &Need) -> Result<(), Refusal> {
        let (total, budget) = (need.total(), self.bytes());
        if total <= budget {
            return Ok(());
        }
        Err(Refusal::OverBudget {
            need: total,
            budget_mb: self.budget_mb,
            advice: advice(need, total - budget),
            enough_mb: (total + SPREAD).div_ceil(1 << 20),
        })
    }
}

/// Names what would bring a need that is `over` bytes too large within the budget by itself.
fn advice(need: &Need, over: usize) -> String {
    let largest = need
        .items
        .iter()
        .filter(|i| !i.change.is_empty() && i.bytes > over && i.pages != Pages::File)
        .max_by_key(|i| i.bytes);
    match largest {
        Some(item) => format!("change one of {}, or ", item.change),
        None => String::new(),
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
    use crate::memory::need::{EngineMemory, Facts};

    #[test]
    fn a_need_over_the_budget_names_the_key_that_helps() {
        let config = Config { budget_mb: 48 };
        assert_eq!(config.admit(&Need::new(&FACTS)), Ok(()));
        let mut facts = FACTS;
        facts.device = 24 << 20;
        let message = config.admit(&Need::new(&facts)).unwrap_err().to_string();
        assert!(
            message.starts_with("memory.budget_mb: 70.1 MiB"),
            "{message}"
        );
        assert!(message.contains("camera.buffers"), "{message}");
        assert!(message.contains("set it to 71 or more"), "{message}");
    }

    #[test]
    fn no_key_is_named_where_none_alone_helps() {
        let tight = Config { budget_mb: 16 };
        let message = tight.admit(&Need::new(&FACTS)).unwrap_err().to_string();
        assert!(!message.contains("change"), "{message}");
    }

    #[test]
    fn a_model_in_plain_tract_is_named_as_what_to_change() {
        let facts = Facts {
            engine: EngineMemory::Plain(160 << 20),
            ..FACTS
        };
        let refusal = Config::default().admit(&Need::new(&facts)).unwrap_err();
        assert!(refusal.to_string().contains("model.path"), "{refusal}");
        let Refusal::OverBudget { need, .. } = refusal else {
            panic!("{refusal}");
        };
        assert!((150 << 20..200 << 20).contains(&need), "{need}");
    }

    #[test]
    fn a_budget_out_of_its_range_is_named() {
        for budget_mb in [0, 15, 4097] {
            assert_eq!(Config { budget_mb }.check().unwrap_err().key, "budget_mb");
        }
        assert_eq!(Config::default().check(), Ok(()));
    }
}
