use std::fs;

use tempfile::TempDir;

use super::*;
use crate::config::{Loaded, load};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn loaded(folder: &TempDir) -> Result<Loaded, Error> {
    load(Some(&folder.path().join("config.toml")))
}

/// The error's line, with the paths below the folder.
fn refused(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let line = loaded(&folder).expect_err("it is refused").to_string();
    line.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_later_file_wins_key_by_key() {
    let folder = folder(&[
        (
            "common.toml",
            "id = 'common'\n[observe]\nthreshold = 0.7\ntop = 5\n[vision]\ncrop = [0.1, 0.1, 0.5, 0.5]",
        ),
        ("site.toml", "[mqtt]\nhost = 'site'\n[observe]\ntop = 4"),
        (
            "config.toml",
            "include = ['common.toml', 'site.toml']\nid = 'porch'\n[vision]\ncrop = [0.0, 0.0, 1.0, 0.5]",
        ),
        ("config.toml.d/20-later.toml", "[observe]\nmargin = 0.3"),
        (
            "config.toml.d/10-earlier.toml",
            "[observe]\nmargin = 0.2\nframes = 7",
        ),
        ("config.toml.d/10-earlier.toml~", "no TOML at all"),
        ("config.toml.d/.hidden.toml", "no TOML at all"),
    ]);
    let loaded = loaded(&folder).unwrap();
    let config = &loaded.config;
    assert_eq!(
        (config.id.as_str(), config.mqtt.host.as_deref()),
        ("porch", Some("site"))
    );
    assert_eq!(
        (config.observe.threshold, config.observe.top),
        (Some(0.7), 4)
    );
    assert_eq!(
        (config.observe.margin, config.observe.frames),
        (Some(0.3), 7)
    );
    let crop = format!("{:?}", config.vision);
    assert!(crop.contains("0.5") && !crop.contains("0.1"), "{crop}");
    let names: Vec<_> = loaded
        .files
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "common.toml",
            "site.toml",
            "config.toml",
            "10-earlier.toml",
            "20-later.toml"
        ]
    );
    // Other paths start at the folder of the main file, whichever file names them.
    assert_eq!(loaded.folder(), folder.path());
}

#[test]
fn an_error_names_the_file_and_the_line_of_its_key() {
    let main = ("config.toml", "include = ['common.toml']\nid = 'a'\n");
    assert_eq!(
        refused(&[main, ("common.toml", "\n[observe]\ntreshold = 1\n")]),
        "common.toml:3: observe.treshold: unknown key; the nearest known key is `threshold`"
    );
    let line = refused(&[main, ("common.toml", "[mqtt]\nport = 'x'\n")]);
    assert!(
        line.starts_with("common.toml:2: mqtt.port: must be a whole number"),
        "{line}"
    );
    let line = refused(&[main, ("common.toml", "[observe]\n\nthreshold = 7.0\n")]);
    assert!(
        line.starts_with("common.toml:3: observe.threshold: must be"),
        "{line}"
    );
    let line = refused(&[main, ("common.toml", "[observe\n")]);
    assert!(line.starts_with("common.toml:1: not TOML: "), "{line}");
    let drop_in = ("config.toml.d/1.toml", "id = 'a/b'");
    let line = refused(&[main, ("common.toml", "id = 'c d'"), drop_in]);
    assert!(line.starts_with("config.toml.d/1.toml:1: id: "), "{line}");
}

#[test]
fn keys_of_two_files_that_do_not_fit_are_refused() {
    let line = refused(&[
        (
            "config.toml",
            "include = ['c.toml']\n[mqtt]\nusername = 'x'\npassword = 'y'",
        ),
        ("c.toml", "[mqtt]\nusername = 'x'\npassword_file = '/run/p'"),
    ]);
    assert!(
        line.starts_with("c.toml:3: mqtt.password_file: is set beside"),
        "{line}"
    );
    assert!(!line.contains("'y'"), "{line}");
}

#[test]
fn a_missing_file_is_named_where_it_is_included() {
    let line = refused(&[("config.toml", "id = 'a'\ninclude = ['gone.toml']\n")]);
    assert_eq!(
        line,
        "config.toml:2: include: gone.toml cannot be read: No such file or directory (os error 2); \
         correct the name, or create the file"
    );
}

#[test]
fn included_files_include_no_others() {
    let line = refused(&[("config.toml", "include = ['config.toml']\n")]);
    assert_eq!(
        line,
        "config.toml:1: include: only the main file includes others; name them in config.toml"
    );
    let line = refused(&[
        ("config.toml", ""),
        ("config.toml.d/a.toml", "id = 'a'\ninclude = []"),
    ]);
    assert!(
        line.starts_with("config.toml.d/a.toml:2: include: "),
        "{line}"
    );
}

#[test]
fn sizes_and_numbers_are_bounded() {
    let long = "#".repeat(LARGEST as usize + 1);
    let line = refused(&[("config.toml", "include = ['c.toml']"), ("c.toml", &long)]);
    assert!(
        line.contains("c.toml cannot be read: it is larger than"),
        "{line}"
    );
    let names: Vec<String> = (0..MOST)
        .map(|n| format!("config.toml.d/{n}.toml"))
        .collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    files.push(("config.toml", ""));
    let line = refused(&files);
    assert!(line.contains("33 files; 32 are the most"), "{line}");
}
