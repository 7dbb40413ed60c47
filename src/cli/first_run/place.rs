//! Where the files of an instance stand: configuration, passwords, and what systemd reads.

use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::compose::PasswordNames;
use super::options::{Options, usage};
use crate::secrets::CREDENTIAL;
use crate::setup::Failure;

/// The folder of configurations.
const ETC: &str = "etc/goldcrest";
/// There if systemd runs (sd_booted(3)).
const SYSTEMD: &str = "run/systemd/system";

/// The files of an instance.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// The configuration.
    pub config: PathBuf,
    /// The unit that reads it; `None` for a configuration that no unit reads.
    pub unit: Option<String>,
    /// Whether this process can enable the unit.
    pub enables: bool,
    /// The folder in which `etc` and `run` stand.
    pub root: PathBuf,
}

impl Place {
    /// The place that flags name.
    ///
    /// # Errors
    /// The name of the instance cannot be used, or the present folder is gone.
    pub fn of(options: &Options) -> Result<Self, Failure> {
        let root = options.root.clone().unwrap_or_else(|| "/".into());
        let etc = root.join(ETC);
        let (usual, unit) = match &options.instance {
            Some(name) => {
                check_instance(name).map_err(|why| usage(format!("--instance: {why}")))?;
                (
                    etc.join(format!("{name}.toml")),
                    format!("goldcrest@{name}"),
                )
            }
            None => (etc.join("config.toml"), "goldcrest".into()),
        };
        let config = match &options.out {
            Some(path) => std::path::absolute(path)
                .map_err(|why| usage(format!("--out: {}: {why}", path.display())))?,
            None => usual.clone(),
        };
        if config.file_name().is_none() || config.is_dir() {
            return Err(usage(
                "--out: name a file, as in /etc/goldcrest/config.toml",
            ));
        }
        let unit = (config == usual && !options.no_service).then_some(unit);
        let is_owner = geteuid().is_root() || options.root.is_some();
        let may = is_owner && root.join(SYSTEMD).is_dir();
        Ok(Self {
            config,
            enables: unit.is_some() && may,
            unit,
            root,
        })
    }

    /// The folder of the configuration.
    pub fn folder(&self) -> &Path {
        self.config.parent().unwrap_or(Path::new("/"))
    }

    /// Where the configuration from before is kept.
    pub fn backup(&self) -> PathBuf {
        let mut path = self.config.as_os_str().to_os_string();
        path.push(".bak");
        path.into()
    }

    /// The file with the password for the broker or for the camera.
    pub fn password(&self, of: &str) -> PathBuf {
        self.folder().join(self.password_name(of))
    }

    fn password_name(&self, of: &str) -> String {
        let stem = self.config.file_stem().unwrap_or_default();
        match stem.to_string_lossy().as_ref() {
            "config" => format!("{of}-password"),
            stem => format!("{stem}.{of}-password"),
        }
    }

    /// What the configuration calls these files. A service gets them from systemd.
    pub fn password_names(&self) -> PasswordNames {
        let name = |of: &str| match self.unit {
            Some(_) => format!("{CREDENTIAL}{of}-password"),
            None => self.password_name(of),
        };
        PasswordNames {
            broker: name("mqtt"),
            camera: name("camera"),
        }
    }

    /// Checks that the service can read `path`: it sees neither homes nor the usual folders of
    /// temporary files.
    ///
    /// # Errors
    /// It cannot, and what to do.
    pub fn check_reach(&self, path: &Path) -> Result<(), String> {
        let hidden = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];
        let is_hidden = hidden.iter().any(|folder| path.starts_with(folder));
        if self.unit.is_none() || self.root != Path::new("/") || !is_hidden {
            return Ok(());
        }
        Err(format!(
            "{}: the service does not see this folder; copy the file into /etc/goldcrest and name it there",
            path.display()
        ))
    }

    /// The drop-in `name` of the unit.
    pub fn drop_in(&self, unit: &str, name: &str) -> PathBuf {
        let folder = self.root.join("etc/systemd/system");
        folder.join(format!("{unit}.service.d")).join(name)
    }
}

/// Checks the name of an instance: it stands in the name of a unit, of a file, and in the udev rule
/// as the kernel's drivers tell it.
fn check_instance(name: &str) -> Result<(), &'static str> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    match name {
        "config" => {
            Err("config.toml is the configuration of goldcrest.service; choose another name")
        }
        _ if name.is_empty() || name.len() > 64 || name.starts_with(['.', '-']) => {
            Err("must be 1 to 64 characters and begin with a letter or a digit")
        }
        _ if !name.chars().all(good) => Err("must be letters, digits, - _ . and :"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(config: &str, unit: Option<&str>) -> Place {
        Place {
            config: config.into(),
            unit: unit.map(String::from),
            enables: false,
            root: "/".into(),
        }
    }

    #[test]
    fn each_instance_has_files_of_its_own() {
        let first = place("/etc/goldcrest/config.toml", Some("goldcrest"));
        let second = place("/etc/goldcrest/porch.toml", Some("goldcrest@porch"));
        let path = Path::new("/etc/goldcrest");
        assert_eq!(first.password("mqtt"), path.join("mqtt-password"));
        assert_eq!(second.password("mqtt"), path.join("porch.mqtt-password"));
        assert_eq!(second.backup(), path.join("porch.toml.bak"));
        assert_eq!(
            second.drop_in("goldcrest@porch", "password.conf"),
            Path::new("/etc/systemd/system/goldcrest@porch.service.d/password.conf")
        );
    }

    #[test]
    fn a_service_gets_passwords_from_systemd() {
        let names = |unit| place("/srv/porch.toml", unit).password_names();
        assert_eq!(
            names(Some("goldcrest@porch")).broker,
            "credential:mqtt-password"
        );
        assert_eq!(names(None).camera, "porch.camera-password");
    }

    #[test]
    fn a_file_that_the_service_does_not_see_is_refused() {
        let served = place("/etc/goldcrest/config.toml", Some("goldcrest"));
        let by_hand = place("/srv/config.toml", None);
        let home = Path::new("/home/me/ca.pem");
        assert!(served.check_reach(home).is_err() && by_hand.check_reach(home).is_ok());
        assert!(
            served
                .check_reach(Path::new("/etc/goldcrest/ca.pem"))
                .is_ok()
        );
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for name in ["", "config", "../a", "a/b", ".a", "-a", "a b", "a\n"] {
            assert!(check_instance(name).is_err(), "{name:?}");
        }
        for name in ["porch", "046d_C920-1.2", "pci-0000:00:14"] {
            assert!(check_instance(name).is_ok(), "{name:?}");
        }
    }
}
