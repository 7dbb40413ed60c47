//! Regions: parts of one picture that are looked at each by itself, the section `[[region]]`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::misfit::{Misfit, within};
use crate::vision;

/// The most regions.
pub const MOST: usize = 8;

/// The longest name, in bytes.
const LONGEST: usize = 32;

/// What stands below an instance's topic already.
const TAKEN: [&str; 9] = [
    "availability",
    "camera",
    "command",
    "event",
    "health",
    "label",
    "response",
    "settings",
    "snapshot",
];

/// One region, a table of `[[region]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The name in topics and entities: 1 to 32 letters, digits, `-` and `_`.
    pub name: String,
    /// The part to look at, as `crop` of `[vision]`.
    pub crop: [f64; 4],
    /// A taught head of its own; `[model] head` if absent.
    pub head: Option<PathBuf>,
    /// The region is looked at in one of so many frames, 1 to 1000.
    pub every: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: String::new(),
            crop: vision::Config::default().crop,
            head: None,
            every: 1,
        }
    }
}

impl Config {
    /// The same with a relative path of the head below `base`.
    pub(crate) fn below(&self, base: &Path) -> Self {
        Self {
            head: self.head.as_ref().map(|head| base.join(head)),
            ..self.clone()
        }
    }

    /// How pictures are seen, where `vision` sees the whole picture.
    pub(crate) fn seen(&self, vision: &vision::Config) -> vision::Config {
        vision::Config {
            crop: self.crop,
            ..vision.clone()
        }
    }

    /// Checks this region, of the number `at`.
    fn check(&self, at: usize) -> Result<(), Misfit> {
        let shown = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(1..=LONGEST).contains(&self.name.len()) || !self.name.chars().all(shown) {
            return Err(Misfit::new(
                "name",
                format!("of region {at} must be 1 to {LONGEST} letters, digits, - and _"),
            ));
        }
        let of = |misfit: Misfit| Misfit {
            message: format!("of {:?} {}", self.name, misfit.message),
            ..misfit
        };
        if TAKEN
            .iter()
            .any(|taken| taken.eq_ignore_ascii_case(&self.name))
        {
            return Err(of(Misfit::new(
                "name",
                "is the name of a topic already; choose another one",
            )));
        }
        let alone = vision::Config {
            crop: self.crop,
            ..vision::Config::default()
        };
        alone.check().map_err(of)?;
        if self.head.as_deref() == Some(Path::new("")) {
            return Err(of(Misfit::new(
                "head",
                "must be the path of a head; leave the key out to use model.head",
            )));
        }
        within("every", self.every, 1..=1000, "frames").map_err(of)
    }
}

/// Checks every region.
///
/// # Errors
/// The first value that is not allowed, and what is.
pub(crate) fn check(regions: &[Config]) -> Result<(), Misfit> {
    if regions.len() > MOST {
        let message = format!(
            "has {} of these tables, and {MOST} are the most",
            regions.len()
        );
        return Err(Misfit::new("", message));
    }
    for (at, region) in regions.iter().enumerate() {
        region.check(at + 1)?;
        let same = |other: &Config| other.name.eq_ignore_ascii_case(&region.name);
        if regions[..at].iter().any(same) {
            let message = format!("{:?} is there twice; give each region its own", region.name);
            return Err(Misfit::new("name", message));
        }
    }
    Ok(())
}

/// Checks that `vision` leaves the picture whole for the regions, if there are any.
///
/// # Errors
/// It crops the picture.
pub(crate) fn check_crop(regions: &[Config], vision: &vision::Config) -> Result<(), Misfit> {
    if regions.is_empty() || vision.crop == vision::Config::default().crop {
        return Ok(());
    }
    Err(Misfit::new(
        "crop",
        "must be left out beside [[region]]: each region has a crop of its own, in shares of the whole picture",
    ))
}

/// Some of the regions by their places in the configuration. Without regions, the one place there
/// is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places(u8);

impl Places {
    /// All that there can be.
    pub(crate) const ALL: Self = Self(u8::MAX);

    /// Adds a place.
    pub(crate) fn add(&mut self, place: usize) {
        self.0 |= bit(place);
    }

    /// Adds those of `other`.
    pub(crate) fn add_all(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Removes those of `other`.
    pub(crate) fn remove_all(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    /// Whether this place is among them.
    pub(crate) fn has(self, place: usize) -> bool {
        self.0 & bit(place) != 0
    }

    /// Whether there are none.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The bit of a place; none of one that cannot be.
fn bit(place: usize) -> u8 {
    u32::try_from(place)
        .ok()
        .and_then(|place| 1_u8.checked_shl(place))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Config {
        Config {
            name: name.into(),
            ..Config::default()
        }
    }

    fn refused(regions: &[Config]) -> Misfit {
        check(regions).unwrap_err()
    }

    #[test]
    fn names_and_crops_of_two_doors_pass() {
        let door = |name: &str, left| Config {
            crop: [left, 0.2, 0.5, 0.7],
            head: Some("door.head".into()),
            every: 2,
            ..named(name)
        };
        let doors = [door("left", 0.0), door("right_1-b", 0.5)];
        assert_eq!((check(&doors), check(&[])), (Ok(()), Ok(())));
        let seen = doors[1].seen(&vision::Config {
            rotate: 90,
            ..vision::Config::default()
        });
        assert_eq!((seen.crop, seen.rotate), ([0.5, 0.2, 0.5, 0.7], 90));
        let below = doors[0].below(Path::new("/etc"));
        assert_eq!(below.head.as_deref(), Some(Path::new("/etc/door.head")));
    }

    #[test]
    fn a_name_that_is_no_topic_level_of_its_own_is_refused() {
        let long = "x".repeat(33);
        for name in ["", "a/b", "a b", "ä", "a.b", "#", &long, "label", "Event"] {
            assert_eq!(refused(&[named(name)]).key, "name", "{name}");
        }
        let twice = refused(&[named("left"), named("Left")]);
        assert!(twice.message.contains("twice"), "{twice:?}");
    }

    #[test]
    fn a_value_out_of_its_range_names_its_region() {
        for (region, key) in [
            (
                Config {
                    crop: [0.6, 0.0, 0.5, 1.0],
                    ..named("left")
                },
                "crop",
            ),
            (
                Config {
                    every: 0,
                    ..named("left")
                },
                "every",
            ),
            (
                Config {
                    head: Some("".into()),
                    ..named("left")
                },
                "head",
            ),
        ] {
            let misfit = refused(&[region]);
            assert_eq!(misfit.key, key);
            assert!(misfit.message.contains("\"left\""), "{misfit:?}");
        }
        let nine: Vec<_> = (0..9).map(|n| named(&format!("r{n}"))).collect();
        assert!(refused(&nine).message.contains("8 are the most"));
    }

    #[test]
    fn regions_and_a_crop_of_the_picture_exclude_each_other() {
        let cropped = vision::Config {
            crop: [0.0, 0.0, 0.5, 1.0],
            ..vision::Config::default()
        };
        assert_eq!(check_crop(&[], &cropped), Ok(()));
        let whole = vision::Config::default();
        assert_eq!(check_crop(&[named("left")], &whole), Ok(()));
        let refused = check_crop(&[named("left")], &cropped).unwrap_err();
        assert!(refused.message.contains("left out beside [[region]]"));
    }

    #[test]
    fn places_beyond_the_last_region_are_never_among_some() {
        let mut some = Places::default();
        assert!(some.is_empty());
        some.add(7);
        some.add(8);
        some.add(usize::MAX);
        assert!(some.has(7) && !some.has(0) && !some.has(8));
        some.remove_all(Places::ALL);
        assert!(some.is_empty());
        assert!((0..MOST).all(|place| Places::ALL.has(place)));
    }
}
