//! What was seen in pictures whose label is known.

use maud::{Markup, html};

use super::super::confusion::{Table, is_right};
use super::super::verdict::whole_percent;
use super::{View, frames, shown};

/// The most columns of the table; labels that were seen less often share the last one.
const COLUMNS: usize = 24;

/// The table of counts, and the surest mistakes.
pub(super) fn section(view: &View<'_>, table: &Table) -> Markup {
    let foreign: Vec<String> = table
        .classes
        .iter()
        .filter(|class| class.foreign)
        .map(|class| shown(&class.truth))
        .collect();
    html! {
        section {
            h2 { "Right and wrong" }
            p.lead {
                "Each row is a folder, each column what was published of its pictures. "
                @if view.about.truths.iter().any(|truth| truth == view.about.nothing) {
                    "Of pictures in " b { (view.about.nothing) } ", " b { (shown(&view.about.unknown)) } " is right. "
                }
                "Pictures of one moment look alike, so the interval is too narrow where a folder has many of them."
            }
            @if !foreign.is_empty() {
                p.warning { "Neither model nor head has the " @if foreign.len() == 1 { "label " } @else { "labels " } (foreign.join(", ")) ": no picture there can be right." }
            }
            div.wide tabindex="0" role="region" aria-label="Table of folders and labels" {
                table.confusion {
                    thead { tr {
                        th scope="col" { "folder" } th.n scope="col" { "pictures" } th.n scope="col" { "right" } th.n scope="col" { "share" }
                        @for seen in table.seen.iter().take(COLUMNS) { th.n scope="col" { (view.label(*seen)) } }
                        @if table.seen.len() > COLUMNS { th.n scope="col" { "others" } }
                    } }
                    tbody { @for class in &table.classes { (row(view, table, class)) } }
                }
            }
            (mistakes(view))
        }
    }
}

fn row(view: &View<'_>, table: &Table, class: &super::super::confusion::Class) -> Markup {
    let share = class.right as f64 / class.pictures.max(1) as f64;
    let others: u64 = class.counts.iter().skip(COLUMNS).sum();
    html! {
        tr {
            th scope="row" { (shown(&class.truth)) }
            td.n { (class.pictures) } td.n { (class.right) }
            td.n { @if class.pictures > 0 { (whole_percent(share)) " %" } @else { "–" } }
            @for (seen, count) in table.seen.iter().zip(&class.counts).take(COLUMNS) {
                @let right = is_right(view.about, &class.truth, *seen);
                td class=(cell(*count, right)) { @if *count > 0 { (count) } @else { "·" } }
            }
            @if table.seen.len() > COLUMNS { td class=(cell(others, false)) { (others) } }
        }
    }
}

fn cell(count: u64, right: bool) -> &'static str {
    match (count, right) {
        (0, _) => "n zero",
        (_, true) => "n right",
        (_, false) => "n wrong",
    }
}

fn mistakes(view: &View<'_>) -> Markup {
    let mistakes = &view.gathered.mistakes;
    let shots = mistakes.shots();
    html! {
        @if !shots.is_empty() {
            h3 { "Wrong" }
            p.lead {
                @if shots.len() as u64 == mistakes.offered { "All " } @else { "The " (shots.len()) " surest of " }
                (mistakes.offered) " wrong " (view.about.noun(mistakes.offered)) ". Some may lie in the wrong folder."
            }
            (frames::gallery(view, &shots, |shot| {
                let truth = shown(shot.other.as_deref().unwrap_or_default());
                format!("{truth}, seen as {}", view.label(shot.state))
            }))
        }
    }
}
