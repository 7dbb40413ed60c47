//! The section `[http]`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::address::Address;
use super::login::Login;
use crate::misfit::{Misfit, within};
use crate::secrets::{CREDENTIAL, PasswordError, Places, Secret, read_password};
use crate::source::Footprint;
use crate::source::live;
use crate::tls;

/// Bytes of a head as it is read and as text, and of a request.
const HEAD: usize = 64 << 10;

/// The section `[http]`: the address that gives MJPEG, or a JPEG picture each time.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address, `http://...` or `https://...`. It may hold a login before the host.
    pub url: Url,
    /// Seconds from one picture to the next where the address gives one at a time, 0.1 to 3600.
    pub interval: f64,
    /// The user name of the login.
    pub username: Option<String>,
    /// The file with the password, or `credential:NAME`. A newline at its end is ignored.
    pub password_file: Option<String>,
    /// Certificates in PEM form: authorities that may sign that of the camera, or the camera's own.
    /// The default is the authorities of the system.
    pub ca_file: Option<String>,
    /// Width of the widest picture in pixels, 64 to 3840.
    pub width: u32,
    /// Height of the highest picture in pixels, 64 to 2160.
    pub height: u32,
    /// Seconds that the camera may take to accept a connection and to begin its answer, and from
    /// one frame to the next, 0.5 to 3600.
    pub timeout: f64,
    /// Seconds that the first frame may take, 0.5 to 3600; `timeout` counts if it is longer.
    pub start_timeout: f64,
}

/// An address as it was written, which may hold a password.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Url(String);

impl Default for Config {
    fn default() -> Self {
        Self {
            url: Url::default(),
            interval: 1.0,
            username: None,
            password_file: None,
            ca_file: None,
            width: 640,
            height: 480,
            timeout: 10.0,
            start_timeout: 30.0,
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Address::parse(&self.0) {
            Ok(address) => address.fmt(f),
            Err(why) => f.write_str(why),
        }
    }
}

impl From<&str> for Url {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Config {
    /// Checks every value; `used` tells whether the source is an address.
    ///
    /// # Errors
    /// The first key whose value is not allowed, and the allowed values.
    pub(crate) fn check(&self, used: bool) -> Result<(), Misfit> {
        if !self.url.0.is_empty() {
            self.check_login(&self.address()?)?;
        } else if used {
            let allowed = "must be set when source.kind is \"http\", as in \"http://camera/video\"";
            return Err(Misfit::new("url", allowed));
        }
        if self.password_file.is_some() && self.username.is_none() {
            return Err(Misfit::new(
                "password_file",
                "needs http.username beside it",
            ));
        }
        for (key, value) in [
            ("username", &self.username),
            ("password_file", &self.password_file),
            ("ca_file", &self.ca_file),
        ] {
            let value = value.as_deref().unwrap_or("-");
            if value.is_empty() || value.contains(char::is_control) {
                let allowed =
                    "must be neither empty nor hold control characters; leave the key out";
                return Err(Misfit::new(key, allowed));
            }
        }
        within("interval", self.interval, 0.1..=3600.0, "seconds")?;
        within("width", self.width, 64..=3840, "pixels")?;
        within("height", self.height, 64..=2160, "pixels")?;
        within("timeout", self.timeout, 0.5..=3600.0, "seconds")?;
        within("start_timeout", self.start_timeout, 0.5..=3600.0, "seconds")
    }

    fn check_login(&self, address: &Address) -> Result<(), Misfit> {
        if address.login.is_some() && self.username.is_some() {
            let allowed = "must be left out: http.url holds a user name already";
            return Err(Misfit::new("username", allowed));
        }
        Ok(())
    }

    /// The same for another address. The login of the configuration goes to its own host alone.
    #[must_use]
    pub(crate) fn at(&self, url: &str) -> Self {
        let mut config = Self {
            url: Url::from(url),
            ..self.clone()
        };
        let (here, there) = (self.address(), config.address());
        let same = here.is_ok_and(|here| there.as_ref().is_ok_and(|there| here.may_lead_to(there)));
        if !same || there.is_ok_and(|there| there.login.is_some()) {
            (config.username, config.password_file) = (None, None);
        }
        config
    }

    /// The address.
    ///
    /// # Errors
    /// What it must be instead.
    pub(super) fn address(&self) -> Result<Address, Misfit> {
        Address::parse(&self.url.0).map_err(|allowed| Misfit::new("url", allowed))
    }

    /// Whether the configuration's own text holds a password: that of the address.
    pub(crate) fn holds_password(&self) -> bool {
        self.address().is_ok_and(|address| {
            address
                .login
                .is_some_and(|(_, word)| !word.reveal().is_empty())
        })
    }

    /// The file that holds the password, with its key; `folder` is where relative paths start. The
    /// service's credentials do not count: systemd keeps them from other users.
    pub(crate) fn secret_file(&self, folder: &Path) -> Option<(&'static str, PathBuf)> {
        let name = self.password_file.as_deref()?;
        (!name.starts_with(CREDENTIAL)).then(|| ("http.password_file", folder.join(name)))
    }

    /// The login at `address`, if there is one.
    ///
    /// # Errors
    /// The password's file cannot be used.
    pub(super) fn login(
        &self,
        address: &Address,
        places: &Places,
    ) -> Result<Option<Login>, PasswordError> {
        if let Some((user, password)) = &address.login {
            return Ok(Some(Login::new(user.clone(), password.clone())));
        }
        let Some(user) = &self.username else {
            return Ok(None);
        };
        let password = match &self.password_file {
            Some(file) => read_password(file, places)?,
            None => Secret::from(""),
        };
        Ok(Some(Login::new(user.clone(), password)))
    }

    /// How the body is cut.
    pub(super) fn stream(&self) -> live::Format {
        live::Format::Mjpeg {
            width: self.width as usize,
            height: self.height as usize,
        }
    }

    /// Makes both sides of the pictures smaller, by `part` or as far as is allowed. Returns them.
    pub(crate) fn divide(&mut self, part: u32) -> (u32, u32) {
        let smaller = |side: u32| (side / part / 2 * 2).max(64);
        (self.width, self.height) = (smaller(self.width), smaller(self.height));
        (self.width, self.height)
    }

    fn uses_tls(&self) -> bool {
        self.address().is_ok_and(|address| address.tls)
    }

    /// The memory that the connection and its pictures take.
    pub fn footprint(&self) -> Footprint {
        let stream = self.stream().footprint();
        let tls = if self.uses_tls() { tls::MEMORY } else { 0 };
        Footprint {
            own: stream.own + HEAD + tls,
            threads: 1,
            ..stream
        }
    }

    /// Bytes of code that a connection reads in beside what each source does.
    pub(crate) fn code(&self) -> usize {
        if self.uses_tls() { tls::CODE } else { 0 }
    }

    /// Seconds from one picture to the next.
    pub(super) fn interval(&self) -> Duration {
        seconds(self.interval)
    }

    /// How long the camera may take to answer.
    pub(super) fn timeout(&self) -> Duration {
        seconds(self.timeout)
    }

    /// The longest silence before the first frame of a connection.
    pub(super) fn start_timeout(&self) -> Duration {
        seconds(self.start_timeout).max(self.timeout())
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::misfit::expect_misfits;

    fn read(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn an_empty_section_is_valid_while_it_is_not_used() {
        let config = read("");
        assert_eq!(config, Config::default());
        assert_eq!(config.check(false), Ok(()));
        assert_eq!(config.check(true).unwrap_err().key, "url");
    }

    #[test]
    fn every_key_is_read() {
        let config = read(
            "url = 'https://porch/video'\ninterval = 5\nusername = 'me'\npassword_file = 'word'\n\
             ca_file = 'ca.pem'\nwidth = 1280\nheight = 720\ntimeout = 40\nstart_timeout = 5",
        );
        assert_eq!(config.check(true), Ok(()));
        assert_eq!(config.start_timeout().as_secs(), 40);
        assert_eq!(config.stream().size(), (1280, 720));
        let file = config.secret_file(Path::new("/etc")).unwrap();
        assert_eq!(file, ("http.password_file", "/etc/word".into()));
        assert!(config.code() > 0);
    }

    #[test]
    fn a_value_that_is_not_allowed_is_named() {
        expect_misfits(
            |config: &Config| config.check(true),
            &[
                ("url = 'rtsp://porch/1'", "url", "http:// or https://"),
                ("url = 'http://'", "url", "name a host"),
                (
                    "url = 'http://a@b/'\nusername = 'c'",
                    "username",
                    "left out",
                ),
                (
                    "url = 'http://b/'\npassword_file = 'c'",
                    "password_file",
                    "http.username",
                ),
                (
                    "url = 'http://b/'\nusername = ''",
                    "username",
                    "leave the key out",
                ),
                (
                    "url = 'http://b/'\nca_file = ''",
                    "ca_file",
                    "leave the key out",
                ),
                (
                    "url = 'http://b/'\ninterval = 0.05",
                    "interval",
                    "0.1 to 3600",
                ),
                ("url = 'http://b/'\nwidth = 63", "width", "64 to 3840"),
                ("url = 'http://b/'\nheight = 2161", "height", "64 to 2160"),
                ("url = 'http://b/'\ntimeout = 0.4", "timeout", "0.5 to 3600"),
                (
                    "url = 'http://b/'\nstart_timeout = 3601",
                    "start_timeout",
                    "0.5 to 3600",
                ),
            ],
        );
    }

    #[test]
    fn the_login_goes_to_its_own_host_alone() {
        let config = read("url = 'https://porch/video'\nusername = 'me'");
        let user = |url: &str| config.at(url).username;
        assert_eq!(user("https://porch:8443/x").as_deref(), Some("me"));
        for url in [
            "https://other/x",
            "http://porch/x",
            "https://a:b@porch/x",
            "nonsense",
        ] {
            assert_eq!(user(url), None, "{url}");
        }
    }

    #[test]
    fn a_login_is_not_in_the_text_for_programmers() {
        let config = read("url = 'http://me:cuckoo@porch/video?pwd=cuckoo'");
        let text = format!("{config:?}");
        assert!(!text.contains("cuckoo") && text.contains("porch"), "{text}");
        assert!(config.holds_password());
        assert!(!read("url = 'http://me@porch/video'").holds_password());
    }
}
