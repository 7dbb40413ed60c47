//! Videos, through the user's own ffmpeg.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use super::y4m::Y4mStream;
use super::{Error, Fetched, Reader};
use crate::frame::{Frame, Matrix};

const PROGRAM: &str = "ffmpeg";

/// Whatever a video's own colours are, these are what is read here. Without the flags ffmpeg rounds
/// each level down, and the picture becomes darker by one to two levels.
const COLOURS: &str = "scale=out_color_matrix=bt601:out_range=tv:flags=accurate_rnd+full_chroma_int+bitexact,format=yuv420p";

/// A video as `ffmpeg` decodes it.
pub(super) struct Ffmpeg {
    path: PathBuf,
    running: Running,
}

/// A running `ffmpeg`, which is ended when it is dropped.
struct Running {
    child: Child,
    stream: Y4mStream<BufReader<ChildStdout>>,
    /// Reads what it has to complain of, and gives the first line.
    complaint: Option<JoinHandle<String>>,
    frames: u64,
    over: bool,
}

impl Ffmpeg {
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self {
            path: path.into(),
            running: Running::start(PROGRAM, path)?,
        })
    }

    /// The process that decodes.
    #[cfg(test)]
    pub fn child(&self) -> u32 {
        self.running.child.id()
    }

    fn failed(&self, complaint: String) -> Error {
        failed(&self.path, complaint)
    }
}

fn failed(path: &Path, complaint: String) -> Error {
    let complaint = if complaint.is_empty() {
        "it found no video in the file".into()
    } else {
        complaint
    };
    Error::Format {
        path: path.into(),
        message: format!("ffmpeg cannot read this: {complaint}"),
    }
}

/// The name of `path` for ffmpeg, which would take a colon or a leading dash for something else.
fn input(path: &Path) -> OsString {
    let mut name = OsString::from("file:");
    name.push(path);
    name
}

impl Running {
    fn start(program: &str, path: &Path) -> Result<Self, Error> {
        let mut child = Command::new(program)
            .args(["-nostdin", "-hide_banner", "-loglevel", "error"])
            .args(["-protocol_whitelist", "file,pipe", "-i"])
            .arg(input(path))
            .args(["-map", "0:v:0"])
            .args(["-vf", COLOURS])
            .args(["-f", "yuv4mpegpipe", "pipe:1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|cause| match cause.kind() {
                io::ErrorKind::NotFound => Error::NoFfmpeg { path: path.into() },
                _ => Error::Io {
                    path: program.into(),
                    cause,
                },
            })?;
        let stderr = child.stderr.take();
        let complaint = stderr.map(|stderr| std::thread::spawn(move || first_line(stderr)));
        let stream = match child.stdout.take() {
            Some(stdout) => Y4mStream::new(BufReader::with_capacity(64 << 10, stdout)),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        match stream {
            Ok(mut stream) => {
                stream.set_matrix(Matrix::Bt601);
                Ok(Self {
                    child,
                    stream,
                    complaint,
                    frames: 0,
                    over: false,
                })
            }
            Err(_) => {
                end(&mut child);
                Err(failed(path, join(complaint)))
            }
        }
    }

    /// Ends the child and returns its complaint.
    fn stop(&mut self) -> String {
        self.over = true;
        end(&mut self.child);
        join(self.complaint.take())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Ends `child` and takes its status, so that none is left behind. Both fail only when it has ended
/// already.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn join(complaint: Option<JoinHandle<String>>) -> String {
    complaint
        .and_then(|thread| thread.join().ok())
        .unwrap_or_default()
}

/// The first line of `stderr`, cut to a readable length. The rest is read too, for else its writer
/// would wait for ever.
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
        if let Fetched::Named | Fetched::Numbered = fetched {
            self.running.frames += 1;
            return Ok(fetched);
        }
        let complaint = self.running.stop();
        if self.running.frames == 0 {
            return Err(self.failed(complaint));
        }
        if !complaint.is_empty() {
            log::warn!("{}: ffmpeg says: {complaint}", self.path.display());
        }
        Ok(Fetched::End)
    }

    fn rewind(&mut self) -> Result<(), Error> {
        self.running = Running::start(PROGRAM, &self.path)?;
        Ok(())
    }

    fn len_hint(&self) -> Option<u64> {
        None
    }

    fn frame_rate(&self) -> Option<f64> {
        self.running.stream.frame_rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_ffmpeg_is_named_with_what_to_install() {
        let missing = Running::start("goldcrest-has-no-such-program", Path::new("a.mp4"));
        let error = missing.map(|_| ()).unwrap_err();
        assert_eq!(error.exit_code(), 69);
        assert!(error.to_string().contains("apt install ffmpeg"), "{error}");
    }
}
