//! A folder's entries, and the order of their names.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;

use super::container::{ending, is_foreign_image, is_image};
use super::manifest;

/// One entry of a folder.
pub(super) enum Entry {
    Picture(OsString),
    Foreign(OsString),
    Other,
}

/// Calls `each` with each entry of `folder`, in no order. Hidden files and the manifest are none.
pub(super) fn visit(folder: &Path, mut each: impl FnMut(Entry)) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if is_hidden(&name) {
            continue;
        }
        // A pipe, a socket or a device is no picture. Of what is not there or cannot be asked, such
        // as a broken link, reading tells. Only a link needs its own call of the system.
        let regular = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => {
                fs::metadata(entry.path()).map_or(true, |found| found.is_file())
            }
            Ok(kind) => kind.is_file(),
            Err(_) => true,
        };
        let ending = ending(Path::new(&name));
        each(if regular && is_image(&ending) {
            Entry::Picture(name)
        } else if regular && is_foreign_image(&ending) {
            Entry::Foreign(name)
        } else {
            Entry::Other
        });
    }
    Ok(())
}

/// Whether `folder` has a picture of this name.
pub(super) fn is_there(folder: &Path, name: &str) -> bool {
    !is_hidden(OsStr::new(name))
        && is_image(&ending(Path::new(name)))
        && fs::metadata(folder.join(name)).is_ok_and(|found| found.is_file())
}

/// Hidden files, such as the `._1.jpg` that macOS puts beside 1.jpg, are no frames.
fn is_hidden(name: &OsStr) -> bool {
    name == manifest::NAME || name.as_encoded_bytes().starts_with(b".")
}

/// The natural order of names: numbers by their value, however many zeros they begin with, and all
/// else without regard to case.
pub(super) fn natural(a: &OsStr, b: &OsStr) -> Ordering {
    let (a_name, b_name): (Cow<str>, Cow<str>) = (a.to_string_lossy(), b.to_string_lossy());
    let (mut a_rest, mut b_rest) = (&*a_name, &*b_name);
    loop {
        let ((a_digits, a_after), (b_digits, b_after)) = (digits(a_rest), digits(b_rest));
        let order = if a_digits.is_empty() || b_digits.is_empty() {
            let mut a_chars = a_rest.chars();
            let mut b_chars = b_rest.chars();
            let (Some(x), Some(y)) = (a_chars.next(), b_chars.next()) else {
                // One is the beginning of the other, or they differ in zeros or case alone.
                return a_rest.len().cmp(&b_rest.len()).then_with(|| a.cmp(b));
            };
            (a_rest, b_rest) = (a_chars.as_str(), b_chars.as_str());
            x.to_lowercase().cmp(y.to_lowercase())
        } else {
            (a_rest, b_rest) = (a_after, b_after);
            let [x, y] = [a_digits, b_digits].map(|digits| digits.trim_start_matches('0'));
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The digits that `text` begins with, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}
