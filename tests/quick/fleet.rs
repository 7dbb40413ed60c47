//! One configuration for many devices: shared files, drop-ins, and ids that each device fills in.

use std::fs;
use std::path::Path;

use crate::support::Daemon;
use crate::support::daemon::{bottles, configuration};
use crate::support::program::goldcrest;

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn check_names_every_file_and_the_id() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "common.toml",
        "id = \"{hostname}\"\n[mqtt]\nenabled = false\n",
    );
    write(
        folder.path(),
        "config.toml.d/10-porch.toml",
        "id = \"porch-{hostname}\"\n",
    );
    write(
        folder.path(),
        "config.toml",
        "include = [\"common.toml\"]\n[source]\nkind = \"synthetic\"\n",
    );
    let config = folder.path().join("config.toml");
    let config = config.to_str().unwrap();
    let ran = goldcrest(&["check", "--config", config]);
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let id = format!("porch-{}", name.trim().split('.').next().unwrap());
    let line = ran
        .stdout
        .lines()
        .find(|line| line.starts_with("configuration"))
        .unwrap();
    let (common, drop_in) = (
        folder.path().join("common.toml"),
        folder.path().join("config.toml.d/10-porch.toml"),
    );
    let wanted = format!(
        "{config} is valid, with {}, {}, id {id}",
        common.display(),
        drop_in.display()
    );
    assert!(line.ends_with(&wanted), "{line}");

    let ran = goldcrest(&["check", "--json", "--config", config]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let files: Vec<&str> = json["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|f| f.as_str())
        .collect();
    assert_eq!(
        files,
        [common.to_str().unwrap(), config, drop_in.to_str().unwrap()]
    );
}

#[test]
fn a_placeholder_that_is_none_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "c.toml", "id = \"porch-{host}\"\n");
    let path = folder.path().join("c.toml");
    let ran = goldcrest(&["check", "--config", path.to_str().unwrap()]);
    assert_eq!(ran.code, 78);
    let line = ran.stderr.lines().last().unwrap();
    assert!(
        line.ends_with(
            "c.toml:1: id: has a placeholder that is not known; known are {hostname}, {machine}, {serial}"
        ),
        "{line}"
    );
}

#[test]
fn a_reload_reads_every_file_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &bottles("loop"), "[mqtt]\nenabled = false\n");
    let text = fs::read_to_string(&config).unwrap();
    write(
        folder.path(),
        "config.toml",
        &format!("include = [\"common.toml\"]\n{text}"),
    );
    write(folder.path(), "common.toml", "[gate]\nhold = 2.0\n");
    let mut daemon = Daemon::of_file(folder, &config);
    let line = daemon.expect("configuration: ");
    assert!(line.contains("common.toml"), "{line}");
    daemon.expect("memory needed");
    write(
        daemon.folder.path(),
        "common.toml",
        "[gate]\nhold = 3.0\n[camera]\nfps = 5.0\n",
    );
    write(
        daemon.folder.path(),
        "config.toml.d/a.toml",
        "[observe]\ntop = 2\n",
    );
    daemon.signal("HUP");
    daemon.expect("reload: took over gate.hold and observe.top");
    daemon.expect("reload: camera.fps changes at the next start");
    fs::remove_file(daemon.folder.path().join("common.toml")).unwrap();
    daemon.signal("HUP");
    let line = daemon.expect("nothing changes");
    assert!(
        line.contains("config.toml:1: include: ") && line.contains("common.toml cannot be read"),
        "{line}"
    );
    daemon.end();
}
