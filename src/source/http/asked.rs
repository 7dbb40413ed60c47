//! An address that is asked once, for a replay: every picture of its answer is read, and none is
//! passed over for a newer one.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::body::Body;
use super::config::{Config, Url};
use super::exchange::Client;
use super::hold::Hold;
use super::source::client;
use super::wire::Wire;
use crate::source::Error;
use crate::source::parse::Input;

/// The body of an answer.
pub(in crate::source) struct Answered(Body<BufReader<Wire>>);

/// An address that is asked once.
pub(in crate::source) struct Asked(Client);

impl Asked {
    /// The address `text`, which may hold a login.
    ///
    /// # Errors
    /// [`Error::Unusable`]: it is none.
    pub fn new(text: &str) -> Result<Self, Error> {
        let config = Config {
            url: Url::from(text),
            ..Config::default()
        };
        Ok(Self(client(&config, Path::new(""))?))
    }

    /// The body of the answer, and whether it is a stream for certain. Each read may take the usual
    /// time-out.
    ///
    /// # Errors
    /// [`Error::Lost`]: there is no answer with pictures.
    pub fn answer(&mut self) -> Result<(Answered, bool), Error> {
        let answer = self.0.ask(&Hold::default()).map_err(Error::Lost)?;
        let is_stream = answer.head.is_multipart();
        let mut body = answer.body;
        body.input_mut().get_mut().set_silence(self.0.timeout);
        Ok((Answered(body), is_stream))
    }
}

impl Read for Answered {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.read(to)
    }
}

impl BufRead for Answered {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.0.consume(n);
    }
}

impl Input for Answered {
    fn back(&mut self, _to: u64) -> io::Result<()> {
        Err(io::ErrorKind::NotSeekable.into())
    }
}
