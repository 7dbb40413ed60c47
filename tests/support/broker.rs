//! A real MQTT broker.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use goldcrest::publish;
use tempfile::TempDir;

use super::certificates::Certificate;
use super::{PATIENCE, program, schema, wait_for};

/// A mosquitto on a free port of the loopback, without persistence if nothing else is said: after a
/// restart it knows only what clients publish again. It is killed when the value is dropped.
pub struct Broker {
    port: u16,
    folder: TempDir,
    /// The folder of the access list.
    access: Option<TempDir>,
    process: Option<Child>,
}

impl Broker {
    /// Starts a broker that accepts anonymous clients.
    pub fn start() -> Self {
        Self::with_settings("allow_anonymous true\n", &[])
    }

    /// Starts a broker that accepts only this user name and password.
    pub fn with_login(name: &str, password: &str) -> Self {
        Self::with_settings("allow_anonymous false\n", &[(name, password)])
    }

    /// Starts a broker that speaks TLS alone, with this certificate and `more` lines for it.
    pub fn with_tls(certificate: &Certificate, more: &str) -> Self {
        let listener = format!(
            "certfile {}\nkeyfile {}\n{more}",
            certificate.file.display(),
            certificate.key.display()
        );
        Self::with("allow_anonymous true\n", &[], &listener)
    }

    /// Starts a broker with these lines of an access list for everybody.
    pub fn with_access(list: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("access");
        fs::write(&file, list).expect("an access list");
        let settings = format!("allow_anonymous true\nacl_file {}\n", file.display());
        let mut broker = Self::with_settings(&settings, &[]);
        broker.access = Some(folder);
        broker
    }

    /// Starts a broker that writes all that it keeps to its disk at each change, so that a kill
    /// takes neither sessions nor retained messages, and that bounds no queue.
    pub fn that_keeps() -> Self {
        let settings = "allow_anonymous true\npersistence true\nautosave_on_changes true\n\
                        autosave_interval 1\nmax_inflight_messages 0\nmax_queued_messages 0\n";
        Self::with_settings(settings, &[])
    }

    fn with_settings(settings: &str, logins: &[(&str, &str)]) -> Self {
        Self::with(settings, logins, "")
    }

    /// `listener` are lines that follow the listener's.
    fn with(settings: &str, logins: &[(&str, &str)], listener: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut text = settings.to_string();
        for (name, password) in logins {
            let file = folder.path().join("passwords");
            let status = Command::new(program::installed("mosquitto_passwd"))
                .args(["-b", "-c"])
                .arg(&file)
                .args([name, password])
                .status()
                .expect("mosquitto_passwd runs");
            assert!(status.success(), "mosquitto_passwd: {status}");
            text += &format!("password_file {}\n", file.display());
        }
        let port = free_port();
        if text.contains("persistence true") {
            text += &format!("persistence_location {}/\n", folder.path().display());
        } else {
            text += "persistence false\n";
        }
        text += &format!("listener {port} 127.0.0.1\n{listener}\n");
        // Started by root it would become another user, who cannot read the folder.
        text += "user root\n";
        fs::write(folder.path().join("mosquitto.conf"), text).expect("the broker's configuration");
        let mut broker = Self {
            port,
            folder,
            access: None,
            process: None,
        };
        broker.start_again();
        broker
    }

    /// Starts it after [`Broker::stop`], on the same port.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "the broker runs already");
        let log = self.folder.path().join("mosquitto.log");
        let output = fs::File::options().create(true).append(true).open(&log);
        let mut child = Command::new(program::installed("mosquitto"))
            .arg("-c")
            .arg(self.folder.path().join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(output.expect("the broker's log"))
            .spawn()
            .expect("mosquitto starts");
        let ended = |child: &mut Child| child.try_wait().is_ok_and(|status| status.is_some());
        let up = wait_for(PATIENCE, || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() || ended(&mut child)
        });
        if !up || ended(&mut child) {
            child.kill().ok();
            child.wait().ok();
            let log = fs::read_to_string(log).unwrap_or_default();
            panic!("mosquitto does not answer on port {}:\n{log}", self.port);
        }
        self.process = Some(child);
    }

    /// Kills it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().expect("the broker is killed");
            child.wait().expect("the broker ends");
        }
    }

    /// Freezes it: its connections stay open, and it answers nothing.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Ends [`Broker::freeze`].
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("the broker runs");
        program::signal(process.id(), signal);
    }

    /// Ends it as a service manager does: it publishes the last wills of its clients.
    pub fn end(&mut self) {
        self.signal("TERM");
        if let Some(mut child) = self.process.take() {
            child.wait().expect("the broker ends");
        }
    }

    /// Publishes a retained message, as any other client may.
    pub fn publish(&self, topic: &str, text: &str) {
        schema::note_foreign(text);
        self.mosquitto_pub(&["-r", "-t", topic, "-m", text]);
    }

    /// Publishes a message that is not retained.
    pub fn send(&self, topic: &str, text: &str) {
        schema::note_foreign(text);
        self.mosquitto_pub(&["-t", topic, "-m", text]);
    }

    /// Makes a file of so many bytes.
    pub fn large(&self, bytes: usize) -> PathBuf {
        let path = self.folder.path().join("large");
        fs::write(&path, vec![b'x'; bytes]).expect("room for a file");
        path
    }

    /// Publishes what a file holds as a retained message.
    pub fn publish_file(&self, topic: &str, file: &Path) {
        let file = file.to_str().expect("UTF-8");
        self.mosquitto_pub(&["-r", "-t", topic, "-f", file]);
    }

    /// Publishes the same message `count` times, as fast as the broker takes it.
    pub fn flood(&self, topic: &str, text: &str, count: usize) {
        let lines = self.folder.path().join("lines");
        fs::write(&lines, format!("{text}\n").repeat(count)).expect("room for a file");
        let status = self
            .publisher()
            .args(["-q", "0", "-l", "-t", topic])
            .stdin(fs::File::open(lines).expect("the file"))
            .status();
        assert!(status.expect("mosquitto_pub runs").success());
    }

    /// Sends a request of MQTT 5 that names a topic for its answer; returns what came there, after
    /// the correlation data.
    pub fn request(&self, topic: &str, text: &str, correlation: &str) -> String {
        let mut command = Command::new(program::installed("mosquitto_rr"));
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-V",
            "mqttv5",
        ]);
        command.args(["-t", topic, "-e", "test/answers", "-m", text, "-W", "60"]);
        command.args([
            "-D",
            "publish",
            "correlation-data",
            correlation,
            "-F",
            "%D %p",
        ]);
        let output = command.output().expect("mosquitto_rr runs");
        assert!(output.status.success(), "mosquitto_rr: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    }

    fn publisher(&self) -> Command {
        let mut command = Command::new(program::installed("mosquitto_pub"));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command
    }

    fn mosquitto_pub(&self, arguments: &[&str]) {
        let status = self.publisher().args(["-q", "1"]).args(arguments).status();
        assert!(status.expect("mosquitto_pub runs").success());
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The section `[mqtt]` that names it.
    pub fn config(&self) -> publish::Config {
        publish::Config {
            host: Some("127.0.0.1".into()),
            port: Some(self.port),
            ..publish::Config::default()
        }
    }

    /// The same as text for a configuration file.
    pub fn config_toml(&self) -> String {
        format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {}\n", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(child) = &mut self.process {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// A port on which nothing listens, below the range from which the system assigns ports to
/// connections: a client that tries such a port before its listener exists may be connected to
/// itself, and then the listener cannot bind it.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 1000) as u16 * 20;
    loop {
        let port = 10_000 + (first + GIVEN.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
