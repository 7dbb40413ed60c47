//! The name of an instance in Home Assistant's topic and ids.
//!
//! A unique id must differ from those of all other devices of the house. Two boards that were set
//! up from one image share the instance's id, and two instances on one board share the machine's
//! id, so the name is made of both.

use sha2::{Digest, Sha256};

use crate::identity;

/// Whether Home Assistant allows `character` in the levels of a discovery topic.
pub(super) fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

/// The default node of the instance `id` on this machine.
pub(super) fn default(id: &str) -> String {
    of(&identity::id(), id)
}

/// The id with `_` for each character that Home Assistant does not allow, and eight hex digits of a
/// hash. A machine's id must not be revealed to others (machine-id(5)), so only the hash is.
fn of(machine: &str, id: &str) -> String {
    let mut hash = Sha256::new();
    for part in ["goldcrest homeassistant node", machine, id] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hex: String = hash.finalize()[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mapped: String = id
        .chars()
        .map(|c| if is_allowed(c) { c } else { '_' })
        .collect();
    format!("{mapped}_{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_differ_by_machine_and_instance() {
        let nodes = [
            of("a", "front"),
            of("b", "front"),
            of("a", "back"),
            of("a", "front.door"),
            of("a", "front_door"),
        ];
        for (n, node) in nodes.iter().enumerate() {
            assert!(!nodes[..n].contains(node), "{node}");
        }
        assert_eq!(nodes[0], of("a", "front"));
    }

    #[test]
    fn a_node_has_only_what_home_assistant_allows() {
        for id in ["front", "front.door", "für alle", "a b", &"x".repeat(64)] {
            let node = of("machine", id);
            assert!(node.chars().all(is_allowed), "{node}");
            assert!(node.len() <= 64 + 9, "{node}");
        }
        assert!(of("machine", "vor der Tür").starts_with("vor_der_T_r_"));
    }
}
