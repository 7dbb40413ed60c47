//! What tells this machine apart from others: its name, its id and its serial number.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

/// Where the kernel shows the machine's name.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// The machine's name, up to its first dot; none where the system has none.
pub(crate) fn hostname() -> Option<String> {
    let name = text(HOSTNAME)?;
    let first = name.split('.').next().unwrap_or_default();
    (!first.is_empty()).then(|| first.to_string())
}

/// The machine's id, as its installation made it. Hash it before it leaves the machine: others must
/// not learn it (machine-id(5)).
fn machine_id() -> Option<String> {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .find_map(text)
        // An image that was not started yet.
        .filter(|id| id != "uninitialized")
}

/// The machine's id, or its name where it has none; empty where it has neither. To be hashed as
/// well.
pub(crate) fn id() -> String {
    let id = machine_id().or_else(|| text(HOSTNAME));
    id.unwrap_or_default()
}

/// Eight hexadecimal digits that stand for the machine's id and do not reveal it.
pub(crate) fn machine() -> Option<String> {
    machine_id().map(|id| digits(&id))
}

fn digits(id: &str) -> String {
    let hash = Sha256::digest(format!("goldcrest machine {id}"));
    hash[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The board's serial number: of the device tree, or of `/proc/cpuinfo`, as on a Raspberry Pi.
pub(crate) fn serial() -> Option<String> {
    text("/proc/device-tree/serial-number")
        .or_else(|| serial_in(&fs::read_to_string("/proc/cpuinfo").ok()?))
}

fn serial_in(cpuinfo: &str) -> Option<String> {
    let serial = cpuinfo.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "Serial").then(|| value.trim().to_string())
    })?;
    // Boards without one show zeros.
    (!serial.trim_matches('0').is_empty()).then_some(serial)
}

/// A short text of the system; the device tree ends it with a zero byte.
fn text(path: impl AsRef<Path>) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    (!text.is_empty()).then(|| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_of_a_machine_do_not_show_its_id() {
        let id = "0123456789abcdef0123456789abcdef";
        let found = digits(id);
        assert_eq!(found, digits(id));
        assert_ne!(found, digits("1123456789abcdef0123456789abcdef"));
        assert!(found.len() == 8 && found.bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(!id.contains(&found));
    }

    #[test]
    fn a_raspberry_pi_shows_its_serial_number_among_its_processors() {
        let cpuinfo = "processor\t: 0\nBogoMIPS\t: 108.00\n\nRevision\t: c03111\nSerial\t\t: 10000000abcdef01\n";
        assert_eq!(serial_in(cpuinfo).as_deref(), Some("10000000abcdef01"));
        assert_eq!(serial_in("Serial\t\t: 0000000000000000\n"), None);
        assert_eq!(serial_in("processor\t: 0\n"), None);
    }

    #[test]
    fn this_machine_has_a_name() {
        let name = hostname().unwrap();
        assert!(!name.contains(['.', '\n', '\0']), "{name:?}");
    }
}
