//! The client id. Two clients with the same id disconnect each other in turn, without end.

use sha2::{Digest, Sha256};

use crate::identity;
use crate::publish::Config;

/// The configured client id, or one that is unique to this instance and machine.
pub(crate) fn client_id(config: &Config, id: &str) -> String {
    if let Some(client_id) = &config.client_id {
        return client_id.clone();
    }
    hashed(&identity::id(), id)
}

/// A client id for a short `purpose`, which differs from that of the instance's daemon.
pub(crate) fn temporary_client_id(config: &Config, id: &str, purpose: &str) -> String {
    match &config.client_id {
        Some(client_id) => format!("{client_id}-{purpose}"),
        None => client_id(config, &format!("{id} {purpose} {}", std::process::id())),
    }
}

/// 23 letters and digits, which every broker must accept (MQTT 3.1.1, section 3.1.3.1). Hashed
/// because a machine's id must not be revealed to others (machine-id(5)).
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
    fn client_ids_differ_by_machine_and_instance() {
        let ids = [
            hashed("a", "front"),
            hashed("b", "front"),
            hashed("a", "back"),
            hashed("afront", ""),
        ];
        for (n, id) in ids.iter().enumerate() {
            assert!(!ids[..n].contains(id), "{id}");
        }
        assert_eq!(ids[0], hashed("a", "front"));
    }

    #[test]
    fn a_client_id_suits_every_broker() {
        let id = hashed("a", "front");
        assert_eq!(id.len(), 23);
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
    }

    #[test]
    fn a_configured_client_id_is_used() {
        let config = Config {
            client_id: Some("mine".into()),
            ..Config::default()
        };
        assert_eq!(client_id(&config, "front"), "mine");
        assert_eq!(
            temporary_client_id(&config, "front", "replay"),
            "mine-replay"
        );
    }

    #[test]
    fn a_temporary_client_id_differs_from_the_daemons() {
        let config = Config::default();
        let replay = temporary_client_id(&config, "front", "replay");
        assert_ne!(replay, client_id(&config, "front"));
        assert_ne!(replay, temporary_client_id(&config, "front", "check"));
    }
}
