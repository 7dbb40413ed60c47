//! Damaged answers over HTTP: head, challenges, chunks, parts and pictures. Each is taken apart as
//! a source does, and its frames are prepared.

use goldcrest::meter::heap;
use goldcrest::source::http::{self, take_apart};
use goldcrest::vision::Config;

use crate::frames::{corpus, damage};
use crate::support::{Cases, Ended, Random, alone, preparer, settles};

/// Cases of the run that is part of all tests.
const CASES: u64 = 6_000;
/// The most heap of a case: what the source computes for its frames, a head, and what preparing
/// takes.
const MOST: i64 = 4 << 20;

/// Answers that are whole.
fn seeds() -> Vec<Vec<u8>> {
    let frames = corpus();
    let mut seeds = Vec::new();
    for two in frames.windows(2).step_by(2) {
        let part = |frame: &Vec<u8>| {
            let head = format!(
                "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
                frame.len()
            );
            [head.as_bytes(), frame, b"\r\n"].concat()
        };
        let parts = [part(&two[0]), part(&two[1])].concat();
        let kind = "Content-Type: multipart/x-mixed-replace; boundary=frame\r\n";
        let plain = format!("HTTP/1.1 200 OK\r\nServer: eye\r\n{kind}\r\n");
        seeds.push([plain.as_bytes(), &parts].concat());
        let mut chunked =
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{kind}\r\n").into_bytes();
        for piece in parts.chunks(900) {
            chunked.extend(format!("{:x};a=b\r\n", piece.len()).bytes());
            chunked.extend([piece, b"\r\n"].concat());
        }
        chunked.extend(b"0\r\n\r\n");
        seeds.push(chunked);
        let one = format!(
            "HTTP/1.0 200 OK\nContent-Type: image/jpeg\nContent-Length: {}\n\n",
            two[0].len()
        );
        seeds.push([one.as_bytes(), &two[0]].concat());
    }
    for challenge in [
        "Digest realm=\"porch\", qop=\"auth,auth-int\", nonce=\"dcd9\", opaque=\"5ccc\", algorithm=MD5, stale=TRUE",
        "Basic realm=\"p\\\"orch\", charset=\"UTF-8\"\r\nWWW-Authenticate: Digest realm=a, nonce=b, userhash=true",
        "Digest realm=\"a\", nonce=\"b\", algorithm=SHA-256-sess, qop=auth, Basic realm=\"c\"",
    ] {
        let head =
            format!("HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\nLocation: /x\r\n\r\n");
        seeds.extend([head.clone().into_bytes(), head.repeat(2).into_bytes()]);
    }
    seeds
}

/// An answer, of which a part of the first bytes is damaged oftener than its pictures.
fn damaged(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    if random.below(2) == 0 {
        let mut begin: Vec<u8> = data.drain(..data.len().min(300)).collect();
        damage(random, &mut begin, &seeds[0]);
        begin.extend(data);
        return begin;
    }
    for _ in 0..1 + random.below(4) {
        damage(random, &mut data, &seeds[0]);
    }
    data
}

fn fuzz(cases: &Cases) {
    let _alone = alone();
    let seeds = seeds();
    let config = http::Config::default();
    let before = heap::now().live;
    cases.run(6, |_, random| {
        let data = damaged(random, &seeds);
        let mut preparer = preparer(&Config::default());
        let size = [1, 7, 4096, 65536][random.below(4)];
        let outcome = take_apart(&data, size, &config, |frame| {
            let _ = preparer.prepare(frame.view());
        });
        Ended {
            outcome,
            most: MOST,
        }
    });
    settles(before + 1024);
}

#[test]
fn damaged_answers_over_http_do_no_harm() {
    fuzz(&Cases::few(CASES));
}

#[test]
#[ignore = "as long as one likes; see main.rs"]
fn damaged_answers_over_http_do_no_harm_for_long() {
    fuzz(&Cases::many());
}
