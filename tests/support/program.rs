//! The built program, run as a user runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the shipped model calls most of the clear bottles in the shipped recording: of its classes,
/// the one that looks most like them.
pub const IN_THE_RECORDING: &str = "beaker";

/// How a run of the program ended and what it printed.
pub struct Ran {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The top of the repository, where the program is run.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The program with its arguments, ready to be started.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_goldcrest"));
    command
        .args(arguments)
        .current_dir(root())
        .env_remove("JOURNAL_STREAM")
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn goldcrest(arguments: &[&str]) -> Ran {
    output(&mut command(arguments))
}

/// Runs a prepared command to its end.
pub fn output(command: &mut Command) -> Ran {
    let output = command
        .output()
        .expect("the program was built with the tests");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Puts the shipped model, packed, into `folder` and returns the path of its ONNX file, which is a
/// link. A daemon does not pack.
pub fn packed_model(folder: &Path) -> PathBuf {
    let shipped = root().join("model");
    for name in ["labels.txt", "model.toml"] {
        fs::copy(shipped.join(name), folder.join(name)).expect("the shipped model's card");
    }
    // Packed once for all tests of this build; two tests that pack at once do no harm.
    let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packed");
    let bundle = store.join("model.bundle");
    let onnx = shipped.join("convnext_tiny_128_int8.onnx");
    let fresh = |made: &Path, of: &Path| {
        let time = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
        time(made).is_some_and(|made| time(of).is_some_and(|of| made > of))
    };
    if !fresh(&bundle, Path::new(env!("CARGO_BIN_EXE_goldcrest"))) || !fresh(&bundle, &onnx) {
        let (onnx, store) = (onnx.to_str(), store.to_str());
        let packed = goldcrest(&["pack", onnx.unwrap(), "-o", store.unwrap()]);
        assert_eq!(packed.code, 0, "{}", packed.stderr);
    }
    fs::copy(&bundle, folder.join("model.bundle")).expect("room for a bundle");
    let link = folder.join("convnext_tiny_128_int8.onnx");
    std::os::unix::fs::symlink(onnx, &link).expect("a link");
    link
}

/// Sends the process `id` a signal by its name, without `SIG`.
pub fn signal(id: u32, name: &str) {
    let status = Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

/// The path of a program that `scripts/need broker` installs; a daemon is not on everybody's
/// `PATH`.
pub fn installed(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("this test needs {name}; scripts/need broker installs it"))
}

/// One field of `/proc/PID/status`, in KiB; none once the process has ended.
pub fn field(id: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
