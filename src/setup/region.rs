//! One region of a configuration, for commands that look at one view.

use super::Failure;
use crate::config::Loaded;
use crate::exit;

/// The configuration of the region `named` alone: a picture without regions, cropped to this one.
/// Without regions, and without a name, `loaded` as it is.
///
/// # Errors
/// There are regions and none is named, or there is no such one.
pub fn of_region(mut loaded: Loaded, named: Option<&str>) -> Result<Loaded, Failure> {
    let regions = &loaded.config.region;
    let names: Vec<&str> = regions.iter().map(|region| region.name.as_str()).collect();
    let refuse = |why: String| Err(Failure::new(exit::USAGE, why));
    let names = names.join(", ");
    match named {
        None if regions.is_empty() => Ok(loaded),
        None => refuse(format!(
            "the configuration has the regions {names}; name one with --region"
        )),
        Some(named) => match regions.iter().find(|region| region.name == named) {
            Some(region) => {
                loaded.config.vision = region.seen(&loaded.config.vision);
                loaded.config.region.clear();
                Ok(loaded)
            }
            None if regions.is_empty() => refuse(format!(
                "--region {named}: the configuration has no [[region]]; leave the option out"
            )),
            None => refuse(format!(
                "--region {named}: the configuration has the regions {names}"
            )),
        },
    }
}
