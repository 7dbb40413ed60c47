//! A configuration that is tried before it stands anywhere.

use std::path::PathBuf;

use tempfile::TempDir;

use super::answers::Answers;
use super::compose;
use super::place::Place;
use crate::config::{self, Loaded};
use crate::exit;
use crate::files;
use crate::secrets::Secret;
use crate::setup::Failure;

/// A configuration in a folder of its own, which is removed with this value.
pub(super) struct Trial {
    /// As Goldcrest reads it, as if it stood in its place. Passwords are read from that folder.
    pub loaded: Loaded,
    /// The text.
    pub text: String,
    _folder: TempDir,
}

impl Trial {
    /// Composes the configuration and has Goldcrest read it.
    ///
    /// # Errors
    /// An answer that cannot be used, with its key; the temporary folder cannot be written.
    pub fn new(answers: &Answers, place: &Place) -> Result<Self, Failure> {
        let text = compose::text(answers, &place.password_names())
            .map_err(|e| Failure::new(exit::SOFTWARE, e))?;
        let folder = tempfile::Builder::new().prefix("goldcrest-").tempdir();
        let folder = folder.map_err(|why| {
            let message = format!("{}: {why}", std::env::temp_dir().display());
            Failure::new(exit::IO, message)
        })?;
        let put = |name: &str, bytes: &[u8]| -> Result<PathBuf, Failure> {
            let path = folder.path().join(name);
            let put = files::replace(&path, bytes);
            put.map_err(|why| Failure::new(exit::IO, format!("{}: {why}", path.display())))?;
            Ok(path)
        };
        let path = put("config.toml", text.as_bytes())?;
        let mut loaded = config::load(Some(&path)).map_err(|error| {
            let (there, here) = (path.display().to_string(), place.config.display());
            let message = error.to_string().replace(&there, &here.to_string());
            Failure::new(exit::CONFIG, message)
        })?;
        let word = |name, secret: Option<&Secret>| -> Result<Option<String>, Failure> {
            let Some(secret) = secret else {
                return Ok(None);
            };
            let path = put(name, secret.reveal().as_bytes())?;
            Ok(Some(path.to_string_lossy().into_owned()))
        };
        let broker = word("mqtt-password", answers.broker.password.as_ref())?;
        let camera = word("camera-password", answers.source.password())?;
        // A service alone gets credentials, and relative paths start where the file will stand.
        loaded.config.mqtt.password_file = broker;
        loaded.config.http.password_file = camera;
        loaded.config.mqtt.folder = place.folder().into();
        loaded.files = vec![place.config.clone()];
        loaded.path = Some(place.config.clone());
        Ok(Self {
            loaded,
            text,
            _folder: folder,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::first_run::answers::{Broker, Source};

    #[test]
    fn a_trial_reads_passwords_without_systemd_and_leaves_nothing() {
        let out = tempfile::tempdir().unwrap();
        let place = Place {
            config: out.path().join("config.toml"),
            unit: Some("goldcrest".into()),
            enables: false,
            ..Place::default()
        };
        let mut answers = Answers {
            source: Source::stream("http://me:cuckoo@cam.lan/v").unwrap(),
            broker: Broker::default(),
            id: "porch".into(),
            home_assistant: false,
            model: None,
        };
        answers.broker.username = Some("gold".into());
        answers.broker.password = Some(Secret::from("word"));
        let trial = Trial::new(&answers, &place).unwrap();
        let read = |file: &Option<String>| std::fs::read_to_string(file.as_ref().unwrap()).unwrap();
        let config = &trial.loaded.config;
        assert_eq!(read(&config.mqtt.password_file), "word");
        assert_eq!(read(&config.http.password_file), "cuckoo");
        assert!(trial.text.contains("credential:mqtt-password"));
        let folder = trial._folder.path().to_path_buf();
        drop(trial);
        assert!(!folder.exists());
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_answer_that_cannot_be_used_is_named_with_its_key() {
        let place = Place {
            config: "/nowhere/config.toml".into(),
            ..Place::default()
        };
        let mut answers = Answers {
            source: Source::Drawn,
            broker: Broker::named("http://hub", false),
            id: "porch".into(),
            home_assistant: false,
            model: None,
        };
        let refused = |answers: &Answers| match Trial::new(answers, &place) {
            Err(failure) => (failure.code, failure.message),
            Ok(_) => panic!("it is refused"),
        };
        let (code, message) = refused(&answers);
        assert!(code == 78 && message.contains("mqtt.url"), "{message}");
        assert!(message.contains("/nowhere/config.toml"), "{message}");
        (answers.broker, answers.id) = (Broker::default(), "a/b".into());
        assert!(
            refused(&answers).1.contains("id"),
            "{}",
            refused(&answers).1
        );
    }
}
