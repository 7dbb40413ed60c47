//! The section `[mqtt]`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::misfit::{Misfit, within};
use crate::secrets::{CREDENTIAL, Places, Secret, read_password};
use crate::tls as shared_tls;

use super::connection::Version;
use super::servers::{self, Named, Server, Servers};
use super::tls::TlsConfig;
use super::{Error, topics};

/// Bytes of the connection's own buffers and timers over MQTT 3.1.1, and over MQTT 5.
const CLIENT: [usize; 2] = [128 << 10, 256 << 10];
/// The largest packet that is taken where nothing of our own comes back, in bytes. A command has at
/// most 4 KiB; one that is up to four times as long is answered with an error.
const INCOMING: usize = 16 << 10;
/// Largest incoming packets that are held at once: the buffer that doubled for one, and its copy.
const HELD: usize = 3;

/// The broker and how to connect to it, section `[mqtt]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether to publish over MQTT.
    pub enabled: bool,
    /// The broker's name or address. The default is `localhost`.
    pub host: Option<String>,
    /// The broker's port, 1 to 65535. The default is 1883, or 8883 over TLS.
    pub port: Option<u16>,
    /// Instead of host and port: `mqtt://HOST:PORT`, or `mqtts://HOST:PORT` for TLS.
    pub url: Option<String>,
    /// Instead of host and port: the nodes of a cluster, 1 to 16, each with or without a port.
    /// They are tried in random order.
    pub hosts: Option<Vec<String>>,
    /// The version of MQTT: 3 (that is 3.1.1) or 5.
    pub version: u8,
    /// TLS. The section turns it on.
    pub tls: Option<TlsConfig>,
    /// The user name of the login.
    pub username: Option<String>,
    /// The password of the login. `password_file` keeps it out of the configuration.
    pub password: Option<Secret>,
    /// The file that holds the password: a path, or `credential:NAME` for a file in
    /// `$CREDENTIALS_DIRECTORY`. A newline at its end is ignored.
    pub password_file: Option<String>,
    /// Whether the password may go to another machine without TLS, where everybody on the way can
    /// read it.
    pub plaintext_password: bool,
    /// The first levels of all topics.
    pub base: String,
    /// The client id, 1 to 64 characters. The default is a hash of the machine's id and the
    /// instance's.
    pub client_id: Option<String>,
    /// Seconds between pings, 1 to 3600. A dead connection is noticed within twice that.
    pub keep_alive: u64,
    /// Seconds, up to which a random time is added to each pause before another try to connect, 0
    /// to 3600. It keeps a fleet from connecting all at once to a broker that is back.
    pub jitter: u64,
    /// The largest MQTT packet that is sent, in bytes, 1024 to 16777216.
    pub max_packet: usize,
    /// The configuration's folder, from which relative paths of files start. No key of the file.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            host: None,
            port: None,
            url: None,
            hosts: None,
            version: 3,
            tls: None,
            username: None,
            password: None,
            password_file: None,
            plaintext_password: false,
            base: "goldcrest".into(),
            client_id: None,
            keep_alive: 15,
            jitter: 0,
            max_packet: 256 * 1024,
            folder: PathBuf::new(),
        }
    }
}

impl Config {
    /// Checks every value, without reading files.
    ///
    /// # Errors
    /// The first key that is out of its range, and the allowed values.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        self.servers()?;
        if ![3, 5].contains(&self.version) {
            let message = format!("must be 3 (for MQTT 3.1.1) or 5, and is {}", self.version);
            return Err(Misfit::new("version", message));
        }
        if let Some(tls) = &self.tls {
            tls.check()?;
        }
        self.check_login()?;
        if self.base.is_empty()
            || self.base.len() > 256
            || self.base.starts_with(['/', '$'])
            || self.base.ends_with('/')
            || self.base.contains(topics::is_special)
        {
            return Err(Misfit::new(
                "base",
                "must be 1 to 256 bytes without +, # and control characters, without $ or / at its start and / at its end",
            ));
        }
        if let Some(id) = &self.client_id
            && (!(1..=64).contains(&id.chars().count()) || id.contains(char::is_control))
        {
            return Err(Misfit::new(
                "client_id",
                "must be 1 to 64 characters, none a control character",
            ));
        }
        within("keep_alive", self.keep_alive, 1..=3600, "seconds")?;
        within("jitter", self.jitter, 0..=3600, "seconds")?;
        within("max_packet", self.max_packet, 1024..=1 << 24, "bytes")
    }

    fn check_login(&self) -> Result<(), Misfit> {
        if self.username.as_deref() == Some("") {
            return Err(Misfit::new(
                "username",
                "must not be empty; leave the key out instead",
            ));
        }
        if self.password.is_some() && self.password_file.is_some() {
            return Err(Misfit::new(
                "password_file",
                "is set beside mqtt.password; keep one of the two",
            ));
        }
        for (key, given) in [
            ("password", self.password.is_some()),
            ("password_file", self.password_file.is_some()),
        ] {
            if given && self.username.is_none() {
                return Err(Misfit::new(key, "needs mqtt.username beside it"));
            }
        }
        Ok(())
    }

    /// The brokers to connect to, at least one.
    ///
    /// # Errors
    /// The first key that names none, or that stands beside another that does.
    pub(super) fn servers(&self) -> Result<Vec<Server>, Misfit> {
        Servers {
            url: self.url.as_deref(),
            hosts: self.hosts.as_deref(),
            host: self.host.as_deref(),
            port: self.port,
            tls: self.tls.is_some(),
        }
        .all()
    }

    /// The key that names the brokers.
    pub(super) fn named(&self) -> Named {
        match (&self.url, &self.hosts) {
            (Some(_), _) => Named::Url,
            (None, Some(_)) => Named::Hosts,
            (None, None) => Named::Host,
        }
    }

    /// Whether the connection is encrypted.
    pub(crate) fn uses_tls(&self) -> bool {
        self.tls.is_some() || self.url.as_deref().is_some_and(servers::is_secure)
    }

    /// The version of MQTT.
    pub(super) fn version(&self) -> Version {
        if self.version == 5 {
            Version::V5
        } else {
            Version::V3
        }
    }

    /// The largest packet that is taken, in bytes. With `discovery`, the announcement to Home
    /// Assistant comes back, because its topic is subscribed to.
    pub(super) fn max_incoming(&self, discovery: bool) -> usize {
        if discovery {
            self.max_packet
        } else {
            self.max_packet.min(INCOMING)
        }
    }

    /// The most memory that the connection and its thread use, in bytes: with the largest packets
    /// in flight, in both directions. `discovery` as for [`Config::max_incoming`].
    pub(crate) fn memory(&self, discovery: bool) -> usize {
        let tls = if self.uses_tls() {
            shared_tls::MEMORY
        } else {
            0
        };
        let client = CLIENT[usize::from(self.version() == Version::V5)];
        self.max_packet + HELD * self.max_incoming(discovery) + client + tls
    }

    /// Bytes of code that the connection reads in beside the code that each one does.
    pub(crate) fn code(&self) -> usize {
        if self.uses_tls() { shared_tls::CODE } else { 0 }
    }

    /// Host and port, as in error messages; of a cluster those of each node.
    pub(crate) fn address(&self) -> String {
        let all = self.servers().unwrap_or_default();
        let all: Vec<_> = all.iter().map(ToString::to_string).collect();
        all.join(", ")
    }

    /// The files that hold secrets beside the configuration, each with its key. The service's
    /// credentials are not among them: systemd keeps them from other users.
    pub(crate) fn secret_files(&self) -> Vec<(&'static str, PathBuf)> {
        let key = self.tls.as_ref().and_then(|tls| tls.key_file.as_deref());
        let named = [
            ("mqtt.password_file", self.password_file.as_deref()),
            ("mqtt.tls.key_file", key),
        ];
        let files = named
            .into_iter()
            .filter_map(|(key, name)| Some((key, name?)));
        files
            .filter(|(_, name)| !name.starts_with(CREDENTIAL))
            .map(|(key, name)| (key, self.folder.join(name)))
            .collect()
    }

    /// User name and password of the login. Reads the password from its file if one is configured.
    ///
    /// # Errors
    /// [`Error::Password`] when the file cannot be read or holds no password.
    pub(super) fn login(&self) -> Result<Option<(String, Secret)>, Error> {
        let Some(username) = self.username.clone() else {
            return Ok(None);
        };
        let password = match (&self.password, &self.password_file) {
            (Some(password), _) => password.clone(),
            (None, Some(file)) => read_password(file, &Places::of(&self.folder))?,
            (None, None) => Secret::from(""),
        };
        Ok(Some((username, password)))
    }
}

#[cfg(test)]
mod tests;
