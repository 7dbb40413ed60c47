//! The name under which the broker knows this client. Two clients of one name push each other out
//! for ever.

use sha2::{Digest, Sha256};

use crate::publish::Config;

/// The client id that is configured, or one that no other instance and no other machine has.
pub(in crate::publish) fn client_id(config: &Config, id: &str) -> String {
    if let Some(client_id) = &config.client_id {
        return client_id.clone();
    }
    let machine = [
        "/etc/machine-id",
        "/var/lib/dbus/machine-id",
        "/proc/sys/kernel/hostname",
    ]
    .iter()
    .find_map(|path| {
        std::fs::read_to_string(path)
            .ok()
            .filter(|s| !s.trim().is_empty())
    })
    .unwrap_or_default();
    hashed(machine.trim(), id)
}

/// The same for a visitor that must not push out the daemon of the same instance.
pub(in crate::publish) fn visitor_id(config: &Config, id: &str, purpose: &str) -> String {
    match &config.client_id {
        Some(client_id) => format!("{client_id}-{purpose}"),
        None => client_id(config, &format!("{id} {purpose} {}", std::process::id())),
    }
}

/// 23 letters and digits, which every broker has to take (MQTT 3.1.1, 3.1.3.1). Hashed because a
/// machine's id is not to be shown to others (machine-id(5)).
fn hashed(machine: &str, id: &str) -> String {
    let mut hash = Sha256::new();
    for part in ["goldcrest mqtt client", machine, id] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hex: String = hash.finalize()[..7]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    format!("goldcrest{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_differ_by_machine_and_instance_and_suit_every_broker() {
        let ids = [
            hashed("a", "front"),
            hashed("b", "front"),
            hashed("a", "back"),
            hashed("afront", ""),
        ];
        for (n, id) in ids.iter().enumerate() {
            assert!(
                id.len() <= 23 && id.chars().all(|c| c.is_ascii_alphanumeric()),
                "{id}"
            );
            assert!(!ids[..n].contains(id), "{id}");
        }
        assert_eq!(ids[0], hashed("a", "front"));
        let config = Config {
            client_id: Some("mine".into()),
            ..Config::default()
        };
        assert_eq!(client_id(&config, "front"), "mine");
        assert_eq!(visitor_id(&config, "front", "replay"), "mine-replay");
        let config = Config::default();
        let visitor = visitor_id(&config, "front", "replay");
        assert_ne!(visitor, client_id(&config, "front"));
        assert_ne!(visitor, visitor_id(&config, "front", "check"));
    }
}
