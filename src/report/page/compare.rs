//! What changed since an earlier report.

use maud::{Markup, html};

use super::super::earlier::Earlier;
use super::super::verdict::{duration, whole_percent};
use super::{View, frames, short, shown};

/// The most labels that are compared.
const LABELS: usize = 20;

/// Both replays side by side, and the frames whose label differs.
pub(super) fn section(view: &View<'_>, earlier: &Earlier) -> Markup {
    html! {
        section {
            h2 { "Compared with an earlier report" }
            p.lead { "Then, on " (shown(&earlier.made)) ": “" (shown(&earlier.verdict)) "”" }
            @if !earlier.is_of(view.about) {
                p.warning { "That report is of another recording, " (shown(&earlier.name)) ". Frames are not compared." }
            } @else if earlier.frames_seen != view.gathered.frames {
                p.warning { "That report has " (earlier.frames_seen) " " (view.about.noun(earlier.frames_seen)) ", this one " (view.gathered.frames) ". Frames are compared by their numbers." }
            }
            div.wide tabindex="0" role="region" aria-label="Table of both replays" {
                table {
                    thead { tr { th scope="col" { "" } th.n scope="col" { "then" } th.n scope="col" { "now" } th.n scope="col" { "change" } } }
                    tbody { (numbers(view, earlier)) (labels(view, earlier)) (versions(view, earlier)) }
                }
            }
            (differing(view, earlier))
        }
    }
}

fn row(what: &str, then: &str, now: &str, change: &str) -> Markup {
    html! { tr { th scope="row" { (what) } td.n { (then) } td.n { (now) } td.n { (change) } } }
}

/// How many times as large `now` is.
fn ratio(then: f64, now: f64) -> String {
    if then > 0.0 && now.is_finite() {
        format!("× {:.2}", now / then)
    } else {
        "–".into()
    }
}

fn numbers(view: &View<'_>, earlier: &Earlier) -> Markup {
    let (gathered, ended) = (view.gathered, view.ended);
    let times = ended.stages.times();
    let share = |right: u64, of: u64| right as f64 / of.max(1) as f64;
    let ms = |ms: f64| format!("{} ms", short(ms));
    let mib = |mib: f64| format!("{mib:.1} MiB");
    let took = ended.took.as_secs_f64();
    html! {
        @if let (Some(then), Some(now)) = (&earlier.accuracy, &view.table) {
            @let (was, is) = (share(then.right, then.of), share(now.right, now.pictures));
            (row("right", &format!("{} of {} ({} %)", then.right, then.of, whole_percent(was)),
                &format!("{} of {} ({} %)", now.right, now.pictures, whole_percent(is)),
                &format!("{:+.1} points", 100.0 * (is - was))))
        }
        (row(view.about.noun(2), &earlier.frames_seen.to_string(), &gathered.frames.to_string(), ""))
        @if !view.about.stills {
            (row("length", &duration(earlier.seconds), &duration(gathered.seconds()), ""))
            (row("changes", &earlier.changes.to_string(), &gathered.runs.changes().to_string(), ""))
        }
        (row("vision, median", &ms(earlier.stages_ms.vision.p50), &ms(times.vision.p50), &ratio(earlier.stages_ms.vision.p50, times.vision.p50)))
        (row("infer, median", &ms(earlier.stages_ms.infer.p50), &ms(times.infer.p50), &ratio(earlier.stages_ms.infer.p50, times.infer.p50)))
        (row("replayed in", &duration(earlier.took_s), &duration(took), &ratio(earlier.took_s, took)))
        (row("memory at the peak", &mib(earlier.peak_mb), &mib(ended.peak_mib), &format!("{:+.1} MiB", ended.peak_mib - earlier.peak_mb)))
    }
}

/// The share of frames of each label.
fn labels(view: &View<'_>, earlier: &Earlier) -> Markup {
    let now = view.gathered.labels();
    let mut names: Vec<&str> = now
        .iter()
        .map(|(label, _)| view.about.label(*label))
        .collect();
    let gone = earlier.labels.iter().map(|label| label.label.as_str());
    names.extend(gone.filter(|gone| {
        !now.iter()
            .any(|(label, _)| view.about.label(*label) == *gone)
    }));
    let frames_now = |name: &str| {
        let found = now
            .iter()
            .find(|(label, _)| view.about.label(*label) == name);
        found.map_or(0, |(_, share)| share.frames)
    };
    let frames_then = |name: &str| {
        let found = earlier.labels.iter().find(|label| label.label == name);
        found.map_or(0, |label| label.frames)
    };
    let percent = |frames: u64, of: u64| 100.0 * frames as f64 / of.max(1) as f64;
    html! {
        @for name in names.iter().take(LABELS) {
            @let (then, is) = (percent(frames_then(name), earlier.frames_seen), percent(frames_now(name), view.gathered.frames));
            (row(&format!("published: {}", shown(name)), &format!("{then:.1} %"), &format!("{is:.1} %"), &format!("{:+.1} points", is - then)))
        }
        @if names.len() > LABELS { (row(&format!("{} more labels", names.len() - LABELS), "", "", "")) }
    }
}

fn versions(view: &View<'_>, earlier: &Earlier) -> Markup {
    let about = view.about;
    let short_hash = |hash: &str| shown(&hash.chars().take(12).collect::<String>());
    let head = |hash: Option<&str>| hash.map_or("none".into(), short_hash);
    let differs = |same: bool| if same { "same" } else { "differs" };
    let now_head = about.head.as_ref().map(|head| head.sha256.as_str());
    let then_head = earlier.head.as_deref();
    let kernel = |kernel: &str, threads: usize| format!("{} × {threads}", shown(kernel));
    html! {
        (row("model", &short_hash(&earlier.model), &short_hash(&about.model.sha256), differs(earlier.model == about.model.sha256)))
        (row("head", &head(then_head), &head(now_head), differs(then_head == now_head)))
        (row("Goldcrest", &shown(&earlier.goldcrest), &about.version, differs(earlier.goldcrest == about.version)))
        (row("kernel and threads", &kernel(&earlier.kernel, earlier.threads), &kernel(&about.kernel, about.threads),
            differs(earlier.kernel == about.kernel && earlier.threads == about.threads)))
    }
}

fn differing(view: &View<'_>, earlier: &Earlier) -> Markup {
    if !earlier.is_of(view.about) {
        return html! {};
    }
    let differing = &view.gathered.differing;
    let shots: Vec<_> = differing.shots().collect();
    html! {
        h3 { "Another label" }
        @if differing.offered == 0 {
            p.lead { "Every " (view.about.noun(1)) " that both have was published under the same label." }
        } @else {
            p.lead {
                (differing.offered) " " (view.about.noun(differing.offered)) " had another label then"
                @if shots.len() as u64 != differing.offered { ". Shown is an even choice" }
                "."
            }
            (frames::gallery(view, &shots, |shot| {
                let then = shown(shot.other.as_deref().unwrap_or_default());
                format!("{then} → {}", view.label(shot.state))
            }))
        }
    }
}
