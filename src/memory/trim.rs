//! Returns memory to the system that only the start needed.
#![allow(unsafe_code)]

use std::ops::Range;

use crate::meter::process::{Mapping, mappings};

/// Returns freed heap and the pages of code and constants to the system. Pages that are still
/// needed are read again from the page cache, which takes some hundred microseconds, once.
///
/// Reading arguments and a configuration and planning the network leave several MiB of code that
/// never runs again.
pub(crate) fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes no pointer, and only moves what is free.
    unsafe {
        libc::malloc_trim(0);
    }
    let all = mappings();
    // An emulator shows its own addresses, not this program's: check that this function lies where
    // the list says.
    let here = trim as fn() as usize;
    let own = |m: &Mapping| m.access == "r-xp" && m.addresses.contains(&here);
    if !all.iter().any(own) {
        return;
    }
    // A mapping without resident pages has nothing to return, and one with written pages would lose
    // them.
    let clean = |m: &&Mapping| {
        m.resident > 0 && m.written + m.swapped == 0 && matches!(&m.access[..], "r-xp" | "r--p")
    };
    for mapping in all.iter().filter(clean) {
        let Range { start, end } = mapping.addresses.clone();
        // SAFETY: the mapping is of a file, cannot be written and has no page that was: each page
        // that is given back is read from the file again, with the same bytes, when it is next
        // touched.
        unsafe {
            let address = std::ptr::with_exposed_provenance_mut(start);
            libc::madvise(address, end - start, libc::MADV_DONTNEED);
        }
    }
}
