//! When a picture was taken, by the name of its file.
//!
//! `teach` counts pictures of one moment together, so that a hundred frames of the same minute are
//! no hundred proofs. The time of a file would not do: a copy has another one.

use std::time::Duration;

/// Days from 1 January of the year 0 to 1 January 1970.
const TO_1970: i64 = 719_528;

/// When a picture was taken.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moment {
    /// Whose clock it is: that of a film, by its name, or the wall clock, which has none.
    pub clock: String,
    /// Seconds on that clock.
    pub seconds: f64,
}

/// The name, without its ending, of a picture that is taken out of the film `film` after `elapsed`:
/// `porch-00h01m23.400s`. Names of one film are in the order of time.
pub(super) fn name(film: &str, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!(
        "{film}-{:02}h{:02}m{:02}.{:03}s",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        elapsed.subsec_millis()
    )
}

impl Moment {
    /// The moment in the name of a file, without its ending: as [`name`] writes it, a date with a
    /// time, as phones, cameras and `[review]` write them (`IMG_20261127_013500`,
    /// `20261127T013500Z-changed-open-0.93`, `2026-11-27 01.35.00`), or seconds or milliseconds
    /// since 1970 (`porch-1795743300.25-x7`, `1795743300250`). None for all other names.
    pub fn of(stem: &str) -> Option<Self> {
        let of_film = || {
            let (film, time) = stem.rsplit_once('-')?;
            let seconds = clock_time(time)?;
            Some(Self {
                clock: film.into(),
                seconds,
            })
        };
        let on_the_wall = || {
            let seconds = runs(stem).find_map(|at| date(&stem[at..]).or_else(|| unix(&stem[at..])));
            Some(Self {
                clock: String::new(),
                seconds: seconds?,
            })
        };
        of_film().or_else(on_the_wall)
    }
}

/// The seconds of `00h01m23.400s`.
fn clock_time(text: &str) -> Option<f64> {
    let (hours, rest) = text.strip_suffix('s')?.split_once('h')?;
    let (minutes, seconds) = rest.split_once('m')?;
    let (whole, thousandths) = seconds.split_once('.')?;
    let digits = |text: &str, least: usize| -> Option<f64> {
        let good = text.len() >= least && text.len() <= 9;
        let good = good && text.bytes().all(|b| b.is_ascii_digit());
        good.then(|| text.parse().ok())?
    };
    let seconds = digits(whole, 2)? + digits(thousandths, 3)? / 1000.0;
    Some(digits(hours, 2)? * 3600.0 + digits(minutes, 2)? * 60.0 + seconds)
}

/// Where runs of digits begin.
fn runs(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (0..bytes.len()).filter(move |&at| digit(at) && (at == 0 || !digit(at - 1)))
}

/// Takes a number of exactly `length` digits from the beginning of `text`.
fn take(text: &mut &str, length: usize) -> Option<i64> {
    let digits = text.get(..length)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    *text = &text[length..];
    digits.parse().ok()
}

/// Seconds since 1970 of a date and a time at the beginning of `text`. Between two numbers one
/// character may stand.
fn date(mut text: &str) -> Option<f64> {
    let mut numbers = [0; 6];
    for (at, length) in [4, 2, 2, 2, 2, 2].into_iter().enumerate() {
        if at > 0 {
            text = text
                .strip_prefix(['-', '_', '.', ':', 'T', 't', ' '])
                .unwrap_or(text);
        }
        numbers[at] = take(&mut text, length)?;
    }
    let [year, month, day, hour, minute, second] = numbers;
    let valid = (1970..2200).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !valid {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(seconds as f64 + fraction(text)?)
}

/// Days from 1970 to a day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have the day of a leap year at their end.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    // 60 days lie between 1 January and 1 March of the year 0.
    let leaps = year / 4 - year / 100 + year / 400;
    365 * year + leaps + (153 * month + 2) / 5 + day - 1 + 60 - TO_1970
}

/// What stands behind the seconds: nothing, or their decimals, with a point before them or, as
/// phones write milliseconds, without. None for a longer number, which is no time.
fn fraction(text: &str) -> Option<f64> {
    let decimals = text.strip_prefix('.').unwrap_or(text);
    let length = decimals.bytes().take_while(u8::is_ascii_digit).count();
    match length {
        0 => Some(0.0),
        1..=9 => format!("0.{}", &decimals[..length]).parse().ok(),
        _ => None,
    }
}

/// Seconds since 1970, between 2001 and 2096, at the beginning of `text`: a number of ten digits,
/// or of thirteen for milliseconds.
fn unix(mut text: &str) -> Option<f64> {
    let seconds = take(&mut text, 10)?;
    let mut rest = text;
    if let Some(millis) = take(&mut rest, 3)
        && !rest.starts_with(|c: char| c.is_ascii_digit())
        && (1_000_000_000..4_000_000_000).contains(&seconds)
    {
        return Some(seconds as f64 + millis as f64 / 1000.0);
    }
    let next_is_digit = text.bytes().next().is_some_and(|b| b.is_ascii_digit());
    let valid = (1_000_000_000..4_000_000_000).contains(&seconds) && !next_is_digit;
    valid.then(|| Some(seconds as f64 + fraction(text)?))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(stem: &str) -> Option<f64> {
        Moment::of(stem).map(|moment| moment.seconds)
    }

    #[test]
    fn the_name_of_a_picked_picture_tells_film_and_time() {
        let stem = name("front-door", Duration::from_millis(5_025_043));
        assert_eq!(stem, "front-door-01h23m45.043s");
        let moment = Moment::of(&stem).unwrap();
        assert_eq!(
            (moment.clock.as_str(), moment.seconds),
            ("front-door", 5025.043)
        );
        let hours = name("a", Duration::from_secs(400 * 3600));
        assert_eq!(seconds(&hours), Some(1_440_000.0));
    }

    #[test]
    fn dates_in_names_are_read_as_programs_write_them() {
        let want = 1_795_743_300.0;
        for stem in [
            "20261127T013500Z-changed-open-0.93",
            "IMG_20261127_013500",
            "2026-11-27 01.35.00",
            "porch-2026-11-27T01-35-00Z",
            "20261127013500",
            "porch-1795743300-x7",
        ] {
            let moment = Moment::of(stem).unwrap();
            assert_eq!(
                (moment.clock.as_str(), moment.seconds),
                ("", want),
                "{stem}"
            );
        }
        assert_eq!(seconds("1795743300250"), Some(want + 0.25));
        assert_eq!(seconds("20261127T013500.250Z"), Some(want + 0.25));
        assert_eq!(seconds("PXL_20261127_013500250"), Some(want + 0.25));
        assert_eq!(seconds("2026-11-27T01:35:00.5"), Some(want + 0.5));
        assert_eq!(seconds("19700101_000000"), Some(0.0));
        assert_eq!(seconds("20000301_000000"), Some(951_868_800.0));
        assert_eq!(seconds("20240229_000001"), Some(1_709_164_801.0));
    }

    #[test]
    fn names_without_a_time_have_no_moment() {
        for stem in [
            "",
            "1",
            "image_0001",
            "20261127",
            "20261327_013500",
            "20261127_250000",
            "12345678901234567890",
            "0999999999999",
            "17957433002501",
            "porch-1h2m3s",
            "porch-00h01m23s",
            "ä-00h00m00.0é",
            "0123456789",
        ] {
            assert_eq!(Moment::of(stem), None, "{stem}");
        }
    }
}
