//! The memory that a packed network will hold, computed from its manifest before any is taken.

use goldcrest_kernels::Sizing;

use super::bundle::{Manifest, Outline, filled};
use super::interface::Memory;
use super::ops::{self, Workspace};

/// Input, features with the gain and shift of their LayerNorm, and logits: floats beside the
/// feature maps.
fn own(manifest: &Manifest) -> usize {
    let input = 3 * manifest.height * manifest.width;
    input + 3 * filled(manifest.head.norm.channels) + filled(manifest.classes)
}

/// The bytes that an engine of `outline` holds with scratch of this `sizing`.
pub(super) fn memory(outline: &Outline, sizing: Sizing) -> Memory {
    of(outline.manifest(), outline.bytes(), sizing)
}

/// The same of a bundle of `mapped` bytes with this manifest.
pub(super) fn of(manifest: &Manifest, mapped: u64, sizing: Sizing) -> Memory {
    let own = own(manifest).saturating_mul(size_of::<f32>());
    Memory {
        mapped: usize::try_from(mapped).unwrap_or(usize::MAX),
        arena: ops::sizes(manifest, sizing).bytes(),
        maps: Workspace::map_bytes(manifest).saturating_add(own),
        head: 0,
    }
}
