//! The file for Prometheus.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::daemon::{bottles, configuration};
use crate::support::program::goldcrest;
use crate::support::{Daemon, PATIENCE, wait_for};

#[test]
fn a_daemon_writes_its_numbers_and_removes_them_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("goldcrest.prom");
    let daemon = Daemon::start(&format!(
        "[mqtt]\nenabled = false\n[health]\ninterval = 1.0\n[metrics]\ntextfile = {path:?}\n"
    ));
    assert!(wait_for(PATIENCE, || path.exists()));
    let text = fs::read_to_string(&path).unwrap();
    for line in [
        "goldcrest_camera_streaming{id=\"test\"} 1\n",
        "# TYPE goldcrest_frames_total counter\n",
        "goldcrest_info{id=\"test\",version=",
    ] {
        assert!(text.contains(line), "{text}");
    }
    // Prometheus' own judge, where it is installed.
    if let Ok(mut judge) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::from(fs::File::open(&path).unwrap()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    {
        let status = judge.wait().unwrap();
        assert!(status.success(), "promtool: {status}\n{text}");
    }
    daemon.end();
    assert!(!path.exists());
}

#[test]
fn a_folder_that_is_not_there_ends_the_start_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let more = "[mqtt]\nenabled = false\n[metrics]\ntextfile = \"/nonexistent/goldcrest.prom\"\n";
    let config = configuration(folder.path(), &bottles("stop"), more);
    let config = config.to_str().unwrap();
    for command in ["run", "check"] {
        let ran = goldcrest(&[command, "--config", config]);
        assert_eq!(ran.code, 78, "{}", ran.stderr);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(
            said.contains("metrics.textfile: /nonexistent/goldcrest.prom cannot be written")
                && said.contains("create its folder"),
            "{command}: {said}"
        );
    }
}
