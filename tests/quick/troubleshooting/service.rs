//! Lines of systemd about the service, against the systemd of this machine.

use std::fs;
use std::path::PathBuf;

use super::page::rows;

/// Rows of the page, and the texts of systemd that they are made of.
pub(super) const LINES: [(&str, &[&str]); 4] = [
    (
        "goldcrest.service: Watchdog timeout (limit …)!",
        &["Watchdog timeout (limit %s)!"],
    ),
    (
        "goldcrest.service: A process of this unit has been killed by the OOM killer.",
        &["%s: A process of this unit has been killed by the OOM killer."],
    ),
    (
        "goldcrest.service: Failed with result 'oom-kill'.",
        &["%s: Failed with result '%s'.", "oom-kill"],
    ),
    (
        "goldcrest.service: Start request repeated too quickly.",
        &["Start request repeated too quickly."],
    ),
];

/// The files that hold systemd's texts.
fn systemd() -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("/usr/lib/systemd/systemd")];
    for folder in ["/usr/lib/systemd", "/usr/lib"] {
        let entries = fs::read_dir(folder).into_iter().flatten();
        let folders = entries.map_while(Result::ok).map(|e| e.path());
        for folder in folders.chain([PathBuf::from(folder)]) {
            let inside = [folder.clone(), folder.join("systemd")];
            let entries = inside.iter().filter_map(|f| fs::read_dir(f).ok()).flatten();
            files.extend(
                entries
                    .map_while(Result::ok)
                    .map(|e| e.path())
                    .filter(|path| {
                        let name = path.file_name().and_then(|name| name.to_str());
                        name.is_some_and(|name| name.starts_with("libsystemd-"))
                    }),
            );
        }
    }
    files.retain(|file| file.is_file());
    files
}

#[test]
fn the_lines_of_systemd_on_the_page_are_systemds() {
    let rows = rows();
    let files = systemd();
    if files.is_empty() {
        println!("SKIPPED: systemd is not installed");
        return;
    }
    let texts: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    for (row, parts) in LINES {
        assert!(rows.iter().any(|r| r == row), "the page lacks {row:?}");
        for part in parts {
            let found = |text: &Vec<u8>| text.windows(part.len()).any(|w| w == part.as_bytes());
            assert!(texts.iter().any(found), "{part:?} is no text of systemd");
        }
    }
}
