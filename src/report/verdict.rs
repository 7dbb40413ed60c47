//! The result in one sentence.

use super::about::Ended;
use super::confusion::Table;
use super::gather::Gathered;

/// The labels that the sentence names.
const NAMED: usize = 3;

/// The sentence. `table` is that of pictures whose label is known.
pub(super) fn verdict(gathered: &Gathered, ended: &Ended<'_>, table: Option<&Table>) -> String {
    let about = &gathered.about;
    let mut text = if gathered.frames == 0 {
        format!("No {} could be read.", about.noun(1))
    } else if let Some(table) = table {
        let [low, high] = table.interval.map(whole_percent);
        format!(
            "{} of {} {} right ({} %, 95 % interval {low}–{high} %).",
            table.right,
            table.pictures,
            about.noun(table.pictures),
            whole_percent(table.right as f64 / table.pictures.max(1) as f64)
        )
    } else if about.stills {
        stills(gathered)
    } else {
        film(gathered)
    };
    if ended.interrupted {
        text += " Interrupted before the end of the recording.";
    }
    text
}

fn film(gathered: &Gathered) -> String {
    let (about, total) = (&gathered.about, gathered.seconds());
    let labels = gathered.labels();
    let known = labels.iter().filter(|(label, _)| label.is_some());
    let amount = |share: &super::gather::Share| match total {
        // A film of one frame lasts no time.
        0.0 => format!("{} {}", share.frames, about.noun(share.frames)),
        _ => duration(share.seconds),
    };
    let of = match total {
        0.0 => format!("{} {}", gathered.frames, about.noun(gathered.frames)),
        _ => duration(total),
    };
    let mut parts: Vec<String> = known
        .clone()
        .take(NAMED)
        .map(|(label, share)| format!("{} for {}", about.label(*label), amount(share)))
        .collect();
    let Some(first) = parts.first_mut() else {
        return format!("No label was known in {of}.");
    };
    *first += &format!(" of {of}");
    let more = known.count().saturating_sub(NAMED);
    if more > 0 {
        let noun = if more == 1 { "label" } else { "labels" };
        parts.push(format!("{more} more {noun}"));
    }
    let changes = match gathered.runs.changes() {
        0 => "no change".into(),
        1 => "1 change".into(),
        n => format!("{n} changes"),
    };
    let unknown = gathered.shares.first().filter(|share| share.frames > 0);
    let unknown = match unknown {
        Some(share) => format!("{} for {}", about.unknown, amount(share)),
        None => format!("never {}", about.unknown),
    };
    format!("{}; {changes}; {unknown}.", parts.join(", "))
}

fn stills(gathered: &Gathered) -> String {
    let about = &gathered.about;
    let labels = gathered.labels();
    let known: Vec<_> = labels.iter().filter(|(label, _)| label.is_some()).collect();
    let (of, noun) = (gathered.frames, about.noun(gathered.frames));
    let mut parts: Vec<String> = known
        .iter()
        .take(NAMED)
        .map(|(label, share)| format!("{} in {}", about.label(*label), share.frames))
        .collect();
    let Some(first) = parts.first_mut() else {
        return format!("No label is known of {of} {noun}.");
    };
    *first += &format!(" of {of} {noun}");
    if known.len() > NAMED {
        parts.push(format!("{} more labels", known.len() - NAMED));
    }
    let unknown = match gathered.shares.first() {
        Some(share) if share.frames > 0 => format!("{} in {}", about.unknown, share.frames),
        _ => format!("never {}", about.unknown),
    };
    format!("{}; {unknown}.", parts.join(", "))
}

/// A share as a whole number of percent. Nothing but all is 100, and nothing but none is 0.
pub(super) fn whole_percent(share: f64) -> u32 {
    let percent = (100.0 * share.clamp(0.0, 1.0)).round() as u32;
    match percent {
        100 if share < 1.0 => 99,
        0 if share > 0.0 => 1,
        percent => percent,
    }
}

/// A duration in words.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "–".into();
    }
    let whole = seconds.round() as u64;
    match whole {
        0..10 if seconds < 9.95 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_people_say_them() {
        for (seconds, text) in [
            (0.0, "0.0 s"),
            (5.84, "5.8 s"),
            (9.96, "10 s"),
            (42.3, "42 s"),
            (59.6, "1 min 0 s"),
            (200.0, "3 min 20 s"),
            (7_500.0, "2 h 5 min"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn only_all_is_a_hundred_percent() {
        assert_eq!(
            [0.999, 1.0, 0.001, 0.0, 0.95].map(whole_percent),
            [99, 100, 1, 0, 95]
        );
    }
}
