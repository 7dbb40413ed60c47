//! An answer in memory, taken apart as a source does with one of the network, for tests.

use std::io::{self, BufRead, BufReader, Read};

use super::body::Body;
use super::config::Config;
use super::head::Head;
use super::login::Login;
use crate::frame::Frame;
use crate::source::live::{Ahead, Frames};
use crate::source::parse::Fetched;

/// Takes the bytes that a camera sent apart, which come `size` at a time: the head, with the
/// challenges of a login, the body and its pictures. Calls `each` with each frame. Returns in a word
/// or two how it ended.
pub fn take_apart(
    answer: &[u8],
    size: usize,
    config: &Config,
    mut each: impl FnMut(&mut Frame),
) -> &'static str {
    let mut input = Memory(BufReader::with_capacity(size.max(1), answer));
    let Ok(head) = Head::read(&mut input) else {
        return "no head";
    };
    if !head.challenges.is_empty() {
        let mut login = Login::new("me".into(), "cuckoo".into());
        return match login.challenge(&head.challenges) {
            Ok(()) if login.field("/video").is_some() => "logged in",
            _ => "no log-in",
        };
    }
    let mut frames = Frames::new(config.stream(), Body::new(&head, input));
    let (mut frame, mut good) = (Frame::empty(), 0_u64);
    loop {
        match frames.next(&mut frame) {
            Ok(Fetched::Frame) => {
                good += 1;
                each(&mut frame);
            }
            Ok(Fetched::End) => break,
            Ok(_) => {}
            Err(_) => return "refused",
        }
    }
    let broken = frames.jpeg_input().and_then(Body::broken).is_some();
    match (good, broken) {
        (0, false) => "no picture",
        (0, true) => "broken",
        (_, false) => "pictures",
        (_, true) => "pictures, broken",
    }
}

struct Memory<'a>(BufReader<&'a [u8]>);

impl Read for Memory<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.read(to)
    }
}

impl BufRead for Memory<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.0.consume(n);
    }
}

impl Ahead for Memory<'_> {
    fn ahead(&self) -> usize {
        0
    }
}
