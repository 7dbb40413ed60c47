//! Videos, through the user's own ffmpeg.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::container::FILM;
use super::reader::Reader;
use super::stream::Stream;
use super::y4m::Y4mFile;
use crate::frame::{Frame, Matrix};
use crate::signals::Stop;
use crate::source::parse::{self, Fetched};
use crate::source::process::secrets::Secrets;
use crate::source::{Error, Footprint, http};
use crate::threads::{self, End};

const PROGRAM: &str = "ffmpeg";

/// ffmpeg converts a video's own colours to these. Without the flags it rounds each level down, and
/// the picture becomes darker by one to two levels.
const COLOURS: &str = "scale=out_color_matrix=bt601:out_range=tv:flags=accurate_rnd+full_chroma_int+bitexact,format=yuv420p";

/// How long a killed `ffmpeg` may take to close its standard error.
const GOODBYE: Duration = Duration::from_secs(1);

/// Protocols by which ffmpeg may read an address, and what it leads to: files are none of them.
const PROTOCOLS: &str = "rtsp,rtsps,rtp,srtp,rtmp,rtmps,rtmpt,rtmpte,rtmpts,mms,mmsh,mmst,http,https,httpproxy,hls,\
                         ftp,sftp,srt,udp,tcp,tls,dtls,crypto,pipe";

/// What an address gives, in words.
const STREAM: &str = "a stream of the network";

/// The time-out of an address in microseconds, as for a source.
const TIMEOUT: &str = "10000000";

/// A video as `ffmpeg` decodes it.
pub(super) struct Ffmpeg {
    input: Input,
    stop: Stop,
    running: Running,
}

/// What ffmpeg reads.
#[derive(Clone)]
struct Input {
    /// As it may be shown.
    shown: PathBuf,
    /// As ffmpeg wants it.
    name: OsString,
    /// What stands before it.
    options: Vec<&'static str>,
    kind: &'static str,
    /// What ffmpeg's words must not show.
    secrets: Secrets,
}

/// A running `ffmpeg`, which is killed when this is dropped.
struct Running {
    child: Kept,
    stream: Stream,
    frames: u64,
    over: bool,
}

/// A child in a process group of its own, which is killed when this is dropped, with all that it
/// has started.
struct Kept {
    child: Child,
    /// The first line of its standard error, once that is closed.
    complaint: Receiver<String>,
}

impl Ffmpeg {
    /// Starts to decode the file at `path`, which is of this `kind`.
    pub fn open(path: &Path, kind: &'static str, stop: &Stop) -> Result<Self, Error> {
        Self::start(Input::file(path, kind), stop)
    }

    /// Starts to decode what `address` gives.
    pub fn open_address(address: &str, stop: &Stop) -> Result<Self, Error> {
        Self::start(Input::address(address), stop)
    }

    fn start(input: Input, stop: &Stop) -> Result<Self, Error> {
        Ok(Self {
            stop: stop.clone(),
            running: Running::start(PROGRAM, &input, stop)?,
            input,
        })
    }

    #[cfg(test)]
    pub fn child(&self) -> u32 {
        self.running.child.child.id()
    }
}

impl Input {
    /// The file at `path`.
    fn file(path: &Path, kind: &'static str) -> Self {
        // ffmpeg gives a meaning to a colon or a leading dash.
        let mut name = OsString::from("file:");
        name.push(path);
        Self {
            shown: path.into(),
            name,
            options: vec!["-protocol_whitelist", "file,pipe"],
            kind,
            secrets: Secrets::default(),
        }
    }

    fn address(address: &str) -> Self {
        let mut options = vec!["-protocol_whitelist", PROTOCOLS];
        let scheme = address.split("://").next().unwrap_or_default();
        if ["rtsp", "rtsps"].contains(&scheme.to_ascii_lowercase().as_str()) {
            // Over TCP no packet is lost. Without a time-out a camera that is off is waited for.
            options.extend(["-rtsp_transport", "tcp", "-timeout", TIMEOUT]);
        }
        Self {
            shown: http::shown(address).into(),
            name: address.into(),
            options,
            kind: STREAM,
            secrets: Secrets::of(&[address.into()]),
        }
    }

    fn failed(&self, complaint: &str) -> Error {
        let complaint = if complaint.is_empty() {
            "it found no video there".into()
        } else {
            self.secrets.hide(complaint)
        };
        Error::Format {
            path: self.shown.clone(),
            message: format!("ffmpeg cannot read this: {complaint}"),
        }
    }
}

impl Running {
    fn start(program: &str, input: &Input, stop: &Stop) -> Result<Self, Error> {
        let path = &input.shown;
        let mut child = Command::new(program)
            .args(["-nostdin", "-hide_banner", "-loglevel", "error"])
            .args(&input.options)
            .arg("-i")
            .arg(&input.name)
            .args(["-map", "0:v:0"])
            .args(["-vf", COLOURS])
            .args(["-f", "yuv4mpegpipe", "pipe:1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|cause| match cause.kind() {
                io::ErrorKind::NotFound => Error::NoFfmpeg {
                    path: path.into(),
                    kind: input.kind,
                },
                _ => Error::Io {
                    path: program.into(),
                    cause,
                },
            })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (tell, complaint) = mpsc::sync_channel(1);
        // From here on the child ends with this value, however the opening ends.
        let mut child = Kept { child, complaint };
        threads::spawn("complaints", None, move || {
            // Nobody listens after the end of the child.
            let _ = tell.send(stderr.map(first_line).unwrap_or_default());
            End::Told(())
        })
        .map_err(|cause| Error::Io {
            path: path.into(),
            cause,
        })?;
        let from = input.clone();
        let stream = Stream::open(path, stop, move || {
            let stdout = stdout.ok_or_else(|| from.failed(""))?;
            let output = Output(BufReader::with_capacity(64 << 10, stdout));
            let mut stream = Y4mFile::stream(&from.shown, output)?;
            stream.set_matrix(Matrix::Bt601);
            Ok(Box::new(stream))
        });
        match stream {
            Ok(stream) => Ok(Self {
                child,
                stream,
                frames: 0,
                over: false,
            }),
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(_) => Err(input.failed(&child.end())),
        }
    }

    /// Ends the child and returns its complaint.
    fn stop(&mut self) -> String {
        self.over = true;
        self.child.end()
    }
}

impl Kept {
    /// Kills the child and what it has started, and reaps it, so that no zombie is left. Returns
    /// its complaint.
    fn end(&mut self) -> String {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // All of these fail only if it has already ended. A child that was not yet reaped keeps its
        // number, so no stranger is hit.
        if let (Some(group), Ok(None)) = (group, self.child.try_wait()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.complaint.recv_timeout(GOODBYE).unwrap_or_default()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.end();
    }
}

/// What `ffmpeg` writes; a new one is started to read a video again.
struct Output(BufReader<ChildStdout>);

impl Read for Output {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.read(to)
    }
}

impl BufRead for Output {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.0.consume(n);
    }
}

impl parse::Input for Output {
    fn back(&mut self, _to: u64) -> io::Result<()> {
        Err(io::ErrorKind::NotSeekable.into())
    }
}

/// The first line of `stderr`, cut to a readable length. The rest is read too, or its writer would
/// block.
fn first_line(stderr: impl Read) -> String {
    let mut stderr = BufReader::new(stderr);
    let mut line = Vec::new();
    let _ = (&mut stderr).take(400).read_until(b'\n', &mut line);
    let _ = io::copy(&mut stderr, &mut io::sink());
    String::from_utf8_lossy(&line).trim().into()
}

impl Reader for Ffmpeg {
    fn next(&mut self, frame: &mut Frame) -> Result<Fetched, Error> {
        if self.running.over {
            return Ok(Fetched::End);
        }
        let fetched = self.running.stream.next(frame).unwrap_or(Fetched::End);
        match fetched {
            Fetched::Idle => return Ok(fetched),
            Fetched::Frame => {
                self.running.frames += 1;
                return Ok(fetched);
            }
            _ => {}
        }
        let complaint = self.running.stop();
        if self.running.frames == 0 {
            return Err(self.input.failed(&complaint));
        }
        if !complaint.is_empty() {
            let (path, complaint) = (&self.input.shown, self.input.secrets.hide(&complaint));
            log::warn!("{}: ffmpeg reports: {complaint}", path.display());
        }
        Ok(Fetched::End)
    }

    fn rewind(&mut self) -> Result<(), Error> {
        self.running = Running::start(PROGRAM, &self.input, &self.stop)?;
        Ok(())
    }

    fn frame_rate(&self) -> Option<f64> {
        self.running.stream.frame_rate()
    }

    fn is_film(&self) -> bool {
        self.input.kind == FILM || self.input.kind == STREAM
    }

    fn footprint(&self) -> Footprint {
        let stream = self.running.stream.footprint();
        Footprint {
            own: stream.own + (64 << 10),
            // One reads its complaints.
            threads: stream.threads + 1,
            ..stream
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_ffmpeg_is_named_with_what_to_install() {
        let missing = Running::start(
            "goldcrest-has-no-such-program",
            &Input::file(Path::new("a.mp4"), "a video"),
            &Stop::default(),
        );
        let error = missing.map(|_| ()).unwrap_err();
        assert_eq!(error.exit_code(), 69);
        let text = error.to_string();
        assert!(text.contains("a video"), "{text}");
        assert!(text.contains("apt install ffmpeg"), "{text}");
    }

    #[test]
    fn the_login_of_an_address_is_not_in_what_ffmpeg_says() {
        let input = Input::address("rtsp://me:cuckoo@porch/1?pwd=egg");
        let error = input.failed("rtsp://me:cuckoo@porch/1?pwd=egg: 401 for cuckoo with egg");
        let text = error.to_string();
        assert!(text.starts_with("rtsp://porch/1: ffmpeg"), "{text}");
        assert!(!text.contains("cuckoo") && !text.contains("egg"), "{text}");
        assert!(input.options.contains(&"-rtsp_transport"));
        assert!(!PROTOCOLS.contains("file"));
    }
}
