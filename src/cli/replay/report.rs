//! The page of a replay, `--report`.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::frames::{Frames, truth};
use super::{Kind, Options};
use crate::cli::place;
use crate::config::Loaded;
use crate::engine::{Description, NOTHING};
use crate::escape::{OneLine, shell_word};
use crate::exit;
use crate::files;
use crate::meter::{heap, process};
use crate::pipeline::{Looked, Pipeline, Reporting, Totals};
use crate::report::{About, EARLIER, Earlier, Ended, FileHash, Gathered, MemoryLine, html};
use crate::setup::{self, Failure};

/// How every page begins that is written here.
const BEGINNING: &[u8] = b"<!DOCTYPE html>";

const MIB: f64 = (1 << 20) as f64;

/// Options of the page.
#[derive(clap::Args)]
pub(super) struct ReportOptions {
    /// Write a page about the replay, to look at in a browser: the verdict, frames under their
    /// labels, scores over time, uncertain frames, times and memory. Of a folder with a folder for
    /// each label, also how many pictures are right. A page that is there is replaced
    #[arg(id = "report", long = "report", value_name = "OUT.html")]
    out: Option<PathBuf>,
    /// Compare with an earlier page of the same recording
    #[arg(long, value_name = "EARLIER.html", requires = "report")]
    compare: Option<PathBuf>,
    /// The region that the page is about, where regions are configured
    #[arg(long, value_name = "NAME", requires = "report")]
    region: Option<String>,
}

/// A page that is to be written.
pub(super) struct Page {
    out: PathBuf,
    region: Option<String>,
    earlier: Option<Earlier>,
}

impl Page {
    /// The page that the options want. Reads the earlier one, and refuses a place at which none can
    /// be written.
    pub fn wanted(options: &ReportOptions) -> Result<Option<Self>, Failure> {
        let Some(out) = &options.out else {
            return Ok(None);
        };
        place::check(out, "the report")?;
        if !may_replace(out) {
            let message = format!(
                "{}: the report would replace this file, which is no HTML page; name another",
                out.display()
            );
            return Err(Failure::new(exit::USAGE, message));
        }
        let earlier = options.compare.as_deref().map(earlier).transpose()?;
        Ok(Some(Self {
            out: out.clone(),
            region: options.region.clone(),
            earlier,
        }))
    }

    /// What gathers the page's content from each frame.
    pub fn listener(
        &self,
        options: &Options,
        loaded: &Loaded,
        frames: &Frames,
        kind: Kind<'_>,
        pipeline: &Pipeline,
    ) -> Result<Reporting, Failure> {
        let (place, looked) = self.looked(pipeline)?;
        let about = about(options, loaded, frames, kind, pipeline, (place, &looked));
        let (folder, truths) = (options.path.clone(), about.truths.clone());
        let gathered = Gathered::new(about, self.earlier.clone());
        let config = &loaded.config;
        let of_path = move |path: &str| truth(&folder, &truths, path);
        let lines = (config.observe.top, frames.is_one_file_of_many());
        let look = (place, looked.vision());
        Ok(Reporting::new(gathered, look, lines, Box::new(of_path)))
    }

    /// The look that the page is about, and its place: the whole picture, or the region that the
    /// options name.
    fn looked<'a>(&self, pipeline: &'a Pipeline) -> Result<(usize, Looked<'a>), Failure> {
        let named = self.region.as_deref();
        let mut looks = pipeline.looks().enumerate();
        if let Some(found) = looks.find(|(_, look)| look.hashes.region == named) {
            return Ok(found);
        }
        let regions = pipeline.looks().filter_map(|look| look.hashes.region);
        let regions = regions.collect::<Vec<_>>().join(", ");
        let message = match named {
            Some(name) if regions.is_empty() => {
                format!("--region {name}: the configuration has no [[region]]; leave --region out")
            }
            Some(name) => {
                format!("--region {name}: there is no such region; name one of {regions}")
            }
            None => format!("--report is about one region; name it with --region: {regions}"),
        };
        Err(Failure::new(exit::USAGE, message))
    }

    /// Writes the page. Returns a line about it.
    pub fn write(
        self,
        reporting: Reporting,
        totals: &Totals,
        pipeline: &Pipeline,
        took: Duration,
        interrupted: bool,
    ) -> Result<String, Failure> {
        // Before the page itself takes memory.
        let mut memory = memory(pipeline.engine());
        let peak_mib = process::resident().rss_peak_mb;
        let (gathered, lines) = reporting.finish();
        memory.push(MemoryLine {
            what: "what this page gathered",
            note: "pictures, runs, and the lines of the data",
            mib: (gathered.bytes() + lines.bytes()) as f64 / MIB,
        });
        let ended = Ended {
            took,
            stages: &pipeline.stages,
            memory,
            peak_mib,
            passed_over: &totals.bad,
            filled_in: totals.filled_in,
            interrupted,
        };
        // The page takes the place that the weights had.
        pipeline.rest();
        let page = html(&gathered, &ended, &lines);
        let out = self.out.display();
        files::replace_public(&self.out, page.as_bytes())
            .map_err(|cause| Failure::new(exit::IO, format!("{out}: {cause}")))?;
        let size = page.len() as f64 / 1e6;
        Ok(format!("report    {} ({size:.1} MB)", OneLine(out)))
    }
}

/// Whether the file at `out` may be replaced: there is none, or a page.
fn may_replace(out: &Path) -> bool {
    let Ok(file) = File::open(out) else {
        return true;
    };
    let mut head = Vec::new();
    let read = file.take(BEGINNING.len() as u64).read_to_end(&mut head);
    read.is_ok() && (head.is_empty() || head == BEGINNING)
}

/// Reads an earlier page.
fn earlier(path: &Path) -> Result<Earlier, Failure> {
    let refuse = |code, why: &dyn std::fmt::Display| {
        Failure::new(code, format!("--compare {}: {why}", path.display()))
    };
    let page = files::read_text(path, EARLIER).map_err(|cause| {
        let code = match cause.kind() {
            _ if files::is_distrust(&cause) => exit::CONFIG,
            std::io::ErrorKind::NotFound => exit::NO_INPUT,
            std::io::ErrorKind::PermissionDenied => exit::PERMISSION,
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => exit::DATA,
            _ => exit::IO,
        };
        refuse(code, &cause)
    })?;
    Earlier::read(&page).map_err(|why| refuse(exit::DATA, &why))
}

/// What is known before the first frame.
fn about(
    options: &Options,
    loaded: &Loaded,
    frames: &Frames,
    kind: Kind<'_>,
    pipeline: &Pipeline,
    (place, looked): (usize, &Looked<'_>),
) -> About {
    let engine = pipeline.engine();
    let hashes = looked.hashes;
    let recording = options.path.display().to_string();
    let absolute = std::path::absolute(&options.path);
    let name = absolute.as_deref().unwrap_or(&options.path).file_name();
    let named = options.model.as_deref();
    let model = setup::located(loaded, named).map(|(path, _)| path.display().to_string());
    let heads = setup::head_paths(loaded, options.head.as_deref());
    let head = heads.into_iter().nth(place).flatten();
    let words = env::args_os().map(|word| word_of_shell(&word.to_string_lossy()));
    About {
        name: name.map_or(recording.clone(), |name| name.to_string_lossy().into()),
        recording,
        stills: kind != Kind::Film,
        command: words.collect::<Vec<_>>().join(" "),
        made: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        version: env!("CARGO_PKG_VERSION").into(),
        kernel: engine.kernel.clone(),
        threads: engine.threads,
        model: FileHash {
            path: model.unwrap_or_default(),
            sha256: hashes.model.into(),
        },
        head: hashes.head.map(|sha256| FileHash {
            path: head.unwrap_or_default().display().to_string(),
            sha256: sha256.into(),
        }),
        configuration: loaded.path.as_ref().map(|path| path.display().to_string()),
        rule: looked.rule,
        labels: looked.scored().to_vec(),
        unknown: loaded.config.observe.unknown.clone(),
        truths: frames.truths(),
        nothing: NOTHING,
    }
}

/// A word of the command line as a shell takes it; options stay as they are.
fn word_of_shell(word: &str) -> String {
    let rest = word.trim_start_matches('-');
    let dashes = &word[..word.len() - rest.len()];
    match rest {
        "" if dashes.is_empty() => "''".into(),
        "" => dashes.into(),
        rest => format!("{dashes}{}", shell_word(Path::new(rest))),
    }
}

/// The table of memory.
fn memory(engine: &Description) -> Vec<MemoryLine> {
    let resident = process::resident();
    let line = |what, note, mib| MemoryLine { what, note, mib };
    let bytes = |what, note, bytes: usize| line(what, note, bytes as f64 / MIB);
    let mut table = vec![
        line(
            "resident at the peak",
            "all pages, weights and code included",
            resident.rss_peak_mb,
        ),
        line("resident at the end", "", resident.rss_mb),
        line(
            "anonymous at the end",
            "what the system cannot drop",
            resident.rss_anon_mb,
        ),
        line(
            "heap at the end",
            "allocated and not freed",
            heap::now().live as f64 / MIB,
        ),
    ];
    if let Some(memory) = engine.memory {
        table.extend([
            bytes("weights", "mapped from the bundle", memory.mapped),
            bytes("scratch arena", "of the engine", memory.arena),
            bytes("feature maps and logits", "of the engine", memory.maps),
        ]);
        if memory.head > 0 {
            table.push(bytes("taught head", "of the engine", memory.head));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_is_typed() {
        for (word, shown) in [
            ("--report", "--report"),
            ("-", "-"),
            ("a b", "'a b'"),
            ("--report=a b", "--'report=a b'"),
            ("", "''"),
        ] {
            assert_eq!(word_of_shell(word), shown);
        }
    }

    #[test]
    fn only_a_page_may_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(may_replace(&path));
        for (text, may) in [
            ("", true),
            ("<!DOCTYPE html><html>", true),
            ("<!DOCTYPE", false),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(may_replace(&path), may, "{text}");
        }
    }
}
