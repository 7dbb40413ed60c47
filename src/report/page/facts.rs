//! Memory, and what made the page.

use maud::{Markup, html};

use super::super::lines::Lines;
use super::{View, shown};

/// The table of memory.
pub(super) fn memory(view: &View<'_>) -> Markup {
    html! {
        section {
            h2 { "Memory" }
            div.wide tabindex="0" role="region" aria-label="Table of memory" {
                table {
                    thead { tr { th scope="col" { "what" } th.n scope="col" { "MiB" } th scope="col" { "" } } }
                    tbody {
                        @for line in &view.ended.memory {
                            tr { th scope="row" { (line.what) } td.n { (format!("{:.2}", line.mib)) } td { (line.note) } }
                        }
                    }
                }
            }
        }
    }
}

/// The command, versions and hashes.
pub(super) fn made(view: &View<'_>) -> Markup {
    let about = view.about;
    let rule = about.rule;
    let spread = match rule.spread {
        0.0 => "any number of labels".into(),
        spread => format!("at most {spread:.1} labels"),
    };
    html! {
        section {
            h2 { "How this page was made" }
            pre.command { (shown(&about.command)) }
            dl.facts {
                dt { "recording" } dd { (shown(&about.recording)) }
                dt { "made" } dd { (shown(&about.made)) }
                dt { "Goldcrest" } dd { (shown(&about.version)) }
                dt { "model" } dd { (shown(&about.model.path)) br; code { (shown(&about.model.sha256)) } }
                dt { "head" } dd {
                    @if let Some(head) = &about.head { (shown(&head.path)) br; code { (shown(&head.sha256)) } }
                    @else { "none: the model's own labels" }
                }
                dt { "configuration" } dd { (about.configuration.as_deref().map_or("none: the defaults".into(), shown)) }
                dt { "computed by" } dd { (shown(&about.kernel)) ", " (about.threads) @if about.threads == 1 { " thread" } @else { " threads" } }
                dt { "thresholds" } dd {
                    "claimed from " (format!("{:.2}", rule.threshold)) ", with a lead of " (format!("{:.2}", rule.margin)) ", spread over " (spread)
                    @if !about.stills { "; kept until " (format!("{:.2}", rule.release)) }
                }
            }
        }
    }
}

/// Where the data is.
pub(super) fn data(lines: &Lines) -> Markup {
    html! {
        p {
            "The data of this page is JSON in the element " code { "goldcrest-data" } " of its source"
            @if let Some(why) = lines.reduced() { ". " (why) }
            ". "
            button #save type="button" hidden { "Save as JSON" }
        }
    }
}
