//! The password and the key of TLS, which nothing shows.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::certificates::{ALWAYS, Authority};
use crate::support::daemon::{bottles, configuration};
use crate::support::program::{command, goldcrest, output};
use crate::support::{Broker, Daemon, PATIENCE, Subscriber, free_port, wait_for};

const PASSWORD: &str = "cuckoo's egg";

/// A broker that takes clients with a certificate, and one such client with its secrets.
struct Scene {
    broker: Broker,
    /// A port of the broker without TLS, for those who look on.
    plain: u16,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    /// The service's credentials, as systemd puts them into a folder.
    credentials: tempfile::TempDir,
    secrets: Vec<String>,
    _authority: Authority,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new("birds");
        let here = "DNS:localhost,IP:127.0.0.1";
        let server = authority.sign("broker", here, ALWAYS);
        let client = authority.sign("front", here, ALWAYS);
        let (ca, plain) = (authority.file(), free_port());
        let more = format!(
            "cafile {}\nrequire_certificate true\nlistener {plain} 127.0.0.1\n",
            ca.display()
        );
        let key = fs::read_to_string(&client.key).unwrap();
        let mut secrets = vec![PASSWORD.to_string()];
        let lines = key.lines().filter(|line| !line.starts_with("-----"));
        secrets.extend(lines.map(String::from));
        let credentials = tempfile::tempdir().unwrap();
        fs::write(credentials.path().join("password"), PASSWORD).unwrap();
        fs::write(credentials.path().join("key"), &key).unwrap();
        let broker = Broker::with_tls(&server, &more);
        // It opens its second port after the first.
        let open = || TcpStream::connect((Ipv4Addr::LOCALHOST, plain)).is_ok();
        assert!(wait_for(PATIENCE, open), "no port {plain}");
        Self {
            broker,
            plain,
            ca,
            certificate: client.file,
            key: client.key,
            credentials,
            secrets,
            _authority: authority,
        }
    }

    /// A section `[mqtt]` for the broker's port, with these keys of the login and of the key.
    fn mqtt(&self, port: u16, password: &str, key: &str) -> String {
        format!(
            "[mqtt]\nurl = \"mqtts://127.0.0.1:{port}\"\nusername = \"bird\"\n{password}\n\
             [mqtt.tls]\nca_file = {:?}\ncert_file = {:?}\n{key}\n",
            self.ca, self.certificate
        )
    }

    /// The sections whose secrets stand in the configuration, in files, and in credentials.
    fn ways(&self, port: u16) -> [String; 3] {
        let key = format!("key_file = {:?}", self.key);
        let file = self.credentials.path().join("password");
        [
            self.mqtt(port, &format!("password = \"{PASSWORD}\""), &key),
            self.mqtt(port, &format!("password_file = {file:?}"), &key),
            self.mqtt(
                port,
                "password_file = \"credential:password\"",
                "key_file = \"credential:key\"",
            ),
        ]
    }

    fn environment(&self) -> [(&str, &Path); 1] {
        [("CREDENTIALS_DIRECTORY", self.credentials.path())]
    }

    /// What `check --json` prints on both outputs, and its exit code.
    fn check(&self, more: &str) -> (i32, String) {
        let folder = tempfile::tempdir().unwrap();
        let config = configuration(folder.path(), &bottles("loop"), more);
        let mut check = command(&["check", "--json", "--config", config.to_str().unwrap()]);
        let ran = output(check.envs(self.environment()));
        (ran.code, ran.stdout + &ran.stderr)
    }

    fn stays_secret(&self, text: &str) {
        for secret in &self.secrets {
            assert!(!text.contains(secret), "{secret} is shown: {text}");
        }
    }
}

#[test]
fn a_check_shows_no_password_and_no_key() {
    let scene = Scene::new();
    // A broker that takes the connection, and a port where none is.
    for (port, code) in [(scene.broker.port(), 0), (9, 69)] {
        for more in scene.ways(port) {
            let (ended, text) = scene.check(&more);
            assert_eq!(ended, code, "{text}");
            scene.stays_secret(&text);
        }
    }
}

#[test]
fn a_secret_in_the_place_of_a_path_is_not_repeated() {
    let scene = Scene::new();
    let key = fs::read_to_string(&scene.key).unwrap();
    let (port, good) = (scene.broker.port(), format!("key_file = {:?}", scene.key));
    for (password, key) in [
        (format!("password_file = \"{PASSWORD}\""), good),
        (String::new(), format!("key_file = \"\"\"\n{key}\"\"\"")),
    ] {
        let (ended, text) = scene.check(&scene.mqtt(port, &password, &key));
        assert_eq!(ended, 78, "{text}");
        assert!(text.contains("must be the path of a file"), "{text}");
        scene.stays_secret(&text);
    }
}

#[test]
fn a_daemon_shows_no_password_and_no_key_anywhere() {
    let scene = Scene::new();
    for more in scene.ways(scene.broker.port()) {
        let subscriber = Subscriber::at(scene.plain, "#");
        let more = format!("{more}[health]\ninterval = 1.0\n[log]\nlevel = \"trace\"\n");
        let mut daemon = Daemon::in_environment(&more, &scene.environment());
        daemon.expect("connected as");
        let process = |name: &str| {
            let bytes = fs::read(format!("/proc/{}/{name}", daemon.id())).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        scene.stays_secret(&process("cmdline"));
        scene.stays_secret(&process("environ"));
        // A core dump would hold both.
        // ... through a pipe too, for which the limit does not hold.
        assert_eq!(process("coredump_filter").trim_end(), "00000000");
        let limits = process("limits");
        let core = limits.lines().find(|line| line.starts_with("Max core"));
        let words: Vec<_> = core.unwrap_or_default().split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"], "{limits}");
        subscriber.expect("health");
        for line in daemon.end() {
            scene.stays_secret(&line);
        }
        let retained = Subscriber::at(scene.plain, "#");
        let mut payloads = 0;
        while let Some(message) = retained.next(Duration::from_millis(300)) {
            scene.stays_secret(&message.text);
            payloads += 1;
        }
        while let Some(message) = subscriber.next(Duration::from_millis(300)) {
            scene.stays_secret(&message.text);
            payloads += 1;
        }
        assert!(payloads > 4, "{payloads}");
    }
}

#[test]
fn an_error_of_the_configuration_shows_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let text = format!("\"{PASSWORD}\"");
    for (config, says) in [
        (
            format!("[mqtt]\npassword = [{text}]\n"),
            "2: mqtt.password: must be a text in quotes",
        ),
        (
            "[mqtt]\npassword = 123456\n".into(),
            "2: mqtt.password: must be a text in quotes",
        ),
        (
            "[mqtt]\nusername = 123456\n".into(),
            "2: mqtt.username: must be a text in quotes",
        ),
        (
            format!("[mqtt]\npassword = {{ a = {text} }}\n"),
            "must be a text in quotes",
        ),
        (format!("[mqtt]\npassword = {PASSWORD}\n"), "2: not TOML: "),
        (
            format!("[mqtt]\npassword = \"{PASSWORD}\n"),
            "2: not TOML: ",
        ),
        (
            format!("[mqtt]\nurl = \"mqtt://bird:{PASSWORD}@host\"\n"),
            "2: mqtt.url: must not hold",
        ),
        (
            format!("[mqtt]\nhost = \"{PASSWORD}://host\"\n"),
            "2: mqtt.host: must be a name",
        ),
        (
            format!("[mqtt]\n{text} = 1\n"),
            "2: mqtt: unknown key in this line; known here are ",
        ),
        // Without its quotes it looks like a key.
        (
            format!(
                "[mqtt]\n{} = 1\n",
                PASSWORD.replace(|c: char| !c.is_ascii_alphanumeric(), "")
            ),
            "2: mqtt: unknown key in this line",
        ),
        (
            format!("[mqtt]\npasswort = {text}\n"),
            "nearest known key is `password`",
        ),
        (
            format!("password = {text}\n"),
            "1: password: unknown key here; it belongs under [mqtt]",
        ),
        (format!("id = {text}\n"), "1: id: must be 1 to 64 letters"),
        (
            format!("id = \"{{{PASSWORD}}}\"\n"),
            "1: id: has a placeholder",
        ),
        (
            format!("include = [{text}]\n"),
            "1: include: a file of the list",
        ),
        (
            format!("[source]\nkind = {text}\n"),
            "2: source.kind: must be one of",
        ),
        (
            format!("[log]\nlevel = {text}\n"),
            "2: log.level: must be one of",
        ),
        (
            format!("[commands]\nallow = [{text}]\n"),
            "2: commands.allow: has what is no command",
        ),
        (
            format!("[homeassistant]\nnode = {text}\n"),
            "2: homeassistant.node: must be",
        ),
        (
            format!("[metrics]\ntextfile = {text}\n"),
            "2: metrics.textfile: must be",
        ),
    ] {
        fs::write(&path, &config).unwrap();
        let ran = goldcrest(&["check", "--json", "--config", path.to_str().unwrap()]);
        assert_eq!(ran.code, 78, "{config}: {}", ran.stderr);
        let printed = ran.stdout + &ran.stderr;
        assert!(printed.contains(says), "{config}: {printed}");
        assert!(
            !printed.contains("cuckoo") && !printed.contains("123456"),
            "{printed}"
        );
    }
}

#[test]
fn a_password_that_every_user_can_read_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(folder.path(), 0o755);
    let file = folder.path().join("password");
    fs::write(&file, PASSWORD).unwrap();
    let login = "[mqtt]\nport = 9\nusername = \"bird\"\n";
    let own = format!("{login}password = \"{PASSWORD}\"\n");
    let other = format!("{login}password_file = {file:?}\n");
    for (more, config_mode, file_mode, warns) in [
        (
            &own,
            0o644,
            0o600,
            Some("config.toml: holds mqtt.password, and every user"),
        ),
        (&own, 0o640, 0o644, None),
        (
            &other,
            0o644,
            0o644,
            Some("mqtt.password_file: every user of this machine can read"),
        ),
        (&other, 0o644, 0o640, None),
    ] {
        let source = "kind = \"recording\"\npath = \"nowhere\"\n";
        let place = tempfile::tempdir_in(folder.path()).unwrap();
        mode(place.path(), 0o755);
        let config = configuration(place.path(), source, more);
        mode(&config, config_mode);
        mode(&file, file_mode);
        for command in ["check", "run"] {
            let ran = goldcrest(&[command, "--config", config.to_str().unwrap()]);
            assert_eq!(ran.code, 66, "{command}: {}", ran.stderr);
            let printed = ran.stdout + &ran.stderr;
            let warned = printed.contains("of this machine can read");
            assert_eq!(warned, warns.is_some(), "{command} {more}: {printed}");
            assert!(printed.contains(warns.unwrap_or_default()), "{printed}");
            assert!(!printed.contains(PASSWORD), "{printed}");
        }
    }
}
