//! Cameras that are slow, cut off, of another size, or gone for a while.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use goldcrest::source::{Cause, Pauses};

use crate::scene::{SHORT, Scene, good, picture, silent_after};
use crate::support::live::LATEST;
use crate::support::web::{STREAM, Server, Way, once, part};

#[test]
fn a_stall_within_a_part_ends_at_the_time_out() {
    let whole = [
        STREAM.as_bytes(),
        &part(&picture()),
        b"--frame\r\n\r\n",
        &picture()[..700],
    ]
    .concat();
    let mut scene = Scene::new(silent_after(whole), |_| {});
    scene.frames(1);
    let begun = Instant::now();
    let said = scene.lost(Cause::Timeout);
    assert!(said.contains("sent no frame for 1.0 s"), "{said}");
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    scene.recovers();
    assert_eq!(scene.status().losses, 1);
    assert_eq!(scene.bad(), "1 truncated");
    scene.end();
}

#[test]
fn a_slow_part_ends_at_the_time_out() {
    let drip: Way = Arc::new(|conn| {
        let mut going = conn.send(STREAM.as_bytes());
        for byte in part(&picture()) {
            going = going && conn.send(&[byte]) && conn.wait(SHORT);
        }
    });
    let mut scene = Scene::new(drip, |_| {});
    let begun = Instant::now();
    scene.lost(Cause::Timeout);
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    scene.recovers();
    scene.end();
}

#[test]
fn pictures_of_another_size_are_named() {
    let mut scene = Scene::new(good(), |config| (config.width, config.height) = (64, 64));
    let said = scene.lost(Cause::WrongSize);
    assert!(said.contains("107x75") && said.contains("64x64"), "{said}");
    scene.end();
}

#[test]
fn an_end_at_any_byte_does_no_harm() {
    let p = picture();
    let plain = [STREAM.as_bytes(), &part(&p), &part(&p)].concat();
    let mut chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for piece in part(&p).repeat(2).chunks(300) {
        chunks.extend(format!("{:x}\r\n", piece.len()).bytes());
        chunks.extend([piece, b"\r\n"].concat());
    }
    let quick = Pauses {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(2),
        ..Pauses::default()
    };
    for all in [plain, chunks] {
        let cut = Arc::new(Mutex::new(0));
        let (at, bytes) = (Arc::clone(&cut), all.clone());
        let way: Way = Arc::new(move |conn| {
            let mut at = at.lock().unwrap();
            let end = bytes.len() - *at % bytes.len();
            conn.send(&bytes[..end]);
            // Every byte of the head, and some of the pictures.
            *at += if end < 150 || end > bytes.len() - 40 {
                1
            } else {
                37
            };
        });
        let mut scene = Scene::with(way, quick, |_| {});
        let end = Instant::now() + LATEST * 3;
        while *cut.lock().unwrap() < all.len() {
            scene.turn();
            assert!(Instant::now() < end, "at {}", cut.lock().unwrap());
            if let Some(loss) = &scene.status().loss {
                let usual = [Cause::Opening, Cause::Ended, Cause::NoFormat];
                assert!(usual.contains(&loss.cause), "{loss:?}");
            }
        }
        assert!(scene.status().counters.delivered > 10);
        scene.recovers();
        scene.end();
    }
}

#[test]
fn a_thousand_connections_come_one_at_a_time() {
    let quick = Pauses {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(2),
        ..Pauses::default()
    };
    let way = once([STREAM.as_bytes(), &part(&picture())].concat());
    let mut scene = Scene::with(way, quick, |_| {});
    let end = Instant::now() + LATEST * 4;
    while scene.status().opens < 1000 {
        scene.turn();
        assert!(Instant::now() < end, "{:?}", scene.status());
    }
    assert!(scene.server.total() >= 999);
    assert!(scene.status().counters.delivered > 990);
    scene.recovers();
    scene.end();
}

#[test]
fn a_single_picture_is_asked_for_at_the_interval() {
    let p = picture();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
        p.len()
    );
    let with_length = [head.as_bytes(), &p, b"and more"].concat();
    let up_to_the_end = [b"HTTP/1.0 200 OK\r\n\r\n", &p[..]].concat();
    // The camera keeps the connection, though it was asked to close it.
    let kept: Way = silent_after(with_length.clone());
    for way in [once(with_length), once(up_to_the_end), kept] {
        let mut scene = Scene::new(way, |config| config.interval = 0.3);
        scene.frames(1);
        let begun = Instant::now();
        scene.frames(5);
        let took = begun.elapsed().as_secs_f64();
        assert!((1.4..3.0).contains(&took), "five pictures in {took:.2} s");
        assert_eq!(scene.status().losses, 0);
        assert_eq!(scene.server.total(), 6);
        scene
            .server
            .set_way(once(b"HTTP/1.1 503 Busy\r\n\r\n".to_vec()));
        scene.lost(Cause::Busy);
        scene.recovers();
        scene.end();
    }
}

#[test]
fn a_slow_poll_is_no_lost_camera() {
    let way = once([b"HTTP/1.0 200 OK\r\n\r\n", &picture()[..]].concat());
    let mut scene = Scene::new(way, |config| config.interval = 2.5);
    scene.frames(3);
    assert_eq!(scene.status().losses, 0);
    scene.end();
}

#[test]
fn a_camera_that_is_switched_off_comes_back() {
    let mut scene = Scene::new(good(), |_| {});
    scene.frames(3);
    let port = scene.server.port();
    // A new one takes the place, with nothing on the port.
    scene.server = Server::start(good());
    scene.lost(Cause::Ended);
    let begun = Instant::now();
    loop {
        scene.turn();
        let loss = scene.status().loss.clone().unwrap();
        if loss.cause == Cause::Unreachable {
            assert!(
                loss.message.contains("nothing accepts connections"),
                "{loss}"
            );
            break;
        }
        assert!(begun.elapsed() < LATEST, "{loss:?}");
    }
    scene.server = Server::on(port, None, good());
    scene.recovers();
    scene.end();
}
