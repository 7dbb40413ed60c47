//! The first page of a bundle: its form, length and checksums.

use super::mismatch::Mismatch;
use super::stamp::{self, Stamp};
use crate::engine::labels::one_line;

/// The form of bundle that this version writes and reads.
const FORM: u32 = 1;

const MAGIC: &[u8; 8] = b"GOLDCRST";

/// Bytes of the page that the header has for itself. Arrays follow it.
pub(super) const PAGE: usize = 4096;

/// The longest manifest, in bytes. That of a ConvNeXt Large has 30 KB.
const MANIFEST: u64 = 256 << 10;

/// Where the stamp stands in that page.
const STAMP: usize = 72;

/// The facts in a header.
#[derive(Debug)]
pub(super) struct BundleHeader {
    /// CRC-32 of everything after the first page.
    pub crc: u32,
    /// Length of the file.
    pub length: u64,
    /// Offset of the manifest, at which the arrays end.
    pub manifest: u64,
    /// SHA-256 of everything after the first page.
    pub sha256: [u8; 32],
    /// The ONNX file that was packed; none in a bundle of an older version.
    pub stamp: Option<Stamp>,
}

/// Why a file is no bundle that this version can run.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it is not a bundle of Goldcrest's")]
    Foreign,
    #[error("it is a bundle of form {0} and this version reads form {FORM}")]
    Form(u32),
    #[error("its head is damaged")]
    Header,
    #[error("it has {found} bytes instead of {wanted}")]
    Length { found: u64, wanted: u64 },
    #[error("its manifest has {0} bytes and may have {MANIFEST}")]
    LongManifest(u64),
    #[error("its manifest is damaged")]
    Text,
    #[error("its manifest is damaged: {}", one_line(.0.message()))]
    Manifest(#[from] toml::de::Error),
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error("it was changed while it was opened")]
    Changed,
    #[error("it is damaged: its checksum is wrong")]
    Checksum,
    #[error("it is damaged: its SHA-256 is wrong")]
    Sha256,
    #[error("bundles need a little-endian processor")]
    Endian,
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

impl BundleHeader {
    /// The header of a bundle of `length` bytes that begins with the bytes `file`.
    ///
    /// # Errors
    /// [`Refusal`] of a file that is foreign, of another form, damaged in its header or cut short.
    pub fn read(file: &[u8], length: u64) -> Result<Self, Refusal> {
        if file.len() < PAGE || &file[..8] != MAGIC {
            return Err(Refusal::Foreign);
        }
        let form = u32::from_le_bytes(field(file, 8));
        if form != FORM {
            return Err(Refusal::Form(form));
        }
        if u32::from_le_bytes(field(file, 64)) != crc32fast::hash(&file[..64]) {
            return Err(Refusal::Header);
        }
        let found = Self {
            crc: u32::from_le_bytes(field(file, 12)),
            length: u64::from_le_bytes(field(file, 16)),
            manifest: u64::from_le_bytes(field(file, 24)),
            sha256: field(file, 32),
            stamp: Stamp::read(&field(file, STAMP)),
        };
        if found.length != length {
            return Err(Refusal::Length {
                found: length,
                wanted: found.length,
            });
        }
        if !(PAGE as u64..=found.length).contains(&found.manifest) {
            return Err(Refusal::Header);
        }
        let manifest = found.length - found.manifest;
        if manifest > MANIFEST {
            return Err(Refusal::LongManifest(manifest));
        }
        Ok(found)
    }

    /// The header's bytes, with their own CRC-32 at the end, and the stamp.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(STAMP + stamp::BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORM.to_le_bytes());
        bytes.extend_from_slice(&self.crc.to_le_bytes());
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.manifest.to_le_bytes());
        bytes.extend_from_slice(&self.sha256);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes.resize(STAMP, 0);
        let stamp = self.stamp.map_or([0; stamp::BYTES], Stamp::bytes);
        bytes.extend_from_slice(&stamp);
        bytes
    }
}
