//! What ffmpeg reads: a file, or an address of the network.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::container::FILM;
use crate::source::process::secrets::Secrets;
use crate::source::{Error, http};

/// Protocols by which ffmpeg may read an address, and what it leads to: files are none of them.
const PROTOCOLS: &str = "rtsp,rtsps,rtp,srtp,rtmp,rtmps,rtmpt,rtmpte,rtmpts,mms,mmsh,mmst,http,https,httpproxy,hls,\
                         ftp,sftp,srt,udp,tcp,tls,dtls,crypto,pipe";

/// What an address gives, in words.
const STREAM: &str = "a stream of the network";

/// The time-out of an address in microseconds, as for a source.
const TIMEOUT: &str = "10000000";

/// What ffmpeg reads.
#[derive(Clone)]
pub(super) struct Input {
    /// As it may be shown.
    pub shown: PathBuf,
    /// As ffmpeg wants it.
    pub name: OsString,
    /// What stands before it.
    pub options: Vec<&'static str>,
    pub kind: &'static str,
    /// What ffmpeg's words must not show.
    pub secrets: Secrets,
}

impl Input {
    /// The file at `path`.
    pub fn file(path: &Path, kind: &'static str) -> Self {
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

    /// What `address` gives.
    pub fn address(address: &str) -> Self {
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

    /// Why ffmpeg cannot read it, in ffmpeg's words.
    pub fn failed(&self, complaint: &str) -> Error {
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

    /// Whether frames follow one another in time.
    pub fn is_film(&self) -> bool {
        self.kind == FILM || self.kind == STREAM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
