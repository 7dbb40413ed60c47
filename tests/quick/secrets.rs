//! The password and the key of TLS, which nothing shows.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::certificates::{ALWAYS, Authority};
use crate::support::daemon::{bottles, configuration};
use crate::support::program::{command, output};
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
