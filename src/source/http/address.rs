//! Addresses of the web, such as `http://user:password@camera:8080/video?size=2`.

use std::fmt;

use crate::secrets::Secret;

/// The longest address, in bytes.
const LONGEST: usize = 4096;

/// An address. It is shown without its login and without what follows a `?`, which may hold one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Whether it is one of TLS.
    pub tls: bool,
    /// The host in lower case, an address of IPv6 without brackets.
    pub host: String,
    pub port: u16,
    /// The path and what follows it, as it is sent.
    target: Secret,
    /// User name and password before the `@`, without escapes.
    pub login: Option<(String, Secret)>,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What it must be instead. The words repeat nothing of it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("must have at most 4096 characters");
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("must hold no spaces; write %20 for one");
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err("must begin with http:// or https://"),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        // A password may hold an @ that is not escaped.
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (host, port) = host_and_port(place, tls)?;
        let login = login.map(|login| {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            (unescaped(user), Secret::from(unescaped(password).as_str()))
        });
        if let Some((user, password)) = &login
            && [user.as_str(), password.reveal()]
                .iter()
                .any(|part| part.contains(char::is_control))
        {
            return Err("must hold no control characters before the @");
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            tls,
            host,
            port,
            target: Secret::from(escaped(&format!("{slash}{target}")).as_str()),
            login,
        })
    }

    /// The path and what follows it, as it is sent.
    pub fn target(&self) -> &str {
        self.target.reveal()
    }

    /// The host and the port, as they stand in an address and in a request.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.tls, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Where the answer from here leads with `location`.
    ///
    /// # Errors
    /// It is no address of the web.
    pub fn join(&self, location: &str) -> Result<Self, &'static str> {
        let location = location.trim();
        let path = self.target().split('?').next().unwrap_or("/");
        let of_here = |target: &str| {
            let scheme = if self.tls { "https" } else { "http" };
            Self::parse(&format!("{scheme}://{}{target}", self.authority()))
        };
        let mut next = if let Some(rest) = location.strip_prefix("//") {
            let scheme = if self.tls { "https" } else { "http" };
            Self::parse(&format!("{scheme}://{rest}"))?
        } else if location.starts_with('/') {
            of_here(location)?
        } else if location
            .split(['/', '?'])
            .next()
            .is_some_and(|first| first.contains(':'))
        {
            Self::parse(location)?
        } else if location.starts_with('?') {
            of_here(&format!("{path}{location}"))?
        } else {
            let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
            of_here(&format!("{folder}{location}"))?
        };
        // The login is that of the configuration.
        next.login = None;
        Ok(next)
    }

    /// Whether an answer from here may lead to `next`: to the same host alone, and never from TLS to
    /// a connection without.
    pub fn may_lead_to(&self, next: &Self) -> bool {
        self.host == next.host && (next.tls || !self.tls)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let path = self.target().split('?').next().unwrap_or_default();
        write!(f, "{scheme}://{}{path}", self.authority())
    }
}

/// Host and port of `place`.
fn host_and_port(place: &str, tls: bool) -> Result<(String, u16), &'static str> {
    const WRONG: &str = "must name a host after ://, as in http://camera/video";
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(WRONG)?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(WRONG);
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, port),
                None if rest.is_empty() => (host, ""),
                None => return Err(WRONG),
            }
        }
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let named = |c: char| c.is_alphanumeric() || "-._".contains(c);
    if host.is_empty() || (!place.starts_with('[') && !host.chars().all(named)) {
        return Err(WRONG);
    }
    let port = match (port, tls) {
        ("", false) => 80,
        ("", true) => 443,
        (port, _) => match port.parse() {
            Ok(port) if port > 0 => port,
            _ => return Err("must have a port of 1 to 65535"),
        },
    };
    Ok((host.to_ascii_lowercase(), port))
}

/// With escapes for what a request must not hold.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if !b"\"<>\\^`{|}".contains(&byte) => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// Without escapes such as `%40`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = |at: usize| char::from(*after.get(at)?).to_digit(16);
        if let (b'%', Some(high), Some(low)) = (first, hex(0), hex(1)) {
            bytes.push((high * 16 + low) as u8);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `text`, an address of any scheme, as it may be shown: without its login and without what follows
/// a `?`.
pub(in crate::source) fn shown(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.into();
    };
    let rest = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    // The last @ counts: a password may hold one, and a slash too.
    let rest = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn the_parts_of_an_address_are_found() {
        let all = address("HTTPS://me:cuc%40koo@Porch.lan:8443/video?size=2&pwd=x#top");
        assert!(all.tls);
        assert_eq!((all.host.as_str(), all.port), ("porch.lan", 8443));
        assert_eq!(all.target(), "/video?size=2&pwd=x");
        let (user, password) = all.login.as_ref().unwrap();
        assert_eq!((user.as_str(), password.reveal()), ("me", "cuc@koo"));
        for (text, authority, target) in [
            ("http://porch", "porch", "/"),
            ("http://porch:80?action=stream", "porch", "/?action=stream"),
            ("https://[fe80::1]:444/é", "[fe80::1]:444", "/%C3%A9"),
            ("http://a@b:c@d:81/", "d:81", "/"),
            ("http://192.0.2.7:8080/?a=b/c", "192.0.2.7:8080", "/?a=b/c"),
        ] {
            let address = address(text);
            assert_eq!(address.authority(), authority, "{text}");
            assert_eq!(address.target(), target, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_shown() {
        for text in [
            "",
            "cuckoo",
            "ftp://cuckoo/",
            "http://",
            "http://:80/",
            "http://cuc koo/",
            "http://cuckoo:0/",
            "http://cuckoo:65536/",
            "http://cuckoo:x/",
            "http://[cuckoo]/",
            "http://[::1]cuckoo/",
            "http://cuckoo%0a/",
            "http://a%0acuckoo@b/",
            &format!("http://{}/", "cuckoo".repeat(800)),
        ] {
            let why = Address::parse(text).unwrap_err();
            assert!(!why.contains("cuckoo"), "{text}: {why}");
        }
    }

    #[test]
    fn neither_login_nor_query_is_shown() {
        let text = "http://me:cuckoo@porch:81/a/b?pwd=cuckoo";
        assert_eq!(address(text).to_string(), "http://porch:81/a/b");
        assert!(!format!("{:?}", address(text)).contains("cuckoo"));
        assert_eq!(shown(text), "http://porch:81/a/b");
        assert_eq!(shown("rtsp://me:cuck/oo@porch/1?x"), "rtsp://porch/1");
        assert_eq!(shown("a/b"), "a/b");
    }

    #[test]
    fn an_answer_leads_to_the_same_host_alone() {
        let here = address("http://me:cuckoo@porch:81/a/b?c");
        for (location, there, may) in [
            ("d", "http://porch:81/a/d", true),
            ("/d?e", "http://porch:81/d", true),
            ("?e", "http://porch:81/a/b", true),
            ("//porch/d", "http://porch/d", true),
            ("https://PORCH/d", "https://porch/d", true),
            ("http://porch.evil/d", "http://porch.evil/d", false),
            ("http://porch@evil/", "http://evil/", false),
            ("//evil", "http://evil/", false),
        ] {
            let next = here.join(location).unwrap();
            assert_eq!(next.to_string(), there);
            assert_eq!(here.may_lead_to(&next), may, "{location}");
            assert_eq!(next.login, None);
        }
        for location in ["ftp://porch/", "javascript:1", "http://"] {
            assert!(here.join(location).is_err(), "{location}");
        }
        let secure = address("https://porch/");
        assert!(!secure.may_lead_to(&address("http://porch/")));
    }
}
