//! A subscriber with a session that the broker keeps. It reads all that a killed broker has
//! written, which clients that end at the first failed acknowledgement do not.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::schema;

/// One event as it first came.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    pub seq: u64,
    pub label: Value,
    pub previous: Value,
}

/// What came so far.
#[derive(Debug, Default)]
pub struct Heard {
    /// Sessions that the broker has confirmed.
    pub sessions: u64,
    /// The events in the order in which they first came.
    pub events: Vec<Event>,
    /// Each event's payload by its id, and how often it came.
    pub payloads: HashMap<String, (String, u64)>,
    /// The last payloads by the last level of their topic, and when the last one came.
    pub last: BTreeMap<String, (Value, Instant)>,
    /// Live heap in bytes, by `health`.
    pub heap: Vec<(Instant, f64)>,
    /// Answers to commands, and how many of them were refusals.
    pub answers: (u64, u64),
    /// Messages by the last level of their topic.
    pub messages: BTreeMap<String, u64>,
    /// What should not have come.
    pub wrong: Vec<String>,
}

/// The subscriber, which listens until the process ends.
pub struct Listener(Arc<Mutex<Heard>>);

impl Listener {
    /// Listens to all topics of the broker at this port.
    pub fn start(port: u16) -> Self {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let of_thread = Arc::clone(&heard);
        thread::spawn(move || {
            loop {
                if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                    // Ends with the broker.
                    drop(session(&mut stream, &of_thread));
                }
                thread::sleep(Duration::from_millis(10));
            }
        });
        Self(heard)
    }

    pub fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last payload on the topic whose last level is `name`.
    pub fn last(&self, name: &str) -> Option<(Value, Instant)> {
        self.heard().last.get(name).cloned()
    }
}

/// Takes up the session at the broker, and reads it to its end.
fn session(stream: &mut TcpStream, heard: &Mutex<Heard>) -> io::Result<()> {
    let lock = || heard.lock().unwrap_or_else(PoisonError::into_inner);
    // Without a clean session, and without keep-alives.
    stream.write_all(b"\x10\x14\x00\x04MQTT\x04\x00\x00\x00\x00\x08listener")?;
    let (_, answer) = packet(stream)?;
    let present = answer.first() == Some(&1);
    if !present {
        let mut heard = lock();
        if heard.sessions > 0 {
            heard
                .wrong
                .push("the broker forgot the listener's session".into());
        }
        // Everything, and at least once.
        stream.write_all(b"\x82\x06\x00\x01\x00\x01#\x01")?;
    }
    let mut confirmed = present;
    if confirmed {
        lock().sessions += 1;
    }
    loop {
        let (kind, body) = packet(stream)?;
        match kind >> 4 {
            3 => {
                let (topic, id, payload) = published(kind, &body);
                lock().take(&topic, payload, kind & 1 == 1);
                if let Some([high, low]) = id {
                    // A broker that is gone has written more that is worth reading.
                    drop(stream.write_all(&[0x40, 2, high, low]));
                }
            }
            9 if !confirmed => {
                confirmed = true;
                lock().sessions += 1;
            }
            _ => {}
        }
    }
}

/// Kind and body of the next packet.
fn packet(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    let kind = byte[0];
    let mut length = 0;
    for place in 0..4 {
        stream.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 0x7f) << (7 * place);
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((kind, body))
}

/// Topic, packet id and payload of a message.
fn published(kind: u8, body: &[u8]) -> (String, Option<[u8; 2]>, &[u8]) {
    let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
    let (topic, rest) = body[2..].split_at(length);
    let (id, payload) = match kind >> 1 & 3 {
        0 => (None, rest),
        _ => (Some([rest[0], rest[1]]), &rest[2..]),
    };
    (String::from_utf8_lossy(topic).into(), id, payload)
}

impl Heard {
    fn take(&mut self, topic: &str, payload: &[u8], retained: bool) {
        let Some(rest) = topic.strip_prefix("goldcrest/test/") else {
            return;
        };
        let name = rest.rsplit('/').next().unwrap_or(rest);
        *self.messages.entry(name.into()).or_default() += 1;
        let text = String::from_utf8_lossy(payload);
        if rest.starts_with("command/") || schema::is_foreign(&text) {
            return;
        }
        let Some(kind) = schema::of_topic(rest) else {
            return;
        };
        for fault in schema::faults(kind, &text) {
            self.wrong.push(format!("{topic}: {fault}"));
        }
        let json: Value = serde_json::from_str(&text).unwrap_or_else(|_| text.as_ref().into());
        let now = Instant::now();
        match kind {
            "event" => self.event(&text, &json),
            "response" => {
                self.answers.0 += 1;
                self.answers.1 += u64::from(json["ok"] == false);
            }
            "health" if !retained => {
                let heap = json["memory"]["heap_bytes"].as_f64();
                self.heap.extend(heap.map(|heap| (now, heap)));
            }
            _ => {}
        }
        let name = if kind == "response" {
            format!("response/{name}")
        } else {
            name.into()
        };
        self.last.insert(name, (json, now));
    }

    fn event(&mut self, text: &str, json: &Value) {
        let (Some(id), Some(seq)) = (json["event"].as_str(), json["seq"].as_u64()) else {
            self.wrong
                .push(format!("an event without id or number: {text}"));
            return;
        };
        if let Some((first, count)) = self.payloads.get_mut(id) {
            *count += 1;
            if first != text {
                let wrong = format!("event {id} came as {first} and as {text}");
                self.wrong.push(wrong);
            }
            return;
        }
        self.payloads.insert(id.into(), (text.into(), 1));
        self.events.push(Event {
            id: id.into(),
            seq,
            label: json["label"].clone(),
            previous: json["previous"].clone(),
        });
    }
}
