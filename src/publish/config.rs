//! The section `[mqtt]`.

use std::net::Ipv6Addr;

use serde::Deserialize;

use crate::misfit::{Misfit, within};

use super::connection::read_password;
use super::{Error, Secret, topics};

/// Bytes of the connection's own buffers and timers.
const CLIENT: usize = 128 << 10;

/// The broker and how to connect to it, section `[mqtt]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether to publish over MQTT.
    pub enabled: bool,
    /// The broker's name or address.
    pub host: String,
    /// The broker's port, 1 to 65535.
    pub port: u16,
    /// The user name of the login.
    pub username: Option<String>,
    /// The password of the login. `password_file` keeps it out of the configuration.
    pub password: Option<Secret>,
    /// The file that holds the password: a path, or `credential:NAME` for a file in
    /// `$CREDENTIALS_DIRECTORY`. A newline at its end is ignored.
    pub password_file: Option<String>,
    /// The first levels of all topics.
    pub base: String,
    /// The client id, 1 to 64 characters. The default is a hash of the machine's id and the
    /// instance's.
    pub client_id: Option<String>,
    /// Seconds between pings, 1 to 3600. A dead connection is noticed within twice that.
    pub keep_alive: u64,
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
            max_packet: 256 * 1024,
        }
    }
}

impl Config {
    /// Checks every value, without reading files.
    ///
    /// # Errors
    /// The first key that is out of its range, and the allowed values.
    pub(crate) fn check(&self) -> Result<(), Misfit> {
        self.check_host()?;
        within("port", self.port, 1..=65535, "")?;
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
        within("max_packet", self.max_packet, 1024..=1 << 24, "bytes")
    }

    fn check_host(&self) -> Result<(), Misfit> {
        let special = |c: char| c.is_whitespace() || c.is_control();
        if self.host.is_empty() || self.host.contains(special) {
            return Err(Misfit::new(
                "host",
                "must be the name or the address of the broker",
            ));
        }
        if let Some(end) = self.host.find("://") {
            let scheme = &self.host[..end + 3];
            return Err(Misfit::new(
                "host",
                format!("must be a name or an address without {scheme:?}"),
            ));
        }
        Ok(())
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

    /// The most memory that the connection and its thread use, in bytes: with a packet of the
    /// largest size in flight.
    pub(crate) fn memory(&self) -> usize {
        self.max_packet + CLIENT
    }

    /// Host and port, as in error messages.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.dial_host(), self.port)
    }

    /// The host; an IPv6 address in brackets.
    pub(super) fn dial_host(&self) -> String {
        match self.host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => self.host.clone(),
        }
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
            (None, Some(file)) => {
                let directory = std::env::var_os("CREDENTIALS_DIRECTORY");
                read_password(file, directory.as_deref())?
            }
            (None, None) => Secret::from(""),
        };
        Ok(Some((username, password)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_gives_valid_defaults() {
        assert_eq!(Config::default().check(), Ok(()));
        assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
    }

    #[test]
    fn a_key_out_of_range_is_named_with_its_allowed_values() {
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
            ("max_packet = 1023", "max_packet", "1024 to 16777216 bytes"),
            ("max_packet = 16777217", "max_packet", "is 16777217"),
        ] {
            let config: Config = toml::from_str(text).unwrap();
            let misfit = config.check().expect_err(text);
            assert_eq!(misfit.key, key, "{text}");
            assert!(misfit.message.contains(part), "{text}: {misfit}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(toml::from_str::<Config>("hots = 'a'").is_err());
    }

    fn with_password_file(path: &std::path::Path) -> Config {
        Config {
            username: Some("bird".into()),
            password_file: Some(path.display().to_string()),
            ..Config::default()
        }
    }

    #[test]
    fn the_password_comes_from_its_file_and_stays_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "quiet word\n").unwrap();
        let login = with_password_file(&path).login().unwrap();
        assert_eq!(login, Some(("bird".into(), "quiet word".into())));
        assert!(!format!("{login:?}").contains("quiet"));
    }

    #[test]
    fn a_missing_password_file_is_an_error_of_the_configuration() {
        let config = with_password_file("/nonexistent".as_ref());
        let error = config.login().unwrap_err();
        assert_eq!(error.exit_code(), 78);
        let line = error.to_string();
        assert!(
            line.starts_with("mqtt.password_file cannot be read: /nonexistent"),
            "{line}"
        );
    }

    #[test]
    fn without_a_user_name_there_is_no_login() {
        assert_eq!(Config::default().login(), Ok(None));
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
