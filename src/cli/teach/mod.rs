//! `goldcrest teach`: from folders of pictures to a head that knows their labels.

mod ahead;
mod cache;
mod eye;
mod film;
mod folder;
mod gather;
mod gathered;
mod report;

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use self::cache::Cache;
use self::gather::Gatherer;
use self::report::Report;
use super::featured::featured;
use super::progress::Progress;
use super::{ConfigOption, place, say};
use crate::config::Loaded;
use crate::engine;
use crate::exit;
use crate::setup::{self, Failure};
use crate::signals::Stop;
use crate::teach::{self, Examples};

pub(super) use self::folder::Survey;

/// Options of `goldcrest teach`.
#[derive(clap::Args)]
pub struct Options {
    /// A folder with a folder for each label, in which its pictures are: JPEG or PNG files, also
    /// in folders, or anything that `replay` reads. A film in FOLDER itself, such as open.mp4,
    /// is a label too. Pictures of the label none show nothing of the others
    folder: PathBuf,
    /// The head to write; one that is there is replaced
    #[arg(long, value_name = "HEAD")]
    out: PathBuf,
    #[command(flatten)]
    config: ConfigOption,
    /// The region of the picture to look at, where the configuration has regions
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Print one JSON object instead of the table: accuracy, interval, classes, warnings, seconds,
    /// head, head_sha256, backbone_sha256
    #[arg(long)]
    json: bool,
    /// Keep no features in FOLDER, where the next run would find them, and use none
    #[arg(long)]
    no_cache: bool,
}

/// Runs the command.
pub fn run(options: &Options) -> Result<(), Failure> {
    let begun = Instant::now();
    let loaded = setup::configuration(options.config.path.as_deref())?;
    let loaded = setup::of_region(loaded, options.region.as_deref())?;
    let stop = Stop::on_signals().map_err(Failure::system)?;
    place::check(&options.out, "the head")?;
    let survey = Survey::of(&options.folder, &loaded.config.observe.unknown)?;
    let (examples, fitted, left_out) = examples(options, &loaded, &survey, &stop)?;
    let taught = teach::fit(&examples, &fitted)?;
    let sha256 = engine::write_head(&options.out, &taught)?;
    let report = Report {
        taught: &taught,
        head: &options.out,
        sha256: &sha256,
        took: begun.elapsed(),
        left_out,
    };
    if options.json {
        let json = report.json().map_err(|e| Failure::new(exit::SOFTWARE, e))?;
        return say(&json);
    }
    say(&report.text())
}

/// Reads all pictures: the examples, what else a head holds, and warnings about the pictures. The
/// model is closed then, so that fitting has its memory.
fn examples(
    options: &Options,
    loaded: &Loaded,
    survey: &Survey,
    stop: &Stop,
) -> Result<(Examples, teach::Options, Vec<String>), Failure> {
    let config = &loaded.config;
    let (model, width) = featured(loaded, "teach")?;
    let labels: Vec<String> = survey.labels.keys().cloned().collect();
    let mut examples = Examples::new(labels, width)?;
    let backbone = model.card.sha256.clone();
    let settings = cache::settings(&backbone, &config.vision, &model.card.input);
    let cache = if options.no_cache {
        Cache::new(settings, width)
    } else {
        Cache::open(&options.folder, settings, width)
    };
    let known = (!survey.films).then_some(survey.pictures);
    let bar = Progress::new(known, "pictures");
    let mut gatherer = Gatherer::new(config, model, cache, bar, stop);
    let mut labels = survey.labels.iter().enumerate();
    let ended =
        labels.try_for_each(|(at, (label, recordings))| gatherer.label((at, label), recordings));
    let mut gathered = gatherer.finish(ended.is_ok());
    ended?;
    let fitted = teach::Options {
        backbone,
        made: SystemTime::now(),
        scene: std::mem::take(&mut gathered.scene),
    };
    let unread = report::unread(gathered.passed_over, survey.loose);
    let mut warnings = gathered.add_to(&mut examples)?;
    warnings.extend(unread);
    Ok((examples, fitted, warnings))
}
