//! The page as a whole.

use std::io::Write as _;
use std::time::Duration;

use super::*;
use crate::meter::Tally;
use crate::meter::timing::Stages;
use crate::observe::{Ranked, Rule};

/// What labels and names may try.
const HOSTILE: &str = "</script><script>alert(1)</script>\u{202e}\"'&<!--";

pub(super) fn about() -> About {
    let file = |path: &str| FileHash {
        path: path.into(),
        sha256: "ab".repeat(32),
    };
    About {
        recording: "recordings/door".into(),
        name: "door".into(),
        stills: false,
        command: "goldcrest replay recordings/door --report door.html".into(),
        made: "2026-11-27T18:00:00.000Z".into(),
        version: "0.1.0".into(),
        kernel: "scalar".into(),
        threads: 1,
        model: file("model.onnx"),
        head: None,
        configuration: None,
        rule: Rule::default(),
        labels: vec!["open".into(), "closed".into(), "cat".into()],
        unknown: "unknown".into(),
        truths: Vec::new(),
        nothing: "none",
    }
}

pub(super) fn shot(seq: u64) -> Shot {
    Shot {
        seq,
        time: seq as f64 / 10.0,
        name: format!("{seq}.jpg"),
        state: None,
        top: Vec::new(),
        other: None,
        picture: Picture::default(),
    }
}

/// A picture that is as large as it may be.
fn picture(bytes: usize) -> Picture {
    Picture {
        width: 160,
        height: 90,
        jpeg: vec![0xab; bytes],
    }
}

/// Gathers frames, of which `of` gives the best label, its score, the state and the folder.
fn gather(
    about: About,
    earlier: Option<Earlier>,
    frames: u64,
    of: impl Fn(u64) -> (usize, f32, Option<usize>, Option<usize>),
) -> (Gathered, Lines) {
    let name = about.name.clone();
    let labels = about.labels.clone();
    let (mut gathered, mut lines) = (Gathered::new(about, earlier), Lines::default());
    for seq in 0..frames {
        let (label, score, state, truth) = of(seq);
        let top = [
            (label, score),
            ((label + 1) % labels.len(), (1.0 - score) / 2.0),
        ];
        let top = top.map(|(index, score)| Ranked { index, score });
        let source = format!("{name}/{HOSTILE}-{seq:06}.jpg");
        let seen = Seen {
            seq,
            time: seq as f64 / 10.0,
            name: &source,
            top: &top,
            state,
            uncertain: score < 0.65,
            truth,
        };
        let wanted = gathered.add(&seen);
        if wanted.kept {
            gathered.add_kept(Some(picture(9 << 10)));
        }
        if wanted.small {
            gathered.add_small(&seen, picture(4 << 10));
        }
        if wanted.large {
            gathered.add_large(&seen, picture(9 << 10));
        }
        let json = serde_json::json!({
            "seq": seq, "source": source, "path": source, "time": seen.time, "label": labels[label],
            "score": score, "top": top.map(|r| serde_json::json!({"label": labels[r.index], "score": r.score})), "state": null,
        });
        crate::escape::write_json(&mut lines, &json).unwrap();
        lines.write_all(b"\n").unwrap();
    }
    if gathered.finish() {
        gathered.add_kept(Some(picture(9 << 10)));
    }
    (gathered, lines)
}

fn page(gathered: &Gathered, lines: &Lines) -> String {
    let mut stages = Stages::default();
    for ms in [8, 9, 9, 10, 30] {
        stages.vision.add(Duration::from_millis(ms / 8));
        stages.infer.add(Duration::from_millis(ms));
    }
    let mut passed_over = Tally::default();
    passed_over.add("corrupt");
    let ended = Ended {
        took: Duration::from_secs(2),
        stages: &stages,
        memory: vec![MemoryLine {
            what: "resident at the peak",
            note: "measured",
            mib: 36.6,
        }],
        peak_mib: 36.6,
        passed_over: &passed_over,
        filled_in: 1,
        interrupted: false,
    };
    html(gathered, &ended, lines)
}

/// The page is whole, and nothing in it is from elsewhere, moves, or is no number.
fn is_sound(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    assert!(page.len() <= PAGE, "{} bytes", page.len());
    assert_eq!(page.matches("<script").count(), 2, "ours and the data");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("alert(1)</"), "a name got through");
    assert!(!page.contains('\u{202e}'));
    for wrong in [
        "http://",
        "https://",
        "NaN",
        "inf ",
        "\"inf\"",
        " style=\"",
        " onclick",
    ] {
        assert!(!page.contains(wrong), "{wrong}");
    }
}

/// The verdict, with usual spaces.
fn heading(page: &str) -> String {
    let (_, heading) = page.split_once("<h1>").unwrap();
    heading
        .split_once("</h1>")
        .unwrap()
        .0
        .replace('\u{a0}', " ")
}

fn data(page: &str) -> serde_json::Value {
    let (_, data) = page.split_once(earlier::MARK).unwrap();
    serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn a_replay_without_a_frame_has_a_page() {
    let (gathered, lines) = gather(about(), None, 0, |_| unreachable!());
    let page = page(&gathered, &lines);
    is_sound(&page);
    assert_eq!(heading(&page), "No frame could be read.");
    assert!(page.contains("1 passed over"), "{page}");
    assert_eq!(data(&page)["frames"], serde_json::json!([]));
}

#[test]
fn a_replay_of_one_frame_has_a_page() {
    let (gathered, lines) = gather(about(), None, 1, |_| (0, 0.9, Some(0), None));
    let page = page(&gathered, &lines);
    is_sound(&page);
    assert!(
        page.contains("open for 1 frame of 1 frame; no change; never unknown."),
        "{page}"
    );
    assert_eq!(data(&page)["frames"][0]["label"], "open");
}

#[test]
fn the_verdict_tells_times_and_changes() {
    let (gathered, lines) = gather(about(), None, 600, |seq| match seq {
        0..20 => (0, 0.5, None, None),
        20..500 => (0, 0.9, Some(0), None),
        _ => (1, 0.8, Some(1), None),
    });
    let page = page(&gathered, &lines);
    is_sound(&page);
    let verdict = "open for 48 s of 1 min 0 s, closed for 10 s; 2 changes; unknown for 2.0 s.";
    assert_eq!(heading(&page), verdict);
    let data = data(&page);
    assert_eq!(data["verdict"], verdict);
    assert_eq!(data["frames"].as_array().unwrap().len(), 600);
    assert_eq!(data["runs"].as_array().unwrap().len(), 3);
}

#[test]
fn every_text_from_outside_is_escaped() {
    let hostile = About {
        recording: HOSTILE.into(),
        name: HOSTILE.into(),
        command: HOSTILE.into(),
        kernel: HOSTILE.into(),
        head: Some(FileHash {
            path: HOSTILE.into(),
            sha256: HOSTILE.into(),
        }),
        configuration: Some(HOSTILE.into()),
        labels: vec![HOSTILE.into(), format!("{HOSTILE}2"), "c".into()],
        unknown: format!("{HOSTILE}0"),
        truths: vec![HOSTILE.into(), "d".into()],
        ..about()
    };
    let of = |seq: u64| {
        (
            seq as usize % 2,
            0.6,
            Some(seq as usize % 2),
            Some(seq as usize % 2),
        )
    };
    let (gathered, lines) = gather(hostile.clone(), None, 40, of);
    let first = page(&gathered, &lines);
    is_sound(&first);
    assert_eq!(data(&first)["name"], HOSTILE);
    let earlier = Earlier::read(&first).unwrap();
    let other = |seq: u64| (0, 0.6, None, Some(seq as usize % 2));
    let (gathered, lines) = gather(hostile, Some(earlier), 40, other);
    let second = page(&gathered, &lines);
    is_sound(&second);
    assert!(second.contains("Another label"));
}

#[test]
fn ten_thousand_frames_fit_into_five_megabytes() {
    // Everything at its worst: each frame a change, wrong, uncertain, and with a long name.
    let about = About {
        truths: vec!["open".into(), "none".into()],
        ..about()
    };
    let worst = |seq: u64| {
        let label = seq as usize % 3;
        (
            label,
            0.4,
            [None, Some(label)][seq as usize % 2],
            Some(seq as usize % 2),
        )
    };
    let (gathered, lines) = gather(about.clone(), None, 10_000, worst);
    let first = page(&gathered, &lines);
    is_sound(&first);
    let earlier = Earlier::read(&first).unwrap();
    let (gathered, lines) = gather(about, Some(earlier), 10_000, |seq| worst(seq + 1));
    let held = gathered.bytes() + lines.bytes();
    assert!(held < GATHERED, "{held} bytes are held");
    let second = page(&gathered, &lines);
    is_sound(&second);
    assert!(data(&second)["frames"].as_array().unwrap().len() == 10_000);
}

#[test]
fn a_hundred_thousand_frames_fit_too() {
    let (gathered, lines) = gather(about(), None, 100_000, |seq| {
        (seq as usize % 3, 0.9, Some(seq as usize / 1_000 % 3), None)
    });
    let page = page(&gathered, &lines);
    is_sound(&page);
    assert!(page.contains("the runs of equal labels"));
    assert_eq!(data(&page)["runs"].as_array().unwrap().len(), 100);
}

#[test]
fn scores_that_are_no_numbers_leave_the_page_whole() {
    let (gathered, lines) = gather(about(), None, 5, |_| (0, f32::NAN, None, None));
    is_sound(&page(&gathered, &lines).replace("null", ""));
}

#[test]
fn known_labels_make_a_table_and_an_interval() {
    let about = About {
        stills: true,
        truths: vec!["closed".into(), "none".into(), "open".into()],
        ..about()
    };
    let (gathered, lines) = gather(about, None, 60, |seq| match seq {
        0..30 => (1, 0.9, Some(1), Some(0)),
        30..33 => (0, 0.9, Some(0), Some(0)),
        33..40 => (2, 0.3, None, Some(1)),
        _ => (0, 0.9, Some(0), Some(2)),
    });
    let page = page(&gathered, &lines);
    is_sound(&page);
    let verdict = "57 of 60 pictures right (95 %, 95 % interval 86–99 %).";
    assert_eq!(heading(&page), verdict);
    assert!(page.contains("closed, seen as open"));
    assert_eq!(data(&page)["accuracy"]["right"], 57);
}

#[test]
fn frames_whose_label_changed_are_compared() {
    let before = |seq: u64| (0, 0.9, [Some(0), Some(1)][usize::from(seq > 50)], None);
    let after = |seq: u64| (0, 0.9, [Some(0), None][usize::from(seq > 40)], None);
    let (gathered, lines) = gather(about(), None, 100, before);
    let earlier = Earlier::read(&page(&gathered, &lines)).unwrap();
    let (gathered, lines) = gather(about(), Some(earlier.clone()), 100, after);
    assert_eq!(gathered.differing.offered, 59);
    assert!(gathered.differing.shots().len() <= 24);
    let compared = page(&gathered, &lines);
    is_sound(&compared);
    assert!(
        compared.contains("59 frames had another label then"),
        "{compared}"
    );
    assert!(compared.contains("closed → unknown"));

    let other = About {
        name: "gate".into(),
        ..about()
    };
    let (gathered, lines) = gather(other, Some(earlier), 100, after);
    assert_eq!(gathered.differing.offered, 0);
    assert!(page(&gathered, &lines).contains("of another recording, door"));
}

#[test]
fn what_is_no_report_is_refused() {
    let (gathered, lines) = gather(about(), None, 3, |_| (0, 0.9, None, None));
    let page = page(&gathered, &lines);
    for (text, says) in [
        (String::new(), "no page that"),
        ("<html>".into(), "no page that"),
        (
            page[..page.len() / 2].to_string() + earlier::MARK,
            "no page that",
        ),
        (
            format!("{}{{\"v\":2}}</script>", earlier::MARK),
            "version 2",
        ),
        (format!("{}{{\"v\":1}}</script>", earlier::MARK), "damaged"),
        (page.replace("\"seconds\":0.3", "\"seconds\":[]"), "damaged"),
    ] {
        let why = Earlier::read(&text).unwrap_err().to_string();
        assert!(why.contains(says), "{why}");
        assert!(!why.contains('\n'), "{why}");
    }
    assert!(Earlier::read(&page).is_ok());
}
