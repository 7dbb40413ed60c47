//! Faults of programs and of cameras in the network.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;

use super::bench::{Bench, Outcome};
use super::{Case, compare};
use crate::support::certificates::{ALWAYS, Authority};
use crate::support::program::{command, installed, output};
use crate::support::web::{Server, once};
use crate::support::{PATIENCE, free_port};

pub(super) const CASES: [Case; 20] = [
    Case {
        row: "the program … is not there: install it, or name another in process.argv",
        cause: |bench| program(bench, &["no-such-eye"], ""),
    },
    Case {
        row: "… ended with code …; its last line: …",
        cause: |bench| {
            let script = "echo 'no cameras available' >&2; exit 255";
            program(bench, &["sh", "-c", script], "")
        },
    },
    Case {
        row: "… ended by itself; …",
        cause: |bench| program(bench, &["true"], ""),
    },
    Case {
        row: "… sent no frame for … s; …",
        cause: |bench| {
            let patience = "timeout = 0.5\nstart_timeout = 0.5\n";
            program(bench, &["sleep", "60"], patience)
        },
    },
    Case {
        row: "…: the output is not as Y4M is: …",
        cause: |bench| program(bench, &["echo", "FFD8"], "format = \"y4m\"\n"),
    },
    Case {
        row: "ffmpeg ended with code …; its last line: …Connection refused",
        cause: |bench| rtsp(bench, None),
    },
    Case {
        row: "ffmpeg ended with code …; its last line: …401 Unauthorized…",
        cause: |bench| rtsp(bench, Some("401 Unauthorized")),
    },
    Case {
        row: "ffmpeg ended with code …; its last line: …404 Not Found…",
        cause: |bench| rtsp(bench, Some("404 Not Found")),
    },
    Case {
        row: "…: this is a stream of the network, and reading it needs the ffmpeg program, which is not installed; install it (on Debian: apt install ffmpeg) or convert the file to JPEG or PNG",
        cause: |_| output(command(&["replay", "rtsp://127.0.0.1:1/x"]).env("PATH", "")).into(),
    },
    Case {
        row: "…: this is a video, and reading it needs the ffmpeg program, which is not installed; install it (on Debian: apt install ffmpeg) or convert the file to JPEG or PNG",
        cause: |bench| {
            let film = bench.file("door.mp4", "some film");
            output(command(&["replay", &film]).env("PATH", "")).into()
        },
    },
    Case {
        row: "…: it wants a log-in; set http.username and http.password_file, or write the log-in before the host, as in http://USER:PASSWORD@camera/",
        cause: |bench| answer(bench, "", "401 Unauthorized", BASIC),
    },
    Case {
        row: "…: it rejects the log-in; correct it: set http.username and http.password_file, or write the log-in before the host, as in http://USER:PASSWORD@camera/",
        cause: |bench| answer(bench, "user:wrong@", "401 Unauthorized", BASIC),
    },
    Case {
        row: "…: it has nothing there (status 404); check the path in http.url",
        cause: |bench| answer(bench, "", "404 Not Found", ""),
    },
    Case {
        row: "…: it is busy (status 503): perhaps it serves one client, and another one is connected",
        cause: |bench| answer(bench, "", "503 Service Unavailable", ""),
    },
    Case {
        row: "…: there is no JPEG picture in the answer, whose type is text/html; check http.url",
        cause: |bench| answer(bench, "", "200 OK", "Content-Type: text/html\r\n"),
    },
    Case {
        row: "…: nothing accepts connections there; check the port in http.url, and whether the camera runs",
        cause: |bench| http(bench, &format!("http://127.0.0.1:{}/", free_port())),
    },
    Case {
        row: "…: it cannot be reached: failed to lookup address information: …; check http.url and the network between",
        cause: |bench| http(bench, "http://porch.invalid/video"),
    },
    Case {
        row: "…: it does not speak TLS; check the port, or use http:// in http.url",
        cause: |bench| {
            let port = plain();
            http(bench, &format!("https://127.0.0.1:{port}/"))
        },
    },
    Case {
        row: "…: no known authority signed its certificate; set http.ca_file to the certificate of the authority that did, or to the camera's own",
        cause: |bench| {
            let authority = Authority::new("birds");
            let certificate = authority.sign("camera", "IP:127.0.0.1", ALWAYS);
            let server = Server::secure(&certificate, once(Vec::new()));
            http(bench, &server.url("/").replace("http://", "https://"))
        },
    },
    Case {
        row: "…: No such file or directory (os error 2)",
        cause: |bench| bench.check("[source]\nkind = \"recording\"\npath = \"/nowhere/film\"\n"),
    },
];

const BASIC: &str = "WWW-Authenticate: Basic realm=\"camera\"\r\n";

/// The port of a server that answers TLS as one of plain HTTP does.
fn plain() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            if stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
            }
        }
    });
    port
}

/// What `check` finds about a program that is the camera.
fn program(bench: &Bench, argv: &[&str], more: &str) -> Outcome {
    bench.check(&format!(
        "[source]\nkind = \"process\"\n[process]\nargv = {argv:?}\n{more}"
    ))
}

fn http(bench: &Bench, url: &str) -> Outcome {
    bench.check(&format!(
        "[source]\nkind = \"http\"\n[http]\nurl = {url:?}\n"
    ))
}

/// What it finds about a camera that answers with `status` and these lines.
fn answer(bench: &Bench, login: &str, status: &str, lines: &str) -> Outcome {
    let text = format!("HTTP/1.1 {status}\r\n{lines}Connection: close\r\n\r\n<html>");
    let server = Server::start(once(text.into_bytes()));
    let url = server.url("/video");
    http(bench, &url.replace("http://", &format!("http://{login}")))
}

/// What it finds about ffmpeg on a camera that answers each RTSP request with `status`, or that is
/// not there.
fn rtsp(bench: &Bench, status: Option<&'static str>) -> Outcome {
    if std::panic::catch_unwind(|| installed("ffmpeg")).is_err() {
        return Outcome::Skipped("ffmpeg is not installed");
    }
    let mut port = free_port();
    if let Some(status) = status {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        port = listener.local_addr().unwrap().port();
        thread::spawn(move || refuse(&listener, status));
    }
    let url = format!("rtsp://127.0.0.1:{port}/sub");
    let argv = [
        "ffmpeg",
        "-nostdin",
        "-loglevel",
        "error",
        "-rtsp_transport",
        "tcp",
        "-i",
    ];
    program(
        bench,
        &[&argv[..], &[&url, "-f", "mjpeg", "pipe:1"]].concat(),
        "",
    )
}

fn refuse(listener: &TcpListener, status: &str) {
    for stream in listener.incoming().map_while(Result::ok) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answers = stream.try_clone().unwrap();
        let mut number = String::new();
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some(text) = line.strip_prefix("CSeq: ") {
                number = text.into();
            } else if line.is_empty() {
                write!(answers, "RTSP/1.0 {status}\r\nCSeq: {number}\r\n\r\n").ok();
            }
        }
    }
}

#[test]
fn each_fault_of_a_stream_is_on_the_page() {
    compare(&CASES);
}
