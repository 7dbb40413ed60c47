//! The address as a source: it is asked, read, watched and, whenever it is lost, asked again.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::config::Config;
use super::exchange::Client;
use super::head::Head;
use super::hold::Hold;
use super::secure::Trust;
use crate::frame::Frame;
use crate::meter::Tally;
use crate::secrets::Places;
use crate::signals::Stop;
use crate::source::live::{Format, Frames, Kind, Live, Outlet, Pauses, Work};
use crate::source::{Cause, Error, Loss, Monitor, Next, Source, Status};

/// How much longer than its time-out a connection may take to end until that is reported.
const BEYOND: Duration = Duration::from_secs(2);

/// An address that is asked again and again.
struct Page {
    name: String,
    client: Arc<Mutex<Client>>,
    format: Format,
    interval: Duration,
    timeout: Duration,
    start_timeout: Duration,
}

/// A camera that is asked over HTTP. It is a source without an end: the status reports a loss, and
/// the camera is asked again.
pub struct Http(Live<Page>);

impl Http {
    /// A camera that is asked at the first call of [`Source::next`]. Relative paths start at
    /// `folder`. When this is dropped, the connection is closed.
    ///
    /// # Errors
    /// [`Error::Unusable`]: the address, or a file that the configuration names.
    pub fn new(config: &Config, folder: &Path, pauses: Pauses) -> Result<Self, Error> {
        let client = client(config, folder)?;
        let name = client.address.to_string();
        let page = Page {
            name: name.clone(),
            client: Arc::new(Mutex::new(client)),
            format: config.stream(),
            interval: config.interval(),
            timeout: config.timeout(),
            start_timeout: config.start_timeout(),
        };
        Ok(Self(Live::new(page, name, pauses)))
    }

    /// The state now.
    pub fn status(&self) -> &Status {
        self.0.status()
    }

    /// The state, for other threads.
    pub(crate) fn monitor(&self) -> Monitor {
        self.0.monitor()
    }

    /// The moment from which times of frames count.
    pub(crate) fn begun(&self) -> Instant {
        self.0.begun()
    }
}

/// What asks the address of `config`.
pub(super) fn client(config: &Config, folder: &Path) -> Result<Client, Error> {
    let unusable = |what: String| Error::Unusable(what);
    let address = config.address();
    let address = address.map_err(|e| unusable(format!("http.{e}")))?;
    let places = Places::of(folder);
    let login = config.login(&address, &places);
    let login = login.map_err(|e| unusable(format!("http.password_file {e}")))?;
    let trust = address.tls || config.ca_file.is_some();
    let trust = trust.then(|| Trust::load(config.ca_file.as_deref(), &places));
    Ok(Client {
        address,
        login,
        trust: trust.transpose().map_err(|e| unusable(e.to_string()))?,
        timeout: config.timeout(),
    })
}

/// Asks the camera once and returns in words what it sends, for `goldcrest check`.
///
/// # Errors
/// [`Error::Lost`] if no frame came; [`Error::Unusable`]; [`Error::Interrupted`].
pub(crate) fn attempt(config: &Config, folder: &Path, stop: &Stop) -> Result<String, Error> {
    let mut http = Http::new(config, folder, Pauses::default())?;
    let mut frame = Frame::empty();
    http.0.first(&mut frame, stop)?;
    Ok(format!(
        "{} sends JPEG {}x{}",
        http.status().card.as_deref().unwrap_or_default(),
        frame.width,
        frame.height
    ))
}

impl Kind for Page {
    type Hold = Hold;

    fn name(&self) -> &str {
        &self.name
    }

    fn begin(&mut self, _: &Monitor) -> Result<(Hold, Work), Loss> {
        let hold = Hold::default();
        let (held, client) = (hold.clone(), Arc::clone(&self.client));
        let (name, format, interval) = (self.name.clone(), self.format, self.interval);
        let work: Work = Box::new(move |outlet| {
            // Of two runs the first one is over.
            let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                let asked = Instant::now();
                if let Err(loss) = once(&mut client, &name, format, &held, outlet) {
                    return loss;
                }
                if !held.rest(interval.saturating_sub(asked.elapsed())) {
                    return Loss::new(Cause::Ended, "the end was asked for");
                }
            }
        });
        Ok((hold, work))
    }

    fn timeouts(&self, hold: &Hold) -> (Duration, Duration) {
        let more = if hold.is_polled() {
            self.interval
        } else {
            Duration::ZERO
        };
        (self.timeout + more, self.start_timeout)
    }

    fn said(&self, hold: &Hold) -> String {
        match hold.kind() {
            Some(kind) => format!("; its answer is of the type {kind}"),
            None => String::new(),
        }
    }

    fn overstays(&self, hold: &Hold) -> Option<Loss> {
        let late = hold.cut_since() > self.timeout + BEYOND;
        let message = format!("{}: the system still looks for the host", self.name);
        late.then(|| Loss::new(Cause::Unreachable, message))
    }
}

/// Asks once and hands on the pictures of the answer. Returns after a whole answer of one picture,
/// which is to be asked for again.
fn once(
    client: &mut Client,
    name: &str,
    format: Format,
    hold: &Hold,
    outlet: &Outlet,
) -> Result<(), Loss> {
    let answer = client.ask(hold)?;
    hold.answered(&answer.head);
    let mut frames = Frames::new(format, answer.body);
    if let Some(loss) = outlet.pump(&mut frames) {
        return Err(Loss::new(loss.cause, format!("{name}: {}", loss.message)));
    }
    let broken = frames.jpeg_input().and_then(|body| body.broken());
    ended(name, &answer.head, frames.offered(), broken)
}

/// What the end of an answer with so many pictures means.
fn ended(name: &str, head: &Head, pictures: u64, broken: Option<&'static str>) -> Result<(), Loss> {
    let kind = head.kind.as_deref().unwrap_or("none");
    let ended = |what: String| Err(Loss::new(Cause::Ended, format!("{name}: {what}")));
    match (pictures, broken) {
        (_, Some(why)) => ended(format!("the answer broke off: {why}")),
        (1, None) if !head.is_multipart() => Ok(()),
        (0, None) if !head.is_multipart() => {
            let message = format!(
                "{name}: there is no JPEG picture in the answer, whose type is {kind}; check http.url"
            );
            Err(Loss::new(Cause::NoFormat, message))
        }
        (count, None) => ended(format!("it ended the stream after {count} pictures")),
    }
}

impl Source for Http {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, Error> {
        self.0.next(frame)
    }

    fn passed_over(&self) -> &Tally {
        self.0.passed_over()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_answer_is_told_by_its_pictures() {
        let of = |kind: &str, pictures, broken| {
            let head = Head {
                kind: Some(kind.into()),
                ..Head::default()
            };
            ended("eye", &head, pictures, broken).map_err(|loss| loss.cause)
        };
        let stream = "multipart/x-mixed-replace";
        assert_eq!(of("image/jpeg", 1, None), Ok(()));
        assert_eq!(of("image/jpeg", 2, None), Err(Cause::Ended));
        assert_eq!(of("image/jpeg", 1, Some("x")), Err(Cause::Ended));
        assert_eq!(of("text/html", 0, None), Err(Cause::NoFormat));
        assert_eq!(of(stream, 0, None), Err(Cause::Ended));
        assert_eq!(of(stream, 1, None), Err(Cause::Ended));
    }
}
