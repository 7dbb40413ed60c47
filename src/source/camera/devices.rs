//! From the name in the configuration to a node that gives pictures.
//!
//! Nodes change their numbers whenever a camera is plugged in or the system boots, and one camera
//! has several nodes. So the name is looked up at each open, and the refusal of a node without
//! pictures names the node that has them.

use std::path::{Path, PathBuf};

use v4l::v4l_sys as sys;

use super::lending::lends;
use super::loss;
use super::negotiate;
use super::system::{Capability, Device, System};
use crate::source::{Cause, Loss};

/// Drivers of the Raspberry Pi's CSI receivers.
const RAW_SENSORS: [&str; 2] = ["unicam", "rp1-cfe"];
/// Drivers of the Raspberry Pi's image and video pipeline. Some of their nodes look like cameras.
const PIPELINES: [&str; 5] = [
    "bcm2835-isp",
    "bcm2835-codec",
    "pispbe",
    "rpivid",
    "rpi-hevc-dec",
];
/// No driver lists more formats; the bound ends the list of a broken one.
const MOST_FORMATS: u32 = 128;

/// An open node that gives pictures.
pub struct Found {
    /// `/dev/videoN`.
    pub path: PathBuf,
    pub capability: Capability,
    /// All formats that it offers, even those that are not understood.
    pub formats: Vec<v4l::FourCC>,
    pub device: Box<dyn Device>,
}

/// Opens the camera that `name` means now.
///
/// # Errors
/// Why there is none, and what to use instead.
pub fn find(system: &dyn System, name: &str) -> Result<Found, Loss> {
    let name = name.trim();
    if name.starts_with('/') {
        return open(system, Path::new(name));
    }
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) {
        return open(system, Path::new(&format!("/dev/video{name}")));
    }
    let nodes = system.nodes().unwrap_or_default();
    for node in &nodes {
        let linked = |link: &PathBuf| link.file_name().is_some_and(|file| file == name);
        if node.links.iter().any(linked) {
            return open(system, &node.path);
        }
    }
    let mut cameras = Vec::new();
    let mut refused = Vec::new();
    for node in &nodes {
        match open(system, &node.path) {
            Ok(found) if name == "auto" => return Ok(found),
            Ok(found) => cameras.push(found),
            Err(loss) => refused.push(loss),
        }
    }
    if name == "auto" {
        return Err(no_camera(refused));
    }
    by_card(cameras, name)
}

/// Whether raw frames of the camera that is there now are copied. One that is not there counts as a
/// webcam.
pub fn copies(system: &dyn System, name: &str) -> bool {
    find(system, name).is_ok_and(|found| !lends(&found.capability.driver))
}

fn by_card(cameras: Vec<Found>, name: &str) -> Result<Found, Loss> {
    let wanted = name.to_lowercase();
    let cards: Vec<_> = cameras
        .iter()
        .map(|c| c.capability.card.to_lowercase())
        .collect();
    let exact = cards.contains(&wanted);
    let fits = |card: &String| {
        if exact {
            *card == wanted
        } else {
            card.contains(&wanted)
        }
    };
    let mut seen: Vec<String> = cameras.iter().map(describe).collect();
    let mut fitting: Vec<Found> = Vec::new();
    for (camera, card) in cameras.into_iter().zip(&cards) {
        // Two nodes on one bus are one camera; its first capture node counts.
        let again = |other: &Found| other.capability.bus == camera.capability.bus;
        if fits(card) && !fitting.iter().any(again) {
            fitting.push(camera);
        }
    }
    if fitting.len() > 1 {
        seen = fitting.iter().map(describe).collect();
        return Err(Loss::new(
            Cause::Ambiguous,
            format!(
                "device = \"{name}\" fits {}: use a name from /dev/v4l/by-id or by-path",
                seen.join(" and ")
            ),
        ));
    }
    fitting.pop().ok_or_else(|| {
        let there = if seen.is_empty() {
            "no camera is there".into()
        } else {
            format!("there is {}", seen.join(", "))
        };
        Loss::new(
            Cause::NotFound,
            format!("no camera is called \"{name}\"; {there}"),
        )
    })
}

fn describe(found: &Found) -> String {
    format!("{} ({})", found.capability.card, found.path.display())
}

/// The most telling of the refusals, where `auto` found no camera.
fn no_camera(refused: Vec<Loss>) -> Loss {
    let telling = [
        Cause::Denied,
        Cause::Busy,
        Cause::Io,
        Cause::Unplugged,
        Cause::RawSensor,
        Cause::NoFormat,
    ];
    let first = telling
        .iter()
        .find_map(|cause| refused.iter().find(|loss| loss.cause == *cause));
    first.cloned().unwrap_or_else(|| {
        Loss::new(
            Cause::NotFound,
            "no camera is there: plug one in, or name it with `device`",
        )
    })
}

/// Opens a node and checks that it gives pictures.
///
/// # Errors
/// Why it does not, and what to use instead.
pub fn open(system: &dyn System, path: &Path) -> Result<Found, Loss> {
    let failed = |step, e: &std::io::Error| loss::from_system(system, path, step, e);
    let device = system.open(path).map_err(|e| failed("open", &e))?;
    let capability = device.capability().map_err(|e| failed("QUERYCAP", &e))?;
    if let Some(loss) = refusal(path, &capability) {
        return Err(match capability.flags & sys::V4L2_CAP_VIDEO_CAPTURE {
            0 => with_sibling(system, path, &capability, loss),
            _ => loss,
        });
    }
    let formats = formats(&*device);
    if !formats
        .iter()
        .any(|&format| negotiate::pixel_format(format).is_some())
    {
        if RAW_SENSORS.contains(&capability.driver.as_str()) {
            return Err(raw_sensor(path, &capability));
        }
        let names: Vec<_> = formats.iter().map(|&f| negotiate::name(f)).collect();
        return Err(Loss::new(
            Cause::NoFormat,
            format!(
                "{} ({}) offers no format that is understood, only {}",
                path.display(),
                capability.card,
                if names.is_empty() {
                    "none".into()
                } else {
                    names.join(", ")
                }
            ),
        ));
    }
    Ok(Found {
        path: path.into(),
        capability,
        formats,
        device,
    })
}

fn formats(device: &dyn Device) -> Vec<v4l::FourCC> {
    (0..MOST_FORMATS)
        .map_while(|index| device.pixel_format(index).ok())
        .collect()
}

/// Why a node gives no pictures, by its capabilities.
fn refusal(path: &Path, capability: &Capability) -> Option<Loss> {
    let at = path.display();
    let has = |flag| capability.flags & flag != 0;
    let driver = capability.driver.as_str();
    let not_camera = |what: &str| Some(Loss::new(Cause::NotCamera, format!("{at} {what}")));
    if PIPELINES.contains(&driver) {
        return not_camera(&format!(
            "belongs to the Raspberry Pi's own image pipeline ({driver}) and is no camera"
        ));
    }
    if has(sys::V4L2_CAP_VIDEO_M2M | sys::V4L2_CAP_VIDEO_M2M_MPLANE) {
        return not_camera("is a codec, not a camera");
    }
    if has(sys::V4L2_CAP_VIDEO_CAPTURE) {
        // This receiver lists every format, whatever the sensor sends.
        if driver == "rp1-cfe" {
            return Some(raw_sensor(path, capability));
        }
        if !has(sys::V4L2_CAP_STREAMING) {
            return not_camera("cannot stream, only read; such cameras are not supported");
        }
        return None;
    }
    if has(sys::V4L2_CAP_META_CAPTURE) {
        return not_camera("carries metadata, not pictures");
    }
    if has(sys::V4L2_CAP_VIDEO_CAPTURE_MPLANE) {
        return not_camera(
            "gives pictures in several planes of memory only; such cameras are not supported",
        );
    }
    not_camera("gives no pictures")
}

fn raw_sensor(path: &Path, capability: &Capability) -> Loss {
    Loss::new(
        Cause::RawSensor,
        format!(
            "{} is the Raspberry Pi's raw camera sensor ({}), which gives no finished pictures: bring them from \
             rpicam-vid into a v4l2loopback device and name that, or use a USB camera",
            path.display(),
            capability.driver
        ),
    )
}

/// Adds to `loss` the node of the same camera that gives pictures, if there is one.
fn with_sibling(system: &dyn System, path: &Path, capability: &Capability, mut loss: Loss) -> Loss {
    for node in system.nodes().unwrap_or_default() {
        if node.path == path || capability.bus.is_empty() {
            continue;
        }
        let other = system.open(&node.path).and_then(|d| d.capability());
        if let Ok(other) = other
            && other.bus == capability.bus
            && refusal(&node.path, &other).is_none()
        {
            let stable = node.links.first().unwrap_or(&node.path).display();
            loss.message = format!("{}; use {stable} ({})", loss.message, other.card);
            break;
        }
    }
    loss
}
