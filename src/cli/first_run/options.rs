//! The flags of a first run, and the answers that they give.

use std::path::PathBuf;

use super::answers::{Broker, Source};
use super::find;
use crate::exit;
use crate::files;
use crate::secrets::Secret;
use crate::setup::Failure;

/// The longest password in bytes.
const PASSWORD: u64 = 65535;

/// Options of `goldcrest setup`.
#[derive(clap::Args)]
#[command(
    after_help = "Whatever no flag answers is asked on the terminal. Without a terminal nothing is asked."
)]
pub struct Options {
    /// The camera: "auto", a name from /dev/v4l/by-id, a card's name, a number or a path
    #[arg(long, value_name = "NAME", group = "from")]
    camera: Option<String>,
    /// The address of a network camera: http://..., https://..., or rtsp://..., which ffmpeg reads
    #[arg(long, value_name = "URL", group = "from")]
    stream: Option<String>,
    /// The program whose output is the camera: "pi" for a Raspberry Pi's own camera, or a command
    /// line in quotes that writes JPEG after JPEG
    #[arg(long, value_name = "COMMAND", group = "from")]
    process: Option<String>,
    /// Drawn pictures, to try the rest without a camera
    #[arg(long, group = "from")]
    synthetic: bool,
    /// The broker: HOST, HOST:PORT, mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS
    #[arg(long, value_name = "BROKER")]
    broker: Option<String>,
    /// The name to log in with at the broker
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// A file that holds the password for it; its content is copied
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Let the password go to another machine without TLS, where everybody on the way can read it
    #[arg(long, requires = "password_file")]
    plaintext_password: bool,
    /// The authority that signed the broker's certificate, in PEM form
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The name of this camera in topics: letters, digits, - and _
    #[arg(long, value_name = "NAME")]
    pub id: Option<String>,
    /// Announce the camera to Home Assistant
    #[arg(long, conflicts_with = "no_home_assistant")]
    home_assistant: bool,
    /// Do not
    #[arg(long)]
    no_home_assistant: bool,
    /// The configuration to write, instead of /etc/goldcrest/config.toml
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// One of several cameras: write /etc/goldcrest/NAME.toml and start goldcrest@NAME
    #[arg(long, value_name = "NAME", conflicts_with = "out")]
    pub instance: Option<String>,
    /// The model's ONNX file, instead of the installed one
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Write the frame that is shown into this JPEG file
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// Do not enable and start the service
    #[arg(long)]
    pub no_service: bool,
    /// Replace a configuration that is there, and ask nothing that has a usual answer
    #[arg(long)]
    pub yes: bool,
    /// The folder in whose etc and run the system's files stand
    #[arg(long, value_name = "DIR", hide = true)]
    pub root: Option<PathBuf>,
}

impl Options {
    /// The source that a flag names.
    ///
    /// # Errors
    /// The flag's value cannot be used.
    pub(super) fn source(&self) -> Result<Option<Source>, Failure> {
        if let Some(name) = &self.camera {
            return Ok(Some(Source::Camera(name.clone())));
        }
        if let Some(address) = &self.stream {
            let source = Source::stream(address);
            return source
                .map(Some)
                .map_err(|why| usage(format!("--stream: {why}")));
        }
        match self.process.as_deref().map(str::trim) {
            Some("pi") => {
                // One that is not installed is reported when it is tried.
                let source = find::pi().unwrap_or_else(|| Source::pi("rpicam-vid"));
                Ok(Some(source))
            }
            Some("") => Err(usage("--process: name \"pi\" or a program")),
            Some(line) => Ok(Some(Source::program(line))),
            None => Ok(self.synthetic.then_some(Source::Drawn)),
        }
    }

    /// The broker that flags name.
    ///
    /// # Errors
    /// The password's file cannot be read.
    pub(super) fn broker(&self) -> Result<Option<Broker>, Failure> {
        let named = self.broker.as_deref();
        let Some(named) = named else {
            return Ok(None);
        };
        let broker = Broker::named(named, self.ca_file.is_some());
        Ok(Some(self.login(broker)?))
    }

    /// `broker` with the login that flags give.
    ///
    /// # Errors
    /// The password's file cannot be read.
    pub(super) fn login(&self, broker: Broker) -> Result<Broker, Failure> {
        let password = match &self.password_file {
            Some(path) => {
                let text = files::read_text_to_copy(path, PASSWORD).map_err(|why| {
                    let message = format!("--password-file: {}: {why}", path.display());
                    Failure::new(exit::NO_INPUT, message)
                })?;
                let word = text.trim_end_matches(['\r', '\n']);
                if word.is_empty() {
                    let message = format!("--password-file: {} is empty", path.display());
                    return Err(Failure::new(exit::DATA, message));
                }
                Some(Secret::from(word))
            }
            None => None,
        };
        let ca_file = match &self.ca_file {
            Some(path) => Some(
                std::path::absolute(path)
                    .map_err(|why| usage(format!("--ca-file: {}: {why}", path.display())))?,
            ),
            None => None,
        };
        Ok(Broker {
            username: self.username.clone(),
            password,
            plaintext: self.plaintext_password,
            ca_file,
            ..broker
        })
    }

    /// Whether Home Assistant is used, as far as a flag tells.
    pub fn home_assistant(&self) -> Option<bool> {
        (self.home_assistant || self.no_home_assistant).then_some(self.home_assistant)
    }
}

/// A mistake of the command line.
pub(super) fn usage(message: impl std::fmt::Display) -> Failure {
    Failure::new(exit::USAGE, format!("setup: {message}"))
}
