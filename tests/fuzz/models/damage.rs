//! Damage, and what counts as an orderly end.

use goldcrest::engine::Error;

use crate::support::Random;

/// Does one kind of damage to any bytes.
pub fn damage(random: &mut Random, data: &mut Vec<u8>) {
    if data.is_empty() {
        data.push(random.byte());
    }
    let at = random.below(data.len());
    match random.below(8) {
        0 => data[at] ^= 1 << random.below(8),
        1 => data[at] = [0, 1, 0x7f, 0x80, 0xff, b'\n', 0x1b, b'"'][random.below(8)],
        2 => data.truncate(at),
        3 => drop(data.drain(random.part(data))),
        4 => {
            let part = data[random.part(data)].to_vec();
            data.splice(at..at, part);
        }
        5 => {
            let part = random.part(data);
            data[part].fill([0, 0xff, random.byte()][random.below(3)]);
        }
        6 => {
            let length = 4.min(data.len() - at);
            let number = random.next() as u32 >> random.below(32);
            data[at..at + length].copy_from_slice(&number.to_le_bytes()[..length]);
        }
        _ => drop(data.splice(
            at..at,
            std::iter::repeat_n(random.byte(), random.below(300)),
        )),
    }
}

/// Numbers that sizes, offsets and scales go wrong with.
const NUMBERS: [&str; 24] = [
    "0",
    "1",
    "-1",
    "3",
    "15",
    "16",
    "17",
    "63",
    "64",
    "4096",
    "65535",
    "65536",
    "65537",
    "16777216",
    "67108865",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "nan",
    "inf",
    "-inf",
    "1e-45",
    "0.0",
];

/// Puts another number, or another text, in the place of one in a file of TOML.
pub fn retype(random: &mut Random, text: &mut String) {
    let places: Vec<usize> = text.match_indices("= ").map(|(at, _)| at + 2).collect();
    let Some(&from) = places.get(random.below(places.len())) else {
        return;
    };
    let line = text[from..].find('\n').map_or(text.len(), |n| from + n);
    let value = match random.below(8) {
        0 => format!("[{}, {}]", number(random), number(random)),
        1 => format!("\"{}\"", "a\\u001b\\n../".repeat(random.below(60))),
        2 => {
            // One of a list.
            let old = text[from..line].to_string();
            old.replacen(|c: char| c.is_ascii_digit(), number(random), 1)
        }
        3 => "[".repeat(random.below(2000)),
        _ => number(random).into(),
    };
    text.replace_range(from..line, &value);
}

fn number(random: &mut Random) -> &'static str {
    NUMBERS[random.below(NUMBERS.len())]
}

/// How an error ends a case. One that is not told in a line, or with a character that a terminal
/// obeys, is a finding.
pub fn refused(error: &Error) -> &'static str {
    let text = error.to_string();
    assert!(
        !text.chars().any(char::is_control) && text.len() < 2000,
        "no line: {text:?}"
    );
    match error {
        Error::Io { .. } => "unreadable",
        Error::Model { path, .. } if path.ends_with("labels.txt") => "wrong labels",
        Error::Model { .. } => "wrong file",
        Error::Bundle { .. } => "no bundle",
        Error::Head(_) => "no head",
        Error::Setup(_) => panic!("{text}"),
        Error::Run(_) => "does not run",
        _ => "refused",
    }
}
