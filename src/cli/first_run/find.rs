//! What is there: cameras, programs, a broker.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::answers::Source;
use crate::source::camera::{self, Survey};

/// How long the broker of this machine may take to accept a connection.
const HERE: Duration = Duration::from_millis(500);

/// A choice for the source, with the words that name it.
pub(super) type Choice = (String, Source);

/// The cameras of this machine, each by a name that stays the same.
pub(super) fn cameras() -> Vec<Choice> {
    of(&camera::survey(&camera::Config::default(), usize::MAX))
}

fn of(survey: &Survey) -> Vec<Choice> {
    let usable = survey
        .nodes
        .iter()
        .filter(|node| node.refused.is_none() && !node.formats.is_empty());
    usable
        .map(|node| {
            let by = |folder: &str| {
                node.names
                    .iter()
                    .find_map(|name| name.strip_prefix("/dev/v4l/")?.strip_prefix(folder))
            };
            let stable = by("by-id/").or_else(|| by("by-path/"));
            let name = stable.unwrap_or(&node.path).to_string();
            let words = format!("{} ({})", node.card, node.path);
            (words, Source::Camera(name))
        })
        .collect()
}

/// A Raspberry Pi's own camera, if a program for it is installed.
pub(super) fn pi() -> Option<Source> {
    ["rpicam-vid", "libcamera-vid"]
        .into_iter()
        .find(|program| is_installed(program))
        .map(Source::pi)
}

/// Whether `program` is on the `PATH`.
pub(super) fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether something answers at the port of MQTT on this machine.
pub(super) fn broker_is_here() -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1883));
    TcpStream::connect_timeout(&address, HERE).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::source::camera::{ListedFormat, Listing};

    fn node(path: &str, names: &[&str], refused: Option<&str>) -> Listing {
        Listing {
            path: path.into(),
            names: names.iter().map(|name| name.to_string()).collect(),
            card: "Webcam".into(),
            driver: "uvcvideo".into(),
            formats: vec![ListedFormat {
                name: "YUYV".into(),
                sizes: Vec::new(),
            }],
            controls: BTreeMap::new(),
            refused: refused.map(String::from),
        }
    }

    #[test]
    fn a_camera_is_offered_by_the_name_that_stays() {
        let names = ["/dev/v4l/by-path/pci-1", "/dev/v4l/by-id/usb-1"];
        let survey = Survey {
            nodes: vec![
                node("/dev/video0", &names, None),
                node("/dev/video1", &names[..1], None),
                node("/dev/video2", &[], None),
                node("/dev/video3", &[], Some("it gives no pictures")),
            ],
            choice: None,
            loss: None,
        };
        let offered = of(&survey);
        let sources: Vec<&Source> = offered.iter().map(|(_, source)| source).collect();
        let camera = |name: &str| Source::Camera(name.into());
        let wanted = [camera("usb-1"), camera("pci-1"), camera("/dev/video2")];
        assert_eq!(sources, wanted.iter().collect::<Vec<_>>());
        assert_eq!(offered[0].0, "Webcam (/dev/video0)");
    }
}
