//! Damaged and muddled configurations: each is read or refused, in bounded memory, and no error
//! shows the password, wherever it stands.

use std::fs;
use std::path::Path;

use goldcrest::config;
use goldcrest::meter::heap;

use crate::support::{Cases, Ended, Random, alone, settles};

/// Cases of the run that is part of all tests.
const CASES: u64 = 3_000;
/// The most heap for a configuration of the sizes that are made here; 65 KiB were measured.
const MOST: i64 = 256 << 10;
/// The password. A name of a key has no such characters.
const SECRET: &str = "kestrel's egg #7";
/// The part of it that no error may show.
const SHOWN: &str = "kestrel";

/// A line of a section.
#[derive(Clone)]
struct Row {
    section: String,
    key: String,
    value: String,
}

/// The keys of the shipped configuration, with those that are commented out.
fn shipped() -> Vec<Row> {
    let text = include_str!("../../config.toml");
    let mut section = String::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        let line = line.trim_start_matches('#');
        if line.starts_with('[') && line.ends_with(']') {
            section = line.trim_matches(['[', ']']).into();
        } else if let Some((key, value)) = line.split_once(" = ")
            && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            && toml::from_str::<toml::Table>(line).is_ok()
        {
            rows.push(Row {
                section: section.clone(),
                key: key.into(),
                value: value.into(),
            });
        }
    }
    assert!(rows.len() > 60, "{}", rows.len());
    rows
}

/// A value of any type, often with the secret in it.
fn value(random: &mut Random, rows: &[Row]) -> String {
    let text = format!("\"{SECRET}\"");
    match random.below(20) {
        0 | 1 => text,
        2 => format!("[{text}]"),
        3 => format!("{{ a = {text} }}"),
        4 => format!("[[{text}], {text}]"),
        5 => format!("\"mqtt://bird:{SECRET}@host\""),
        6 => format!("\"{SECRET}://host\""),
        7 => format!("\"\"\"\n{SECRET}\n\"\"\""),
        8 => format!("\"{{{SECRET}}}\""),
        9 => format!("{{ {text} = 1 }}"),
        10 => "99999999999999999999999".into(),
        11 => ["-1", "0", "1e400", "nan", "0x7f", "3.5"][random.below(6)].into(),
        12 => "2026-11-27T06:00:00Z".into(),
        13 => "true".into(),
        14 => "[]".into(),
        15 => "[".repeat(random.below(300)),
        // No quotes, and a quote that does not end.
        16 => SECRET.into(),
        17 => format!("\"{SECRET}"),
        _ => rows[random.below(rows.len())].value.clone(),
    }
}

/// A configuration of some rows, a few of them muddled.
fn muddle(random: &mut Random, rows: &[Row]) -> String {
    let mut chosen: Vec<Row> = (0..1 + random.below(12))
        .map(|_| rows[random.below(rows.len())].clone())
        .collect();
    for _ in 0..random.below(4) {
        let at = random.below(chosen.len());
        let other = rows[random.below(rows.len())].clone();
        match random.below(8) {
            0 => chosen[at].section = other.section,
            1 => chosen[at].key = other.key,
            2 => chosen[at].key = format!("\"{SECRET}\""),
            3 => chosen[at].section = format!("\"{SECRET}\".a"),
            4 => chosen[at].key.push('x'),
            _ => chosen[at].value = value(random, rows),
        }
    }
    if random.below(3) == 0 {
        let (section, key) = ("mqtt".into(), "password".into());
        let value = value(random, rows);
        chosen.push(Row {
            section,
            key,
            value,
        });
    }
    chosen.sort_by(|a, b| (&a.section, &a.key).cmp(&(&b.section, &b.key)));
    // TOML refuses a key that stands twice, so most cases would end there.
    if random.below(8) > 0 {
        chosen.dedup_by(|a, b| (&a.section, &a.key) == (&b.section, &b.key));
    }
    let (mut text, mut section) = (String::new(), String::new());
    for row in chosen {
        if row.section != section {
            text += &format!("[{}]\n", row.section);
            section = row.section;
        }
        text += &format!("{} = {}\n", row.key, row.value);
    }
    text
}

/// Does one kind of damage to `data`.
fn damage(random: &mut Random, data: &mut Vec<u8>) {
    let at = random.below(data.len());
    match random.below(6) {
        _ if data.is_empty() => {}
        0 => data[at] ^= 1 << random.below(8),
        1 => data[at] = b"\"'[]{}=.,#\n\\"[random.below(12)],
        2 => data.truncate(at),
        3 => drop(data.drain(random.part(data))),
        4 => {
            let part = data[random.part(data)].to_vec();
            data.splice(at..at, part);
        }
        _ => drop(data.splice(at..at, [0xff, 0, b'\n', 0x1b].iter().copied())),
    }
}

/// Writes what some bytes are: the file, a drop-in, or one that the file includes.
fn write(random: &mut Random, folder: &Path, data: &[u8]) {
    let drop_in = folder.join("config.toml.d/1.toml");
    let common = folder.join("common.toml");
    for file in [&drop_in, &common] {
        fs::write(file, "").unwrap();
    }
    let main = match random.below(6) {
        0 => {
            fs::write(drop_in, data).unwrap();
            "[mqtt]\nusername = \"bird\"\n".as_bytes()
        }
        1 => {
            fs::write(common, data).unwrap();
            "include = [\"common.toml\"]\n".as_bytes()
        }
        _ => data,
    };
    fs::write(folder.join("config.toml"), main).unwrap();
}

/// How a configuration ended, in a word or two.
fn outcome(read: Result<config::Loaded, config::Error>) -> &'static str {
    let error = match read {
        Ok(_) => return "read",
        Err(error) => error,
    };
    let line = error.to_string();
    assert!(!line.contains(SHOWN), "an error shows the secret: {line}");
    assert!(line.len() < 4096, "{} bytes: {line}", line.len());
    for (part, outcome) in [
        ("not TOML", "no TOML"),
        ("unknown key", "unknown key"),
        ("cannot be read", "not read"),
        ("must ", "must be another"),
    ] {
        if line.contains(part) {
            return outcome;
        }
    }
    "refused"
}

fn fuzz(cases: &Cases) {
    let _alone = alone();
    let rows = shipped();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("config.toml.d")).unwrap();
    let path = folder.path().join("config.toml");
    let before = heap::now().live;
    cases.run(5, |_, random| {
        let mut data = muddle(random, &rows).into_bytes();
        if random.below(2) == 0 {
            for _ in 0..1 + random.below(3) {
                damage(random, &mut data);
            }
        }
        write(random, folder.path(), &data);
        let outcome = outcome(config::load(Some(&path)));
        Ended {
            outcome,
            most: MOST,
        }
    });
    settles(before + 4096);
}

#[test]
fn muddled_configurations_show_no_secret() {
    fuzz(&Cases::few(CASES));
}

#[test]
#[ignore = "as long as one likes; see main.rs"]
fn muddled_configurations_show_no_secret_for_long() {
    fuzz(&Cases::many());
}
