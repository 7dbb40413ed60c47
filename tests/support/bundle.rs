//! Broken bundles.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

const PAGE: usize = 4096;

/// Replaces the file `name` by `bytes` as packing does: under another name first.
pub fn replace(folder: &Path, name: &str, bytes: &[u8]) {
    let part = folder.join("part");
    fs::write(&part, bytes).expect("room for a file");
    fs::rename(part, folder.join(name)).expect("it takes its place");
}

/// The bundle in `folder`, changed: `change` gets its arrays and its manifest. Head and sums are
/// made to fit.
pub fn remade(folder: &Path, change: impl FnOnce(&mut Vec<u8>, &mut String)) -> Vec<u8> {
    let mut bytes = fs::read(folder.join("model.bundle")).expect("the bundle");
    let at = u64::from_le_bytes(bytes[24..32].try_into().expect("eight bytes")) as usize;
    let mut manifest = String::from_utf8(bytes.split_off(at)).expect("a manifest of text");
    change(&mut bytes, &mut manifest);
    let at = bytes.len() as u64;
    bytes.extend_from_slice(manifest.as_bytes());
    let length = bytes.len() as u64;
    let crc = crc32fast::hash(&bytes[PAGE..]);
    let sha256 = Sha256::digest(&bytes[PAGE..]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes[16..24].copy_from_slice(&length.to_le_bytes());
    bytes[24..32].copy_from_slice(&at.to_le_bytes());
    bytes[32..64].copy_from_slice(&sha256);
    seal(&mut bytes);
    bytes
}

/// Makes the head's own sum fit.
pub fn seal(bytes: &mut [u8]) {
    let head = crc32fast::hash(&bytes[..64]);
    bytes[64..68].copy_from_slice(&head.to_le_bytes());
}

/// Bundles with one fault each, and words of the message about it. The first four show when a
/// bundle is opened, the others once it is read or tried as a whole.
pub fn broken(folder: &Path) -> Vec<(Vec<u8>, &'static str)> {
    let good = fs::read(folder.join("model.bundle")).expect("the bundle");
    let middle = good.len() / 2;
    let changed = |at: usize, bits: u8| {
        let mut bytes = good.clone();
        bytes[at] ^= bits;
        bytes
    };
    assert_eq!(
        remade(folder, |_, _| {}),
        good,
        "sums are made as packing makes them"
    );
    let mut forged = changed(40, 1);
    seal(&mut forged);
    vec![
        (good[..middle].to_vec(), "bytes instead of"),
        (b"no bundle".to_vec(), "it is not a bundle of Goldcrest's"),
        (changed(8, good[8]), "it is a bundle of form 0"),
        (changed(middle, 1), "its checksum is wrong"),
        // The head is consistent and has the SHA-256 of other bytes.
        (forged, "its SHA-256 is wrong"),
        // A weight differs and all sums are right: only the golden input shows it.
        (
            remade(folder, |bytes, _| bytes[middle] ^= 0x40),
            "do not give the logits that packing stored",
        ),
    ]
}
