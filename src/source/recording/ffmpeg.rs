//! Videos, through the user's own ffmpeg.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use super::reader::{Fetched, Reader};
use super::y4m::Y4mStream;
use crate::frame::{Frame, Matrix};
use crate::source::{Error, Footprint};

const PROGRAM: &str = "ffmpeg";

/// ffmpeg converts a video's own colours to these. Without the flags it rounds each level down, and
/// the picture becomes darker by one to two levels.
const COLOURS: &str = "scale=out_color_matrix=bt601:out_range=tv:flags=accurate_rnd+full_chroma_int+bitexact,format=yuv420p";

/// A video as `ffmpeg` decodes it.
pub(super) struct Ffmpeg {
    path: PathBuf,
    running: Running,
}

/// A running `ffmpeg`, which is killed when this is dropped.
struct Running {
    child: Child,
    stream: Y4mStream<BufReader<ChildStdout>>,
    /// Reads its standard error and returns the first line.
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

    #[cfg(test)]
    pub fn child(&self) -> u32 {
        self.running.child.id()
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

/// The name of `path` for ffmpeg, which gives a meaning to a colon or a leading dash.
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
        let stdout = child.stdout.take();
        let input = stdout.map(|stdout| BufReader::with_capacity(64 << 10, stdout));
        let Some(mut stream) = input.and_then(|input| Y4mStream::new(input).ok()) else {
            end(&mut child);
            return Err(failed(path, join(complaint)));
        };
        stream.set_matrix(Matrix::Bt601);
        Ok(Self {
            child,
            stream,
            complaint,
            frames: 0,
            over: false,
        })
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

/// Kills `child` and reaps it, so that no zombie is left. Both fail only if it has already ended.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn join(complaint: Option<JoinHandle<String>>) -> String {
    complaint
        .and_then(|thread| thread.join().ok())
        .unwrap_or_default()
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
        if fetched == Fetched::Frame {
            self.running.frames += 1;
            return Ok(fetched);
        }
        let complaint = self.running.stop();
        if self.running.frames == 0 {
            return Err(failed(&self.path, complaint));
        }
        if !complaint.is_empty() {
            log::warn!("{}: ffmpeg reports: {complaint}", self.path.display());
        }
        Ok(Fetched::End)
    }

    fn rewind(&mut self) -> Result<(), Error> {
        self.running = Running::start(PROGRAM, &self.path)?;
        Ok(())
    }

    fn frame_rate(&self) -> Option<f64> {
        self.running.stream.header().frame_rate
    }

    fn footprint(&self) -> Footprint {
        self.running.stream.header().footprint()
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
