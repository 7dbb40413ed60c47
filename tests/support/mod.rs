//! A real broker and a subscriber, for the tests that speak MQTT.

// Each test program uses its own part of this.
#![allow(dead_code)]

mod talker;

pub mod bundle;
pub mod cgroup;
pub mod daemon;
pub mod program;
pub mod vivid;

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use goldcrest::publish;
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use tempfile::TempDir;

#[allow(unused_imports)]
pub use talker::Talker;

/// How long a test waits for what has to come. Generous, because the machine may be busy; nothing
/// waits it out unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A mosquitto of its own on a free port of the loopback, without persistence: what it knows after
/// a restart it was told anew. It ends with the value.
pub struct Broker {
    port: u16,
    folder: TempDir,
    process: Option<Child>,
}

impl Broker {
    /// Starts a broker that lets everybody in.
    pub fn start() -> Self {
        Self::with_settings("allow_anonymous true\n", &[])
    }

    /// Starts a broker that asks for this name and password.
    pub fn with_login(name: &str, password: &str) -> Self {
        Self::with_settings("allow_anonymous false\n", &[(name, password)])
    }

    fn with_settings(settings: &str, logins: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut text = settings.to_string();
        for (name, password) in logins {
            let file = folder.path().join("passwords");
            let status = Command::new(program("mosquitto_passwd"))
                .args(["-b", "-c"])
                .arg(&file)
                .args([name, password])
                .status()
                .expect("mosquitto_passwd runs");
            assert!(status.success(), "mosquitto_passwd: {status}");
            text += &format!("password_file {}\n", file.display());
        }
        let port = free_port();
        text += &format!("listener {port} 127.0.0.1\npersistence false\n");
        // Started by root it would become another user, who cannot read the folder.
        text += "user root\n";
        fs::write(folder.path().join("mosquitto.conf"), text).expect("the broker's configuration");
        let mut broker = Self {
            port,
            folder,
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
        let mut child = Command::new(program("mosquitto"))
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

    /// Ends it at once.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().expect("the broker is killed");
            child.wait().expect("the broker ends");
        }
    }

    /// Freezes it: its connections stay, and nothing is answered any more.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Ends [`Broker::freeze`].
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().expect("the broker runs").id();
        let status = Command::new("kill")
            .args([signal, &id.to_string()])
            .status();
        assert!(status.expect("kill runs").success());
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The section `[mqtt]` that leads to it.
    pub fn config(&self) -> publish::Config {
        publish::Config {
            host: "127.0.0.1".into(),
            port: self.port,
            ..publish::Config::default()
        }
    }

    /// The same for a configuration file.
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

/// One message as a subscriber got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The whole topic.
    pub topic: String,
    /// The payload as text.
    pub text: String,
    /// Whether the broker had it in store.
    pub retained: bool,
}

impl Received {
    /// The payload as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{self:?} is not JSON: {e}"))
    }
}

/// A client that listens.
pub struct Subscriber {
    client: Client,
    messages: Receiver<Received>,
}

impl Subscriber {
    /// Subscribes to `filter` and comes back once the broker has confirmed it.
    pub fn new(broker: &Broker, filter: &str) -> Self {
        let name = format!("subscriber{:x}", rand_id());
        let mut options = MqttOptions::new(name, "127.0.0.1", broker.port());
        options.set_max_packet_size(1 << 24, 1 << 24);
        let (client, mut connection) = Client::new(options, 8);
        client
            .subscribe(filter, QoS::AtLeastOnce)
            .expect("room for a subscription");
        let (messages, received) = mpsc::channel();
        let (confirm, confirmed) = mpsc::channel();
        thread::spawn(move || {
            // Ends with the broker or with the subscriber.
            for event in connection.iter().map_while(Result::ok) {
                match event {
                    Event::Incoming(Packet::SubAck(_)) => drop(confirm.send(())),
                    Event::Incoming(Packet::Publish(p)) => {
                        let text = String::from_utf8_lossy(&p.payload).into_owned();
                        drop(messages.send(Received {
                            topic: p.topic,
                            text,
                            retained: p.retain,
                        }));
                    }
                    _ => {}
                }
            }
        });
        confirmed
            .recv_timeout(PATIENCE)
            .expect("the broker confirms the subscription");
        Self {
            client,
            messages: received,
        }
    }

    /// The next message, or none within `limit`.
    pub fn next(&self, limit: Duration) -> Option<Received> {
        self.messages.recv_timeout(limit).ok()
    }

    /// The next message on a topic that ends with `/name`; others are passed over. None when it
    /// does not come.
    pub fn next_on(&self, name: &str) -> Option<Received> {
        self.search(name, |_| true).ok()
    }

    /// The same, which has to come.
    pub fn expect(&self, name: &str) -> Received {
        self.expect_that(name, |_| true)
    }

    /// The next message on a topic that ends with `/name` for which `wanted` holds; others are
    /// passed over.
    pub fn expect_that(&self, name: &str, wanted: impl Fn(&Received) -> bool) -> Received {
        self.search(name, wanted)
            .unwrap_or_else(|passed| panic!("no such message on {name}; there were {passed:#?}"))
    }

    fn search(
        &self,
        name: &str,
        wanted: impl Fn(&Received) -> bool,
    ) -> Result<Received, Vec<Received>> {
        let end = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        while let Some(message) = self.next(end.saturating_duration_since(Instant::now())) {
            if message.topic.ends_with(&format!("/{name}")) && wanted(&message) {
                return Ok(message);
            }
            passed.push(message);
        }
        Err(passed)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.client.try_disconnect().ok();
    }
}

/// A port on which nothing listens, below those that the system gives to connections: whoever tries
/// one of these before its listener is there may be connected with itself, and then the listener
/// cannot have it.
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

/// Asks again until `holds` or the time is up, and returns whether it holds.
pub fn wait_for(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn rand_id() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

/// Where a program of the mosquitto package is: a daemon is not on everybody's path.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([
            Path::new("/usr/sbin").into(),
            Path::new("/usr/local/sbin").into(),
        ])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!(
                "{name} is needed for this test; install it with: sudo apt-get install mosquitto"
            )
        })
}
