//! vivid, the kernel's virtual camera, handled as a person at another terminal would. As root, in a
//! machine where it may be loaded and unloaded at will.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs a program of the system that must succeed; returns its output.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|e| panic!("{program}: {e}"));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Calls v4l2-ctl on the camera.
pub fn ctl(arguments: &[&str]) -> String {
    run("v4l2-ctl", &[&["-d", "/dev/video0"], arguments].concat())
}

/// Sets one of vivid's controls, `name=value`.
pub fn set(control: &str) {
    ctl(&["-c", control]);
}

/// Reloads the module with its default settings, and without the counter that it writes into the
/// picture.
pub fn load() {
    if Path::new("/sys/module/vivid").exists() {
        run("rmmod", &["vivid"]);
    }
    plug_in();
    set("osd_text_mode=2");
}

/// Loads the module.
pub fn plug_in() {
    run("modprobe", &["vivid", "n_devs=1", "node_types=0x1"]);
}

/// Takes the device from the driver, which a program that uses it sees as an unplugged camera. The
/// module may be unloaded from then on.
pub fn unplug() {
    fs::write("/sys/bus/platform/drivers/vivid/unbind", "vivid.0").expect("vivid can be unbound");
}
