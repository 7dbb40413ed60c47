//! The cameras of this machine, their offers, and the one that Goldcrest would use, for `goldcrest
//! check`. A survey changes no setting and streams nothing, so it does not disturb a camera in use.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::config::Config;
use super::controls;
use super::devices::{self, Found};
use super::kernel::Linux;
use super::lending::lends;
use super::mode;
use super::negotiate::{self, Candidate, fps, name};
use super::open::offers;
use super::room::Room;
use super::system::{Device, FrameInterval, FrameSize, System};
use crate::escape::OneLine;
use crate::source::{Cause, Loss};

/// More sizes or rates than this are cut off.
const MOST_LISTED: u32 = 64;

/// All cameras, and the choice among them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Survey {
    /// Every video node.
    pub nodes: Vec<Listing>,
    /// The camera and mode that would be used.
    pub choice: Option<Choice>,
    /// Why none can be used.
    pub loss: Option<Loss>,
}

/// One node.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Listing {
    /// `/dev/videoN`.
    pub path: String,
    /// Its stable names.
    pub names: Vec<String>,
    /// The card's name.
    pub card: String,
    /// The driver.
    pub driver: String,
    /// Its formats, without those that are not understood.
    pub formats: Vec<ListedFormat>,
    /// Controls that can be set, by name, with their lowest and highest value.
    pub controls: BTreeMap<String, (i32, i32)>,
    /// Why it cannot be used.
    pub refused: Option<String>,
}

/// One format of a camera.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ListedFormat {
    /// V4L2's name.
    pub name: String,
    /// Sizes, each with its frames a second.
    pub sizes: Vec<(String, Vec<f64>)>,
}

/// The camera that would be used, and the mode that it would be asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Choice {
    /// `/dev/videoN`.
    pub path: String,
    /// The card's name.
    pub card: String,
    /// The format by V4L2's name.
    pub format: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: f64,
    /// Why this one.
    pub why: String,
}

/// Surveys every video node, and chooses by `config`. The budget leaves `spare` bytes beside what
/// was counted for the camera.
pub(crate) fn survey(config: &Config, spare: usize) -> Survey {
    on(&Linux, config, spare)
}

pub(super) fn on(system: &dyn System, config: &Config, spare: usize) -> Survey {
    let nodes = system.nodes().unwrap_or_default();
    let nodes = nodes.iter().map(|node| {
        let mut listing = Listing {
            path: node.path.display().to_string(),
            names: node.links.iter().map(|l| l.display().to_string()).collect(),
            card: String::new(),
            driver: String::new(),
            formats: Vec::new(),
            controls: BTreeMap::new(),
            refused: None,
        };
        match devices::open(system, &node.path) {
            Ok(found) => fill(&mut listing, &found),
            Err(loss) => listing.refused = Some(loss.message),
        }
        listing
    });
    let nodes = nodes.collect();
    let (choice, loss) = match choose(system, config, spare) {
        Ok(choice) => (Some(choice), None),
        Err(loss) => (None, Some(loss)),
    };
    Survey {
        nodes,
        choice,
        loss,
    }
}

fn fill(listing: &mut Listing, found: &Found) {
    listing.card.clone_from(&found.capability.card);
    listing.driver.clone_from(&found.capability.driver);
    for &fourcc in &found.formats {
        if negotiate::pixel_format(fourcc).is_none() {
            continue;
        }
        let sizes = (0..MOST_LISTED).map_while(|i| found.device.frame_size(fourcc, i).ok());
        let sizes = sizes.map(|size| match size {
            FrameSize::Discrete(width, height) => {
                let rates = rates(&*found.device, fourcc, (width, height));
                (format!("{width}x{height}"), rates)
            }
            FrameSize::Range { min, max, .. } => {
                let rates = rates(&*found.device, fourcc, max);
                (format!("{}x{} to {}x{}", min.0, min.1, max.0, max.1), rates)
            }
        });
        listing.formats.push(ListedFormat {
            name: name(fourcc),
            sizes: sizes.collect(),
        });
    }
    for control in controls::list(&*found.device) {
        let name = controls::canonical(&control.name);
        listing.controls.insert(name, (control.min, control.max));
    }
}

fn rates(device: &dyn Device, fourcc: v4l::FourCC, size: (u32, u32)) -> Vec<f64> {
    let intervals = (0..MOST_LISTED).map_while(|i| device.frame_interval(fourcc, size, i).ok());
    intervals
        .flat_map(|interval| match interval {
            FrameInterval::Discrete(interval) => vec![fps(interval)],
            FrameInterval::Range(shortest, longest) => vec![fps(longest), fps(shortest)],
        })
        .collect()
}

/// Whether the buffers and frames of the best mode fit into what the budget leaves. The driver is
/// asked without a change of its mode; one that does not tell is asked when it is opened.
fn fits(found: &Found, best: &Candidate, config: &Config, spare: usize) -> Result<(), Loss> {
    let picture = found.device.try_format(best.fourcc, best.size);
    let mode = picture
        .ok()
        .and_then(|picture| mode::read(&picture, None).ok());
    let Some(mode) = mode else { return Ok(()) };
    let lends = lends(&found.capability.driver);
    let room = Room::new(config.footprint(!lends), spare);
    let planned = room.plan(&mode, config.asked_buffers() as usize, lends);
    let too_much = |why| Loss::new(Cause::Memory, format!("{}: {why}", found.path.display()));
    planned.map(drop).map_err(too_much)
}

fn choose(system: &dyn System, config: &Config, spare: usize) -> Result<Choice, Loss> {
    let found = devices::find(system, &config.device)?;
    let ask = config.ask();
    let offers = offers(&*found.device, &found.formats, &ask);
    let ranked = negotiate::rank(&offers, &ask);
    let path = found.path.display().to_string();
    let Some(best) = ranked.first() else {
        return Err(Loss::new(
            Cause::NoFormat,
            format!("{path} does not offer the format asked for"),
        ));
    };
    fits(&found, best, config, spare)?;
    let rate = fps(best.interval);
    let size = if best.size == (ask.width, ask.height) {
        "the size asked for"
    } else {
        "the size nearest to the one asked for"
    };
    let speed = if rate >= ask.fps * 0.99 {
        "fast enough"
    } else {
        "the fastest at this size"
    };
    let rivals = ranked.iter().filter(|other| {
        other.size == best.size
            && other.fourcc != best.fourcc
            && fps(other.interval) >= ask.fps * 0.99
    });
    let rivals: Vec<_> = rivals.map(|other| name(other.fourcc)).collect();
    let cost = if rivals.is_empty() {
        String::new()
    } else {
        format!(", and cheaper to read than {}", rivals.join(", "))
    };
    Ok(Choice {
        path,
        card: found.capability.card,
        format: name(best.fourcc),
        width: best.size.0,
        height: best.size.1,
        fps: rate,
        why: format!("{size}, {speed}{cost}"),
    })
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.nodes {
            match &node.refused {
                Some(why) => writeln!(f, "{}", OneLine(why))?,
                None => {
                    // The device tells its own names.
                    let line = format_args!("{}: {} ({})", node.path, node.card, node.driver);
                    writeln!(f, "{}", OneLine(line))?;
                }
            }
            for link in &node.names {
                writeln!(f, "  {}", OneLine(link))?;
            }
            for format in &node.formats {
                for (size, rates) in &format.sizes {
                    let rates: Vec<_> = rates.iter().map(|r| format!("{r:.4}")).collect();
                    let rates: Vec<_> = rates
                        .iter()
                        .map(|r| r.trim_end_matches('0').trim_end_matches('.'))
                        .collect();
                    writeln!(f, "  {} {size} at {} fps", format.name, rates.join(", "))?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}), {} {}x{} at {:.1} fps: {}",
            self.path, self.card, self.format, self.width, self.height, self.fps, self.why
        )
    }
}
