//! Cameras over TLS.

use std::path::PathBuf;

use goldcrest::source::Cause;

use crate::scene::{Scene, good, source};
use crate::support::certificates::{ALWAYS, Authority, PAST};
use crate::support::live::Before;
use crate::support::web::Server;

/// A scene over TLS at `host`, which believes what `ca` holds.
fn secure(server: Server, host: &str, ca: Option<PathBuf>, before: Before) -> Scene {
    let url = format!("https://{host}:{}/video", server.port());
    let http = source(&url, |config| {
        config.ca_file = ca.map(|path| path.to_str().unwrap().into());
    });
    Scene::of(server, http, before)
}

#[test]
fn a_certificate_that_an_authority_signed_is_believed() {
    let authority = Authority::new("goldcrest-test-ca");
    let certificate = authority.sign("camera", "DNS:localhost,IP:127.0.0.1", ALWAYS);
    for host in ["localhost", "127.0.0.1"] {
        let before = Before::alone();
        let server = Server::secure(&certificate, good());
        let mut scene = secure(server, host, Some(authority.file()), before);
        scene.frames(5);
        assert_eq!(scene.status().losses, 0);
        scene.end();
    }
}

#[test]
fn the_cameras_own_certificate_is_believed_whatever_it_says() {
    let authority = Authority::new("goldcrest-test-ca");
    // For another name, not valid any more, and of an authority that nobody knows.
    let own = authority.sign("own", "DNS:somewhere.else", PAST);
    let before = Before::alone();
    let server = Server::secure(&own, good());
    let mut scene = secure(server, "127.0.0.1", Some(own.file.clone()), before);
    scene.frames(5);
    scene.end();
}

#[test]
fn a_certificate_that_proves_nothing_is_untrusted() {
    let authority = Authority::new("goldcrest-test-ca");
    let other = Authority::new("goldcrest-other-ca");
    let good_one = authority.sign("camera", "IP:127.0.0.1", ALWAYS);
    let named = authority.sign("named", "DNS:somewhere.else", ALWAYS);
    let past = authority.sign("past", "IP:127.0.0.1", PAST);
    for (certificate, ca, words) in [
        (&good_one, Some(other.file()), "no known authority"),
        // Another certificate of the same authority is not the pinned one.
        (&good_one, Some(named.file.clone()), "no known authority"),
        (&good_one, None, "no known authority"),
        (
            &named,
            Some(authority.file()),
            "for somewhere.else and not for 127.0.0.1",
        ),
        (&past, Some(authority.file()), "has expired"),
    ] {
        let before = Before::alone();
        let server = Server::secure(certificate, good());
        let mut scene = secure(server, "127.0.0.1", ca, before);
        let said = scene.lost(Cause::Untrusted);
        assert!(said.contains(words), "{said}");
        assert_eq!(scene.status().counters.delivered, 0);
        scene.end();
    }
}

#[test]
fn a_port_without_tls_is_told_from_one_with_it() {
    let authority = Authority::new("goldcrest-test-ca");
    let before = Before::alone();
    let server = Server::start(good());
    let mut scene = secure(server, "127.0.0.1", Some(authority.file()), before);
    let said = scene.lost(Cause::Unreachable);
    assert!(said.contains("did not agree on TLS in time"), "{said}");
    scene.end();
    let before = Before::alone();
    // One that answers whatever comes.
    let server = Server::blunt(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let mut scene = secure(server, "127.0.0.1", Some(authority.file()), before);
    let said = scene.lost(Cause::Unreachable);
    assert!(said.contains("does not speak TLS"), "{said}");
    scene.end();
}
