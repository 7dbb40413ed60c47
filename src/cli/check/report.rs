//! What `check` found, for people and as JSON.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::head::{Head, InForce};
use super::look::Look;
use super::model::Found;
use crate::engine::Layer;
use crate::escape::OneLine;
use crate::memory::{Guard, Item};
use crate::setup::Failure;
use crate::source::camera::Survey;

/// The result for one part.
#[derive(Serialize)]
pub(super) struct Finding {
    what: Cow<'static, str>,
    ok: bool,
    says: String,
    #[serde(skip)]
    code: u8,
}

/// What `--json` prints.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    /// The files of the configuration, in the order in which a later one wins.
    pub files: &'a [PathBuf],
    pub findings: &'a [Finding],
    pub layers: &'a [Layer],
    /// The taught head; `null` with the model's own classifier.
    pub head: Option<&'a Head>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observe: Option<&'a InForce>,
    /// What looks at each region, in the place of `head` and `observe`; left out without regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<&'a Look>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryReport<'a>>,
    /// What the daemon was taught; left out where teaching is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taught: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cameras: Option<&'a Survey>,
}

/// The predicted need of a daemon, in bytes.
#[derive(Serialize)]
pub(super) struct MemoryReport<'a> {
    budget: usize,
    needed: usize,
    pinned: usize,
    parts: &'a [Item],
}

impl Finding {
    /// What trying the part `what` found.
    pub fn of(what: impl Into<Cow<'static, str>>, found: Result<String, Failure>) -> Self {
        let what = what.into();
        match found {
            Ok(says) => Self {
                what,
                ok: true,
                says,
                code: 0,
            },
            Err(failure) => Self {
                what,
                ok: false,
                says: failure.message,
                code: failure.code,
            },
        }
    }
}

impl Finding {
    /// Whether it is one of `what`, and that failed.
    pub fn failed(&self, what: &str) -> bool {
        self.what == what && !self.ok
    }
}

impl<'a> Report<'a> {
    /// The report of a configuration that is refused.
    pub fn of_nothing_but(finding: &'a Finding) -> Self {
        Self {
            files: &[],
            findings: std::slice::from_ref(finding),
            layers: &[],
            head: None,
            observe: None,
            regions: Vec::new(),
            memory: None,
            taught: None,
            cameras: None,
        }
    }
}

impl<'a> MemoryReport<'a> {
    /// What `guard` predicts.
    pub fn of(guard: &'a Guard) -> Self {
        let need = guard.need();
        Self {
            budget: guard.budget(),
            needed: need.total(),
            pinned: need.pinned(),
            parts: &need.items,
        }
    }
}

/// Names the parts that failed.
pub(super) fn conclusion(findings: &[Finding]) -> Result<(), Failure> {
    let failed: Vec<&Finding> = findings.iter().filter(|f| !f.ok).collect();
    let Some(first) = failed.first() else {
        return Ok(());
    };
    let names: Vec<&str> = failed.iter().map(|f| &*f.what).collect();
    let message = format!(
        "check: {} of {} failed: {}",
        failed.len(),
        findings.len(),
        names.join(", ")
    );
    Err(Failure::new(first.code, message))
}

/// For people: layers if it is `verbose`, cameras, memory and the head's labels, then the results,
/// one a line, where a reader looks first.
pub(super) fn text(
    findings: &[Finding],
    found: &Found,
    cameras: Option<&Survey>,
    verbose: bool,
) -> String {
    let results = findings.iter().map(|Finding { what, ok, says, .. }| {
        let ok = if *ok { "ok  " } else { "FAIL" };
        one_line(format_args!("{what:<14} {ok}  {says}"))
    });
    let layers: &[Layer] = if verbose { &found.layers } else { &[] };
    let layers = layers.iter().map(|layer| {
        let Layer {
            name,
            op,
            kernel,
            dtype,
            macs,
            weight_bytes,
        } = layer;
        one_line(format_args!(
            "  {name:<28} {op:<18} {kernel:<14} {dtype:<6} {macs:>10} MACs {weight_bytes:>8} bytes"
        ))
    });
    let heads = found.looks.iter().filter_map(|look| look.head.as_ref());
    let head = heads.flat_map(Head::table);
    let lines: Vec<String> = layers
        .chain(cameras.map(|survey| survey.to_string().trim_end().into()))
        .chain(found.guard.as_ref().map(|guard| guard.need().to_string()))
        .chain(head.map(|line| one_line(format_args!("{line}"))))
        .chain(results)
        .collect();
    lines.join("\n")
}

fn one_line(text: fmt::Arguments<'_>) -> String {
    OneLine(text).to_string()
}
