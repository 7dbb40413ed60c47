//! The folders in which a daemon remembers something.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::daemon::{bottles, configuration};
use crate::support::program::{Ran, goldcrest};
use crate::support::{Broker, Daemon, PATIENCE, Subscriber, wait_for};

/// Sections whose folders are `state` and `home`, relative to the configuration, or below `around`.
fn sections(broker: &Broker, around: &str) -> String {
    format!(
        "{}[commands]\nenabled = true\nkeep = true\nfolder = \"{around}state\"\n\
         [homeassistant]\nenabled = true\nfolder = \"{around}home\"\n",
        broker.config_toml()
    )
}

fn check(folder: &tempfile::TempDir, more: &str) -> Ran {
    let config = configuration(folder.path(), &bottles("loop"), more);
    goldcrest(&["check", "--config", config.to_str().unwrap()])
}

#[test]
fn a_missing_state_folder_is_made_beside_the_configuration() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    let (state, home) = (folder.path().join("state"), folder.path().join("home"));
    let checked = check(&folder, &sections(&broker, ""));
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    let says = checked.stdout.lines();
    assert_eq!(
        says.filter(|line| line.ends_with("will be made")).count(),
        2
    );
    // A check changes nothing.
    assert!(!state.exists() && !home.exists());

    let config = folder.path().join("config.toml");
    let answers = Subscriber::new(&broker, "goldcrest/test/response/+");
    let available = Subscriber::new(&broker, "goldcrest/test/availability");
    let daemon = Daemon::of_file(folder, &config);
    available.expect_that("availability", |m| m.text == "online");
    broker.send("goldcrest/test/command/pause", "");
    answers.expect("pause");
    for file in [state.join("settings.json"), home.join("homeassistant.json")] {
        assert!(wait_for(PATIENCE, || file.exists()), "{file:?}");
        let mode = fs::metadata(file.parent().unwrap()).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o700);
    }
    daemon.end();
}

#[test]
fn a_state_folder_that_cannot_be_made_is_one_clear_line() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    let checked = check(&folder, &sections(&broker, "not/there/"));
    assert_eq!(checked.code, 78, "{}", checked.stdout);
    for (section, name) in [("commands", "state"), ("homeassistant", "home")] {
        let says = format!("not/there/{name} cannot be used: No such file or directory");
        let line = checked.stdout.lines().find(|line| line.contains(&says));
        let line = line.unwrap_or_else(|| panic!("{}", checked.stdout));
        assert!(line.starts_with(section) && line.contains("FAIL"), "{line}");
    }
    let config = folder.path().join("config.toml");
    let ran = goldcrest(&["run", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 78, "{}", ran.stderr);
    let last = ran.stderr.lines().last().unwrap();
    assert!(last.starts_with("goldcrest: commands.folder "), "{last}");
}
