//! `goldcrest simulate` against a real broker.

use std::fs;
use std::path::Path;

use crate::support::Broker;
use crate::support::certificates::{ALWAYS, Authority};
use crate::support::program::{Ran, command, goldcrest, output};

/// What `simulate` prints of so many devices in three seconds.
fn simulated(devices: &str, config: &Path) -> Ran {
    goldcrest(&[
        "simulate",
        "--devices",
        devices,
        "--rate",
        "120",
        "--seconds",
        "3",
        "--json",
        "--config",
        config.to_str().unwrap(),
    ])
}

#[test]
fn a_fleet_loses_nothing_and_says_what_it_did() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, broker.config_toml()).unwrap();
    let ran = simulated("30", &config);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let number = |key: &str| {
        report[key]
            .as_u64()
            .unwrap_or_else(|| panic!("{key}: {report}"))
    };
    assert_eq!((number("devices"), number("connected")), (30, 30));
    assert!(number("sent") >= 30, "{report}");
    assert_eq!(number("arrived"), number("sent"));
    for key in ["lost", "dropped", "doubled", "out_of_order", "unreadable"] {
        assert_eq!(number(key), 0, "{key}: {report}");
    }
    // At two events a second, with a label for each, of over 300 bytes.
    assert!(
        number("bytes_per_device_day") > 4 * 300 * 40_000,
        "{report}"
    );
}

#[test]
fn a_fleet_over_tls_and_both_versions_loses_nothing() {
    let authority = Authority::new("birds");
    let server = authority.sign("broker", "IP:127.0.0.1", ALWAYS);
    let broker = Broker::with_tls(&server, "");
    let folder = tempfile::tempdir().unwrap();
    for version in [3, 5] {
        let config = folder.path().join("config.toml");
        let text = format!(
            "[mqtt]\nurl = \"mqtts://127.0.0.1:{}\"\nversion = {version}\n[mqtt.tls]\nca_file = {:?}\n",
            broker.port(),
            authority.file()
        );
        fs::write(&config, text).unwrap();
        let ran = simulated("10", &config);
        assert_eq!(ran.code, 0, "{version}: {}", ran.stderr);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(report["connected"], 10, "{version}: {report}");
        assert!(report["sent"].as_u64() >= Some(10), "{version}: {report}");
        assert_eq!(report["arrived"], report["sent"], "{version}: {report}");
        for key in ["lost", "dropped", "doubled", "out_of_order", "unreadable"] {
            assert_eq!(report[key], 0, "{version}: {key}: {report}");
        }
    }
}

#[test]
fn without_its_broker_it_ends_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, "[mqtt]\nhost = \"127.0.0.1\"\nport = 1\n").unwrap();
    let mut simulate = command(&["simulate", "--config", config.to_str().unwrap()]);
    let ran = output(&mut simulate);
    assert_eq!(ran.code, 69, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("MQTT broker 127.0.0.1:1: "),
        "{}",
        ran.stderr
    );
    let ran = goldcrest(&["simulate", "--rate", "0"]);
    assert_eq!(ran.code, 64, "{}", ran.stderr);
}
