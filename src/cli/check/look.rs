//! What looks at the picture: the whole of it, or each region.

use serde::Serialize;

use super::head::{Head, InForce};
use super::scene::Taught;
use crate::config::Loaded;
use crate::engine::Input;
use crate::pipeline::Pipeline;
use crate::region;
use crate::setup;
use crate::vision;

/// The whole picture or a region of it, with its head and its rule. So `--json` prints a region.
#[derive(Serialize)]
pub(super) struct Look {
    #[serde(flatten)]
    pub region: Option<Region>,
    pub head: Option<Head>,
    #[serde(rename = "observe")]
    pub rule: InForce,
    /// The scene that the head was taught in.
    #[serde(skip)]
    pub scene: Option<Taught>,
    /// How it sees pictures.
    #[serde(skip)]
    pub vision: vision::Config,
}

/// A region, as it is configured.
#[derive(Serialize)]
pub(super) struct Region {
    name: String,
    crop: [f64; 4],
    every: u32,
}

impl Look {
    /// All looks of `pipeline`, which `loaded` configures for inputs of this shape.
    pub fn all(loaded: &Loaded, pipeline: &Pipeline, input: &Input) -> Vec<Self> {
        let config = &loaded.config;
        let paths = setup::head_paths(loaded, None);
        let regions = config.region.iter().map(Some).chain([None]);
        let looks = pipeline.looks().zip(paths).zip(regions);
        let look = looks.map(|((look, path), region)| Self {
            head: path
                .zip(look.head)
                .map(|(path, head)| Head::new(&path, head)),
            rule: InForce::new(look.rule, &config.observe, look.head.is_some()),
            scene: look.head.and_then(|head| Taught::new(head, input)),
            vision: region.map_or_else(|| config.vision.clone(), |r| r.seen(&config.vision)),
            region: region.map(Region::new),
        });
        look.collect()
    }

    /// The name of a finding about it, which is `what` without regions.
    pub fn named(&self, what: &'static str) -> String {
        match &self.region {
            Some(region) => format!("{what} {}", region.name),
            None => what.into(),
        }
    }

    /// One line that describes a region; `None` without regions.
    pub fn says(&self) -> Option<String> {
        let region = self.region.as_ref()?;
        let [left, top, width, height] = region.crop;
        let turn = match region.every {
            1 => "each frame".into(),
            n => format!("one of {n} frames"),
        };
        let head = match &self.head {
            Some(head) => head.says(),
            None => "the model's own classifier".into(),
        };
        Some(format!(
            "crop [{left}, {top}, {width}, {height}], {turn}, {head}; {}",
            self.rule.says()
        ))
    }
}

impl Region {
    fn new(region: &region::Config) -> Self {
        Self {
            name: region.name.clone(),
            crop: region.crop,
            every: region.every,
        }
    }
}
