//! The memory that a daemon will need, item by item, computed before it begins. Pure.
//!
//! The need is resident memory, mapped weights and code included: the number that `ps` shows.

use std::fmt;

use serde::Serialize;

use super::facts::{EngineMemory, Facts, SizedBy, sum};

const MIB: f64 = (1 << 20) as f64;

/// Code and constants that are read in after the start trimmed its own: for frames, MQTT and a
/// reload. 2.2 to 3.4 MiB were measured on x86-64, the most with all that MQTT can do.
const CODE_TO_COME: usize = 14 << 18;
/// Bytes that reading and trying another model leaves with the allocator. Measured over fifty
/// reloads and rounded up.
const RELOAD: usize = 512 << 10;
/// Stack that one thread touches, with what the allocator keeps for the thread.
const STACK: usize = 96 << 10;
/// Frames that circulate between the camera, the slot and the pipeline.
const FRAMES: usize = 3;

/// What backs the pages of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pages {
    /// Clean pages of a file: under pressure the system drops them and reads them again.
    File,
    /// Anonymous pages: they stay.
    Anonymous,
    /// A driver's buffers, mapped: they stay.
    Device,
}

/// One line of the need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Item {
    /// The item's name in the table.
    pub(crate) what: &'static str,
    /// What backs its pages.
    #[serde(rename = "kind")]
    pub(crate) pages: Pages,
    /// Bytes at most.
    pub(crate) bytes: usize,
    /// Configuration keys or a command that change it; empty where nothing does.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) change: &'static str,
}

/// The need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Need {
    /// In the order of the table.
    pub(crate) items: Vec<Item>,
}

impl Need {
    /// Computes every item.
    pub(crate) fn new(facts: &Facts) -> Self {
        use Pages::{Anonymous, Device, File};
        let mut items = Vec::new();
        let mut add = |what, pages, bytes, change| {
            items.push(Item {
                what,
                pages,
                bytes,
                change,
            });
        };
        let held = facts.engine.anonymous();
        match facts.engine {
            EngineMemory::Mapped(memory) => {
                add("weights, mapped", File, memory.mapped, "model.path");
                add("scratch arena", Anonymous, memory.arena, "model.threads");
                add("feature maps and logits", Anonymous, memory.maps, "");
                add("taught head", Anonymous, memory.head, "model.head");
                // While a model is reloaded, the engine before it still holds its own.
                add(
                    "a second engine at a reload",
                    Anonymous,
                    held.saturating_add(RELOAD),
                    "",
                );
            }
            EngineMemory::Plain(bytes) => {
                add("model in plain tract", Anonymous, bytes, "model.path");
            }
        }
        add("code and constants", File, facts.code + CODE_TO_COME, "");
        add("program's data", Anonymous, facts.data, "");
        add(
            "heap of all else",
            Anonymous,
            facts
                .anonymous
                .saturating_sub(sum([facts.data, held, facts.regions.held])),
            "",
        );
        let size = match facts.sized {
            SizedBy::Camera => "camera.format, camera.width, camera.height",
            SizedBy::Process => "process.format, process.width, process.height",
            SizedBy::Http => "http.width, http.height",
            SizedBy::Itself => "",
        };
        add(
            "camera's buffers",
            Device,
            facts.device,
            "camera.buffers, camera.format, camera.width, camera.height",
        );
        add("frames under way", Anonymous, FRAMES * facts.frame, size);
        add("source", Anonymous, facts.source, "");
        add("decoder and resampler", Anonymous, facts.vision, size);
        let regions = sum([facts.regions.held, facts.regions.coming]);
        add("regions beside the first", Anonymous, regions, "region");
        add(
            "MQTT",
            Anonymous,
            facts.mqtt,
            "outbox.max_bytes, mqtt.max_packet",
        );
        add(
            "snapshots",
            Anonymous,
            facts.snapshots,
            "snapshot.enabled, snapshot.longest_side, snapshot.max_bytes",
        );
        add(
            "pictures for review",
            Anonymous,
            facts.reviews,
            "review.folder, review.longest_side",
        );
        add(
            "lessons",
            Anonymous,
            facts.lessons,
            "teach.enabled, teach.max_examples, teach.pictures",
        );
        add("stacks", Anonymous, facts.threads * STACK, "model.threads");
        items.retain(|item| item.bytes > 0);
        Self { items }
    }

    /// The need of an engine that holds `memory`, by itself.
    pub(super) fn of_engine(memory: crate::engine::Memory) -> Self {
        let item = |what, pages, bytes| Item {
            what,
            pages,
            bytes,
            change: "model.path",
        };
        let held = EngineMemory::Mapped(memory).anonymous();
        Self {
            items: vec![
                item("weights, mapped", Pages::File, memory.mapped),
                item("engine", Pages::Anonymous, held),
            ],
        }
    }

    /// The sum, in bytes.
    pub(crate) fn total(&self) -> usize {
        sum(self.items.iter().map(|p| p.bytes))
    }

    /// Bytes that cannot be dropped under pressure. A limit below them kills the process for
    /// certain.
    pub(crate) fn pinned(&self) -> usize {
        let pinned = self.items.iter().filter(|p| p.pages != Pages::File);
        sum(pinned.map(|p| p.bytes))
    }
}

/// A change that makes the need smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// What is changed. Of several remedies for the same, the first that is enough is named.
    pub key: &'static str,
    /// What to do, as in `set camera.buffers = 2`.
    pub words: String,
    /// Bytes by which the need becomes smaller.
    pub saves: usize,
}

impl Remedy {
    /// What to do so that a need of `facts` becomes one of `changed`; `None` if it does not become
    /// smaller.
    pub fn new(key: &'static str, words: String, facts: &Facts, changed: &Facts) -> Option<Self> {
        let saves = Need::new(facts)
            .total()
            .checked_sub(Need::new(changed).total())?;
        (saves > 0).then_some(Self { key, words, saves })
    }
}

impl fmt::Display for Need {
    /// The table, one line an item, without a newline at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.items {
            let kind = match part.pages {
                Pages::File => "file",
                Pages::Anonymous => "anonymous",
                Pages::Device => "device",
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
pub(super) mod tests {
    use super::*;
    use crate::engine::Memory;
    use crate::memory::facts::Regions;

    pub(in crate::memory) const FACTS: Facts = Facts {
        engine: EngineMemory::Mapped(Memory {
            mapped: 28 << 20,
            arena: 1 << 20,
            maps: 1 << 20,
            head: 0,
        }),
        code: 8 << 20,
        data: 1 << 20,
        anonymous: (3 << 20) + 500,
        device: 0,
        frame: 100 << 10,
        source: 0,
        sized: SizedBy::Camera,
        vision: 40 << 10,
        regions: Regions { held: 0, coming: 0 },
        mqtt: 400 << 10,
        snapshots: 0,
        reviews: 0,
        lessons: 0,
        threads: 4,
    };

    #[test]
    fn the_parts_add_up_and_the_engine_is_not_counted_twice() {
        let need = Need::new(&FACTS);
        let heap = need.items.iter().find(|p| p.what == "heap of all else");
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
    fn a_head_counts_once_more_for_the_one_that_takes_its_place() {
        let EngineMemory::Mapped(memory) = FACTS.engine else {
            panic!("it is mapped")
        };
        let head = 100 << 10;
        let taught = Facts {
            engine: EngineMemory::Mapped(Memory { head, ..memory }),
            anonymous: FACTS.anonymous + head,
            ..FACTS
        };
        let (with, without) = (Need::new(&taught), Need::new(&FACTS));
        assert_eq!(with.pinned() - without.pinned(), 2 * head);
        assert!(with.to_string().contains("taught head"));
        assert!(!without.to_string().contains("taught head"));
    }
}
