//! Where brokers are: names, addresses and ports.

use std::fmt;
use std::net::Ipv6Addr;

use crate::misfit::{Misfit, within};

/// The port of MQTT over TCP.
const PLAIN: u16 = 1883;
/// The port of MQTT over TLS.
const TLS: u16 = 8883;
/// The most hosts of a cluster.
const HOSTS: usize = 16;

/// The keys of `[mqtt]` that name brokers.
pub(super) struct Servers<'a> {
    pub(super) url: Option<&'a str>,
    pub(super) hosts: Option<&'a [String]>,
    pub(super) host: Option<&'a str>,
    pub(super) port: Option<u16>,
    /// Whether there is a section `[mqtt.tls]`.
    pub(super) tls: bool,
}

impl Servers<'_> {
    /// The brokers, at least one.
    ///
    /// # Errors
    /// The first key that names none, or that stands beside another that does.
    pub(super) fn all(&self) -> Result<Vec<Server>, Misfit> {
        let misfit = |key: &'static str| move |message: String| Misfit::new(key, message);
        if let Some(url) = self.url {
            self.alone("url", "keep one of the two")?;
            return Ok(vec![of_url(url, self.tls).map_err(misfit("url"))?]);
        }
        if let Some(hosts) = self.hosts {
            let advice = "write each port behind its host, as in \"a:1884\"";
            self.alone("hosts", advice)?;
            within("hosts", hosts.len(), 1..=HOSTS, "hosts")?;
            let all = hosts.iter().map(|host| Server::parse(host, self.tls));
            return all.collect::<Result<_, _>>().map_err(misfit("hosts"));
        }
        if let Some(port) = self.port {
            within("port", port, 1..=65535, "")?;
        }
        let host = self.host.unwrap_or("localhost");
        if host.contains("://") {
            let message = "must be a name or an address, and is a URL, which belongs into mqtt.url";
            return Err(Misfit::new("host", message));
        }
        Ok(vec![
            Server::new(host, self.port, self.tls).map_err(misfit("host"))?,
        ])
    }

    /// Checks that no other key names a broker beside `key`.
    fn alone(&self, key: &str, advice: &str) -> Result<(), Misfit> {
        let given = [
            ("hosts", self.hosts.is_some()),
            ("host", self.host.is_some()),
            ("port", self.port.is_some()),
        ];
        match given.iter().find(|(other, given)| *given && *other != key) {
            Some((other, _)) => Err(Misfit::new(
                key,
                format!("is set beside mqtt.{other}; {advice}"),
            )),
            None => Ok(()),
        }
    }
}

/// The key of `[mqtt]` that names the brokers, for errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// `host`, with or without `port`.
    Host,
    /// `url`.
    Url,
    /// `hosts`.
    Hosts,
}

impl Named {
    /// The key that holds the host.
    pub(super) fn host(self) -> &'static str {
        match self {
            Self::Host => "mqtt.host",
            Self::Url => "mqtt.url",
            Self::Hosts => "mqtt.hosts",
        }
    }

    /// The keys that hold host and port.
    pub(super) fn address(self) -> &'static str {
        match self {
            Self::Host => "mqtt.host and mqtt.port",
            _ => self.host(),
        }
    }

    /// Where the port stands.
    pub(super) fn port(self) -> &'static str {
        match self {
            Self::Host => "mqtt.port",
            Self::Url => "the port in mqtt.url",
            Self::Hosts => "the ports in mqtt.hosts",
        }
    }

    /// What turns TLS on beside such a key.
    pub(super) fn tls(self) -> &'static str {
        match self {
            Self::Host | Self::Url => "set mqtt.url to mqtts://HOST:PORT",
            Self::Hosts => "add the section [mqtt.tls]",
        }
    }
}

/// A broker's host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Its name or address, an IPv6 address without brackets.
    pub(crate) host: String,
    /// Its port, 1 to 65535.
    pub(crate) port: u16,
}

impl Server {
    /// The server at `host` and `port`, or at the usual port with or without TLS.
    ///
    /// # Errors
    /// What is wrong, to be read after the key.
    pub(super) fn new(host: &str, port: Option<u16>, tls: bool) -> Result<Self, String> {
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let is_address = host.parse::<Ipv6Addr>().is_ok();
        let special =
            |c: char| c.is_whitespace() || c.is_control() || (!is_address && "/[]:@".contains(c));
        if host.is_empty() || host.contains(special) || (bare.is_some() && !is_address) {
            return Err("must be the name or the address of the broker".into());
        }
        Ok(Self {
            host: host.into(),
            port: port.unwrap_or(if tls { TLS } else { PLAIN }),
        })
    }

    /// The server that `text` names: `HOST`, `HOST:PORT`, or an IPv6 address, in brackets before a
    /// port.
    ///
    /// # Errors
    /// What is wrong, to be read after the key.
    pub(super) fn parse(text: &str, tls: bool) -> Result<Self, String> {
        let (host, port) = match text.rsplit_once(':') {
            _ if text.parse::<Ipv6Addr>().is_ok() || text.ends_with(']') => (text, None),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port @ 1..)) => Some(port),
            Some(_) => return Err("must have a port of 1 to 65535 after the colon".into()),
        };
        Self::new(host, port, tls)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Whether the URL is one over TLS.
pub(super) fn is_secure(url: &str) -> bool {
    scheme(url).is_some_and(|(scheme, _)| scheme == "mqtts")
}

fn scheme(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    Some((scheme.to_ascii_lowercase(), rest))
}

/// The server of a URL. `tls` tells whether the section `[mqtt.tls]` is there.
///
/// # Errors
/// What is wrong, to be read after the key. It does not repeat the URL, which may hold a password.
pub(super) fn of_url(url: &str, tls: bool) -> Result<Server, String> {
    let Some((scheme, rest)) = scheme(url) else {
        return Err("must begin with mqtt:// or mqtts://".into());
    };
    match scheme.as_str() {
        "mqtts" => {}
        "mqtt" if tls => {
            return Err("begins with mqtt://, and [mqtt.tls] turns TLS on; write mqtts://".into());
        }
        "mqtt" => {}
        "ws" | "wss" => {
            return Err(
                "must begin with mqtt:// or mqtts://; Goldcrest speaks MQTT over TCP and TLS, not over WebSocket"
                    .into(),
            );
        }
        _ => return Err("must begin with mqtt:// or mqtts://".into()),
    }
    if rest.contains('@') {
        return Err(
            "must not hold a user name or a password; set mqtt.username and mqtt.password_file"
                .into(),
        );
    }
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#']) {
        return Err("must have nothing behind host and port".into());
    }
    Server::parse(authority, scheme == "mqtts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_with_or_without_its_port() {
        for (text, plain, tls) in [
            ("a", "a:1883", "a:8883"),
            ("a.lan:1884", "a.lan:1884", "a.lan:1884"),
            ("127.0.0.1", "127.0.0.1:1883", "127.0.0.1:8883"),
            ("::1", "[::1]:1883", "[::1]:8883"),
            ("[::1]", "[::1]:1883", "[::1]:8883"),
            ("[::1]:1884", "[::1]:1884", "[::1]:1884"),
        ] {
            assert_eq!(Server::parse(text, false).unwrap().to_string(), plain);
            assert_eq!(Server::parse(text, true).unwrap().to_string(), tls);
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for text in [
            "", ":1", "a:", "a:0", "a:65536", "a:b", "a b", "a/b", "[a]:1", "[]", "a:1:2", "u@a",
        ] {
            assert!(Server::parse(text, false).is_err(), "{text}");
        }
    }
}
