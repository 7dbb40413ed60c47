use super::*;
use crate::misfit::expect_misfits;

#[test]
fn an_empty_section_gives_valid_defaults() {
    assert_eq!(Config::default().check(), Ok(()));
    assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
}

#[test]
fn a_key_out_of_range_is_named_with_its_allowed_values() {
    let long = format!("client_id = '{}'", "x".repeat(65));
    expect_misfits(
        Config::check,
        &[
            ("host = ''", "host", "name or the address"),
            ("host = 'a b'", "host", "name or the address"),
            ("host = 'mqtt://broker'", "host", "belongs into mqtt.url"),
            ("host = 'u:p@broker'", "host", "name or the address"),
            ("url = 'broker'", "url", "mqtt:// or mqtts://"),
            ("url = 'mqtt://'", "url", "name or the address"),
            ("url = 'mqtt://u:p@broker'", "url", "mqtt.password_file"),
            ("url = 'ws://broker'", "url", "not over WebSocket"),
            ("url = 'mqtt://broker/topic'", "url", "nothing behind"),
            ("url = 'mqtt://broker:0'", "url", "1 to 65535"),
            ("url = 'mqtt://a'\ntls = {}", "url", "mqtts://"),
            ("url = 'mqtt://a'\nhost = 'a'", "url", "beside mqtt.host"),
            ("url = 'mqtt://a'\nport = 1", "url", "beside mqtt.port"),
            (
                "url = 'mqtt://a'\nhosts = ['a']",
                "url",
                "beside mqtt.hosts",
            ),
            ("hosts = ['a']\nhost = 'a'", "hosts", "beside mqtt.host"),
            ("hosts = ['a']\nport = 1884", "hosts", "behind its host"),
            ("hosts = []", "hosts", "1 to 16 hosts"),
            ("hosts = ['a', 'b:x']", "hosts", "1 to 65535"),
            ("version = 4", "version", "3 (for MQTT 3.1.1) or 5"),
            ("tls.key_file = 'a'", "tls.key_file", "mqtt.tls.cert_file"),
            ("jitter = 3601", "jitter", "0 to 3600 seconds"),
            ("port = 0", "port", "1 to 65535"),
            ("username = ''", "username", "leave the key out"),
            ("password = 'x'", "password", "needs mqtt.username"),
            (
                "password_file = 'x'",
                "password_file",
                "needs mqtt.username",
            ),
            (
                "username = 'a'\npassword = 'x'\npassword_file = 'x'",
                "password_file",
                "keep one",
            ),
            ("base = ''", "base", "1 to 256"),
            ("base = '/a'", "base", "at its start"),
            ("base = 'a/'", "base", "at its end"),
            ("base = '$SYS'", "base", "without $"),
            ("base = 'a/+'", "base", "without +"),
            ("client_id = ''", "client_id", "1 to 64"),
            (&long, "client_id", "1 to 64"),
            ("keep_alive = 0", "keep_alive", "1 to 3600 seconds"),
            ("keep_alive = 3601", "keep_alive", "1 to 3600 seconds"),
            ("max_packet = 1023", "max_packet", "1024 to 16777216 bytes"),
            ("max_packet = 16777217", "max_packet", "is 16777217"),
        ],
    );
}

#[test]
fn an_unknown_key_is_refused() {
    assert!(toml::from_str::<Config>("hots = 'a'").is_err());
}

fn with_password_file(path: &std::path::Path) -> Config {
    Config {
        username: Some("bird".into()),
        password_file: Some(path.display().to_string()),
        ..Config::default()
    }
}

#[test]
fn the_password_comes_from_its_file_and_stays_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "quiet word\n").unwrap();
    let login = with_password_file(&path).login().unwrap();
    assert_eq!(login, Some(("bird".into(), "quiet word".into())));
    assert!(!format!("{login:?}").contains("quiet"));
}

#[test]
fn a_missing_password_file_is_an_error_of_the_configuration() {
    let config = with_password_file("/etc/nonexistent".as_ref());
    let error = config.login().unwrap_err();
    assert_eq!(error.exit_code(), 78);
    let line = error.to_string();
    assert!(
        line.starts_with("mqtt.password_file cannot be read: /etc/nonexistent"),
        "{line}"
    );
}

#[test]
fn without_a_user_name_there_is_no_login() {
    assert_eq!(Config::default().login(), Ok(None));
}

#[test]
fn brokers_are_named_in_four_ways() {
    for (text, address, tls) in [
        ("", "localhost:1883", false),
        ("host = '::1'", "[::1]:1883", false),
        ("host = '127.0.0.1'\nport = 1884", "127.0.0.1:1884", false),
        ("host = 'broker.lan'\ntls = {}", "broker.lan:8883", true),
        ("url = 'mqtt://broker.lan'", "broker.lan:1883", false),
        ("url = 'mqtts://broker.lan/'", "broker.lan:8883", true),
        ("url = 'mqtts://[::1]:1884'", "[::1]:1884", true),
        (
            "url = 'MQTTS://broker.lan'\ntls = {}",
            "broker.lan:8883",
            true,
        ),
        ("hosts = ['a', 'b:1884']", "a:1883, b:1884", false),
        ("hosts = ['a', 'b:1884']\ntls = {}", "a:8883, b:1884", true),
    ] {
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.check(), Ok(()), "{text}");
        assert_eq!(config.address(), address, "{text}");
        assert_eq!(config.uses_tls(), tls, "{text}");
    }
}

#[test]
fn a_refused_url_is_not_repeated() {
    let config: Config = toml::from_str("url = 'mqtts://bird:word@broker'").unwrap();
    let misfit = config.check().unwrap_err().to_string();
    assert!(
        !misfit.contains("word@") && !misfit.contains("bird"),
        "{misfit}"
    );
}

#[test]
fn a_password_of_a_wrong_type_is_not_repeated() {
    for value in ["12345", "1.5", "true", "['12345']", "{ a = '12345' }"] {
        let text = format!("username = 'a'\npassword = {value}");
        let error = toml::from_str::<Config>(&text).unwrap_err();
        assert!(!error.message().contains("12345"), "{error}");
        assert!(error.message().contains("text in quotes"), "{error}");
    }
}

#[test]
fn tls_adds_to_the_memory() {
    let plain = Config::default();
    let tls = Config {
        tls: Some(TlsConfig::default()),
        ..Config::default()
    };
    assert!(tls.memory(false) > plain.memory(false));
    assert!(tls.code() > plain.code());
}
