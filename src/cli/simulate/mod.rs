//! `goldcrest simulate`: the messages of many devices at a real broker.

mod device;
mod report;
mod tally;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use self::device::Device;
use self::report::Report;
use self::tally::Tally;
use super::{ConfigOption, json, say};
use crate::exit;
use crate::publish::{Config, Crowd, Listening};
use crate::setup::{self, Failure};
use crate::signals::Stop;

/// Threads that hold all connections.
const THREADS: usize = 2;
/// Devices that connect in a second: brokers limit new connections too.
const STARTS: f64 = 200.0;
/// How long the broker may take to accept the subscription.
const CONNECT: Duration = Duration::from_secs(10);
/// How long nothing may arrive until the rest counts as lost.
const QUIET: Duration = Duration::from_secs(15);
/// How long the devices may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(10);
/// The longest sleep of the main thread.
const NAP: Duration = Duration::from_millis(20);

/// Options of `goldcrest simulate`.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    config: ConfigOption,
    /// Devices, named sim-0001 and so on
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=9999))]
    devices: u32,
    /// Events a minute of each device
    #[arg(long, default_value_t = 6.0)]
    rate: f64,
    /// Seconds for which the devices publish, once all have started
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Seconds that the broker may take, after these, to take what still waits
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What a device does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Start,
    Event,
    Heartbeat,
    Health,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    if !(0.01..=6000.0).contains(&options.rate) {
        let message = format!(
            "--rate must be 0.01 to 6000 events a minute, and is {}",
            options.rate
        );
        return Err(Failure::new(exit::USAGE, message));
    }
    let stop = Stop::on_signals().map_err(Failure::system)?;
    let loaded = setup::configuration(options.config.path.as_deref())?;
    let mqtt = &loaded.config.mqtt;
    if mqtt.client_id.is_some() {
        let message =
            "mqtt.client_id gives all devices one client id; leave it out to simulate several";
        return Err(Failure::new(exit::CONFIG, message));
    }
    open_files(options.devices)?;
    let tally = Arc::new(Mutex::new(Tally::new(options.devices)));
    let listening = listen(mqtt, &tally, &stop)?;
    // A thousand devices that lose their broker would say so a thousand times.
    log::set_max_level(log::LevelFilter::Error);
    let crowd = Crowd::start(THREADS)?;
    let fleet = Fleet {
        options,
        config: &loaded.config,
        crowd: &crowd,
        tally: &tally,
        stop: &stop,
    };
    let (devices, window) = fleet.publish()?;
    let sent: u64 = devices.iter().map(Device::events).sum();
    fleet.wait(&devices, sent);
    let report = Report::new(
        &tally.lock().unwrap_or_else(PoisonError::into_inner),
        &devices,
        window,
    );
    for device in &devices {
        device.publisher.begin_close(GOODBYE);
    }
    for device in &devices {
        device.publisher.close(GOODBYE);
    }
    drop(listening);
    if options.json {
        say(&json(&report)?)?;
    } else {
        say(&report.to_string())?;
    }
    report.verdict()
}

/// Allows as many open files as connections need.
fn open_files(devices: u32) -> Result<(), Failure> {
    let needed = u64::from(devices) + 64;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(needed),
        ..limit
    };
    setrlimit(Resource::Nofile, raised).map_err(|e| {
        let message = format!(
            "{devices} devices need {needed} open files: {e}; raise the limit with `ulimit -n {needed}`"
        );
        Failure::new(exit::SYSTEM, message)
    })
}

/// Hears all topics of one level below the base, and counts what comes.
fn listen(config: &Config, tally: &Arc<Mutex<Tally>>, stop: &Stop) -> Result<Listening, Failure> {
    let client_id = format!("goldcrestsim{}", std::process::id());
    let base = format!("{}/", config.base);
    let heard = Arc::clone(tally);
    let hear = move |topic: &str, payload: &[u8], retained: bool| {
        if let Some(below) = topic.strip_prefix(&base)
            && !retained
        {
            let mut tally = heard.lock().unwrap_or_else(PoisonError::into_inner);
            tally.hear(topic.len(), below, payload);
        }
    };
    let filter = format!("{}/+/+", config.base);
    let listening = Listening::start(config, client_id, filter, hear)?;
    listening.wait_subscribed(CONNECT, || stop.requested())?;
    Ok(listening)
}

/// The devices and what they share.
struct Fleet<'a> {
    options: &'a Options,
    config: &'a crate::config::Config,
    crowd: &'a Crowd,
    tally: &'a Mutex<Tally>,
    stop: &'a Stop,
}

impl Fleet<'_> {
    /// Starts all devices, a few hundred a second, and has each publish until the time is up.
    /// Returns the devices, and how long all of them published.
    fn publish(&self) -> Result<(Vec<Device>, Duration), Failure> {
        let begin = Instant::now();
        let count = self.options.devices;
        let mut turns: BinaryHeap<_> = (0..count)
            .map(|n| {
                let at = begin + Duration::from_secs_f64(f64::from(n) / STARTS);
                Reverse((at, n as usize, Turn::Start))
            })
            .collect();
        let started = begin + Duration::from_secs_f64(f64::from(count) / STARTS);
        let end = started + Duration::from_secs(self.options.seconds);
        let mut devices = Vec::with_capacity(count as usize);
        let mut measuring = false;
        while let Some(Reverse((at, n, turn))) = turns.pop() {
            let now = Instant::now();
            if now >= end || self.stop.requested() {
                break;
            }
            if !measuring && now >= started {
                measuring = true;
                self.lock().measure();
            }
            if at > now {
                thread::sleep((at - now).min(NAP));
                turns.push(Reverse((at, n, turn)));
                continue;
            }
            if let Some(next) = self.turn(&mut devices, n, turn)? {
                // At the times of a clock, whatever the delay of this turn.
                turns.push(Reverse((at + next.0, n, next.1)));
            }
            if turn == Turn::Start {
                let half = self.every(Turn::Event).div_f64(2.0);
                turns.push(Reverse((at + half, n, Turn::Event)));
                turns.push(Reverse((at + half, n, Turn::Health)));
                turns.push(Reverse((at + half, n, Turn::Heartbeat)));
            }
        }
        self.lock().stop_measuring();
        Ok((devices, Instant::now().saturating_duration_since(started)))
    }

    /// Takes one turn of a device. Returns its next turn of the same kind, and the time until then.
    fn turn(
        &self,
        devices: &mut Vec<Device>,
        n: usize,
        turn: Turn,
    ) -> Result<Option<(Duration, Turn)>, Failure> {
        match turn {
            Turn::Start => {
                devices.push(Device::start(self.crowd, self.config, n)?);
                return Ok(None);
            }
            Turn::Event => devices[n].change(),
            Turn::Heartbeat => devices[n].look(),
            Turn::Health => devices[n].report(),
        }
        Ok(Some((self.every(turn), turn)))
    }

    fn every(&self, turn: Turn) -> Duration {
        match turn {
            Turn::Health => Duration::from_secs_f64(self.config.health.interval),
            // The observer decides when one is due; this asks it often enough.
            Turn::Heartbeat => Duration::from_secs_f64(self.config.observe.heartbeat / 10.0),
            Turn::Start | Turn::Event => Duration::from_secs_f64(60.0 / self.options.rate),
        }
    }

    /// Waits until the broker has taken everything, and then until `sent` events have arrived or
    /// nothing more comes.
    fn wait(&self, devices: &[Device], sent: u64) {
        let end = Instant::now() + Duration::from_secs(self.options.patience);
        let idle = |device: &Device| {
            let counts = device.publisher.counts();
            counts.waiting + counts.unacknowledged == 0
        };
        while Instant::now() < end && !self.stop.requested() && !devices.iter().all(idle) {
            thread::sleep(NAP * 5);
        }
        let (mut last, mut since) = (0, Instant::now());
        loop {
            let arrived = self.lock().arrived;
            if arrived >= sent || self.stop.requested() || since.elapsed() > QUIET {
                break;
            }
            if arrived != last {
                (last, since) = (arrived, Instant::now());
            }
            thread::sleep(NAP * 5);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
