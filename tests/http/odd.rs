//! Streams of cameras that are odd, and answers that are no stream.

use std::sync::Arc;

use goldcrest::source::Cause;

use crate::scene::{SHORT, Scene, endless, good, picture, silent_after};
use crate::support::web::{STREAM, Way, once, part, repeat};

/// A stream in chunks that cut it anywhere.
fn chunked(pictures: &[Vec<u8>]) -> Way {
    let pictures = pictures.to_vec();
    Arc::new(move |conn| {
        let mut going = conn.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\
              Content-Type: multipart/x-mixed-replace;boundary=frame\r\n\r\n",
        );
        for picture in pictures.iter().cycle() {
            for piece in part(picture).chunks(700) {
                let size = format!("{:x};odd\r\n", piece.len());
                let chunk = [size.as_bytes(), piece, b"\r\n"];
                going = going && conn.send(&chunk.concat());
            }
            if !going || !conn.wait(SHORT) {
                return;
            }
        }
    })
}

#[test]
fn odd_cameras_are_read() {
    let p = picture();
    let of = |before: &str, after: &str| [before.as_bytes(), &p, after.as_bytes()].concat();
    let http = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace";
    let length = p.len();
    let ways: Vec<(&str, Way)> = vec![
        ("usual", good()),
        (
            "no length",
            repeat(
                STREAM,
                vec![of("--frame\r\nContent-Type: image/jpeg\r\n\r\n", "\r\n")],
            ),
        ),
        (
            "dashes in the type",
            repeat(
                &format!("{http};boundary=--frame\r\n\r\n"),
                vec![of("--frame\r\n\r\n", "\r\n")],
            ),
        ),
        (
            "dashes twice",
            repeat(
                &format!("{http};boundary=--frame\r\n\r\n"),
                vec![of("----frame\r\n\r\n", "\r\n")],
            ),
        ),
        (
            "no dashes",
            repeat(
                &format!("{http};boundary=\"frame\"\r\n\r\n"),
                vec![of("frame\r\n\r\n", "\r\n")],
            ),
        ),
        (
            "no boundary in the type",
            repeat(
                &format!("{http}\r\n\r\n"),
                vec![of("--frame\r\n\r\n", "\r\n")],
            ),
        ),
        (
            "no first boundary",
            repeat(
                STREAM,
                vec![of("", "\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n")],
            ),
        ),
        ("no boundary at all", repeat(STREAM, vec![p.clone()])),
        (
            "another boundary",
            repeat(STREAM, vec![of("--other\r\n\r\n", "")]),
        ),
        ("no type", repeat("HTTP/1.0 200 OK\r\n\r\n", vec![part(&p)])),
        (
            "another type",
            repeat(
                "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n",
                vec![part(&p)],
            ),
        ),
        ("icy", repeat("ICY 200 OK\r\n\r\n", vec![part(&p)])),
        (
            "line feeds alone",
            repeat(
                "HTTP/1.0 200 OK\nContent-Type: x\n\n",
                vec![of("--frame\n\n", "\n")],
            ),
        ),
        (
            "junk between parts",
            repeat(
                STREAM,
                vec![part(&p), vec![0x55; 5001], b"\r\n\r\n\xff\x00".to_vec()],
            ),
        ),
        (
            "a false length of parts",
            repeat(
                STREAM,
                vec![of("--frame\r\nContent-Length: 7\r\n\r\n", "\r\n")],
            ),
        ),
        (
            "a huge length of parts",
            repeat(
                STREAM,
                vec![of("--frame\r\nContent-Length: 4294967296\r\n\r\n", "\r\n")],
            ),
        ),
        (
            "a length of the stream",
            repeat(
                &format!("{http}\r\nContent-Length: 0\r\n\r\n"),
                vec![part(&p)],
            ),
        ),
        (
            "an interim answer",
            repeat(
                &format!("HTTP/1.1 100 Continue\r\n\r\n{STREAM}"),
                vec![part(&p)],
            ),
        ),
        ("chunks", chunked(std::slice::from_ref(&p))),
        (
            "a picture in two sends",
            repeat(STREAM, vec![p[..500].to_vec(), p[500..].to_vec()]),
        ),
        (
            "a length that is right",
            repeat(
                STREAM,
                vec![of(
                    &format!("--frame\r\nContent-Length: {length}\r\n\r\n"),
                    "",
                )],
            ),
        ),
    ];
    for (name, way) in ways {
        println!("{name}");
        let mut scene = Scene::new(way, |_| {});
        scene.frames(5);
        assert_eq!(*scene.frame.data, picture(), "{name}");
        assert_eq!(
            (scene.status().losses, scene.bad().as_str()),
            (0, "none"),
            "{name}"
        );
        assert_eq!(scene.server.total(), 1, "{name}");
        scene.end();
    }
}

#[test]
fn what_is_no_stream_is_a_loss_with_its_cause() {
    let html: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Log in</html>";
    let status = |line: &str| once(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n").into());
    let field = b"HTTP/1.1 200 OK\r\nX: ";
    let broken = [STREAM.as_bytes(), &part(&picture())].concat();
    let whole = [STREAM.as_bytes(), &part(&picture()), b"--frame--\r\n"].concat();
    let chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n";
    let ways: Vec<(&str, Way, Cause, &str)> = vec![
        ("a slow head", Arc::new(|conn| {
            for byte in b"HTTP/1.1 200 OK\r\nServer: slow".iter().cycle() {
                if !(conn.send(&[*byte]) && conn.wait(SHORT)) {
                    return;
                }
            }
        }), Cause::Timeout, "did not answer in time"),
        ("an endless head", endless(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), Cause::NoFormat, "more than 16 KiB"),
        ("an endless line", endless(field, &[b'a'; 4096]), Cause::NoFormat, "more than 16 KiB"),
        ("endless interim answers", endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), Cause::NoFormat, "more than 16 KiB"),
        ("silence", silent_after(Vec::new()), Cause::Timeout, "did not answer in time"),
        ("an end at once", once(Vec::new()), Cause::Ended, "without an answer"),
        ("another protocol", once(b"SSH-2.0-dropbear\r\n".to_vec()), Cause::NoFormat, "is not HTTP"),
        ("junk", endless(b"", &[0; 4096]), Cause::NoFormat, "is not HTTP"),
        ("a page", once(html.to_vec()), Cause::NoFormat, "text/html"),
        ("gzip", once(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".to_vec()), Cause::NoFormat, "gzip"),
        ("nothing", once(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()), Cause::NoFormat, "no JPEG"),
        ("no content", status("204 No Content"), Cause::Io, "204"),
        ("forbidden", status("403 Forbidden"), Cause::Denied, "403"),
        ("not found", status("404 Not Found"), Cause::NotFound, "the path in http.url"),
        ("an error", status("500 Oops"), Cause::Io, "500"),
        ("busy", status("503 Busy"), Cause::Busy, "serves one client"),
        ("no status", status("999 What"), Cause::Io, "999"),
        ("a stream that ends", once(whole), Cause::Ended, "after 1 pictures"),
        ("a stream that breaks", once(broken[..broken.len() - 900].to_vec()), Cause::Ended, "after 1 pictures"),
        ("a chunk without a length", once(chunk.to_vec()), Cause::Ended, "a chunk has no length"),
        ("a head in chunks of 4 GiB", endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000000\r\n", &[7; 4096]), Cause::Timeout, "no frame"),
        ("an endless line of a chunk", endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &[b'1'; 4096]), Cause::Ended, "chunk"),
        ("junk in the body", endless(STREAM.as_bytes(), &[0x42; 4096]), Cause::Timeout, "sent no frame for 1.5 s; its answer is of the type multipart"),
        ("silence in the body", silent_after(STREAM.into()), Cause::Timeout, "sent no frame for 1.5 s"),
        ("a part that never ends", endless(STREAM.as_bytes(), b"\xff\xd8\xff\xe0\x00\x04ab\xff\xda\x00\x02aaaaaaaaaaaaaaaaaaaaaaaaa"), Cause::Corrupt, "no whole frame"),
        ("a picture of 4 GiB", endless(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 4294967296\r\n\r\n\xff\xd8\xff\xda", &[0; 4096]), Cause::Corrupt, "more than 364 KiB"),
        ("pictures without an end", repeat(STREAM, vec![part(&picture()[..900])]), Cause::Corrupt, "a picture has no end"),
    ];
    for (name, way, cause, words) in ways {
        println!("{name}");
        let mut scene = Scene::new(way, |_| {});
        let said = scene.lost(cause);
        assert!(said.contains(words), "{name}: {said}");
        assert!(
            said.starts_with(&format!("http://127.0.0.1:{}/video", scene.server.port())),
            "{name}: {said}"
        );
        scene.recovers();
        scene.end();
    }
}
