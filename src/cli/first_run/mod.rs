//! `goldcrest setup`: from an installed program to the first label.
//!
//! It gets answers (`talk`), composes the shipped configuration with them (`compose`), has it read
//! and tried where it steers nothing (`trial`, `check`), shows a frame (`look`), and only then
//! writes (`install`) and starts the unit (`service`). Whatever ends it before that leaves
//! everything as it was.

mod answers;
mod ask;
mod blocks;
mod compose;
mod find;
mod install;
mod look;
mod options;
mod place;
mod service;
mod talk;
mod trial;

use self::answers::{Answers, Source};
use self::ask::{Asker, UNTOUCHED, interrupted};
use self::look::Shown;
use self::options::usage;
use self::place::Place;
use self::service::Ear;
use self::talk::Talk;
use self::trial::Trial;
use super::check::Examined;
use super::say;
use crate::config::Loaded;
use crate::escape::shell_word;
use crate::exit;
use crate::publish::Topics;
use crate::setup::{self, Failure};
use crate::signals::Stop;

pub use self::options::Options;

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    setup::leave_no_dump();
    let stop = Stop::on_signals().map_err(Failure::system)?;
    let place = Place::of(options)?;
    let asker = Asker::present(&stop);
    let run = Run {
        talk: Talk {
            options,
            place: &place,
            asker: asker.as_ref(),
        },
        stop: &stop,
    };
    let agreed = run.agree().map_err(|failure| match stop.requested() {
        true => interrupted(UNTOUCHED),
        false => failure,
    })?;
    run.finish(agreed)
}

/// What is to be written, and has been tried.
struct Agreed {
    answers: Answers,
    trial: Trial,
    /// The frame that was shown.
    shown: Option<Shown>,
}

/// A run and what it uses.
struct Run<'a> {
    talk: Talk<'a>,
    stop: &'a Stop,
}

impl Run<'_> {
    /// Gets the answers and tries them. Changes nothing.
    fn agree(&self) -> Result<Agreed, Failure> {
        let place = self.talk.place;
        install::check_may_write(place)?;
        self.permit_replacing()?;
        let (broker, id) = self.talk.named()?;
        let (source, shown) = self.source()?;
        let mut answers = Answers {
            broker: broker.map_or_else(|| self.talk.broker(), Ok)?,
            id: id.map_or_else(|| self.talk.id(), Ok)?,
            home_assistant: self.talk.home_assistant()?,
            ..self.talk.answers(source)
        };
        let files = [&answers.broker.ca_file, &answers.model];
        for file in files.into_iter().flatten() {
            place.check_reach(file).map_err(usage)?;
        }
        let trial = self.tried(&mut answers)?;
        Ok(Agreed {
            answers,
            trial,
            shown,
        })
    }

    /// Writes what was agreed on, and starts the unit.
    fn finish(&self, agreed: Agreed) -> Result<(), Failure> {
        let Talk { options, place, .. } = self.talk;
        for line in install::write(&agreed.trial.text, &agreed.answers, place)? {
            say(&line)?;
        }
        if let Some(shown) = agreed.shown {
            shown.keep();
        }
        match &place.unit {
            Some(unit) if place.enables => self.serve(unit, &agreed.trial.loaded),
            unit => say(&by_hand(unit.as_deref(), options, place)),
        }
    }

    /// Asks whether a configuration that is there may be replaced.
    fn permit_replacing(&self) -> Result<(), Failure> {
        let Talk {
            options,
            place,
            asker,
        } = self.talk;
        if options.yes || !install::is_taken(place)? {
            return Ok(());
        }
        let path = place.config.display();
        let backup = place.backup();
        let Some(asker) = asker else {
            return Err(usage(format!(
                "{path} is there already; --yes replaces it and keeps it as {}",
                backup.display()
            )));
        };
        let question = format!(
            "{path} is there already. Replace it and keep it as {}?",
            backup.display()
        );
        match asker.is_so(&question, false)? {
            true => Ok(()),
            false => Err(Failure::new(
                exit::USAGE,
                format!("setup: {path} stays as it is"),
            )),
        }
    }

    /// The source, and the frame that was shown of it.
    fn source(&self) -> Result<(Source, Option<Shown>), Failure> {
        let Talk {
            options,
            place,
            asker,
        } = self.talk;
        let mut source = self.talk.source()?;
        loop {
            let trial = Trial::new(&self.talk.answers(source.clone()), place)?;
            let shown = look::show(&trial.loaded, options.picture.as_deref(), self.stop);
            if self.stop.requested() {
                return Err(interrupted(UNTOUCHED));
            }
            let (question, usual) = match &shown {
                Ok(_) => ("Is this the right picture?", true),
                Err(_) => ("Use this source all the same?", false),
            };
            if let Err(failure) = &shown {
                say(&format!("no picture to show: {}", failure.message))?;
            }
            match asker {
                Some(asker) if !options.yes && !asker.is_so(question, usual)? => {
                    source = Talk::choose_source(asker)?;
                }
                _ => return Ok((source, shown.ok())),
            }
        }
    }

    /// Tries the answers, and asks again for what fails.
    fn tried(&self, answers: &mut Answers) -> Result<Trial, Failure> {
        loop {
            let trial = Trial::new(answers, self.talk.place)?;
            let examined = Examined::of(&trial.loaded, self.stop)?;
            say(&examined.results())?;
            let Err(failure) = examined.conclusion() else {
                return Ok(trial);
            };
            let Some(asker) = self.talk.asker else {
                let message = format!("{}; nothing was written", failure.message);
                return Err(Failure::new(failure.code, message));
            };
            let mut ways = Vec::new();
            for (what, words) in [
                ("source", "choose the camera again"),
                ("broker", "name the broker again"),
            ] {
                if examined.failed(what) {
                    ways.push((what, words));
                }
            }
            ways.extend([
                ("again", "try again"),
                ("write", "write the configuration all the same"),
                ("end", "leave everything as it was"),
            ]);
            let words: Vec<String> = ways.iter().map(|(_, words)| (*words).into()).collect();
            let chosen = asker.choose("Not all of it works. What now", &words)?;
            match ways[chosen].0 {
                "source" => answers.source = Talk::choose_source(asker)?,
                "broker" => answers.broker = self.talk.ask_broker(asker)?,
                "write" => return Ok(trial),
                "end" => return Err(failure),
                _ => {}
            }
        }
    }

    /// Starts the unit, and tells the first label.
    fn serve(&self, unit: &str, loaded: &Loaded) -> Result<(), Failure> {
        service::prepare(unit)?;
        // A broker that does not answer has been reported; the unit goes on trying.
        let ear = Ear::open(loaded, self.stop);
        service::enable(unit)?;
        say(&format!("{unit} is enabled and runs"))?;
        let ear = ear.map_err(|failure| {
            let message = format!("the first label was not waited for: {}", failure.message);
            Failure::new(failure.code, message)
        })?;
        match ear.first(self.stop)? {
            Some(label) => {
                let topics = Topics::new(&loaded.config.mqtt.base, &loaded.config.id)?;
                say(&format!(
                    "first label: {} on {}",
                    label.says(),
                    topics.label
                ))?;
                say(&whereabouts(loaded))
            }
            None => Err(Failure::new(
                exit::UNAVAILABLE,
                format!(
                    "{unit} has published no label yet; its log is `journalctl -u {unit} -n 20`"
                ),
            )),
        }
    }
}

/// Where the labels are found from now on.
fn whereabouts(loaded: &Loaded) -> String {
    let mqtt = &loaded.config.mqtt;
    let address = mqtt.address();
    let (host, port) = address.rsplit_once(':').unwrap_or((&address, "1883"));
    let host = host.trim_matches(['[', ']']);
    let mut command = format!("mosquitto_sub -h {host} -p {port}");
    if mqtt.uses_tls() {
        let file = mqtt.tls.as_ref().and_then(|tls| tls.ca_file.as_ref());
        command += &match file {
            Some(file) => format!(" --cafile {}", shell_word(file.as_ref())),
            None => " --capath /etc/ssl/certs".into(),
        };
    }
    if let Some(user) = &mqtt.username {
        command += &format!(" -u {} -P PASSWORD", shell_word(user.as_ref()));
    }
    let (base, id) = (&mqtt.base, &loaded.config.id);
    let mut lines = format!("to see all messages: {command} -t '{base}/{id}/#' -v");
    if loaded.config.homeassistant.enabled {
        lines += &format!(
            "\nin Home Assistant: the device \"Goldcrest {id}\", under Settings, Devices & services, MQTT"
        );
    }
    lines
}

/// What is left to be done by hand.
fn by_hand(unit: Option<&str>, options: &Options, place: &Place) -> String {
    let run = format!("goldcrest run --config {}", shell_word(&place.config));
    match unit {
        Some(unit) if !options.no_service => format!(
            "systemd was not told, because it does not run here or you are not root; start it with: \
             sudo systemctl enable --now {unit}, or without systemd: {run}"
        ),
        _ => format!("start it with: {run}"),
    }
}
