//! What the daemon will need, part by part, before it begins, and whether that is allowed. Pure.
//!
//! What counts is resident memory, mapped weights and code among it: the number that `ps` shows and
//! that a limit of the system's is compared with.

use std::fmt;

use serde::{Deserialize, Serialize};

const MIB: f64 = (1 << 20) as f64;

/// Code and constants that come in after the start gave back its own: those of a frame's way, of
/// MQTT and of a reload. 2.2 to 2.8 MiB were measured on x86-64.
const CODE_TO_COME: usize = 7 << 19;
/// What reading and trying another model leaves with the allocator. Measured over fifty reloads,
/// and rounded up.
const RELOAD: usize = 512 << 10;
/// How much less of the code may be in at one start than at the next; 0.4 MiB were measured over
/// forty starts.
const SPREAD: usize = 512 << 10;
/// The stack that a thread of ours touches, with what the system's allocator keeps for it.
const STACK: usize = 96 << 10;
/// Frames that go round between the camera, the slot and the pipeline.
const FRAMES: usize = 3;

/// Section `[memory]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Most that may be resident, in MiB, 16 to 4096.
    pub budget_mb: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { budget_mb: 48 }
    }
}

impl Config {
    /// Checks the range.
    ///
    /// # Errors
    /// The key and what is allowed.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if (16..=4096).contains(&self.budget_mb) {
            return Ok(());
        }
        Err((
            "budget_mb",
            format!("must be 16 to 4096 MiB, and is {}", self.budget_mb),
        ))
    }

    /// The budget in bytes.
    pub fn bytes(&self) -> usize {
        (self.budget_mb as usize) << 20
    }
}

/// What the pages of a part are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Clean pages of a file: under pressure the system drops them and reads them again.
    File,
    /// Anonymous pages: they stay.
    Anonymous,
    /// A driver's buffers, mapped: they stay.
    Device,
}

/// One part of the need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it is for.
    pub what: &'static str,
    /// What its pages are.
    pub kind: Kind,
    /// How many bytes at most.
    pub bytes: usize,
    /// What changes it: keys of the configuration, or a command. Empty where nothing does.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub change: &'static str,
}

/// What runs the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// The int8 engine.
    Mapped(crate::engine::Memory),
    /// Plain tract, which takes about so many bytes.
    Plain(usize),
}

impl Model {
    /// Anonymous bytes of it.
    pub fn anonymous(&self) -> usize {
        match *self {
            Self::Mapped(memory) => memory.arena + memory.maps,
            Self::Plain(bytes) => bytes,
        }
    }
}

/// What the need is computed from, all in bytes but for `threads`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What runs the model.
    pub model: Model,
    /// Clean pages of code and constants that are resident now.
    pub code: usize,
    /// Relocated and writable data of the program and its libraries that are resident now.
    pub data: usize,
    /// Anonymous pages now, with `data` and the engine's own among them.
    pub anonymous: usize,
    /// A driver's buffers, all of them.
    pub device: usize,
    /// One frame where it is copied: a JPEG, or one of a recording.
    pub frame: usize,
    /// What decodes and shrinks a frame.
    pub vision: usize,
    /// The MQTT client, its queue full.
    pub mqtt: usize,
    /// Threads that are yet to start.
    pub threads: usize,
}

/// The parts of the need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// In the order of the table.
    pub parts: Vec<Part>,
}

impl Need {
    /// Adds up the parts.
    pub fn new(facts: &Facts) -> Self {
        use Kind::{Anonymous, Device, File};
        let mut parts = Vec::new();
        let mut add = |what, kind, bytes, change| {
            parts.push(Part {
                what,
                kind,
                bytes,
                change,
            });
        };
        let held = facts.model.anonymous();
        match facts.model {
            Model::Mapped(memory) => {
                add("weights, mapped", File, memory.mapped, "model.path");
                add("scratch arena", Anonymous, memory.arena, "model.threads");
                add("feature maps and logits", Anonymous, memory.maps, "");
                // While a model is loaded anew, the engine before it still holds its own.
                add("a second engine at a reload", Anonymous, held + RELOAD, "");
            }
            Model::Plain(bytes) => add("model in plain tract", Anonymous, bytes, "goldcrest pack"),
        }
        add("code and constants", File, facts.code + CODE_TO_COME, "");
        add("program's data", Anonymous, facts.data, "");
        add(
            "heap of all else",
            Anonymous,
            facts.anonymous.saturating_sub(facts.data + held),
            "",
        );
        let camera = "camera.format, camera.width, camera.height";
        add(
            "camera's buffers",
            Device,
            facts.device,
            "camera.buffers, camera.format, camera.width, camera.height",
        );
        add("frames under way", Anonymous, FRAMES * facts.frame, camera);
        add("decoder and resampler", Anonymous, facts.vision, camera);
        add("MQTT", Anonymous, facts.mqtt, "mqtt.queue, mqtt.max_packet");
        add("stacks", Anonymous, facts.threads * STACK, "model.threads");
        parts.retain(|part| part.bytes > 0);
        Self { parts }
    }

    /// All of it, in bytes.
    pub fn total(&self) -> usize {
        self.parts.iter().map(|p| p.bytes).sum()
    }

    /// What cannot be dropped under pressure, in bytes: an out-of-memory kill is certain under a
    /// limit below it.
    pub fn pinned(&self) -> usize {
        let pinned = self.parts.iter().filter(|p| p.kind != Kind::File);
        pinned.map(|p| p.bytes).sum()
    }

    /// Refuses a need over the budget.
    ///
    /// # Errors
    /// One line that says by how much and what to change.
    pub fn fits(&self, config: &Config) -> Result<(), String> {
        let (need, budget) = (self.total(), config.bytes());
        if need <= budget {
            return Ok(());
        }
        // Only what can bring it within the budget by itself is worth a word.
        let over = need - budget;
        let largest = self
            .parts
            .iter()
            .filter(|p| !p.change.is_empty() && p.bytes > over && p.kind != Kind::File)
            .max_by_key(|p| p.bytes);
        let change = match largest {
            Some(part) if part.change.contains(' ') && !part.change.contains('.') => {
                format!("make a bundle with `{}`, or ", part.change)
            }
            Some(part) => format!("change one of {}, or ", part.change),
            None => String::new(),
        };
        Err(format!(
            "memory.budget_mb: {:.1} MiB are needed and {} are allowed; {change}set it to {} or more",
            need as f64 / MIB,
            config.budget_mb,
            (need + SPREAD).div_ceil(1 << 20)
        ))
    }
}

impl fmt::Display for Need {
    /// The table, one line a part and no newline at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            let kind = match part.kind {
                Kind::File => "file",
                Kind::Anonymous => "anonymous",
                Kind::Device => "device",
            };
            writeln!(
                f,
                "  {:<28} {:>7.2} MiB  {kind}",
                part.what,
                part.bytes as f64 / MIB
            )?;
        }
        write!(
            f,
            "  {:<28} {:>7.2} MiB  {:.2} of it cannot be dropped",
            "in all, at most",
            self.total() as f64 / MIB,
            self.pinned() as f64 / MIB
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Memory;

    const FACTS: Facts = Facts {
        model: Model::Mapped(Memory {
            mapped: 28 << 20,
            arena: 1 << 20,
            maps: 1 << 20,
        }),
        code: 8 << 20,
        data: 1 << 20,
        anonymous: (3 << 20) + 500,
        device: 0,
        frame: 100 << 10,
        vision: 40 << 10,
        mqtt: 400 << 10,
        threads: 4,
    };

    #[test]
    fn the_parts_add_up_and_the_engine_is_not_counted_twice() {
        let need = Need::new(&FACTS);
        let heap = need.parts.iter().find(|p| p.what == "heap of all else");
        assert_eq!(heap.map(|p| p.bytes), Some(500));
        let anonymous = (2 << 20) + (2 << 20) + (1 << 20) + 500 + (300 << 10) + (440 << 10);
        assert_eq!(need.pinned(), anonymous + RELOAD + 4 * STACK);
        assert_eq!(
            need.total(),
            need.pinned() + (28 << 20) + (8 << 20) + CODE_TO_COME
        );
        assert!(need.to_string().lines().count() > 8);
    }

    #[test]
    fn a_need_over_the_budget_names_the_key_that_helps() {
        let ok = Config { budget_mb: 48 };
        assert_eq!(Need::new(&FACTS).fits(&ok), Ok(()));
        let mut facts = FACTS;
        facts.device = 24 << 20;
        let message = Need::new(&facts).fits(&ok).unwrap_err();
        assert!(
            message.starts_with("memory.budget_mb: 70.1 MiB"),
            "{message}"
        );
        assert!(message.contains("camera.buffers"), "{message}");
        assert!(message.contains("set it to 71 or more"), "{message}");
        // No key alone helps here.
        let tight = Config { budget_mb: 16 };
        let message = Need::new(&FACTS).fits(&tight).unwrap_err();
        assert!(!message.contains("change"), "{message}");
    }

    #[test]
    fn plain_tract_is_known_for_what_it_takes() {
        let facts = Facts {
            model: Model::Plain(160 << 20),
            ..FACTS
        };
        let message = Need::new(&facts).fits(&Config::default()).unwrap_err();
        assert!(message.contains("`goldcrest pack`"), "{message}");
        let need = message.split(' ').nth(1).unwrap().parse::<f64>().unwrap();
        assert!((150.0..200.0).contains(&need), "{message}");
    }

    #[test]
    fn the_range_is_checked() {
        for budget_mb in [0, 15, 4097] {
            assert_eq!(Config { budget_mb }.check().unwrap_err().0, "budget_mb");
        }
        assert_eq!(Config::default().check(), Ok(()));
    }
}
