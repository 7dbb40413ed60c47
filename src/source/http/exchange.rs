//! A request and its answer: redirects within the host and the login.

use std::io::{BufReader, Write};
use std::time::{Duration, Instant};

use super::address::Address;
use super::body::Body;
use super::failure;
use super::head::{Head, HeadError};
use super::hold::Hold;
use super::login::Login;
use super::secure::Trust;
use super::wire::Wire;
use crate::source::Loss;
use crate::source::live::AHEAD;

/// How often an answer may lead on.
const HOPS: u32 = 3;

/// What asks one address again and again.
pub(super) struct Client {
    pub address: Address,
    pub login: Option<Login>,
    /// Whom to believe over TLS. It is loaded where the address is one, and a plain one that leads
    /// to TLS has none.
    pub trust: Option<Trust>,
    /// How long each step may take.
    pub timeout: Duration,
}

/// An answer with pictures, or what should be.
pub(super) struct Answer {
    pub head: Head,
    pub body: Body<BufReader<Wire>>,
}

impl Client {
    /// Asks, on one connection after the other, until there are pictures.
    ///
    /// # Errors
    /// Why there are none.
    pub fn ask(&mut self, hold: &Hold) -> Result<Answer, Loss> {
        let mut address = self.address.clone();
        let (mut hops, mut challenged) = (0, false);
        loop {
            let (head, mut input) = self.request(&address, hold)?;
            match head.status {
                200..=203 | 206..=299 => {
                    // From here on the frames are watched.
                    input.get_mut().set_endless();
                    let body = Body::new(&head, input);
                    return Ok(Answer { head, body });
                }
                301 | 302 | 303 | 307 | 308 => {
                    hops += 1;
                    address = self.follow(&address, &head, hops)?;
                }
                401 if !challenged => {
                    challenged = true;
                    let Some(login) = &mut self.login else {
                        return Err(failure::wants_login(&self.address));
                    };
                    let met = login.challenge(&head.challenges);
                    met.map_err(|what| failure::odd_login(&self.address, what))?;
                }
                status => return Err(failure::refused(&self.address, status)),
            }
        }
    }

    /// Sends one request on a connection of its own, and reads the head of its answer.
    fn request(&mut self, address: &Address, hold: &Hold) -> Result<(Head, BufReader<Wire>), Loss> {
        let trust = self.trust.as_ref().filter(|_| address.tls);
        let wire = Wire::connect(address, trust, hold, self.timeout);
        let mut wire = wire.map_err(|error| failure::unconnected(address, &error))?;
        wire.set_deadline(Instant::now() + self.timeout);
        let target = address.target();
        let field = self.login.as_mut().and_then(|login| login.field(target));
        if field.is_some()
            && !wire.is_private()
            && let Some(login) = &mut self.login
            && login.warns()
        {
            log::warn!(
                "{address}: the camera wants the password in clear text, and everybody on the way can read it; \
                 use https://, or have the camera ask for a digest"
            );
        }
        let login = field.map_or(String::new(), |field| format!("Authorization: {field}\r\n"));
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nUser-Agent: goldcrest/{}\r\nAccept: */*\r\n\
             Accept-Encoding: identity\r\nCache-Control: no-cache\r\n{login}Connection: close\r\n\r\n",
            address.authority(),
            env!("CARGO_PKG_VERSION"),
        );
        let sent = wire
            .write_all(request.as_bytes())
            .and_then(|()| wire.flush());
        sent.map_err(|error| failure::unanswered(address, &HeadError::Io(error)))?;
        let mut input = BufReader::with_capacity(AHEAD, wire);
        let head = Head::read(&mut input);
        let head = head.map_err(|error| failure::unanswered(address, &error))?;
        Ok((head, input))
    }

    /// The address that an answer leads to.
    fn follow(&self, from: &Address, head: &Head, hops: u32) -> Result<Address, Loss> {
        let astray = |what: &str| failure::led_astray(&self.address, what);
        if hops > HOPS {
            return Err(astray("it leads on and on; check http.url"));
        }
        let Some(location) = &head.location else {
            return Err(astray(
                "it leads on and does not tell where; check http.url",
            ));
        };
        let next = from.join(location);
        let next = next.map_err(|_| astray("it leads to what is no address of the web"))?;
        if !from.may_lead_to(&next) {
            return Err(astray(&format!(
                "it leads to {next}, which is not followed: another host, or a connection without TLS; \
                 if that is the camera, name it in http.url"
            )));
        }
        if next.tls && self.trust.is_none() {
            return Err(astray(&format!(
                "it leads to {next}; write https:// in http.url"
            )));
        }
        Ok(next)
    }
}
