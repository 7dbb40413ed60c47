//! A camera over HTTP, as the daemon, `check`, `replay` and `record` use it. tests/http/ has the
//! cameras that misbehave.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::replay::{bottle, lines};
use crate::support::certificates::{ALWAYS, Authority};
use crate::support::daemon::{configuration, table};
use crate::support::program::{Ran, field, goldcrest, root};
use crate::support::web::{STREAM, Server, Way, once, part, stream};
use crate::support::{Broker, Daemon, Subscriber};

/// The most that may ever be resident, in MiB.
const PEAK: f64 = 48.0;

const NO_BROKER: &str = "[mqtt]\nenabled = false\n";

fn bottles(count: usize) -> Vec<Vec<u8>> {
    (1..=count).map(bottle).collect()
}

/// A source at `url`, with more keys of `[http]`.
fn source(url: &str, more: &str) -> String {
    format!("kind = \"http\"\n[http]\nurl = \"{url}\"\n{more}")
}

fn still(picture: &[u8]) -> Way {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
        picture.len()
    );
    once([head.as_bytes(), picture].concat())
}

/// Wants any basic log-in.
fn guarded(way: Way) -> Way {
    Arc::new(move |conn| {
        if conn.field("Authorization").is_some() {
            way(conn);
        } else {
            conn.send(b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"porch\"\r\n\r\n");
        }
    })
}

#[test]
fn the_topics_follow_a_camera_over_http() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let server = Server::start(stream(&bottles(9)));
    let more = format!("{}[health]\ninterval = 1\n", broker.config_toml());
    let mut daemon = Daemon::on(&source(&server.url("/video?pwd=cuckoo"), ""), &more);
    let camera = subscriber.expect_that("camera", |m| m.json()["state"] == "streaming");
    let camera = camera.json();
    assert_eq!(camera["card"], server.url("/video").as_str(), "{camera}");
    assert_eq!(camera["mode"]["fourcc"], "MJPG", "{camera}");
    subscriber.expect_that("label", |m| m.json()["label"].is_string());
    // The present stream ends only with its connection.
    let port = server.port();
    drop(server);
    let lost = subscriber.expect_that("camera", |m| m.json()["cause"] == "ended");
    assert_eq!(lost.json()["state"], "lost");
    subscriber.expect_that("camera", |m| m.json()["cause"] == "unreachable");
    subscriber.expect_that("label", |m| m.json()["reason"] == "camera lost");
    let _server = Server::on(port, None, stream(&bottles(9)));
    let again = Instant::now();
    subscriber.expect_that("camera", |m| m.json()["state"] == "streaming");
    let took = again.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    daemon.signal("TERM");
    let asked = Instant::now();
    assert!(daemon.wait().success());
    assert!(asked.elapsed() < Duration::from_secs(2));
    assert!(!daemon.log.join("\n").contains("cuckoo"));
}

/// Memory of a daemon on `source`: the need, and the peak after a while.
fn need_and_peak(source: &str, more: &str) -> (f64, f64) {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/label");
    let mut daemon = Daemon::on(source, &format!("{}{more}", broker.config_toml()));
    daemon.expect("in all, at most");
    let need = table(&daemon.log);
    let all = need.iter().find(|(name, _)| name == "in all, at most");
    let all = all.unwrap().1;
    for _ in 0..25 {
        subscriber.expect("label");
    }
    daemon.signal("HUP");
    daemon.expect("reload: now running");
    for _ in 0..5 {
        subscriber.expect("label");
    }
    let peak = field(daemon.id(), "VmHWM:").unwrap() as f64 / 1024.0;
    daemon.end();
    (all, peak)
}

/// Pictures of 640×480 that compress as a camera's do.
fn wide() -> Vec<Vec<u8>> {
    let of = |n: usize| {
        let picture = image::load_from_memory(&bottle(n)).unwrap();
        let picture = picture.resize_exact(640, 480, image::imageops::FilterType::Triangle);
        let mut data = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut data, 85)
            .encode_image(&picture.to_rgb8())
            .unwrap();
        data
    };
    (1..=9).map(of).collect()
}

#[test]
fn the_peak_of_640x480_over_http_is_within_the_promise() {
    let server = Server::start(stream(&wide()));
    let (need, peak) = need_and_peak(&source(&server.url("/video"), ""), "");
    println!("plain: computed {need:.2} MiB, measured {peak:.2}");
    assert!(peak <= need && need <= PEAK, "{peak:.2} of {need:.2}");

    let authority = Authority::new("goldcrest-test-ca");
    let certificate = authority.sign("camera", "IP:127.0.0.1", ALWAYS);
    let server = Server::secure(&certificate, stream(&wide()));
    let url = format!("https://127.0.0.1:{}/video", server.port());
    let ca = format!("ca_file = {:?}\n", authority.file());
    let (need, peak) = need_and_peak(&source(&url, &ca), "");
    println!("TLS: computed {need:.2} MiB, measured {peak:.2}");
    assert!(peak <= need && need <= PEAK, "{peak:.2} of {need:.2}");
}

#[test]
fn check_takes_one_picture_over_http() {
    for way in [stream(&bottles(2)), still(&bottle(1))] {
        let folder = TempDir::new().unwrap();
        let server = Server::start(way);
        let config = configuration(folder.path(), &source(&server.url("/a"), ""), NO_BROKER);
        let ran = goldcrest(&["check", "--config", config.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let says = format!("{} sends JPEG 640x360", server.url("/a"));
        assert!(ran.stdout.contains(&says), "{}", ran.stdout);
    }
}

#[test]
fn check_names_what_is_wrong_with_an_address() {
    let authority = Authority::new("goldcrest-test-ca");
    let certificate = authority.sign("camera", "IP:127.0.0.1", ALWAYS);
    let secure = Server::secure(&certificate, stream(&bottles(2)));
    let server = |way| Server::start(way);
    let html = server(once(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>".to_vec(),
    ));
    let closed = server(guarded(once(b"HTTP/1.1 401 No\r\n\r\n".to_vec())));
    let missing = server(once(b"HTTP/1.1 404 No\r\n\r\n".to_vec()));
    let large = server(stream(&bottles(2)));
    let word = authority.file().with_file_name("word");
    fs::write(&word, "cuckoo\n").unwrap();
    let login = format!("username = \"me\"\npassword_file = {word:?}\n");
    for (source, code, words) in [
        (
            source("http://127.0.0.1:9/", ""),
            69,
            "nothing accepts connections",
        ),
        (
            source("http://no-such-host.invalid/", ""),
            69,
            "cannot be reached",
        ),
        (
            source(&closed.url("/"), ""),
            77,
            "it wants a log-in; set http.username",
        ),
        (
            source(&closed.url("/"), &login),
            77,
            "it rejects the log-in",
        ),
        (
            source(&missing.url("/"), ""),
            66,
            "nothing there (status 404)",
        ),
        (
            source(&html.url("/"), ""),
            65,
            "no JPEG picture in the answer, whose type is text/html",
        ),
        (source(&large.url("/"), "width = 320\n"), 65, "640x360"),
        (
            source(&format!("https://127.0.0.1:{}/", secure.port()), ""),
            69,
            "no known authority signed its certificate; set http.ca_file",
        ),
        (
            source("ftp://a/", ""),
            78,
            "http.url: must begin with http:// or https://",
        ),
        (source("", ""), 78, "http.url: must be set"),
        (
            source(
                "http://a/",
                "username = \"me\"\npassword_file = \"no/such/word\"\n",
            ),
            78,
            "http.password_file ",
        ),
        (
            source("https://a/", "ca_file = \"config.toml\"\n"),
            78,
            "http.ca_file holds no certificate",
        ),
    ] {
        let folder = TempDir::new().unwrap();
        let config = configuration(folder.path(), &source, NO_BROKER);
        let ran = goldcrest(&["check", "--config", config.to_str().unwrap()]);
        let text = ran.stdout + &ran.stderr;
        assert_eq!(ran.code, code, "{words}: {text}");
        assert!(text.contains(words), "{words}: {text}");
        assert!(!text.contains("cuckoo"), "{text}");
    }
}

#[test]
fn a_log_in_of_an_address_is_shown_nowhere() {
    let server = Server::start(guarded(stream(&bottles(3))));
    let url = format!(
        "http://bird:cuckoo%27s@127.0.0.1:{}/video?token=egg",
        server.port()
    );
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/#");
    let more = format!("{}[log]\nlevel = \"debug\"\n", broker.config_toml());
    let mut daemon = Daemon::on(&source(&url, ""), &more);
    daemon.expect("camera streaming");
    for suffix in ["camera", "label"] {
        let message = subscriber.expect(suffix);
        let text = message.json().to_string();
        assert!(!text.contains("cuckoo") && !text.contains("egg"), "{text}");
    }
    let mut texts = vec![daemon.end().join("\n")];
    let folder = TempDir::new().unwrap();
    let config = configuration(folder.path(), &source(&url, ""), NO_BROKER);
    let config = config.to_str().unwrap();
    let ran = goldcrest(&["check", "--config", config]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    // The file of the configuration holds the log-in, and everybody may read it.
    assert!(ran.stdout.contains("holds http.url"), "{}", ran.stdout);
    texts.extend([ran.stdout, ran.stderr]);
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    let ran = goldcrest(&["record", out, "--frames", "2", "--from", &url]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    texts.extend([ran.stdout, ran.stderr]);
    for entry in fs::read_dir(out).unwrap() {
        texts.push(String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap()).into());
    }
    server.set_way(once([STREAM.as_bytes(), &part(&bottle(1))].concat()));
    for address in [
        url.clone(),
        url.replace("http:", "rtsp:"),
        url.replace("/video", "/\u{1b}"),
    ] {
        let ran = goldcrest(&["replay", &address, "--json"]);
        texts.extend([ran.stdout, ran.stderr]);
    }
    server.set_way(once(b"HTTP/1.1 401 No\r\n\r\n".to_vec()));
    for arguments in [
        &["replay", url.as_str()][..],
        &["pick", &url, "--out", "/tmp/no/such"],
    ] {
        let ran = goldcrest(arguments);
        assert_ne!(ran.code, 0);
        texts.extend([ran.stdout, ran.stderr]);
    }
    for text in &texts {
        assert!(!text.contains("cuckoo") && !text.contains("egg"), "{text}");
        assert!(!text.contains("bird:"), "{text}");
    }
}

/// Labels and scores of a replay.
fn replayed(path: &str) -> Vec<(String, f64)> {
    let ran = goldcrest(&["replay", path, "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let of = |line: &serde_json::Value| {
        (
            line["label"].as_str().unwrap().to_string(),
            line["score"].as_f64().unwrap(),
        )
    };
    lines(&ran).iter().map(of).collect()
}

/// A server that sends each of the bottles once, and a file with the same pictures.
fn recorded(folder: &TempDir) -> (Server, PathBuf) {
    let all = bottles(60);
    let path = folder.path().join("bottles.mjpeg");
    fs::write(&path, all.concat()).unwrap();
    let parts: Vec<Vec<u8>> = all.iter().map(|picture| part(picture)).collect();
    let answer = [STREAM.as_bytes(), &parts.concat()].concat();
    (Server::start(once(answer)), path)
}

#[test]
fn a_recording_over_http_is_seen_as_in_a_file() {
    let folder = TempDir::new().unwrap();
    let (server, path) = recorded(&folder);
    let url = server.url("/video?egg");
    let (there, here) = (replayed(&url), replayed(path.to_str().unwrap()));
    assert_eq!(here.len(), 60);
    assert_eq!(there.len(), here.len());
    for ((label, score), (want, of)) in there.iter().zip(&here) {
        assert_eq!(label, want);
        assert!((score - of).abs() <= 0.01, "{label}: {score} and {of}");
    }
    // The source itself, which a recorder may be too slow for.
    let out = folder.path().join("out");
    server.set_way(stream(&bottles(9)));
    let ran = goldcrest(&[
        "record",
        out.to_str().unwrap(),
        "--frames",
        "9",
        "--from",
        &url,
    ]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for (label, score) in replayed(out.to_str().unwrap()) {
        let same = |(want, of): &(String, f64)| *want == label && (score - of).abs() <= 0.01;
        assert!(here[..9].iter().any(same), "{label} {score}");
    }
}

#[test]
fn one_picture_over_http_is_replayed_as_one() {
    let server = Server::start(still(&bottle(1)));
    let there = goldcrest(&["replay", &server.url("/snapshot.jpg")]);
    let here = goldcrest(&["replay", "tests/recordings/bottles/bottles-01.jpg"]);
    let best = |ran: &Ran| ran.stdout.lines().take(3).collect::<Vec<_>>().join("\n");
    assert_eq!(there.code, 0, "{}", there.stderr);
    assert_eq!(best(&there), best(&here));
    assert!(there.stdout.contains("1 in "), "{}", there.stdout);
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let url = server.url("/snapshot.jpg");
    let begun = Instant::now();
    let ran = goldcrest(&[
        "record",
        out.to_str().unwrap(),
        "--frames",
        "3",
        "--from",
        &url,
    ]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("3 frames"), "{}", ran.stdout);
    assert!(
        begun.elapsed() > Duration::from_millis(1900),
        "the interval is a second"
    );
}

#[test]
fn an_address_that_gives_nothing_ends_a_replay_in_one_line() {
    let server = Server::start(once(b"HTTP/1.1 404 No\r\n\r\n".to_vec()));
    let text = Server::start(once(b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec()));
    for (url, code, words) in [
        (server.url("/"), 66, "nothing there"),
        (text.url("/"), 65, "the stream has no JPEG picture"),
        (
            "http://127.0.0.1:9/".into(),
            69,
            "nothing accepts connections",
        ),
        ("http://a b/".into(), 78, "http.url must hold no spaces"),
        (
            "nonsense://127.0.0.1:9/".into(),
            65,
            "ffmpeg cannot read this",
        ),
    ] {
        let ran = goldcrest(&["replay", &url]);
        assert_eq!(ran.code, code, "{url}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{url}: {}", ran.stderr);
        let errors = ran.stderr.lines().filter(|line| !line.starts_with("INFO"));
        assert_eq!(errors.count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn an_address_of_another_kind_goes_through_ffmpeg() {
    let folder = TempDir::new().unwrap();
    let film = folder.path().join("film.ts");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-framerate", "10", "-i"])
        .arg(root().join("tests/recordings/bottles/bottles-%02d.jpg"))
        .args(["-frames:v", "12", "-c:v", "mpeg2video", "-q:v", "2", "-y"])
        .arg(&film)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        println!("SKIPPED: no ffmpeg");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bytes = fs::read(&film).unwrap();
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read(&mut [0; 1]);
        }
    });
    let url = format!("tcp://127.0.0.1:{port}");
    let (there, here) = (replayed(&url), replayed(film.to_str().unwrap()));
    assert_eq!(there, here);
    let out = folder.path().join("out");
    let ran = goldcrest(&["record", out.to_str().unwrap(), "--from", &url]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.starts_with(&format!("{} frames", here.len())),
        "{}",
        ran.stdout
    );
    server.join().unwrap();
}

#[test]
fn a_stuck_camera_is_opened_again_if_configured() {
    let broker = Broker::start();
    let subscriber = Subscriber::new(&broker, "goldcrest/test/camera");
    // The very same picture, until the connection is another one.
    let server = Server::start(stream(&bottles(1)));
    let more = format!(
        "{}[gate]\nstuck = 2\nreopen_stuck = true\n",
        broker.config_toml()
    );
    let mut daemon = Daemon::on(&source(&server.url("/"), ""), &more);
    subscriber.expect_that("camera", |m| m.json()["picture"] == "stuck");
    server.set_way(stream(&bottles(9)));
    let lost = subscriber.expect_that("camera", |m| m.json()["cause"] == "stuck");
    assert_eq!(lost.json()["losses"], 1, "{lost:?}");
    subscriber.expect_that("camera", |m| {
        m.json()["state"] == "streaming" && m.json()["picture"] == "ok"
    });
    assert_eq!(server.total(), 2);
    daemon.expect("camera lost: it repeats the very same picture");
    daemon.end();

    let server = Server::start(stream(&bottles(1)));
    let more = format!("{}[gate]\nstuck = 1\n", broker.config_toml());
    let daemon = Daemon::on(&source(&server.url("/"), ""), &more);
    subscriber.expect_that("camera", |m| m.json()["picture"] == "stuck");
    thread::sleep(Duration::from_secs(3));
    assert_eq!(server.total(), 1, "it was not told to");
    daemon.end();
}
