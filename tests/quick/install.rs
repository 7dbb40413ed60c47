//! The systemd service, and what `make install` puts where the service looks for it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::program::root;

/// The unit's lines, each with its section.
fn unit() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("systemd/goldcrest.service")).unwrap();
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line.into();
        } else if !line.is_empty() {
            lines.push((section.clone(), line.into()));
        }
    }
    lines
}

/// The value of `key` in `section` of the unit.
fn value(section: &str, key: &str) -> String {
    let found = unit().into_iter().find_map(|(of, line)| {
        let (name, value) = line.split_once('=')?;
        (of == section && name == key).then(|| value.to_string())
    });
    found.unwrap_or_else(|| panic!("{section} has no {key}="))
}

#[test]
fn the_unit_of_instances_is_the_same_but_for_its_file() {
    let read = |name: &str| fs::read_to_string(root().join("systemd").join(name)).unwrap();
    let lines = |text: String| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(String::from).collect()
    };
    let (one, many) = (
        lines(read("goldcrest.service")),
        lines(read("goldcrest@.service")),
    );
    let of = |lines: &[String], other: &[String]| -> Vec<String> {
        let own = lines.iter().filter(|line| !other.contains(line));
        own.cloned().collect()
    };
    assert_eq!(
        of(&many, &one),
        [
            "Description=Goldcrest for the camera %i",
            "ConditionPathExists=/etc/goldcrest/%i.toml",
            "ExecStart=/usr/bin/goldcrest run --config /etc/goldcrest/%i.toml",
            "StateDirectory=goldcrest-%i",
        ]
    );
    assert_eq!(of(&one, &many).len(), 3);
}

#[test]
fn what_a_restart_does_not_mend_is_not_restarted() {
    assert_eq!(value("[Service]", "Restart"), "on-failure");
    let codes = value("[Service]", "RestartPreventExitStatus");
    let codes: Vec<&str> = codes.split(' ').collect();
    // Usage, a bad model, a missing one, a wrong configuration. After a panic (70) it is restarted.
    assert_eq!(codes, ["64", "65", "66", "78"]);
}

#[test]
fn cameras_are_allowed_by_number_also_before_there_is_one() {
    // systemd leaves out a name that /proc/devices lacks at the service's start.
    assert_eq!(value("[Service]", "DeviceAllow"), "char-81 rw");
}

#[test]
fn restarts_end_after_some_within_a_time() {
    let number = |section, key| value(section, key).parse::<u64>().unwrap();
    let burst = number("[Unit]", "StartLimitBurst");
    let within = number("[Unit]", "StartLimitIntervalSec");
    let pause = number("[Service]", "RestartSec");
    // So slow restarts would never reach the limit.
    assert!(burst * (pause + 2) < within, "{burst} in {within} s");
}

#[test]
fn the_drop_in_opens_only_what_libcamera_needs() {
    let text = fs::read_to_string(root().join("systemd/rpicam.conf")).unwrap();
    let lines = text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    let expected = [
        "[Service]",
        "DeviceAllow=char-81 rw",
        "DeviceAllow=char-media rw",
        "DeviceAllow=char-dma_heap rw",
        "SupplementaryGroups=video render",
        "MemoryHigh=infinity",
        "MemoryMax=192M",
        "OOMPolicy=continue",
    ];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    let page = fs::read_to_string(root().join("docs/sources.md")).unwrap();
    assert!(page.contains("systemd/rpicam.conf") && page.contains("MemoryMax=192M"));
}

fn installed_at(folder: &Path, path: &str) -> PathBuf {
    folder.join(path.trim_start_matches('/'))
}

/// Runs `make install` into `folder`, as somebody with this mask.
fn install(folder: &Path, mask: &str) {
    install_model(folder, mask, "model/convnext_tiny_128_int8.onnx");
}

/// The same with another model file.
fn install_model(folder: &Path, mask: &str, onnx: &str) {
    let made = Command::new("sh")
        .args([
            "-c",
            &format!("umask {mask}; exec make install \"$@\""),
            "sh",
        ])
        .arg(format!("DESTDIR={}", folder.display()))
        .arg(format!("BINARY={}", env!("CARGO_BIN_EXE_goldcrest")))
        .arg(format!("ONNX={onnx}"))
        .current_dir(root())
        .output()
        .expect("make runs");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{said}");
}

/// Fails unless all below `folder` can be read by everybody and written by its owner alone.
fn modes_are_right(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        if path.is_dir() {
            assert_eq!(mode, 0o755, "{path:?}");
            modes_are_right(&path);
        } else {
            let wanted = if path.ends_with("bin/goldcrest") {
                0o755
            } else {
                0o644
            };
            assert_eq!(mode, wanted, "{path:?}");
        }
    }
}

#[test]
fn make_install_sets_modes_whatever_the_mask() {
    for mask in ["077", "000"] {
        let folder = tempfile::tempdir().unwrap();
        // As an installation with another mask left it.
        let model = installed_at(folder.path(), "/usr/share/goldcrest/model");
        fs::create_dir_all(&model).unwrap();
        for path in model.ancestors().take_while(|path| *path != folder.path()) {
            let mode = if path.ends_with("usr") || path.ends_with("share") {
                0o755
            } else {
                0o777
            };
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        install(folder.path(), mask);
        modes_are_right(folder.path());
    }
}

/// As `sudo make install` in a checkout of one's own.
#[test]
fn root_installs_from_another_users_checkout() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIPPED: not root");
        return;
    }
    let checkout = tempfile::tempdir().unwrap();
    let onnx = checkout.path().join("convnext_tiny_128_int8.onnx");
    fs::copy(root().join("model/convnext_tiny_128_int8.onnx"), &onnx).unwrap();
    for path in [checkout.path(), &onnx] {
        std::os::unix::fs::chown(path, Some(1000), Some(1000)).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    install_model(folder.path(), "022", onnx.to_str().unwrap());
    let model = installed_at(folder.path(), "/usr/share/goldcrest/model");
    let names = fs::read_dir(&model).unwrap();
    let mut names: Vec<_> = names.map(|f| f.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["labels.txt", "model.bundle", "model.toml"]);
}

#[test]
fn make_install_puts_in_place_what_the_service_names() {
    let folder = tempfile::tempdir().unwrap();
    install(folder.path(), "022");

    let documentation = value("[Unit]", "Documentation");
    let pages = documentation
        .split(' ')
        .map(|page| page.strip_prefix("file://").unwrap_or(page));
    let start = value("[Service]", "ExecStart");
    let paths = start.split(' ').filter(|word| word.starts_with('/'));
    for path in pages.chain(paths) {
        let path = installed_at(folder.path(), path);
        assert!(path.is_file(), "{} is not installed", path.display());
    }
    let model = installed_at(folder.path(), "/usr/share/goldcrest/model");
    for name in ["labels.txt", "model.bundle", "model.toml"] {
        assert!(model.join(name).is_file(), "{name} is not installed");
    }
}
