//! Where the program is run on a fault.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::support::program::{Ran, command, output};

/// What came of a fault.
pub(super) enum Outcome {
    /// All that the program printed.
    Printed(String),
    /// The fault cannot be caused here.
    Skipped(&'static str),
}

impl From<Ran> for Outcome {
    fn from(ran: Ran) -> Self {
        assert_ne!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        Self::Printed(ran.stdout + &ran.stderr)
    }
}

/// A folder that every user can read.
pub(super) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().into()
    }

    /// A file of this content that its owner alone can read and write.
    pub(super) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.at(name), content).unwrap();
        fs::set_permissions(self.at(name), Permissions::from_mode(0o600)).unwrap();
        self.text(name)
    }

    /// `check` with this configuration, ready to run. It tries each part, so that one fault hides
    /// no other, and needs no model to try source and broker.
    pub(super) fn checking(&self, configuration: &str) -> Command {
        let path = self.at("config.toml");
        let model = "[model]\npath = \"nowhere.onnx\"\n";
        let text = if configuration.contains("[model]") {
            configuration.to_string()
        } else {
            format!("{configuration}{model}")
        };
        fs::write(&path, text).unwrap();
        let mut command = command(&["check", "--config", path.to_str().unwrap()]);
        command.env("XDG_CACHE_HOME", self.at("cache"));
        command.env_remove("CREDENTIALS_DIRECTORY");
        command
    }

    /// What `check` finds.
    pub(super) fn check(&self, configuration: &str) -> Outcome {
        output(&mut self.checking(configuration)).into()
    }

    /// What `check` finds in a configuration whose source and broker are not the fault.
    pub(super) fn check_quietly(&self, configuration: &str) -> Outcome {
        let rest = "[source]\nkind = \"synthetic\"\n[mqtt]\nenabled = false\n";
        self.check(&format!("{configuration}{rest}"))
    }
}

/// What the command prints for a user of no group.
pub(super) fn as_nobody(command: &Command) -> Outcome {
    let nobody = || {
        let mut other = Command::new("setpriv");
        other
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(command.get_program())
            .current_dir("/")
            .env_remove("JOURNAL_STREAM");
        other
    };
    let version = nobody().arg("--version").output();
    if !version.is_ok_and(|ran| ran.status.success()) {
        return Outcome::Skipped("another user cannot run the program where it lies");
    }
    output(nobody().args(command.get_args())).into()
}

/// Whether root runs this.
pub(super) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
