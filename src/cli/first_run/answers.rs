//! What a first run asks for, and what flags answer.

use std::path::PathBuf;

use crate::secrets::Secret;

/// Frames a second to ask programs for, as with a camera.
const RATE: &str = "10";

/// All answers.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    pub source: Source,
    pub broker: Broker,
    /// The key `id`, with placeholders.
    pub id: String,
    pub home_assistant: bool,
    /// The model's file, where it is not the installed one.
    pub model: Option<PathBuf>,
}

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A V4L2 camera by its name.
    Camera(String),
    /// A program, the format of its output, and what systemd must allow it.
    Program {
        argv: Vec<String>,
        format: &'static str,
        grant: Grant,
    },
    /// An address of the web without its login, and the login.
    Address(String, Option<Login>),
    /// Drawn pictures.
    Drawn,
}

/// What a program needs beyond the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// Memory.
    Memory,
    /// Memory, and the devices of a Raspberry Pi's own camera.
    Pi,
}

/// The login at a camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub user: String,
    pub password: Secret,
}

/// The broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Broker {
    /// `mqtt://HOST:PORT` or `mqtts://HOST:PORT`; none for this machine.
    pub url: Option<String>,
    pub username: Option<String>,
    pub password: Option<Secret>,
    /// Whether the password may cross the network in clear text.
    pub plaintext: bool,
    pub ca_file: Option<PathBuf>,
}

impl Source {
    /// A Raspberry Pi's own camera, through `program`, which is rpicam-vid or libcamera-vid.
    pub fn pi(program: &str) -> Self {
        let line = format!(
            "{program} -t 0 -n --flush --codec mjpeg --width 640 --height 480 --framerate {RATE} -o -"
        );
        Self::Program {
            argv: words(&line),
            format: "mjpeg",
            grant: Grant::Pi,
        }
    }

    /// The program of a command line, whose words spaces part, and which writes MJPEG.
    pub fn program(line: &str) -> Self {
        Self::Program {
            argv: words(line),
            format: "mjpeg",
            grant: Grant::Memory,
        }
    }

    /// A network camera at `address`.
    ///
    /// # Errors
    /// What it must be instead. The words repeat nothing of it.
    pub fn stream(address: &str) -> Result<Self, &'static str> {
        let address = address.trim();
        if address.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("the address must hold no spaces; write %20 for one");
        }
        let scheme = address.split_once("://").map(|(scheme, _)| scheme);
        match scheme.unwrap_or_default().to_ascii_lowercase().as_str() {
            "rtsp" | "rtsps" => Ok(Self::ffmpeg(address)),
            "http" | "https" => {
                let (bare, login) = without_login(address);
                Ok(Self::Address(bare, login))
            }
            _ => Err(
                "the address must begin with rtsp://, http:// or https://; `goldcrest replay` reads recordings, without setup",
            ),
        }
    }

    fn ffmpeg(address: &str) -> Self {
        let before =
            words("ffmpeg -nostdin -loglevel error -rtsp_transport tcp -timeout 10000000 -i");
        let behind = words(&format!(
            "-an -vf fps={RATE},scale=640:480 -pix_fmt yuv420p -f yuv4mpegpipe pipe:1"
        ));
        Self::Program {
            argv: before
                .into_iter()
                .chain([address.to_string()])
                .chain(behind)
                .collect(),
            format: "y4m",
            grant: Grant::Memory,
        }
    }

    /// The password of the camera's login.
    pub fn password(&self) -> Option<&Secret> {
        match self {
            Self::Address(_, Some(login)) => Some(&login.password),
            _ => None,
        }
        .filter(|password| !password.reveal().is_empty())
    }

    /// Whether the configuration itself has to hold a password, that of an address for ffmpeg.
    pub fn shows_password(&self) -> bool {
        match self {
            Self::Program { argv, .. } => argv.iter().any(|word| {
                let (_, login) = without_login(word);
                login.is_some_and(|login| !login.password.reveal().is_empty())
            }),
            _ => false,
        }
    }
}

impl Broker {
    /// The broker that `text` names: `HOST`, `HOST:PORT`, or a URL. `tls` turns TLS on for a name
    /// without a scheme. Whether it is a good one, the configuration's own reading tells.
    pub fn named(text: &str, tls: bool) -> Self {
        let text = text.trim();
        let url = match text.contains("://") {
            true => text.to_string(),
            false if tls => format!("mqtts://{text}"),
            false => format!("mqtt://{text}"),
        };
        Self {
            url: Some(url),
            ..Self::default()
        }
    }

    /// Whether the connection is encrypted.
    pub fn is_secure(&self) -> bool {
        let url = self.url.as_deref().unwrap_or_default();
        url.to_ascii_lowercase().starts_with("mqtts://")
    }

    /// Whether the host names this machine.
    pub fn is_here(&self) -> bool {
        let url = self.url.as_deref().unwrap_or("mqtt://localhost");
        let place = url.split_once("://").map_or(url, |(_, place)| place);
        let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
        ["localhost", "127.0.0.1", "[::1]", "::1"].contains(&host)
            || ["localhost", "127.0.0.1", "[::1]", "::1"].contains(&place)
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(String::from).collect()
}

/// An address of the form `scheme://user:password@rest` without its login, and the login. Any other
/// text stays as it is.
fn without_login(address: &str) -> (String, Option<Login>) {
    let plain = || (address.to_string(), None);
    let Some((scheme, rest)) = address.split_once("://") else {
        return plain();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((login, place)) = authority.rsplit_once('@') else {
        return plain();
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let login = Login {
        user: unescaped(user),
        password: Secret::from(unescaped(password).as_str()),
    };
    (format!("{scheme}://{place}{path}"), Some(login))
}

/// `text` with each `%40` as the character that it stands for.
fn unescaped(text: &str) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (bytes, mut plain, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let pair = bytes.get(at + 1).zip(bytes.get(at + 2));
        let value = pair.and_then(|(high, low)| Some(digit(*high)? * 16 + digit(*low)?));
        match (bytes[at], value) {
            (b'%', Some(value)) => {
                plain.push(value as u8);
                at += 3;
            }
            (byte, _) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leaves_its_login_out() {
        let Ok(Source::Address(url, Some(login))) =
            Source::stream("http://me:p%40ss%zz@cam.lan:81/v?a=b@c")
        else {
            panic!("it is an address with a login");
        };
        assert_eq!(url, "http://cam.lan:81/v?a=b@c");
        assert_eq!(
            (login.user.as_str(), login.password.reveal()),
            ("me", "p@ss%zz")
        );
        let plain = Source::stream("https://cam.lan/a@b").unwrap();
        assert_eq!(plain, Source::Address("https://cam.lan/a@b".into(), None));
        for wrong in ["cam.lan", "ftp://cam", "http://a b/", ""] {
            assert!(Source::stream(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_of_rtsp_is_read_by_ffmpeg_whole() {
        let source = Source::stream("rtsp://me:cuckoo@cam/sub").unwrap();
        assert!(source.shows_password() && source.password().is_none());
        let Source::Program { argv, format, .. } = source else {
            panic!("it is a program");
        };
        assert_eq!((argv[0].as_str(), format), ("ffmpeg", "y4m"));
        assert!(argv.contains(&"rtsp://me:cuckoo@cam/sub".to_string()));
        assert!(!Source::stream("rtsp://cam/sub").unwrap().shows_password());
        assert!(!Source::pi("rpicam-vid").shows_password());
    }

    #[test]
    fn a_broker_is_named_with_or_without_a_scheme() {
        let url = |text, tls| Broker::named(text, tls).url.unwrap();
        assert_eq!(url("hub.lan", false), "mqtt://hub.lan");
        assert_eq!(url(" hub.lan:1884 ", true), "mqtts://hub.lan:1884");
        assert_eq!(url("mqtts://hub.lan", false), "mqtts://hub.lan");
        assert!(Broker::named("MQTTS://hub", false).is_secure());
        assert!(Broker::default().is_here() && Broker::named("127.0.0.1:18", false).is_here());
        assert!(Broker::named("[::1]:1883", false).is_here());
        assert!(!Broker::named("hub.lan:1883", false).is_here());
    }
}
