//! The section `[mqtt]`.

use std::net::Ipv6Addr;

use serde::Deserialize;

use crate::misfit::{Misfit, within};

use super::connection::secret;
use super::{Error, Secret, topics};

/// A queued message with its topic: events of the most labels are half as large.
const MESSAGE: usize = 2048;
/// The connection's own buffers and timers.
const CLIENT: usize = 128 << 10;

/// Where and how to speak MQTT, section `[mqtt]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether to speak MQTT at all.
    pub enabled: bool,
    /// The broker's name or address.
    pub host: String,
    /// The broker's port, 1 to 65535.
    pub port: u16,
    /// The name to log in with.
    pub username: Option<String>,
    /// The password to log in with; better kept in `password_file`.
    pub password: Option<Secret>,
    /// A file that holds the password: a path, or `credential:NAME` for a file in
    /// `$CREDENTIALS_DIRECTORY`. A newline at its end does not count.
    pub password_file: Option<String>,
    /// What all topics begin with.
    pub base: String,
    /// The client id, 1 to 64 characters; made from the machine's id and the instance's when not
    /// given.
    pub client_id: Option<String>,
    /// Seconds between signs of life, 1 to 3600. A dead connection shows after twice that.
    pub keep_alive: u64,
    /// How many messages that are not retained may wait for the broker, 1 to 1024.
    pub queue: usize,
    /// The largest MQTT packet, in and out, in bytes, 1024 to 16777216.
    pub max_packet: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            host: "localhost".into(),
            port: 1883,
            username: None,
            password: None,
            password_file: None,
            base: "goldcrest".into(),
            client_id: None,
            keep_alive: 15,
            queue: 64,
            max_packet: 256 * 1024,
        }
    }
}

impl Config {
    /// Checks every range. Files are not read.
    ///
    /// # Errors
    /// The first key that is out of its range, and what is allowed.
    pub fn check(&self) -> Result<(), Misfit> {
        if self.host.is_empty()
            || self
                .host
                .contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return Err(Misfit::new(
                "host",
                "must be the name or the address of the broker",
            ));
        }
        if self.host.contains("://") {
            return Err(Misfit::new(
                "host",
                format!("must be a name or an address without {:?}", self.scheme()),
            ));
        }
        within("port", self.port, 1..=65535, "")?;
        if self.username.as_deref() == Some("") {
            return Err(Misfit::new(
                "username",
                "must not be empty; leave the key out instead",
            ));
        }
        if self.password.is_some() && self.password_file.is_some() {
            return Err(Misfit::new(
                "password_file",
                "stands beside mqtt.password; keep one of the two",
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
        within("queue", self.queue, 1..=1024, "messages")?;
        within("max_packet", self.max_packet, 1024..=1 << 24, "bytes")
    }

    /// What the client and its thread take at most, in bytes, with the queue full of what is
    /// usually said and a packet of the largest size under way.
    pub fn memory(&self) -> usize {
        self.queue * MESSAGE + self.max_packet + CLIENT
    }

    /// Host and port, as messages show them and the resolver takes them.
    pub fn address(&self) -> String {
        format!("{}:{}", self.dial_host(), self.port)
    }

    /// The host, an IPv6 address in the brackets that it needs before a port.
    pub(super) fn dial_host(&self) -> String {
        match self.host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => self.host.clone(),
        }
    }

    /// The name and the password to log in with, the password read from its file.
    ///
    /// # Errors
    /// [`Error::Config`] when the file cannot be read or holds no password.
    pub(super) fn login(&self) -> Result<Option<(String, Secret)>, Error> {
        let Some(username) = self.username.clone() else {
            return Ok(None);
        };
        let password = match (&self.password, &self.password_file) {
            (Some(password), _) => password.clone(),
            (None, Some(file)) => {
                let directory = std::env::var_os("CREDENTIALS_DIRECTORY");
                secret::read(file, directory.as_deref()).map_err(|message| Error::Config {
                    key: "password_file",
                    message,
                })?
            }
            (None, None) => Secret::from(""),
        };
        Ok(Some((username, password)))
    }

    fn scheme(&self) -> &str {
        self.host
            .find("://")
            .map_or("", |end| &self.host[..end + 3])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_pass_and_an_empty_section_gives_them() {
        assert_eq!(Config::default().check(), Ok(()));
        assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
    }

    #[test]
    fn each_key_out_of_range_is_named_with_what_is_allowed() {
        let long = format!("client_id = '{}'", "x".repeat(65));
        for (text, key, part) in [
            ("host = ''", "host", "name or the address"),
            ("host = 'a b'", "host", "name or the address"),
            ("host = 'mqtt://broker'", "host", "without \"mqtt://\""),
            ("port = 0", "port", "1 to 65535"),
            ("username = ''", "username", "leave the key out"),
            ("password = 'x'", "password", "needs mqtt.username"),
            (
                "password_file = 'x'",
                "password_file",
                "needs mqtt.username",
            ),
            (
                "username = 'a'\npassword = 'x'\npassword_file = 'x'",
                "password_file",
                "keep one",
            ),
            ("base = ''", "base", "1 to 256"),
            ("base = '/a'", "base", "at its start"),
            ("base = 'a/'", "base", "at its end"),
            ("base = '$SYS'", "base", "without $"),
            ("base = 'a/+'", "base", "without +"),
            ("client_id = ''", "client_id", "1 to 64"),
            (&long, "client_id", "1 to 64"),
            ("keep_alive = 0", "keep_alive", "1 to 3600 seconds"),
            ("keep_alive = 3601", "keep_alive", "1 to 3600 seconds"),
            ("queue = 0", "queue", "1 to 1024"),
            ("queue = 1025", "queue", "1 to 1024"),
            ("max_packet = 1023", "max_packet", "1024 to 16777216 bytes"),
            ("max_packet = 16777217", "max_packet", "is 16777217"),
        ] {
            let config: Config = toml::from_str(text).unwrap();
            let misfit = config.check().expect_err(text);
            assert_eq!(misfit.key, key, "{text}");
            assert!(misfit.message.contains(part), "{text}: {misfit}");
        }
        assert!(toml::from_str::<Config>("hots = 'a'").is_err());
    }

    #[test]
    fn the_password_comes_from_its_file_and_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "quiet word\n").unwrap();
        let mut config = Config {
            username: Some("bird".into()),
            password_file: Some(path.display().to_string()),
            ..Config::default()
        };
        let login = config.login().unwrap();
        assert_eq!(login, Some(("bird".into(), "quiet word".into())));
        assert!(!format!("{login:?}").contains("quiet"));

        config.password_file = Some("/nonexistent".into());
        let error = config.login().unwrap_err();
        assert_eq!(error.exit_code(), 78);
        let line = error.to_string();
        assert!(
            line.starts_with("mqtt.password_file cannot be read: /nonexistent"),
            "{line}"
        );

        config.username = None;
        config.password_file = None;
        assert_eq!(config.login(), Ok(None));
    }

    #[test]
    fn an_ipv6_address_gets_its_brackets() {
        for (host, address) in [
            ("::1", "[::1]:1883"),
            ("127.0.0.1", "127.0.0.1:1883"),
            ("broker.lan", "broker.lan:1883"),
        ] {
            let config = Config {
                host: host.into(),
                ..Config::default()
            };
            assert_eq!(config.address(), address);
        }
    }
}
