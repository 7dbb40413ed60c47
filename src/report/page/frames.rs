//! Pictures, and the changes of the label.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::super::shots::Shot;
use super::super::verdict::duration;
use super::{View, shown};

/// The most rows of the table of changes.
const CHANGES: usize = 100;

/// A picture with its description.
pub(super) fn image(shot: &Shot, alt: &str) -> Markup {
    let picture = &shot.picture;
    html! {
        img src=(format!("data:image/jpeg;base64,{}", STANDARD.encode(&picture.jpeg)))
            width=(picture.width) height=(picture.height) alt=(alt) loading="lazy" decoding="async";
    }
}

/// When a frame was, or which picture it is.
pub(super) fn place(view: &View<'_>, shot: &Shot) -> String {
    if view.about.stills {
        shown(&shot.name)
    } else {
        format!("{:.1} s", shot.time)
    }
}

/// What a frame alone looks like.
pub(super) fn best(view: &View<'_>, shot: &Shot) -> String {
    // The first one, and what is not nothing behind it.
    let labels = shot.top.iter().enumerate();
    let labels = labels.filter(|(place, (_, score))| *place == 0 || *score >= 0.005);
    let labels = labels.map(|(_, label)| label);
    let labels = labels.map(|(label, score)| format!("{} {score:.2}", view.label(Some(*label))));
    labels.collect::<Vec<_>>().join(" · ")
}

/// Pictures in their order, below what was published.
pub(super) fn strip(view: &View<'_>) -> Markup {
    let shots = view.gathered.strip.shots();
    if shots.is_empty() {
        return html! {};
    }
    let same = |a: &&Shot, b: &&Shot| a.state == b.state;
    let all = shots.len() as u64 == view.gathered.frames;
    html! {
        section {
            h2 { (if view.about.stills { "Pictures" } else { "Film" }) }
            p.lead {
                @if all { "Each " (view.about.noun(1)) " under its label" }
                @else if view.about.stills { (shots.len()) " of " (view.gathered.frames) " pictures, evenly chosen, under their labels" }
                @else { (shots.len()) " of " (view.gathered.frames) " frames under what was published: those of changes, and an even choice of the rest" }
                ". The pictures show what the model sees: cropped and turned, with masks in black."
            }
            div.strip tabindex="0" role="region" aria-label="Frames under their labels" {
                @for run in shots.chunk_by(same) {
                    div class=(format!("run {}", view.colour(run[0].state))) {
                        p.label { span { (view.label(run[0].state)) } }
                        div.shots { @for shot in run { (small(view, shot)) } }
                    }
                }
            }
        }
    }
}

fn small(view: &View<'_>, shot: &Shot) -> Markup {
    let (place, label) = (place(view, shot), view.label(shot.state));
    html! {
        figure title=(format!("frame {} {}: {}", shot.seq, shown(&shot.name), best(view, shot))) {
            (image(shot, &format!("{place}: {label}")))
            figcaption { (place) }
        }
    }
}

/// Large pictures, each with two lines below it.
pub(super) fn gallery(view: &View<'_>, shots: &[&Shot], first: impl Fn(&Shot) -> String) -> Markup {
    html! {
        div.gallery {
            @for shot in shots {
                @let words = first(shot);
                figure title=(format!("frame {} {}", shot.seq, shown(&shot.name))) {
                    (image(shot, &format!("{}: {words}", place(view, shot))))
                    figcaption { b { (words) } span { (best(view, shot)) } small { (place(view, shot)) } }
                }
            }
        }
    }
}

/// The pictures of the most uncertain frames.
pub(super) fn uncertain(view: &View<'_>) -> Markup {
    let least = &view.gathered.uncertain.least;
    let (shots, noun) = (least.shots(), view.about.noun(least.offered));
    html! {
        section {
            h2 { "Most uncertain" }
            @if shots.is_empty() {
                p.lead { "No " (view.about.noun(1)) " was uncertain: each one alone was clear by the configured thresholds." }
            } @else {
                p.lead {
                    (least.offered) " " (noun) " alone claim no label by the configured thresholds, or barely do. "
                    "Shown are those in which the best label leads least"
                    @if !view.about.stills { ", one of each moment" }
                    ". Teach them, if one of your labels is right."
                }
                (gallery(view, &shots, |shot| format!("published: {}", view.label(shot.state))))
            }
        }
    }
}

/// The changes of the published label.
pub(super) fn changes(view: &View<'_>) -> Markup {
    if view.about.stills {
        return html! {};
    }
    let runs = &view.gathered.runs;
    let all = runs.runs.len() as u64 + runs.left_out;
    let shown = runs.runs.len().min(CHANGES);
    let ends = runs.runs.iter().skip(1).map(|next| Some(next.start));
    let ends = ends.chain([None]);
    let first = runs.runs.first().map_or(0.0, |run| run.start);
    html! {
        section {
            h2 { "Changes" }
            div.wide.tall tabindex="0" role="region" aria-label="Table of changes" {
                table {
                    thead { tr {
                        th.n scope="col" { "from" } th scope="col" { "label" } th.n scope="col" { "for" } th.n scope="col" { "frames" } th.n scope="col" { "first frame" }
                    } }
                    tbody {
                        @for (run, end) in runs.runs.iter().zip(ends).take(CHANGES) {
                            @let end = end.unwrap_or(first + view.gathered.seconds());
                            tr {
                                td.n { (format!("{:.2} s", run.start)) }
                                td { i class=(view.colour(run.label)) {} (view.label(run.label)) }
                                td.n { (duration((end - run.start).max(0.0))) }
                                td.n { (run.frames) } td.n { (run.from) }
                            }
                        }
                    }
                }
            }
            @if all > shown as u64 {
                p.note { (all - shown as u64) " more are not shown; the data below has " (runs.runs.len()) " of " (all) "." }
            }
        }
    }
}
