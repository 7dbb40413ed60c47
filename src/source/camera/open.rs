//! Opening a camera: find it, agree on a mode, set its controls, start the stream.

use std::io;
use std::path::PathBuf;

use v4l::FourCC;

use super::config::Config;
use super::controls;
use super::devices::{self, Found};
use super::lending::lends;
use super::loss;
use super::mode;
use super::negotiate::{self, Ask, Candidate, Offer};
use super::room::{Plan, Room};
use super::stream::Stream;
use super::system::{Device, System};
use crate::frame::PixelFormat;
use crate::source::{Cause, Loss, Mode};

/// No driver lists more sizes or intervals; the bound ends the list of a broken one.
const MOST_ENTRIES: u32 = 256;

/// A camera that streams.
pub struct OpenCamera {
    pub stream: Stream,
    pub mode: Mode,
    pub plan: Plan,
    /// `/dev/videoN`.
    pub path: PathBuf,
    /// The card's name.
    pub card: String,
    /// Differences from the request, a line each.
    pub remarks: Vec<String>,
}

/// Opens the camera that the configuration names, as it is found now. Its buffers and frames take
/// no more than `room`.
///
/// # Errors
/// The cause, and what to do about it.
pub fn open(system: &dyn System, config: &Config, room: &Room) -> Result<OpenCamera, Loss> {
    let ask = config.ask();
    let found = devices::find(system, &config.device)?;
    let offers = offers(&*found.device, &found.formats, &ask);
    let candidates = negotiate::rank(&offers, &ask);
    let (candidate, mode) = agree(system, &found, &candidates)?;
    let Found {
        path,
        capability,
        device,
        ..
    } = found;
    let mut remarks = controls::set(&*device, &config.controls);
    if (mode.width, mode.height) != (ask.width as usize, ask.height as usize) {
        remarks.push(format!(
            "{}x{} was asked for, the camera gives {}x{}",
            ask.width, ask.height, mode.width, mode.height
        ));
    }
    if mode.fps > 0.0 && mode.fps < ask.fps * 0.99 {
        remarks.push(format!(
            "{} frames a second were asked for, the camera gives {:.1} as {} {}x{}",
            ask.fps,
            mode.fps,
            negotiate::name(candidate.fourcc),
            mode.width,
            mode.height
        ));
    }
    let lends = lends(&capability.driver);
    let too_much = |why: &dyn std::fmt::Display| {
        Loss::new(Cause::Memory, format!("{}: {why}", path.display()))
    };
    let buffers = config.asked_buffers();
    let plan = room.plan(&mode, buffers as usize, lends);
    let plan = plan.map_err(|why| too_much(&why))?;
    let admit = |given: u32| {
        let planned = room.plan(&mode, given as usize, lends).map(drop);
        planned.map_err(|why| io::Error::new(io::ErrorKind::OutOfMemory, why))
    };
    let stream =
        Stream::start(device, buffers, plan.buffer, admit).map_err(|(step, e)| match e.kind() {
            io::ErrorKind::OutOfMemory => too_much(&e),
            _ => loss::from_system(system, &path, step, &e),
        })?;
    if mode.format != PixelFormat::Jpeg && !plan.lends {
        remarks.push(format!(
            "frames are copied, because other programs may write to the buffers of the driver {}",
            capability.driver
        ));
    }
    Ok(OpenCamera {
        stream,
        mode,
        plan,
        path,
        card: capability.card,
        remarks,
    })
}

/// Tries the candidates until the driver gives a mode that can be read.
fn agree(
    system: &dyn System,
    found: &Found,
    candidates: &[Candidate],
) -> Result<(Candidate, Mode), Loss> {
    let mut last = None;
    for candidate in candidates {
        let picture = match found.device.set_format(candidate.fourcc, candidate.size) {
            Ok(picture) => picture,
            Err(e) if e.raw_os_error() == Some(libc::EINVAL) => {
                last = Some(format!("{} is refused", negotiate::name(candidate.fourcc)));
                continue;
            }
            Err(e) => return Err(loss::from_system(system, &found.path, "S_FMT", &e)),
        };
        // Cameras with a fixed rate refuse this and run at their own.
        let interval = match found.device.set_interval(candidate.interval) {
            Ok(interval) => Some(interval),
            Err(e) if gone(&e) => {
                return Err(loss::from_system(system, &found.path, "S_PARM", &e));
            }
            Err(_) => None,
        };
        match mode::read(&picture, interval) {
            Ok(mode) => return Ok((*candidate, mode)),
            Err(why) => last = Some(why.to_string()),
        }
    }
    let names: Vec<_> = found.formats.iter().map(|&f| negotiate::name(f)).collect();
    let why = last.unwrap_or_else(|| "the format asked for is not among them".into());
    Err(Loss::new(
        Cause::NoFormat,
        format!(
            "{} ({}) offers {}; {why}",
            found.path.display(),
            found.capability.card,
            names.join(", ")
        ),
    ))
}

fn gone(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENODEV | libc::ENXIO | libc::ESHUTDOWN)
    )
}

/// The driver's offers nearest to the request, one for each format.
pub fn offers(device: &dyn Device, formats: &[FourCC], ask: &Ask) -> Vec<Offer> {
    formats
        .iter()
        .filter(|&&format| negotiate::pixel_format(format).is_some())
        .map(|&fourcc| {
            let sizes: Vec<_> = (0..MOST_ENTRIES)
                .map_while(|index| device.frame_size(fourcc, index).ok())
                .collect();
            // A driver that lists no sizes is asked for the requested one.
            let size = negotiate::nearest_size(&sizes, ask).unwrap_or((ask.width, ask.height));
            let intervals = (0..MOST_ENTRIES)
                .map_while(|index| device.frame_interval(fourcc, size, index).ok());
            Offer {
                fourcc,
                size,
                intervals: intervals.collect(),
            }
        })
        .collect()
}
