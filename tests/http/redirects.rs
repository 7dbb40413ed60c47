//! Cameras that lead elsewhere.

use std::sync::Arc;

use goldcrest::source::Cause;

use crate::scene::{Scene, good};
use crate::support::web::{Way, once};

/// A way that leads to `location`, and gives pictures at `/there`.
fn leading(location: String) -> Way {
    let good = good();
    Arc::new(move |conn| {
        if conn.target().starts_with("/there") {
            good(conn);
        } else {
            conn.send(format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n").as_bytes());
        }
    })
}

#[test]
fn a_redirect_within_the_host_is_followed() {
    for location in [
        "/there?x=1",
        "there",
        "//127.0.0.1:PORT/there",
        "http://127.0.0.1:PORT/there",
    ] {
        let mut scene = Scene::new(good(), |_| {});
        let location = location.replace("PORT", &scene.server.port().to_string());
        scene.server.set_way(leading(location));
        scene.frames(3);
        assert_eq!(scene.server.total(), 2);
        scene.end();
    }
}

#[test]
fn a_redirect_beyond_the_host_is_refused() {
    for (location, words) in [
        ("http://localhost:PORT/there", "leads to http://localhost:"),
        (
            "//evil.example/there?pwd=x",
            "leads to http://evil.example/there,",
        ),
        ("https://127.0.0.1:PORT/there", "write https://"),
        ("ftp://127.0.0.1/there", "no address of the web"),
        ("/video", "on and on"),
    ] {
        let mut scene = Scene::new(good(), |_| {});
        let location = location.replace("PORT", &scene.server.port().to_string());
        scene.server.set_way(leading(location));
        let said = scene.lost(Cause::Untrusted);
        assert!(said.contains(words), "{said}");
        assert!(scene.server.total() <= 4);
        scene.recovers();
        scene.end();
    }
    let mut scene = Scene::new(once(b"HTTP/1.1 301 Moved\r\n\r\n".to_vec()), |_| {});
    let said = scene.lost(Cause::Untrusted);
    assert!(said.contains("does not tell where"), "{said}");
    scene.end();
}
