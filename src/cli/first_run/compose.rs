//! From the answers to the text of a configuration: the shipped one, with its comments and its
//! order, in which the answered keys are set.

use toml_edit::{Array, DocumentMut, Item, Table, Value};

use super::answers::{Answers, Broker, Source};

/// The configuration that ships.
pub(super) const SHIPPED: &str = include_str!("../../../config.toml");

/// The longest line of values, as in the shipped file.
const WIDTH: usize = 124;

/// How the configuration names the files of passwords.
#[derive(Clone, Debug)]
pub(super) struct PasswordNames {
    pub broker: String,
    pub camera: String,
}

/// A key with its section, and the value.
type Setting = (&'static str, &'static str, Value);

/// The text of a configuration with these answers.
///
/// # Errors
/// The shipped configuration is not TOML.
pub(super) fn text(
    answers: &Answers,
    names: &PasswordNames,
) -> Result<String, toml_edit::TomlError> {
    let settings = settings(answers, names);
    let mut document: DocumentMut = uncommented(&settings).parse()?;
    for (section, key, value) in settings {
        set(table(document.as_table_mut(), section), key, value);
    }
    Ok(document.to_string())
}

/// The answered keys. A default stays as it is.
fn settings(answers: &Answers, names: &PasswordNames) -> Vec<Setting> {
    let mut all: Vec<Setting> = vec![("", "id", answers.id.as_str().into())];
    match &answers.source {
        Source::Camera(device) => {
            all.push(("source", "kind", "camera".into()));
            all.push(("camera", "device", device.as_str().into()));
        }
        Source::Program { argv, format, .. } => {
            all.push(("source", "kind", "process".into()));
            all.push(("process", "argv", list(argv)));
            all.push(("process", "format", (*format).into()));
        }
        Source::Address(url, login) => {
            all.push(("source", "kind", "http".into()));
            all.push(("http", "url", url.as_str().into()));
            if let Some(login) = login {
                all.push(("http", "username", login.user.as_str().into()));
            }
            if answers.source.password().is_some() {
                all.push(("http", "password_file", names.camera.as_str().into()));
            }
        }
        Source::Drawn => all.push(("source", "kind", "synthetic".into())),
    }
    all.extend(mqtt(&answers.broker, names));
    all.push(("homeassistant", "enabled", answers.home_assistant.into()));
    if let Some(model) = &answers.model {
        all.push(("model", "path", model.to_string_lossy().as_ref().into()));
    }
    all
}

fn mqtt(broker: &Broker, names: &PasswordNames) -> Vec<Setting> {
    let mut all: Vec<Setting> = Vec::new();
    if let Some(url) = &broker.url {
        all.push(("mqtt", "url", url.as_str().into()));
    }
    if let Some(username) = &broker.username {
        all.push(("mqtt", "username", username.as_str().into()));
    }
    if broker.password.is_some() {
        all.push(("mqtt", "password_file", names.broker.as_str().into()));
    }
    if broker.plaintext {
        all.push(("mqtt", "plaintext_password", true.into()));
    }
    if let Some(file) = &broker.ca_file {
        let file = file.to_string_lossy();
        all.push(("mqtt.tls", "ca_file", file.as_ref().into()));
    }
    all
}

/// The shipped text in which each of these keys is no comment any more, and so stands where it is
/// explained.
fn uncommented(settings: &[Setting]) -> String {
    let shipped: toml::Table = SHIPPED.parse().unwrap_or_default();
    let is_set = |section: &str, key: &str| match section {
        "" => shipped.contains_key(key),
        _ => shipped.get(section).is_some_and(|of| of.get(key).is_some()),
    };
    let mut wanted: Vec<(&str, &str)> = settings
        .iter()
        .map(|(section, key, _)| (*section, *key))
        .filter(|(section, key)| !is_set(section, key))
        .collect();
    let mut section = String::new();
    let mut text = String::new();
    for line in SHIPPED.lines() {
        let bare = line.strip_prefix('#').unwrap_or(line);
        let header = bare
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let is_wanted = match header {
            Some(name) => {
                section = name.into();
                wanted.iter().any(|(of, _)| *of == name)
            }
            None => {
                let found = wanted.iter().position(|(of, key)| {
                    let rest = bare.strip_prefix(key);
                    *of == section && rest.is_some_and(|rest| rest.starts_with(" = "))
                });
                found.map(|n| wanted.swap_remove(n)).is_some()
            }
        };
        text += if is_wanted { bare } else { line };
        text.push('\n');
    }
    text
}

/// The table of this dotted name, which is made if it is not there.
fn table<'a>(root: &'a mut Table, name: &str) -> &'a mut Table {
    let mut found = root;
    for part in name.split('.').filter(|part| !part.is_empty()) {
        let item = found
            .entry(part)
            .or_insert_with(|| Item::Table(Table::new()));
        if !item.is_table() {
            *item = Item::Table(Table::new());
        }
        let Item::Table(table) = item else {
            unreachable!("it was just made one");
        };
        found = table;
    }
    found
}

fn set(table: &mut Table, key: &str, mut value: Value) {
    if let Some(old) = table.get(key).and_then(Item::as_value) {
        *value.decor_mut() = old.decor().clone();
    }
    match table.get_mut(key) {
        Some(item) => *item = Item::Value(value),
        None => drop(table.insert(key, Item::Value(value))),
    }
}

/// A list of texts, on several lines if it is long.
fn list(words: &[String]) -> Value {
    let mut array: Array = words.iter().map(String::as_str).collect();
    let indent = "        ";
    let mut column = "argv = [".len();
    for (n, value) in array.iter_mut().enumerate() {
        let width = value.to_string().trim().chars().count() + 2;
        let prefix = match n {
            0 => String::new(),
            _ if column + width > WIDTH => {
                column = indent.len();
                format!("\n{indent}")
            }
            _ => " ".into(),
        };
        column += width;
        value.decor_mut().set_prefix(prefix);
    }
    Value::Array(array)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{self, Config};
    use crate::secrets::Secret;
    use crate::source::SourceKind;

    fn names() -> PasswordNames {
        PasswordNames {
            broker: "credential:mqtt-password".into(),
            camera: "credential:camera-password".into(),
        }
    }

    fn answers(source: Source) -> Answers {
        Answers {
            source,
            broker: Broker::default(),
            id: "porch".into(),
            home_assistant: true,
            model: None,
        }
    }

    fn read(answers: &Answers) -> (String, Config) {
        let text = text(answers, &names()).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &text).unwrap();
        let loaded = config::load(Some(file.path())).unwrap();
        (text, loaded.config)
    }

    /// Lines of the shipped file in whose place others stand.
    fn changed(text: &str) -> Vec<&'static str> {
        assert_eq!(text.lines().count(), SHIPPED.lines().count());
        let both = SHIPPED.lines().zip(text.lines());
        both.filter(|(shipped, line)| shipped != line)
            .map(|(shipped, _)| shipped)
            .collect()
    }

    #[test]
    fn every_answer_reads_back_equal() {
        let mut given = answers(Source::stream("http://me:cuckoo@cam.lan/v").unwrap());
        given.broker = Broker {
            username: Some("gold\"crest".into()),
            password: Some(Secret::from("sesame")),
            plaintext: true,
            ca_file: Some("/etc/goldcrest/ca.pem".into()),
            ..Broker::named("hub.lan", true)
        };
        given.model = Some("/opt/model.onnx".into());
        let (text, config) = read(&given);
        assert_eq!(config.id, "porch");
        assert_eq!(config.source.kind, SourceKind::Http);
        assert_eq!(config.http.url, "http://cam.lan/v".into());
        assert_eq!(config.http.username.as_deref(), Some("me"));
        let files = [&config.http.password_file, &config.mqtt.password_file];
        let files = files.map(|file| file.clone().unwrap());
        assert_eq!(files, [names().camera, names().broker]);
        assert_eq!(config.mqtt.url.as_deref(), Some("mqtts://hub.lan"));
        assert_eq!(config.mqtt.username.as_deref(), Some("gold\"crest"));
        let ca = config.mqtt.tls.unwrap().ca_file;
        assert_eq!(ca.as_deref(), Some("/etc/goldcrest/ca.pem"));
        assert!(config.mqtt.plaintext_password && config.homeassistant.enabled);
        assert_eq!(config.model.path, Path::new("/opt/model.onnx"));
        assert!(
            !text.contains("cuckoo") && !text.contains("sesame"),
            "{text}"
        );
    }

    #[test]
    fn all_lines_but_those_of_answers_stay_in_their_order() {
        let (text, _) = read(&answers(Source::Drawn));
        let gone = ["id = \"camera\"", "kind = \"camera\"", "enabled = false"];
        assert_eq!(changed(&text), gone);
        let mut given = answers(Source::Camera("auto".into()));
        (given.id, given.home_assistant) = ("camera".into(), false);
        given.broker = Broker::named("hub.lan:1884", false);
        let (text, _) = read(&given);
        assert_eq!(changed(&text), ["#url = \"mqtts://broker.lan\""]);
        assert!(text.contains("\nurl = \"mqtt://hub.lan:1884\"\n"), "{text}");
    }

    #[test]
    fn a_hostile_name_is_one_quoted_value() {
        let hostile = "\"\n[mqtt]\nhost = \"evil\"\n\u{1b}[31m\\ '''";
        let (_, config) = read(&answers(Source::Camera(hostile.into())));
        assert_eq!(config.camera.device, hostile);
        assert_eq!(config.mqtt.host, None);
        let given = answers(Source::Program {
            argv: vec!["eye".into(), hostile.into()],
            format: "mjpeg",
            grant: super::super::answers::Grant::Memory,
        });
        let text = text(&given, &names()).unwrap();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["process"]["argv"][1].as_str(), Some(hostile));
    }

    #[test]
    fn a_long_list_of_arguments_wraps() {
        let source = Source::stream("rtsp://camera.lan/sub").unwrap();
        let Source::Program { argv, .. } = source.clone() else {
            panic!("it is a program");
        };
        let (text, config) = read(&answers(source));
        assert_eq!(config.source.kind, SourceKind::Process);
        let table: toml::Table = text.parse().unwrap();
        let words = table["process"]["argv"].as_array().unwrap().iter();
        let words: Vec<&str> = words.filter_map(|word| word.as_str()).collect();
        assert_eq!(words, argv);
        let mut values = text.lines().filter(|line| !line.starts_with('#'));
        assert!(values.all(|line| line.chars().count() <= WIDTH));
    }
}
