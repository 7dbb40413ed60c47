//! The page: its frame, its head and the order of its parts.

mod charts;
mod compare;
mod confusion;
mod facts;
mod frames;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::about::{About, Ended};
use super::confusion::Table;
use super::data;
use super::earlier::MARK;
use super::gather::Gathered;
use super::lines::Lines;
use super::verdict::{duration, verdict, whole_percent};
use crate::escape::OneLine;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Labels that have a colour of their own, the most frequent ones.
const COLOURS: usize = 8;

/// What each part of the page shows.
pub(super) struct View<'a> {
    pub gathered: &'a Gathered,
    pub about: &'a About,
    pub ended: &'a Ended<'a>,
    pub table: Option<Table>,
    /// The labels that have a colour, by its number.
    colours: Vec<u32>,
}

impl View<'_> {
    /// The class that gives the colour of a published label.
    fn colour(&self, label: Option<u32>) -> &'static str {
        const CLASSES: [&str; COLOURS] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];
        let Some(label) = label else { return "cu" };
        let number = self.colours.iter().position(|other| *other == label);
        number.map_or("cx", |number| CLASSES[number])
    }

    /// The name of a published label, for people.
    fn label(&self, label: Option<u32>) -> String {
        shown(self.about.label(label))
    }
}

/// Text from outside, as people may see it. What is special in HTML is escaped by `maud`.
fn shown(text: &str) -> String {
    OneLine(text).to_string()
}

/// The page of a replay, from what was `gathered`, and the `lines` of its frames.
pub(crate) fn html(gathered: &Gathered, ended: &Ended<'_>, lines: &Lines) -> String {
    let about = &gathered.about;
    let table = (!about.truths.is_empty()).then(|| gathered.confusion.table(about));
    let known = gathered.labels().into_iter().filter_map(|(label, _)| label);
    let view = View {
        gathered,
        about,
        ended,
        table,
        colours: known.take(COLOURS).collect(),
    };
    let sentence = verdict(gathered, ended, view.table.as_ref());
    let data = data::json(gathered, ended, view.table.as_ref(), &sentence, lines);
    let title = format!("{}: a replay", shown(&about.name));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(format!("goldcrest {}", about.version));
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (opening(&view, &sentence)) }
                main { (parts(&view)) }
                footer { (facts::data(lines)) }
                (PreEscaped(MARK)) (PreEscaped(&data)) (PreEscaped("</script>"))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// All parts behind the numbers.
fn parts(view: &View<'_>) -> Markup {
    html! {
        @if let Some(table) = &view.table { (confusion::section(view, table)) }
        @if view.gathered.frames > 0 {
            (frames::strip(view))
            (charts::scores(view))
            (frames::changes(view))
        }
        @if let Some(earlier) = &view.gathered.earlier { (compare::section(view, earlier)) }
        @if view.gathered.frames > 0 { (frames::uncertain(view)) }
        div.pair { (charts::latency(view)) (facts::memory(view)) }
        (facts::made(view))
    }
}

/// Nothing but this page's own style, script and pictures.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// The title, the verdict and the numbers.
fn opening(view: &View<'_>, verdict: &str) -> Markup {
    let (gathered, ended) = (view.gathered, view.ended);
    let seconds = ended.took.as_secs_f64();
    let rate = gathered.frames as f64 / seconds.max(1e-9);
    let infer = ended.stages.times().infer;
    let passed_over = ended.passed_over.total();
    html! {
        p.kicker { "Goldcrest · replay of " (shown(&view.about.recording)) }
        h1 { (together(&shown(verdict))) }
        dl.numbers {
            @if let Some(table) = &view.table {
                @let [low, high] = table.interval.map(whole_percent);
                (number("right", &format!("{} %", whole_percent(table.right as f64 / table.pictures.max(1) as f64)), &format!("95 % interval {low}–{high} %")))
                (number("mean of the labels", &format!("{} %", whole_percent(table.balanced)), "each label counts the same"))
            }
            (number(view.about.noun(2), &gathered.frames.to_string(), &match passed_over {
                0 => "none passed over".to_string(),
                n => format!("{n} passed over"),
            }))
            @if !view.about.stills {
                (number("length", &duration(gathered.seconds()), "by the recording's clock"))
                (number("changes", &gathered.runs.changes().to_string(), "of the published label"))
            }
            (number("speed", &format!("{} /s", short(rate)), &format!("replayed in {}", duration(seconds))))
            @if infer.p50 > 0.0 {
                (number("inference", &format!("{} ms", short(infer.p50)), &format!("median; 95 of 100 within {} ms", short(infer.p95))))
            }
            (number("memory", &format!("{:.1} MiB", ended.peak_mib), "resident at the peak"))
        }
        @if passed_over > 0 || ended.filled_in > 0 {
            p.note {
                @if passed_over > 0 { "Passed over: " (shown(&ended.passed_over.to_string())) ". " }
                @if ended.filled_in > 0 { (ended.filled_in) " had damaged parts filled in." }
            }
        }
    }
}

fn number(what: &str, value: &str, note: &str) -> Markup {
    html! { div { dt { (what) } dd { b { (value) } small { (note) } } } }
}

/// `text` with spaces at which no line ends, between numbers and their units.
fn together(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for word in text.split(' ') {
        if !joined.is_empty() {
            let unit = word.trim_end_matches([',', ';', '.', ')']);
            let number = joined.ends_with(|c: char| c.is_ascii_digit());
            let unit = number && ["%", "s", "min", "h"].contains(&unit);
            joined.push(if unit { '\u{a0}' } else { ' ' });
        }
        joined.push_str(word);
    }
    joined
}

/// A number above 0 with about three digits.
fn short(number: f64) -> String {
    match number {
        n if !n.is_finite() => "–".into(),
        n if n >= 100.0 => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}"),
        n if n >= 0.1 => format!("{n:.2}"),
        n => format!("{n:.3}"),
    }
}
