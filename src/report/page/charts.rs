//! Charts as SVG inside the page. Paths lie in a picture that stretches; words lie beside it, so
//! that they keep their size on a telephone.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::super::series::Column;
use super::super::verdict::duration;
use super::{View, short};
use crate::meter::timing::Histogram;

/// Height of the chart of scores in pixels, and what is free above and below in it.
const HEIGHT: f64 = 190.0;
const FREE: f64 = 8.0;
/// The bars of a histogram.
const BARS: usize = 40;

/// The height of a score in the chart, in pixels from above.
fn height(score: f32) -> f64 {
    FREE + (HEIGHT - 2.0 * FREE) * (1.0 - f64::from(score.clamp(0.0, 1.0)))
}

/// Where columns begin and end, in thousandths of the width.
fn places(view: &View<'_>) -> Vec<(f64, f64)> {
    let (gathered, columns) = (view.gathered, &view.gathered.series.columns);
    let first = columns.first().map_or(0.0, |column| column.time);
    let seconds = gathered.seconds();
    let by_time = !view.about.stills && seconds > 0.0;
    let begin = |column: &Column| {
        let share = if by_time {
            (column.time - first) / seconds
        } else {
            column.at as f64 / gathered.frames.max(1) as f64
        };
        1000.0 * share.clamp(0.0, 1.0)
    };
    let ends = columns.iter().skip(1).map(&begin).chain([1000.0]);
    columns.iter().map(&begin).zip(ends).collect()
}

/// The scores over time, the thresholds, and what was published.
pub(super) fn scores(view: &View<'_>) -> Markup {
    let (rule, stills) = (view.about.rule, view.about.stills);
    let places = places(view);
    let height_px = format!("{HEIGHT}");
    let named = if stills {
        "Score of the best label of each picture, in their order"
    } else {
        "Score of the best label of each frame over time"
    };
    html! {
        section {
            h2 { (if stills { "Scores" } else { "Score over time" }) }
            p.lead {
                (named) ", in the label's colour. "
                "Dashed: the threshold from which a label is claimed"
                @if !stills && rule.release < rule.threshold { ", and the score until which it is kept" }
                ". The band below shows what was published."
            }
            div.plot {
                svg.axis width="34" height=(height_px) aria-hidden="true" {
                    @for score in [0.0_f32, 0.25, 0.5, 0.75, 1.0] {
                        text x="30" y=(format!("{:.1}", height(score) + 4.0)) text-anchor="end" { (format!("{score}")) }
                    }
                }
                div.field {
                    svg.scores height=(height_px) role="img" aria-label=(format!("{named}.")) {
                        @for score in [0.0_f32, 0.25, 0.5, 0.75, 1.0] { (level("grid", score)) }
                        (level("bound", rule.threshold))
                        @if !stills && rule.release < rule.threshold { (level("bound", rule.release)) }
                        svg class=(thickness(places.len())) width="100%" height=(height_px) viewBox=(format!("0 0 1000 {HEIGHT}")) preserveAspectRatio="none" {
                            path.thread d=(thread(view, &places)) {}
                            @for (class, path) in bars(view, &places) { path class=(format!("bar {class}")) d=(path) {} }
                        }
                        line.cursor x1="-9" x2="-9" y1="0" y2=(height_px) {}
                    }
                    svg.band height="14" role="img" aria-label="The published label over time" {
                        svg width="100%" height="14" viewBox="0 0 1000 14" preserveAspectRatio="none" { (band(view, &places)) }
                    }
                    div.times { (times(view)) }
                }
                svg.axis width="92" height=(height_px) aria-hidden="true" {
                    text x="4" y=(format!("{:.1}", height(rule.threshold) + 4.0)) { (format!("threshold {:.2}", rule.threshold)) }
                    @if !stills && rule.release < rule.threshold {
                        // Two words that would lie on each other keep a distance.
                        text x="4" y=(format!("{:.1}", height(rule.release).max(height(rule.threshold) + 13.0) + 4.0)) { (format!("release {:.2}", rule.release)) }
                    }
                }
            }
            output.scrub { }
            (legend(view))
        }
    }
}

fn level(class: &str, score: f32) -> Markup {
    let y = format!("{:.1}", height(score));
    html! { line class=(class) x1="0" x2="100%" y1=(y) y2=(y) {} }
}

/// A line through the highest scores.
fn thread(view: &View<'_>, places: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (column, (from, to)) in view.gathered.series.columns.iter().zip(places) {
        let command = if path.is_empty() { 'M' } else { 'L' };
        // Writing to a string cannot fail.
        let _ = write!(
            path,
            "{command}{:.1} {:.1}",
            f64::midpoint(*from, *to),
            height(column.high)
        );
    }
    path
}

/// The class of bars so many of which share the width.
fn thickness(columns: usize) -> &'static str {
    match columns {
        0..=150 => "thick",
        151..=400 => "middle",
        _ => "thin",
    }
}

/// For each colour, bars from the least to the greatest score of each column.
fn bars(view: &View<'_>, places: &[(f64, f64)]) -> Vec<(&'static str, String)> {
    let mut paths: Vec<(&'static str, String)> = Vec::new();
    for (column, (from, to)) in view.gathered.series.columns.iter().zip(places) {
        let class = view.colour(Some(column.label));
        let index = paths.iter().position(|(other, _)| *other == class);
        let index = index.unwrap_or_else(|| {
            paths.push((class, String::new()));
            paths.len() - 1
        });
        let (low, high) = (height(column.low), height(column.high));
        let x = f64::midpoint(*from, *to);
        let _ = write!(paths[index].1, "M{x:.1} {high:.1}V{low:.1}");
    }
    paths
}

/// What was published, as a band.
fn band(view: &View<'_>, places: &[(f64, f64)]) -> Markup {
    let columns = &view.gathered.series.columns;
    let mut parts: Vec<(Option<u32>, f64, f64)> = Vec::new();
    for (column, (from, to)) in columns.iter().zip(places) {
        match parts.last_mut() {
            Some((state, _, end)) if *state == column.state => *end = *to,
            _ => parts.push((column.state, *from, *to)),
        }
    }
    html! {
        @for (state, from, to) in parts {
            rect class=(view.colour(state)) x=(format!("{from:.1}")) width=(format!("{:.1}", (to - from).max(0.5))) y="0" height="14" {
                title { (view.label(state)) }
            }
        }
    }
}

/// The words below the time axis.
fn times(view: &View<'_>) -> Markup {
    let (gathered, stills) = (view.gathered, view.about.stills);
    html! {
        @if stills {
            span { "first" } span { (gathered.frames) " " (view.about.noun(gathered.frames)) }
        } @else {
            span { "0 s" } span { (duration(gathered.seconds() / 2.0)) } span { (duration(gathered.seconds())) }
        }
    }
}

/// Which colour stands for which label.
fn legend(view: &View<'_>) -> Markup {
    let labels = view.gathered.labels();
    let published = |label: u32| labels.iter().any(|(other, _)| *other == Some(label));
    let others = view
        .gathered
        .series
        .columns
        .iter()
        .any(|column| !published(column.label));
    html! {
        ul.legend {
            @for (label, share) in labels.iter().take(super::COLOURS + 2) {
                li { i class=(view.colour(*label)) {} (view.label(*label)) " " small { (share.frames) } }
            }
            @if others || labels.len() > super::COLOURS + 2 { li { i.cx {} "other labels" } }
        }
    }
}

/// The bars of a histogram, as shares of the highest one, and the first and the last time.
fn spread(histogram: &Histogram) -> Option<(Vec<f64>, f64, f64)> {
    let spans: Vec<(f64, u32)> = histogram.spans().collect();
    let (first, last) = (spans.first()?.0, spans.last()?.0);
    let wide = (last / first).ln().max(1e-9);
    let mut bars = vec![0.0_f64; BARS];
    for (ms, count) in &spans {
        let share = (ms / first).ln() / wide;
        let bar = ((share * BARS as f64) as usize).min(BARS - 1);
        bars[bar] += f64::from(*count);
    }
    let most = bars.iter().copied().fold(1.0, f64::max);
    Some((
        bars.into_iter().map(|bar| bar / most).collect(),
        first,
        last,
    ))
}

/// How long each stage took.
pub(super) fn latency(view: &View<'_>) -> Markup {
    let stages = &view.ended.stages;
    let rows = [
        ("vision", "decode, crop, resize", &stages.vision),
        ("infer", "the network and its head", &stages.infer),
        ("observe", "smooth and decide", &stages.observe),
        ("publish", "hand to the publisher", &stages.publish),
    ];
    html! {
        section {
            h2 { "Time of each stage" }
            div.wide tabindex="0" role="region" aria-label="Table of times" {
                table {
                    thead { tr {
                        th scope="col" { "stage" } th.n scope="col" { "median" } th.n scope="col" { "p95" } th.n scope="col" { "p99" }
                        th scope="col" { "distribution (logarithmic)" }
                    } }
                    tbody {
                        @for (name, what, histogram) in rows {
                            @if let Some((bars, first, last)) = spread(histogram) {
                                tr {
                                    th scope="row" { (name) br; small { (what) } }
                                    @for p in [0.5, 0.95, 0.99] { td.n { (short(histogram.percentile(p))) " ms" } }
                                    td { (histogram_svg(name, &bars)) div.times { span { (short(first)) " ms" } span { (short(last)) " ms" } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn histogram_svg(name: &str, bars: &[f64]) -> Markup {
    html! {
        svg.hist height="34" role="img" aria-label=(format!("Distribution of the times of {name}")) {
            svg width="100%" height="34" viewBox=(format!("0 0 {BARS} 34")) preserveAspectRatio="none" {
                @for (at, bar) in bars.iter().enumerate() {
                    @if *bar > 0.0 {
                        // A single frame is to be seen too.
                        @let tall = (32.0 * bar).max(1.5);
                        rect x=(at) width="0.86" y=(format!("{:.1}", 34.0 - tall)) height=(format!("{tall:.1}")) {}
                    }
                }
            }
        }
    }
}
