use super::*;
use crate::misfit::expect_misfits;

fn read(text: &str) -> Config {
    toml::from_str(text).unwrap()
}

#[test]
fn an_empty_section_is_valid_while_it_is_not_used() {
    let config = read("");
    assert_eq!(config, Config::default());
    assert_eq!(config.check(false), Ok(()));
    assert_eq!(config.check(true).unwrap_err().key, "url");
}

#[test]
fn every_key_is_read() {
    let config = read(
        "url = 'https://porch/video'\ninterval = 5\nusername = 'me'\npassword_file = 'word'\n\
         ca_file = 'ca.pem'\nwidth = 1280\nheight = 720\ntimeout = 40\nstart_timeout = 5",
    );
    assert_eq!(config.check(true), Ok(()));
    assert_eq!(config.start_timeout().as_secs(), 40);
    assert_eq!(config.stream().size(), (1280, 720));
    let file = config.secret_file(Path::new("/etc")).unwrap();
    assert_eq!(file, ("http.password_file", "/etc/word".into()));
    assert!(config.code() > 0);
}

#[test]
fn a_value_that_is_not_allowed_is_named() {
    expect_misfits(
        |config: &Config| config.check(true),
        &[
            ("url = 'rtsp://porch/1'", "url", "http:// or https://"),
            ("url = 'http://'", "url", "name a host"),
            (
                "url = 'http://a@b/'\nusername = 'c'",
                "username",
                "left out",
            ),
            (
                "url = 'http://b/'\npassword_file = 'c'",
                "password_file",
                "http.username",
            ),
            (
                "url = 'http://b/'\nusername = ''",
                "username",
                "leave the key out",
            ),
            (
                "url = 'http://b/'\nca_file = ''",
                "ca_file",
                "leave the key out",
            ),
            (
                "url = 'http://b/'\ninterval = 0.05",
                "interval",
                "0.1 to 3600",
            ),
            ("url = 'http://b/'\nwidth = 63", "width", "64 to 3840"),
            ("url = 'http://b/'\nheight = 2161", "height", "64 to 2160"),
            ("url = 'http://b/'\ntimeout = 0.4", "timeout", "0.5 to 3600"),
            (
                "url = 'http://b/'\nstart_timeout = 3601",
                "start_timeout",
                "0.5 to 3600",
            ),
        ],
    );
}

#[test]
fn the_login_goes_to_its_own_host_alone() {
    let config = read("url = 'https://porch/video'\nusername = 'me'");
    let user = |url: &str| config.at(url).username;
    assert_eq!(user("https://porch:8443/x").as_deref(), Some("me"));
    for url in [
        "https://other/x",
        "http://porch/x",
        "https://a:b@porch/x",
        "nonsense",
    ] {
        assert_eq!(user(url), None, "{url}");
    }
}

#[test]
fn a_login_is_not_in_the_text_for_programmers() {
    let config = read("url = 'http://me:cuckoo@porch/video?pwd=cuckoo'");
    let text = format!("{config:?}");
    assert!(!text.contains("cuckoo") && text.contains("porch"), "{text}");
    assert!(config.holds_password());
    assert!(!read("url = 'http://me@porch/video'").holds_password());
}
