//! Lines for a person: notes about a folder of lessons, and why a lesson is refused.

use super::folder::Folder;
use super::store::Store;

/// A line about examples of other models than `backbone`.
pub(super) fn others(folder: &Folder, backbone: &str) -> Option<String> {
    let names = folder.others(backbone);
    if names.is_empty() {
        return None;
    }
    Some(format!(
        "{}: {} of another model stays as it is, and counts again once that model runs",
        folder.path().display(),
        names.join(", ")
    ))
}

/// The refusal where the file of the examples cannot be changed.
pub(super) fn kept(store: &Store, cause: &std::io::Error) -> String {
    format!("{}: {cause}; all examples are kept", store.path().display())
}

/// The refusal to forget a label without examples.
pub(super) fn unknown(label: &str, store: &Store) -> String {
    let mut labels: Vec<_> = store.examples().iter().map(|e| e.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    if labels.is_empty() {
        return format!("{label:?} has no examples, and no other label has any");
    }
    format!(
        "{label:?} has no examples; taught are {}",
        labels.join(", ")
    )
}
