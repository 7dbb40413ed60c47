//! Cameras over HTTP that are odd or misbehave in every way: state, cause, counters, recovery, and
//! what they leave behind.
//!
//! Open files and the heap are the whole process's, so only one of these tests runs at a time, in a
//! program of its own.

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use goldcrest::frame::Frame;
use goldcrest::meter::heap;
use goldcrest::source::http::{Config, Http, Url};
use goldcrest::source::{Cause, Next, Pauses, Source, SourceState};

use support::certificates::{ALWAYS, Authority, PAST};
use support::web::{Conn, STREAM, Server, Way, once, part, repeat, stream};

/// How soon pictures are back after a camera behaves again.
const BACK: Duration = Duration::from_secs(5);
/// How long a state may take to show on a busy machine, beside the time-outs of the tests.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of heap that a source may hold at once, whatever comes.
const MOST: i64 = 2 << 20;
/// Bytes of heap by which the odds of the allocator and of the test's own threads differ.
const ODDS: i64 = 64 << 10;
/// A short time of a server.
const SHORT: Duration = Duration::from_millis(50);

static ALONE: Mutex<()> = Mutex::new(());

/// A camera and its source.
struct Scene {
    server: Server,
    http: Http,
    frame: Frame,
    before: Before,
    _alone: MutexGuard<'static, ()>,
}

/// What there was before a scene.
struct Before {
    open: usize,
    heap: i64,
}

fn picture() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/jpeg/420.jpg")).unwrap()
}

fn good() -> Way {
    stream(&[picture()])
}

/// Open files of this process.
fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn alone() -> (MutexGuard<'static, ()>, Before) {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // The harness still frees what it kept of the test before.
    thread::sleep(Duration::from_millis(100));
    let (open, heap) = (open_files(), heap::now().live);
    (alone, Before { open, heap })
}

fn source(url: &str, change: impl FnOnce(&mut Config)) -> Http {
    source_with(url, Pauses::default(), change)
}

fn source_with(url: &str, pauses: Pauses, change: impl FnOnce(&mut Config)) -> Http {
    let mut config = Config {
        url: Url::from(url),
        timeout: 1.0,
        start_timeout: 1.5,
        ..Config::default()
    };
    change(&mut config);
    Http::new(&config, Path::new("/"), pauses).unwrap()
}

impl Scene {
    fn new(way: Way, change: impl FnOnce(&mut Config)) -> Self {
        Self::with(way, Pauses::default(), change)
    }

    fn with(way: Way, pauses: Pauses, change: impl FnOnce(&mut Config)) -> Self {
        let (alone, before) = alone();
        let server = Server::start(way);
        let http = source_with(&server.url("/video"), pauses, change);
        Self::of(server, http, (alone, before))
    }

    fn of(server: Server, http: Http, (alone, before): (MutexGuard<'static, ()>, Before)) -> Self {
        heap::forget_peak();
        Self {
            server,
            http,
            frame: Frame::empty(),
            before,
            _alone: alone,
        }
    }

    fn turn(&mut self) -> Next {
        let begun = Instant::now();
        let next = self.http.next(&mut self.frame).unwrap();
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(2), "a turn took {took:?}");
        next
    }

    /// Takes frames until the camera is lost for `cause`; returns what is said about it.
    fn lost(&mut self, cause: Cause) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            self.turn();
            if let Some(loss) = &self.http.status().loss {
                if loss.cause == cause {
                    assert_eq!(self.http.status().state, SourceState::Lost);
                    return loss.message.clone();
                }
                assert_eq!(loss.cause, Cause::Opening, "{}", loss.message);
            }
            assert!(Instant::now() < end, "{:?}", self.http.status());
        }
    }

    /// Takes `count` frames.
    fn frames(&mut self, count: u64) {
        let end = Instant::now() + PATIENCE;
        let want = self.http.status().counters.delivered + count;
        while self.http.status().counters.delivered < want {
            self.turn();
            assert!(Instant::now() < end, "{:?}", self.http.status());
        }
        assert_eq!(self.http.status().state, SourceState::Streaming);
    }

    /// Has the camera behave, and waits for pictures.
    fn recovers(&mut self) {
        self.server.set_way(good());
        let begun = Instant::now();
        self.frames(1);
        let took = begun.elapsed();
        assert!(took < BACK, "pictures were back after {took:?}");
        self.frames(2);
    }

    fn bad(&self) -> String {
        self.http.status().counters.bad.to_string()
    }

    /// Ends everything, and sees what is left.
    fn end(self) {
        let Self {
            server,
            http,
            frame,
            before,
            _alone,
        } = self;
        assert_eq!(server.most(), 1, "there were connections at once");
        let most = heap::peak() - before.heap;
        assert!(most < MOST, "the heap had {most} bytes more");
        drop((http, server, frame));
        let end = Instant::now() + PATIENCE;
        while open_files() > before.open {
            assert!(Instant::now() < end, "{} files", open_files());
            thread::sleep(Duration::from_millis(20));
        }
        let grown = heap::now().live - before.heap;
        assert!(grown < ODDS, "the heap has {grown} bytes more");
    }
}

/// Sends `piece` until the client is gone.
fn flood(conn: &mut Conn, piece: &[u8]) {
    while conn.send(piece) {}
}

/// Sends `head`, and then `piece` until the client is gone.
fn endless(head: &'static [u8], piece: &'static [u8]) -> Way {
    Arc::new(move |conn| {
        if conn.send(head) {
            flood(conn, piece);
        }
    })
}

/// Sends `bytes` and keeps silent until the client is gone.
fn silent_after(bytes: Vec<u8>) -> Way {
    Arc::new(move |conn| {
        conn.send(&bytes);
        while conn.wait(SHORT) {}
    })
}

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
            (scene.http.status().losses, scene.bad().as_str()),
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
    assert_eq!(scene.http.status().losses, 1);
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
        let end = Instant::now() + PATIENCE * 3;
        while *cut.lock().unwrap() < all.len() {
            scene.turn();
            assert!(Instant::now() < end, "at {}", cut.lock().unwrap());
            if let Some(loss) = &scene.http.status().loss {
                let usual = [Cause::Opening, Cause::Ended, Cause::NoFormat];
                assert!(usual.contains(&loss.cause), "{loss:?}");
            }
        }
        assert!(scene.http.status().counters.delivered > 10);
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
    let end = Instant::now() + PATIENCE * 4;
    while scene.http.status().opens < 1000 {
        scene.turn();
        assert!(Instant::now() < end, "{:?}", scene.http.status());
    }
    assert!(scene.server.total() >= 999);
    assert!(scene.http.status().counters.delivered > 990);
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
        assert_eq!(scene.http.status().losses, 0);
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
    assert_eq!(scene.http.status().losses, 0);
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
        let loss = scene.http.status().loss.clone().unwrap();
        if loss.cause == Cause::Unreachable {
            assert!(
                loss.message.contains("nothing accepts connections"),
                "{loss}"
            );
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{loss:?}");
    }
    scene.server = Server::on(port, None, good());
    scene.recovers();
    scene.end();
}

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
        assert_eq!(scene.http.status().losses, 0);
        scene.end();
    }
}

#[test]
fn a_log_in_in_the_address_is_given_and_never_shown() {
    let (alone, before) = alone();
    let server = Server::start(guarded(DIGEST, digest));
    let url = format!(
        "http://me:cuckoo%27s%20egg@127.0.0.1:{}/video?pwd=cuckoo",
        server.port()
    );
    let mut scene = Scene::of(server, source(&url, |_| {}), (alone, before));
    scene.frames(3);
    let card = scene.http.status().card.clone().unwrap();
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
    assert_eq!(scene.http.status().losses, 0);
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

/// A scene over TLS at `host`, which believes what `ca` holds.
fn secure(
    server: Server,
    host: &str,
    ca: Option<PathBuf>,
    before: (MutexGuard<'static, ()>, Before),
) -> Scene {
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
        let before = alone();
        let server = Server::secure(&certificate, good());
        let mut scene = secure(server, host, Some(authority.file()), before);
        scene.frames(5);
        assert_eq!(scene.http.status().losses, 0);
        scene.end();
    }
}

#[test]
fn the_cameras_own_certificate_is_believed_whatever_it_says() {
    let authority = Authority::new("goldcrest-test-ca");
    // For another name, not valid any more, and of an authority that nobody knows.
    let own = authority.sign("own", "DNS:somewhere.else", PAST);
    let before = alone();
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
        let before = alone();
        let server = Server::secure(certificate, good());
        let mut scene = secure(server, "127.0.0.1", ca, before);
        let said = scene.lost(Cause::Untrusted);
        assert!(said.contains(words), "{said}");
        assert_eq!(scene.http.status().counters.delivered, 0);
        scene.end();
    }
}

#[test]
fn a_port_without_tls_is_told_from_one_with_it() {
    let authority = Authority::new("goldcrest-test-ca");
    let before = alone();
    let server = Server::start(good());
    let mut scene = secure(server, "127.0.0.1", Some(authority.file()), before);
    let said = scene.lost(Cause::Unreachable);
    assert!(said.contains("did not agree on TLS in time"), "{said}");
    scene.end();
    let before = alone();
    // One that answers whatever comes.
    let server = Server::blunt(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let mut scene = secure(server, "127.0.0.1", Some(authority.file()), before);
    let said = scene.lost(Cause::Unreachable);
    assert!(said.contains("does not speak TLS"), "{said}");
    scene.end();
}
