//! Returns memory to the system that only the start needed.
#![allow(unsafe_code)]

use std::fs;
use std::ops::Range;
use std::sync::OnceLock;

use crate::meter::process::{Mapping, mappings};

/// The addresses of the program's and its libraries' code and constants, as the loader mapped them.
static CODE: OnceLock<Vec<Range<usize>>> = OnceLock::new();

/// Remembers where code and constants lie, for [`trim`]. To be called while the process has one
/// thread: the list then holds nothing that another thread unmaps or maps anew meanwhile. With more
/// threads it remembers nothing.
pub(crate) fn remember_code() {
    let threads = fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    if threads == 1 {
        CODE.get_or_init(|| code(&mappings(), remember_code as fn() as usize));
    }
}

/// The ranges of `all` that the loader mapped for reading and that nobody has written. `here` is
/// the address of a function of this program.
fn code(all: &[Mapping], here: usize) -> Vec<Range<usize>> {
    // An emulator shows its own addresses, not this program's: its list has no code at this one.
    let own = |m: &Mapping| m.access == "r-xp" && m.addresses.contains(&here);
    if !all.iter().any(own) {
        return Vec::new();
    }
    let clean =
        |m: &&Mapping| m.written + m.swapped == 0 && matches!(&m.access[..], "r-xp" | "r--p");
    let found = all.iter().filter(clean);
    found.map(|mapping| mapping.addresses.clone()).collect()
}

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
    for Range { start, end } in CODE.get().into_iter().flatten().cloned() {
        // SAFETY: the loader mapped this range from a file before there was a second thread. It
        // stays mapped until the process ends, because nothing that was there at the start is
        // unloaded, so no other mapping has taken its addresses. Nobody had written to it, and
        // nobody can: each page that is given back is read from the file again, with the same
        // bytes, when it is next touched.
        unsafe {
            let address = std::ptr::with_exposed_provenance_mut(start);
            libc::madvise(address, end - start, libc::MADV_DONTNEED);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;

    fn mapping(addresses: Range<usize>, access: &str, written: usize) -> Mapping {
        Mapping {
            addresses,
            access: access.into(),
            path: PathBuf::from("/usr/bin/goldcrest"),
            resident: 4096,
            written,
            swapped: 0,
        }
    }

    #[test]
    fn only_clean_code_and_constants_of_this_program_are_kept() {
        let all = [
            mapping(0x1000..0x2000, "r--p", 0),
            mapping(0x2000..0x3000, "r-xp", 0),
            mapping(0x3000..0x4000, "r--p", 4096),
            mapping(0x4000..0x5000, "rw-p", 0),
            mapping(0x5000..0x6000, "r--s", 0),
        ];
        assert_eq!(code(&all, 0x2abc), [0x1000..0x2000, 0x2000..0x3000]);
        // As an emulator shows it.
        assert_eq!(code(&all, 0x7abc), []);
    }

    #[test]
    fn a_mapping_that_came_later_is_left_alone() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[7; 1 << 16]).unwrap();
        // SAFETY: nobody writes to the file meanwhile.
        let map = unsafe { memmap2::MmapOptions::new().map_copy_read_only(file.as_file()) };
        let map = map.unwrap();
        assert_eq!(
            map.iter().map(|byte| usize::from(*byte)).sum::<usize>(),
            7 << 16
        );
        let resident = || {
            let address = map.as_ptr() as usize;
            let all = mappings();
            let found = all.iter().find(|m| m.addresses.contains(&address));
            found.map(|m| (m.access.clone(), m.resident))
        };
        let before = resident();
        assert_eq!(before, Some(("r--p".into(), 1 << 16)));
        trim();
        assert_eq!(resident(), before);
    }
}
