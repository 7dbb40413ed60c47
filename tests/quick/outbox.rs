//! Events through a broker and a process that are killed, and through a disk that is full.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::broker_trouble::packet;
use crate::support::daemon::{bottles, configuration};
use crate::support::program::goldcrest;
use crate::support::{Broker, Daemon, PATIENCE, Received, Subscriber, Talker, free_port, wait_for};
use goldcrest::publish::{Config, OutboxConfig};

/// How often the broker is killed; `GOLDCREST_BROKER_KILLS` asks for more.
const KILLS: usize = 3;
/// The folder of the outbox, for the process that is killed.
const FOLDER_OF_CHILD: &str = "GOLDCREST_TEST_OUTBOX";

/// Connects clients to a broker while it is open, so that a subscriber can be there before them.
struct Gate {
    port: u16,
    to: Arc<Mutex<Option<u16>>>,
}

impl Gate {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let to = Arc::new(Mutex::new(None));
        let open = Arc::clone(&to);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let to: Option<u16> = *open.lock().unwrap();
                let broker = to.map(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
                if let Some(Ok(broker)) = broker {
                    pipe(client.try_clone().unwrap(), broker.try_clone().unwrap());
                    pipe(broker, client);
                }
            }
        });
        Self { port, to }
    }

    fn open(&self, broker: &Broker) {
        *self.to.lock().unwrap() = Some(broker.port());
    }

    fn shut(&self) {
        *self.to.lock().unwrap() = None;
    }

    fn config(&self) -> Config {
        Config {
            host: Some("127.0.0.1".into()),
            port: Some(self.port),
            ..Config::default()
        }
    }
}

fn pipe(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}

/// A subscriber that reads all that the broker wrote, even after the broker's end: nothing but
/// bytes in the kernel lies between.
struct Reader(TcpStream);

impl Reader {
    /// Subscribes to the events of `front`, without acknowledgements.
    fn new(broker: &Broker) -> Self {
        let mut link = TcpStream::connect((Ipv4Addr::LOCALHOST, broker.port())).expect("a broker");
        link.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        link.write_all(b"\x10\x12\x00\x04MQTT\x04\x02\x00\x00\x00\x06reader")
            .expect("a greeting");
        packet(&mut link).expect("an answer");
        link.write_all(b"\x82\x1a\x00\x01\x00\x15goldcrest/front/event\x00")
            .expect("a subscription");
        packet(&mut link).expect("its confirmation");
        Self(link)
    }

    /// The next event; none once the broker has ended.
    fn next(&mut self) -> Option<(u64, String)> {
        let (kind, body) = packet(&mut self.0).ok()?;
        assert_eq!(kind >> 4, 3);
        let start = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
        Some(named(&serde_json::from_slice(&body[start..]).unwrap()))
    }
}

/// Number and id of an event.
fn event(message: &Received) -> (u64, String) {
    named(&message.json())
}

fn named(json: &serde_json::Value) -> (u64, String) {
    let id = json["event"].as_str().expect("an id").to_string();
    (json["seq"].as_u64().expect("a number"), id)
}

/// The events that come until that of the frame `last`.
fn events_until(subscriber: &Subscriber, last: u64) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    while all.last().is_none_or(|(seq, _)| *seq != last) {
        all.push(event(&subscriber.expect("event")));
    }
    all
}

/// Asserts that events 0 to `count` are all there, in order, and that duplicates have one id.
fn assert_complete(events: &[(u64, String)], count: u64) {
    let mut ids = BTreeMap::new();
    let mut firsts = Vec::new();
    for (seq, id) in events {
        let known = ids.entry(*seq).or_insert_with(|| {
            firsts.push(*seq);
            id
        });
        assert_eq!(*known, id, "two ids of one event");
    }
    assert_eq!(firsts, (0..count).collect::<Vec<_>>());
}

#[test]
fn no_event_is_lost_over_many_kills_of_the_broker() {
    let kills = std::env::var("GOLDCREST_BROKER_KILLS").ok();
    let kills = kills.map_or(KILLS, |kills| kills.parse().expect("a number"));
    let gate = Gate::new();
    let mut broker = Broker::start();
    let mut talker = Talker::start(&gate.config(), "front");
    let (mut events, mut count) = (Vec::new(), 0);
    let mut say = |talker: &mut Talker, more: u64| {
        for _ in 0..more {
            talker.see((count % 3) as usize);
            count += 1;
        }
        count
    };
    for kill in 0..=kills {
        let mut reader = Reader::new(&broker);
        gate.open(&broker);
        let connected = || talker.publisher.counts().connected;
        assert!(wait_for(PATIENCE, connected));
        // Killed with some of these in flight.
        let count = say(&mut talker, 40);
        if kill == kills {
            while events.last().is_none_or(|(seq, _)| *seq != count - 1) {
                events.push(reader.next().expect("the last event"));
            }
            break;
        }
        gate.shut();
        broker.stop();
        events.extend(std::iter::from_fn(|| reader.next()));
        assert!(wait_for(PATIENCE, || !talker.publisher.counts().connected));
        say(&mut talker, 20);
        broker.start_again();
    }
    talker.wait_sent();
    assert_complete(&events, say(&mut talker, 0));
    let counts = talker.publisher.counts().events;
    assert_eq!((counts.unsent, counts.waiting), (0, 0));
    assert_eq!((counts.published, counts.sent), (count, count));
}

/// A broker that nobody reaches, and an outbox in `folder`.
fn alone(folder: &Path, max_bytes: usize) -> Talker {
    let config = Config {
        host: Some("127.0.0.1".into()),
        port: Some(free_port()),
        ..Config::default()
    };
    Talker::with_outbox(&config, &on_disk(folder, max_bytes), "front")
}

fn on_disk(folder: &Path, max_bytes: usize) -> OutboxConfig {
    OutboxConfig {
        max_bytes,
        folder: Some(folder.to_path_buf()),
    }
}

/// No test: the process that is killed while it writes events to the disk. Prints how many are
/// stored.
#[test]
#[ignore = "started by other tests"]
fn child_that_stores_events() {
    let Ok(folder) = std::env::var(FOLDER_OF_CHILD) else {
        return;
    };
    let mut talker = alone(Path::new(&folder), 1 << 20);
    for n in 0..1000 {
        talker.see(n % 3);
        // The first ones one by one, so that the disk has some before it is full.
        let stored = || talker.publisher.counts().events.stored > n as u64;
        assert!(n > 2 || wait_for(PATIENCE, stored));
        println!("stored={}", talker.publisher.counts().events.stored);
    }
    loop {
        println!("stored={}", talker.publisher.counts().events.stored);
        thread::sleep(Duration::from_millis(5));
    }
}

/// Starts that child for `folder`, below `sh` with `prelude` before it.
fn child(folder: &Path, prelude: &str) -> (Child, BufReader<ChildStdout>) {
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new("sh")
        .args(["-c", &format!("{prelude} exec \"$@\""), "sh"])
        .arg(program)
        .args(["--exact", "outbox::child_that_stores_events"])
        .args(["--ignored", "--nocapture"])
        .env(FOLDER_OF_CHILD, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    (child, output)
}

/// Reads what the child prints until `enough` events are stored, and returns how many are.
fn stored(output: &mut BufReader<ChildStdout>, enough: impl Fn(u64) -> bool) -> u64 {
    loop {
        let mut line = String::new();
        assert!(output.read_line(&mut line).expect("a line") > 0, "it ended");
        let number = line.trim().rsplit_once("stored=").map(|(_, n)| n.parse());
        if let Some(Ok(stored)) = number
            && enough(stored)
        {
            return stored;
        }
    }
}

#[test]
fn no_stored_event_is_lost_when_the_process_is_killed() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    for enough in [1, 40, 300] {
        let (mut child, mut output) = child(folder.path(), "");
        let stored = stored(&mut output, |stored| stored >= enough);
        child.kill().expect("the child is killed");
        child.wait().expect("the child ends");
        let subscriber = Subscriber::new(&broker, "goldcrest/front/event");
        let outbox = on_disk(folder.path(), 1 << 20);
        let talker = Talker::with_outbox(&broker.config(), &outbox, "front");
        let recovered = talker.publisher.counts().events.recovered;
        // A record that was being written may count as damaged.
        assert!(recovered >= stored, "{recovered} of {stored}");
        talker.wait_sent();
        let counts = talker.publisher.counts().events;
        assert!(counts.unsent <= 1, "{counts:?}");
        let events = events_until(&subscriber, counts.sent - 1);
        assert_complete(&events, counts.sent);
        // The kill is one run, and all its events have one first part.
        let run = |(_, id): &(u64, String)| id.split_once('-').unwrap().0.to_string();
        assert!(events.iter().all(|e| run(e) == run(&events[0])));
        assert!(talker.publisher.close(PATIENCE));
        // Nothing waits, so nothing is left but the lock.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_full_disk_leaves_events_in_memory_and_whole_records_behind() {
    let folder = tempfile::tempdir().unwrap();
    // No file may grow beyond 8 blocks.
    let (mut child, mut output) = child(folder.path(), "trap '' XFSZ; ulimit -f 8;");
    stored(&mut output, |stored| stored > 0);
    let refused = wait_for(PATIENCE, || segments(folder.path()).len() > 1);
    assert!(refused, "{:?}", segments(folder.path()));
    let before = stored(&mut output, |_| true);
    child.kill().expect("the child is killed");
    child.wait().expect("the child ends");
    assert!(before < 1000);
    let talker = alone(folder.path(), 1 << 20);
    let counts = talker.publisher.counts().events;
    assert!(counts.recovered >= before, "{counts:?}");
    assert_eq!(counts.unsent, 0, "{counts:?}");
    assert!(!talker.publisher.close(Duration::from_secs(1)));
}

/// The segments of an outbox.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut all: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|e| e == "events"));
    all
}

#[test]
fn a_folder_that_is_removed_comes_back_with_all_that_waits() {
    let around = tempfile::tempdir().unwrap();
    let folder = around.path().join("waiting");
    let mut talker = alone(&folder, 1 << 20);
    let stored = |talker: &Talker| talker.publisher.counts().events.stored;
    (0..5).for_each(|n| talker.see(n % 3));
    assert!(wait_for(PATIENCE, || stored(&talker) == 5));
    std::fs::remove_dir_all(&folder).unwrap();
    talker.see(2);
    assert!(wait_for(PATIENCE, || stored(&talker) == 6 && folder.is_dir()));
    assert!(!talker.publisher.close(Duration::from_secs(1)));
    let again = alone(&folder, 1 << 20);
    assert_eq!(again.publisher.counts().events.recovered, 6);
}

#[test]
fn a_daemon_sends_the_events_of_the_run_before() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mqtt = |port: u16| {
        let outbox = folder.path().join("waiting");
        format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {port}\n[outbox]\nfolder = {outbox:?}\n")
    };
    let daemon = Daemon::start(&mqtt(port));
    let waiting = folder.path().join("waiting");
    let written = || {
        let sizes = segments(&waiting).into_iter();
        sizes
            .map(|path| path.metadata().map_or(0, |m| m.len()))
            .sum::<u64>()
            > 0
    };
    assert!(wait_for(PATIENCE, written));

    // A second daemon on the same folder is refused.
    let other = tempfile::tempdir().unwrap();
    let config = configuration(other.path(), &bottles("stop"), &mqtt(port));
    let ran = goldcrest(&["run", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 69, "{}", ran.stderr);
    let line = ran.stderr.lines().last().unwrap();
    assert!(
        line.contains("is in use by another Goldcrest; give each"),
        "{line}"
    );
    daemon.end();

    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/event");
    let mut again = Daemon::start(&mqtt(broker.port()));
    again.expect("of an earlier run wait to be sent");
    let (_, first) = event(&subscriber.expect("event"));
    let run = first.split_once('-').unwrap().0.to_string();
    // Events of the new run follow, and none has an id of the run before.
    subscriber.expect_that("event", |m| !event(m).1.starts_with(&run));
    again.end();
}

#[test]
fn a_folder_that_cannot_be_used_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let more = format!("[outbox]\nfolder = {:?}\n", file.join("waiting"));
    let config = configuration(folder.path(), &bottles("stop"), &more);
    for (command, code) in [("run", 74), ("check", 74)] {
        let ran = goldcrest(&[command, "--config", config.to_str().unwrap()]);
        let output = format!("{}{}", ran.stdout, ran.stderr);
        let says = "name a folder that this user can write to";
        let lines: Vec<_> = output.lines().filter(|l| l.contains(says)).collect();
        assert!(
            matches!(lines[..], [line] if line.contains("outbox")),
            "{output}"
        );
        // `check` ends with the code of the first part that fails: here the broker may be missing.
        assert!(ran.code == code || command == "check", "{output}");
    }
}

#[test]
fn the_queue_of_before_is_named_with_its_successor() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    std::fs::write(&config, "[mqtt]\nqueue = 64\n").unwrap();
    let ran = goldcrest(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(ran.code, 78, "{}", ran.stderr);
    let line = ran.stderr.lines().last().unwrap();
    assert!(
        line.ends_with(":2: mqtt.queue: unknown key; events wait in an outbox that is bounded in bytes: set outbox.max_bytes instead"),
        "{line}"
    );
}

#[test]
fn a_label_that_is_too_large_gets_fewer_best_labels_and_one_line() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/#");
    let base = format!("goldcrest/{}", "x".repeat(200));
    let more = format!(
        "{}base = \"{base}\"\nmax_packet = 1024\n",
        broker.config_toml()
    );
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), &bottles("loop"), &more);
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("[observe]\n", "[observe]\ntop = 20\n");
    let mut daemon = Daemon::configured(&text);
    let label = |m: &Received| m.json()["label"].is_string();
    for _ in 0..5 {
        let message = subscriber.expect_that("label", label);
        assert!(message.text.len() < 1024, "{message:?}");
        let top = message.json()["top"].as_array().map_or(0, Vec::len);
        assert!((1..20).contains(&top), "{message:?}");
    }
    daemon.expect("larger than mqtt.max_packet");
    let log = daemon.end();
    let said = log
        .iter()
        .filter(|l| l.contains("/label: a message is larger"));
    assert_eq!(said.count(), 1, "{log:#?}");
}

#[test]
fn acknowledgements_out_of_order_leave_the_order_of_events() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let config = Config {
        host: Some("127.0.0.1".into()),
        port: Some(listener.local_addr().unwrap().port()),
        ..Config::default()
    };
    let mut talker = Talker::start(&config, "front");
    for n in 0..4 {
        talker.see(n % 3);
    }
    // Acknowledges states, and of four events the third and then the first.
    let (mut first, _) = listener.accept().unwrap();
    let mut flying = Vec::new();
    while flying.len() < 4 {
        if let Some((id, seq)) = serve(&mut first) {
            flying.push((id, seq));
        }
    }
    for place in [2, 0] {
        let (id, _): (u16, u64) = flying[place];
        acknowledge(&mut first, id);
    }
    let sent = || talker.publisher.counts().events.sent == 2;
    assert!(wait_for(PATIENCE, sent));
    talker.see(2);
    drop(first);
    let (mut second, _) = listener.accept().unwrap();
    // Late: that packet is not in flight on this connection.
    let mut again = Vec::new();
    while again.len() < 3 {
        if let Some((id, seq)) = serve(&mut second) {
            acknowledge(&mut second, id);
            again.push(seq);
        }
    }
    assert_eq!(again, [1, 3, 4]);
    let counts = || talker.publisher.counts().events;
    assert!(wait_for(PATIENCE, || counts().sent == 5));
    assert_eq!((counts().waiting, counts().unsent), (0, 0));
}

/// Reads one packet, and answers it unless it is an event. Of an event, returns its packet id and
/// the number of its frame.
fn serve(link: &mut TcpStream) -> Option<(u16, u64)> {
    let (kind, body) = packet(link).expect("a packet");
    match kind >> 4 {
        1 => link.write_all(b"\x20\x02\x00\x00").unwrap(),
        8 => link.write_all(&[0x90, 3, body[0], body[1], 1]).unwrap(),
        12 => link.write_all(b"\xd0\x00").unwrap(),
        3 => {
            let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
            let id = u16::from_be_bytes([body[end], body[end + 1]]);
            if body[2..end].ends_with(b"/event") {
                let json: serde_json::Value = serde_json::from_slice(&body[end + 2..]).unwrap();
                return Some((id, json["seq"].as_u64().unwrap()));
            }
            acknowledge(link, id);
        }
        _ => {}
    }
    None
}

fn acknowledge(link: &mut TcpStream, id: u16) {
    let [high, low] = id.to_be_bytes();
    link.write_all(&[0x40, 2, high, low]).unwrap();
}
