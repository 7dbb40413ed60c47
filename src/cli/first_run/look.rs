//! A frame of the source, shown as the model will look at it.

use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::fchown;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use super::blocks::{self, Colours};
use crate::cli::sight::{self, Patience};
use crate::config::Loaded;
use crate::escape::OneLine;
use crate::exit;
use crate::files::{self, Owner};
use crate::frame::Frame;
use crate::setup::Failure;
use crate::signals::Stop;
use crate::snapshot::{Bounds, Encoder};
use crate::vision::Thumbnailer;

/// How long a frame is waited for: as long as a program or an address may take for its first.
const PATIENCE: Patience = Patience {
    limit: Duration::from_secs(30),
    tries_again: false,
};
/// Characters of a line on the terminal.
const COLUMNS: usize = 48;
/// The picture file.
const BOUNDS: Bounds = Bounds {
    longest_side: 640,
    quality: 85,
    max_bytes: 1 << 20,
    remedy: "name a smaller source",
};

/// The file that shows a frame. A temporary one is removed with this value.
pub(super) struct Shown {
    temporary: Option<NamedTempFile>,
}

impl Shown {
    /// Keeps the file.
    pub fn keep(self) {
        if let Some(file) = self.temporary {
            // It is only a help.
            let _ = file.keep();
        }
    }
}

/// Takes a frame of the source of `loaded`, shows it on the terminal, and writes it into a JPEG
/// file: `named`, or a temporary one.
///
/// # Errors
/// Why there is no picture.
pub(super) fn show(loaded: &Loaded, named: Option<&Path>, stop: &Stop) -> Result<Shown, Failure> {
    let unavailable = |why: String| Failure::new(exit::UNAVAILABLE, why);
    let frame = sight::frame(loaded, PATIENCE, stop).map_err(unavailable)?;
    let (picture, lines) = drawn(loaded, &frame).map_err(unavailable)?;
    for line in lines {
        // It is only a help, and made of numbers.
        let _ = writeln!(io::stderr(), "  {line}");
    }
    let unwritten = |path: &Path, why: io::Error| {
        Failure::new(
            exit::IO,
            format!("{}: cannot be written: {why}", path.display()),
        )
    };
    let (path, temporary): (PathBuf, _) = match named {
        Some(path) => {
            let put = files::replace_exactly(path, &picture, 0o600, caller());
            put.map_err(|why| unwritten(path, why))?;
            (path.into(), None)
        }
        None => {
            let file = temporary(&picture).map_err(|why| unwritten(&std::env::temp_dir(), why))?;
            (file.path().into(), Some(file))
        }
    };
    let says = format!("A frame as Goldcrest will look at it: {}", path.display());
    let _ = writeln!(io::stderr(), "{}", OneLine(says));
    Ok(Shown { temporary })
}

/// The frame as JPEG, and as lines if standard error is a terminal that shows colours.
fn drawn(loaded: &Loaded, frame: &Frame) -> Result<(Vec<u8>, Vec<String>), String> {
    let vision = &loaded.config.vision;
    let mut lines = Vec::new();
    if let Some(colours) = Colours::present().filter(|_| io::stderr().is_terminal()) {
        let mut thumbnailer = Thumbnailer::new(vision);
        let small = thumbnailer.make(frame.view(), COLUMNS);
        let small = small.map_err(|e| e.to_string())?;
        lines = blocks::lines(small.rgb, small.width, colours);
    }
    let mut encoder = Encoder::new(BOUNDS, Thumbnailer::new(vision));
    let picture = encoder.encode(frame.view()).map_err(|e| e.to_string())?;
    Ok((picture.jpeg, lines))
}

fn temporary(picture: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix("goldcrest-")
        .suffix(".jpg")
        .tempfile()?;
    file.write_all(picture)?;
    let Owner { user, group } = caller();
    fchown(file.as_file(), user, group)?;
    Ok(file)
}

/// The user who called sudo, who shall be able to copy the picture. Nobody else may read it.
fn caller() -> Owner {
    let number = |name| std::env::var(name).ok()?.parse::<u32>().ok();
    if !rustix::process::geteuid().is_root() {
        return Owner::default();
    }
    Owner {
        user: number("SUDO_UID"),
        group: number("SUDO_GID"),
    }
}
