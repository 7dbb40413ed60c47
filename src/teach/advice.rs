//! What would make a head better, in sentences.

use super::accuracy::Told;
use super::bursts::Lessons;
use super::kinds::Kinds;
use crate::engine::{Class, NOTHING};

/// The most sentences.
const MOST: usize = 100;
/// Bursts of a label below which more are wanted.
const WANTED: u32 = 5;
/// Examples of each label from which on few strangers are claimed. With 5 labels of 5 examples 29 %
/// are, with 10 examples 17 %.
const FAMILIAR: u32 = 10;
/// How many times the examples of another label one may have.
const EVEN: u32 = 3;
/// Share of the left-out examples of a label that another one takes, from which both look alike.
const CONFUSED: f64 = 0.25;
/// Cosine of the means of two labels that cannot be tested, from which they look alike.
const ALIKE: f64 = 0.997;

/// Sentences that name what to add, the gravest first.
pub(super) fn warnings(lessons: &Lessons, told: &Told, kinds: &Kinds, flat: bool) -> Vec<String> {
    let mut all = Vec::new();
    if lessons.labels.len() == 1 {
        all.push(format!(
            "\"{}\" is the only label, so only strangers are told from it; add a label of what it is not, such as \"{NOTHING}\"",
            lessons.label(0)
        ));
    }
    if flat {
        all.push(
            "all examples look the same, so nothing can be told apart; check the pictures, the crop and the mask"
                .into(),
        );
    }
    alike(lessons, told, kinds, &mut all);
    told.classes.iter().for_each(|class| few(class, &mut all));
    uneven(&told.classes, &mut all);
    strangers(&told.classes, &mut all);
    missing(lessons, &mut all);
    copies(lessons, &mut all);
    all.truncate(MOST);
    all
}

fn few(class: &Class, all: &mut Vec<String>) {
    let Class {
        label,
        examples,
        bursts,
        ..
    } = class;
    let wanted = WANTED.saturating_sub(*bursts);
    match (examples, bursts) {
        (1, _) => all.push(format!(
            "\"{label}\" has one example, which is very little and cannot be tested; add {wanted} from other moments"
        )),
        (_, 1) => all.push(format!(
            "the {examples} examples of \"{label}\" are of one moment and cannot be tested; add {wanted} from other moments"
        )),
        _ if wanted > 0 => all.push(format!(
            "\"{label}\" has examples of {bursts} moments only; add {wanted} more"
        )),
        _ => {}
    }
}

fn uneven(classes: &[Class], all: &mut Vec<String>) {
    let counts = classes.iter().map(|class| class.examples);
    let most = counts.clone().max().unwrap_or(0);
    let Some(largest) = classes.iter().find(|class| class.examples == most) else {
        return;
    };
    for class in classes {
        if class.examples * EVEN < most {
            all.push(format!(
                "\"{}\" has {} examples and \"{}\" has {most}; add {} of \"{}\"",
                class.label,
                class.examples,
                largest.label,
                most.div_ceil(EVEN) - class.examples,
                class.label
            ));
        }
    }
}

/// What is unlike all labels is told from them by examples. Pictures of nothing show it too.
fn strangers(classes: &[Class], all: &mut Vec<String>) {
    let few = |class: &Class| class.examples < FAMILIAR;
    if classes.iter().all(few) && classes.iter().all(|class| class.label != NOTHING) {
        all.push(format!(
            "with fewer than {FAMILIAR} examples of a label, about three in ten pictures of other things are claimed \
             as one of the labels; add examples, or pictures of such things as \"{NOTHING}\""
        ));
    }
}

fn alike(lessons: &Lessons, told: &Told, kinds: &Kinds, all: &mut Vec<String>) {
    let width = lessons.examples.width();
    let confused = |a: usize, b: usize| {
        let row = &told.confusions[a];
        let sum: usize = row.iter().sum();
        // One example proves nothing.
        row[b] >= 2 && row[b] as f64 >= CONFUSED * sum as f64
    };
    let untested = |a: usize| told.classes[a].accuracy.is_none();
    for a in 0..lessons.labels.len() {
        for b in 0..a {
            let near = untested(a) && untested(b) && kinds.between(a, b, width) >= ALIKE;
            if near || confused(a, b) || confused(b, a) {
                all.push(format!(
                    "examples of \"{}\" and \"{}\" look alike; check that they are sorted right, and add some that show the difference, or a crop",
                    lessons.label(b),
                    lessons.label(a)
                ));
            }
        }
    }
}

fn missing(lessons: &Lessons, all: &mut Vec<String>) {
    for (index, label) in lessons.examples.labels().iter().enumerate() {
        if !lessons.labels.contains(&index) {
            all.push(format!(
                "\"{label}\" has no examples and is left out; add some"
            ));
        }
    }
}

fn copies(lessons: &Lessons, all: &mut Vec<String>) {
    for (kind, segment) in lessons.segments.iter().enumerate() {
        let label = lessons.labels[kind];
        let given = (0..lessons.examples.len()).filter(|&i| lessons.examples.kind(i) == label);
        let (given, kept) = (given.count(), segment.len());
        if kept * 2 <= given {
            all.push(format!(
                "of {given} examples of \"{}\", {kept} count: the others look like these; add some from other moments",
                lessons.label(kind)
            ));
        }
    }
}
