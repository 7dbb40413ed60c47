//! Cameras that want a log-in.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use goldcrest::source::Cause;
use goldcrest::source::http::Config;

use crate::scene::{Scene, good, picture, source};
use crate::support::live::Before;
use crate::support::web::{Conn, Server, Way, once};

/// A way that wants the login `field`, and challenges with `challenge` otherwise.
fn guarded(challenge: &'static str, right: fn(&Conn) -> bool) -> Way {
    let good = good();
    Arc::new(move |conn| {
        if right(conn) {
            good(conn);
        } else {
            conn.send(
                format!(
                    "HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n"
                )
                .as_bytes(),
            );
        }
    })
}

/// Whether the request has the basic login of `me` and `cuckoo's egg`.
fn basic(conn: &Conn) -> bool {
    conn.field("Authorization") == Some("Basic bWU6Y3Vja29vJ3MgZWdn")
}

/// Whether the request has a right digest of the same login, by the server's own computation.
fn digest(conn: &Conn) -> bool {
    let Some(field) = conn
        .field("Authorization")
        .and_then(|f| f.strip_prefix("Digest "))
    else {
        return false;
    };
    let value = |key: &str| {
        let part = field
            .split(", ")
            .find_map(|part| part.strip_prefix(&format!("{key}=")));
        part.unwrap_or_default().trim_matches('"').to_string()
    };
    let sum = |text: String| {
        use sha2::{Digest, Sha256};
        let bytes = Sha256::digest(text.as_bytes());
        bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()
    };
    let ha1 = sum("me:porch:cuckoo's egg".into());
    let ha2 = sum(format!("GET:{}", value("uri")));
    let want = sum(format!(
        "{ha1}:{}:{}:{}:{}:{ha2}",
        value("nonce"),
        value("nc"),
        value("cnonce"),
        value("qop")
    ));
    value("uri") == conn.target() && value("response") == want
}

const DIGEST: &str = "Digest realm=\"porch\", nonce=\"abc\", qop=\"auth\", algorithm=SHA-256";

fn with_login(config: &mut Config, folder: &Path) {
    let file = folder.join("password");
    fs::write(&file, "cuckoo's egg\n").unwrap();
    config.username = Some("me".into());
    config.password_file = Some(file.to_str().unwrap().into());
}

#[test]
fn a_right_log_in_is_given_as_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    for (challenge, right) in [
        ("Basic realm=\"porch\"", basic as fn(&Conn) -> bool),
        (DIGEST, digest),
    ] {
        let mut scene = Scene::new(guarded(challenge, right), |config| {
            with_login(config, folder.path())
        });
        scene.frames(5);
        // Once it is known how, no request is without it.
        assert_eq!(scene.server.total(), 2, "{challenge}");
        scene.server.set_way(once(Vec::new()));
        assert_eq!(scene.status().losses, 0);
        scene.end();
    }
}

#[test]
fn a_log_in_in_the_address_is_given_and_never_shown() {
    let before = Before::alone();
    let server = Server::start(guarded(DIGEST, digest));
    let url = format!(
        "http://me:cuckoo%27s%20egg@127.0.0.1:{}/video?pwd=cuckoo",
        server.port()
    );
    let mut scene = Scene::of(server, source(&url, |_| {}), before);
    scene.frames(3);
    let card = scene.status().card.clone().unwrap();
    assert_eq!(
        card,
        format!("http://127.0.0.1:{}/video", scene.server.port())
    );
    scene
        .server
        .set_way(once(b"HTTP/1.1 404 No\r\n\r\n".to_vec()));
    scene.end();
}

#[test]
fn a_nonce_that_is_stale_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let p = picture();
    let used = Arc::new(Mutex::new(0));
    // Each nonce is good for one picture.
    let way: Way = Arc::new(move |conn| {
        let mut used = used.lock().unwrap();
        let fresh = format!("nonce=\"n{used}\"");
        if digest(conn) && conn.field("Authorization").unwrap().contains(&fresh) {
            *used += 1;
            conn.send(&[b"HTTP/1.0 200 OK\r\n\r\n", &p[..]].concat());
        } else {
            let challenge = format!(
                "Digest realm=\"porch\", {fresh}, stale=true, qop=\"auth\", algorithm=SHA-256"
            );
            conn.send(
                format!("HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\n\r\n").as_bytes(),
            );
        }
    });
    let mut scene = Scene::new(way, |config| {
        with_login(config, folder.path());
        config.interval = 0.1;
    });
    scene.frames(6);
    assert_eq!(scene.status().losses, 0);
    scene.end();
}

#[test]
fn a_wrong_log_in_is_denied_after_one_try() {
    let folder = tempfile::tempdir().unwrap();
    for challenge in ["Basic realm=\"porch\"", DIGEST] {
        let mut scene = Scene::new(guarded(challenge, |_| false), |config| {
            with_login(config, folder.path())
        });
        let said = scene.lost(Cause::Denied);
        assert!(said.contains("rejects the log-in"), "{said}");
        assert!(!said.contains("cuckoo"), "{said}");
        assert_eq!(scene.server.total(), 2);
        scene.recovers();
        scene.end();
    }
    let mut scene = Scene::new(guarded(DIGEST, |_| false), |_| {});
    let said = scene.lost(Cause::Denied);
    assert!(said.contains("wants a log-in; set http.username"), "{said}");
    scene.recovers();
    scene.end();
    let mut scene = Scene::new(guarded("NTLM", |_| false), |config| {
        with_login(config, folder.path())
    });
    let said = scene.lost(Cause::Denied);
    assert!(said.contains("neither basic nor digest"), "{said}");
    scene.recovers();
    scene.end();
}
