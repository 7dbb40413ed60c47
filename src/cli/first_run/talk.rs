//! From flags and questions to answers.

use super::answers::{Answers, Broker, Login, Source};
use super::ask::Asker;
use super::find;
use super::options::{Options, usage};
use super::place::Place;
use super::trial::Trial;
use crate::identity;
use crate::setup::Failure;

/// The placeholder of the machine's name.
const HOSTNAME: &str = "{hostname}";

/// Gets answers, from the flags or from a person.
pub(super) struct Talk<'a> {
    pub options: &'a Options,
    pub place: &'a Place,
    pub asker: Option<&'a Asker>,
}

/// What may be chosen as the source.
enum Choice {
    Found(Source),
    Network,
    /// Looks for cameras again.
    Again,
}

/// What there is to choose, with its words.
fn choices() -> Vec<(String, Choice)> {
    let found = |(words, source)| (words, Choice::Found(source));
    let mut choices: Vec<_> = find::cameras().into_iter().map(found).collect();
    if choices.is_empty() {
        let words = "a USB camera that I plug in now: look again";
        choices.push((words.into(), Choice::Again));
    }
    if let Some(pi) = find::pi() {
        let words = "the Raspberry Pi's own camera, on its ribbon cable";
        choices.push((words.into(), Choice::Found(pi)));
    }
    choices.push(("a network camera".into(), Choice::Network));
    let drawn = "drawn pictures, to try the rest without a camera";
    choices.push((drawn.into(), Choice::Found(Source::Drawn)));
    choices
}

impl Talk<'_> {
    /// The broker and the name that flags give: no camera is needed to check them.
    ///
    /// # Errors
    /// A flag that cannot be used.
    pub fn named(&self) -> Result<(Option<Broker>, Option<String>), Failure> {
        let broker = self.options.broker()?;
        if let Some(broker) = &broker {
            let tried = self.check(|answers| answers.broker.clone_from(broker));
            tried.map_err(|why| usage(format!("--broker: {why}")))?;
        }
        let id = self.options.id.clone();
        if let Some(id) = &id {
            let tried = self.check(|answers| answers.id.clone_from(id));
            tried.map_err(|why| usage(format!("--id: {why}")))?;
        }
        Ok((broker, id))
    }

    /// The source that a flag names, or that is chosen now.
    ///
    /// # Errors
    /// A flag that cannot be used; nobody answers.
    pub fn source(&self) -> Result<Source, Failure> {
        match (self.options.source()?, self.asker) {
            (Some(source), _) => Ok(source),
            (None, Some(asker)) => Self::choose_source(asker),
            (None, None) => Err(usage(
                "there is no terminal to ask at; name the camera with --camera, --stream, --process or --synthetic",
            )),
        }
    }

    /// Has the source chosen.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn choose_source(asker: &Asker) -> Result<Source, Failure> {
        loop {
            let choices = choices();
            if matches!(choices[0].1, Choice::Again) {
                asker.tell("Goldcrest finds no camera with pictures on this machine.")?;
            }
            let (words, mut choices): (Vec<String>, Vec<Choice>) = choices.into_iter().unzip();
            let chosen = asker.choose("Which camera", &words)?;
            match choices.swap_remove(chosen) {
                Choice::Found(source) => return Ok(source),
                Choice::Network => return Self::network_camera(asker),
                Choice::Again => {}
            }
        }
    }

    fn network_camera(asker: &Asker) -> Result<Source, Failure> {
        let check = |text: &str| Source::stream(text).map(drop).map_err(String::from);
        let prompt = "Its address, as in rtsp://user:password@camera/sub or http://camera/video";
        let address = asker.text(prompt, None, check)?;
        let mut source = Source::stream(&address).map_err(usage)?;
        if matches!(source, Source::Program { .. }) && !find::is_installed("ffmpeg") {
            asker.tell("ffmpeg, which reads rtsp://, is not installed: sudo apt install ffmpeg")?;
        }
        if let Source::Address(_, login @ None) = &mut source {
            let user = asker.text("Its user name, empty for none", Some(""), |_| Ok(()))?;
            if !user.is_empty() {
                let password = asker.secret("Its password")?;
                let password = password.unwrap_or_else(|| "".into());
                *login = Some(Login { user, password });
            }
        }
        Ok(source)
    }

    /// The broker that is named now, where no flag names it.
    ///
    /// # Errors
    /// A flag that cannot be used; nobody answers.
    pub fn broker(&self) -> Result<Broker, Failure> {
        let here = find::broker_is_here();
        match self.asker {
            None if here => self.options.login(Broker::default()),
            None => Err(usage(
                "there is no terminal to ask at, and no broker answers on this machine; name one with --broker",
            )),
            Some(_) if here && self.options.yes => self.options.login(Broker::default()),
            Some(asker) => {
                let question = "An MQTT broker answers on this machine. Publish there?";
                if here && asker.is_so(question, true)? {
                    return match self.options.username.is_some() {
                        true => self.options.login(Broker::default()),
                        false => Self::ask_login(asker, Broker::default()),
                    };
                }
                self.ask_broker(asker)
            }
        }
    }

    /// Asks for the broker.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn ask_broker(&self, asker: &Asker) -> Result<Broker, Failure> {
        let check = |text: &str| self.check(|answers| answers.broker = Broker::named(text, false));
        let text = asker.text("The MQTT broker, HOST or HOST:PORT", None, check)?;
        let secure = text.to_ascii_lowercase().starts_with("mqtts://");
        let tls = secure || text.ends_with(":8883");
        let tls = match text.contains("://") {
            true => secure,
            false => asker.is_so("Over TLS?", tls)?,
        };
        let mut broker = Broker::named(&text, tls);
        if tls {
            let prompt =
                "The file of the authority that signed its certificate, empty for the system's";
            let check = |text: &str| match std::path::Path::new(text) {
                _ if text.is_empty() => Ok(()),
                path if path.is_file() => self.place.check_reach(path),
                _ => Err("there is no such file".into()),
            };
            let file = asker.text(prompt, Some(""), check)?;
            broker.ca_file = match file.is_empty() {
                true => None,
                false => std::path::absolute(file).ok(),
            };
        }
        Self::ask_login(asker, broker)
    }

    fn ask_login(asker: &Asker, mut broker: Broker) -> Result<Broker, Failure> {
        let user = asker.text("User name at the broker, empty for none", Some(""), |_| {
            Ok(())
        })?;
        if user.is_empty() {
            return Ok(broker);
        }
        broker.username = Some(user);
        broker.password = asker.secret("Password")?;
        if broker.password.is_some() && !broker.is_secure() && !broker.is_here() {
            let question = "Without TLS everybody on the network can read this password. Send it all the same?";
            broker.plaintext = asker.is_so(question, false)?;
        }
        Ok(broker)
    }

    /// The name of this camera in topics, where no flag gives it.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn id(&self) -> Result<String, Failure> {
        let is_good = |id: &str| self.check(|answers| answers.id = id.into()).is_ok();
        let instance = self
            .options
            .instance
            .as_deref()
            .filter(|name| is_good(name));
        let hostname = identity::hostname().filter(|name| is_good(name));
        let usual = instance.or(hostname.as_ref().map(|_| HOSTNAME));
        let usual = usual.unwrap_or("camera");
        match self.asker.filter(|_| !self.options.yes) {
            None => Ok(usual.into()),
            Some(asker) => {
                if let Some(name) = hostname.filter(|_| usual == HOSTNAME) {
                    asker.tell(&format!(
                        "{HOSTNAME} stands for this machine's name, {name}."
                    ))?;
                }
                let check = |id: &str| self.check(|answers| answers.id = id.into());
                asker.text("The camera's name in topics", Some(usual), check)
            }
        }
    }

    /// Whether Home Assistant is to know the camera.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn home_assistant(&self) -> Result<bool, Failure> {
        match (self.options.home_assistant(), self.asker) {
            (Some(told), _) => Ok(told),
            (None, Some(asker)) if !self.options.yes => {
                asker.is_so("Announce the camera to Home Assistant?", true)
            }
            (None, _) => Ok(true),
        }
    }

    /// Answers with this source and the usual rest.
    pub fn answers(&self, source: Source) -> Answers {
        Answers {
            source,
            broker: Broker::default(),
            id: "camera".into(),
            home_assistant: false,
            model: self.options.model.as_ref().map(|path| {
                // Paths in a configuration start at its folder, not here.
                std::path::absolute(path).unwrap_or_else(|_| path.clone())
            }),
        }
    }

    /// Has Goldcrest read usual answers with one that `change` makes.
    fn check(&self, change: impl FnOnce(&mut Answers)) -> Result<(), String> {
        let mut answers = self.answers(Source::Drawn);
        change(&mut answers);
        let tried = Trial::new(&answers, self.place);
        tried.map(drop).map_err(|failure| {
            // The file in the message is not written yet.
            let file = format!("{}:", self.place.config.display());
            let line = failure.message.strip_prefix(&file);
            let told = line.and_then(|line| line.split_once(": "));
            told.map_or(failure.message.clone(), |(_, told)| told.into())
        })
    }
}
