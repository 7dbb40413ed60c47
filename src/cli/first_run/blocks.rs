//! A small picture as the characters of a terminal: each shows two pixels, one above the other.

use std::env;
use std::fmt::Write;

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    /// Any red, green and blue.
    All,
    /// The 6x6x6 cube and the greys of 256 colours.
    Palette,
}

impl Colours {
    /// Those of the terminal that the environment describes; `None` if it is to show none.
    pub fn present() -> Option<Self> {
        let value = |name| env::var(name).unwrap_or_default();
        Self::of(&value("TERM"), &value("COLORTERM"), &value("NO_COLOR"))
    }

    fn of(term: &str, colorterm: &str, no_color: &str) -> Option<Self> {
        // no-color.org: whatever its value is, unless it is empty.
        if !no_color.is_empty() || term.is_empty() || term == "dumb" {
            return None;
        }
        match colorterm {
            "truecolor" | "24bit" => Some(Self::All),
            _ => Some(Self::Palette),
        }
    }
}

/// The lines that show a picture of `width` pixels a row, with red, green and blue of each.
pub(super) fn lines(rgb: &[u8], width: usize, colours: Colours) -> Vec<String> {
    let row = 3 * width.max(1);
    let pairs = rgb.chunks(2 * row);
    pairs
        .map(|pair| {
            let (upper, lower) = pair.split_at(row.min(pair.len()));
            let mut line = String::new();
            for (n, pixel) in upper.chunks_exact(3).enumerate() {
                // An odd picture has no pixel below its last row.
                let below = lower.get(3 * n..3 * n + 3);
                paint(&mut line, colours, pixel, below);
            }
            line + "\x1b[0m"
        })
        .collect()
}

fn paint(line: &mut String, colours: Colours, upper: &[u8], lower: Option<&[u8]>) {
    let code = |ground: u8, pixel: &[u8]| match colours {
        Colours::All => format!("{ground};2;{};{};{}", pixel[0], pixel[1], pixel[2]),
        Colours::Palette => format!("{ground};5;{}", palette(pixel)),
    };
    // Nothing can go wrong with a string.
    let _ = match lower {
        Some(lower) => write!(
            line,
            "\x1b[{};{}m\u{2580}",
            code(38, upper),
            code(48, lower)
        ),
        None => write!(line, "\x1b[49m\x1b[{}m\u{2580}", code(38, upper)),
    };
}

/// The nearest of 256 colours (xterm's): a grey if the pixel nearly is one.
fn palette(pixel: &[u8]) -> u32 {
    let [red, green, blue] = [0, 1, 2].map(|n| u32::from(pixel[n]));
    let (low, high) = (red.min(green).min(blue), red.max(green).max(blue));
    if high - low < 12 {
        let mean = (red + green + blue) / 3;
        return match mean {
            0..=3 => 16,
            247.. => 231,
            _ => 232 + ((mean.max(8) - 8 + 5) / 10).min(23),
        };
    }
    // The levels are 0, 95, 135, 175, 215 and 255.
    let level = |value: u32| match value {
        0..=47 => 0,
        48..=114 => 1,
        _ => (value - 35) / 40,
    };
    16 + 36 * level(red) + 6 * level(green) + level(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_of_pixels_are_one_line() {
        let rgb = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [1, 2, 3]].concat();
        let all = lines(&rgb, 2, Colours::All);
        assert_eq!(
            all,
            ["\x1b[38;2;255;0;0;48;2;0;0;255m\u{2580}\x1b[38;2;0;255;0;48;2;1;2;3m\u{2580}\x1b[0m"]
        );
        // A third row stands alone.
        let odd = lines(&[9; 3 * 3], 1, Colours::Palette);
        assert_eq!(odd.len(), 2);
        assert!(odd[1].starts_with("\x1b[49m") && !odd[1].contains("48;5"));
        assert!(lines(&[], 2, Colours::All).is_empty());
    }

    #[test]
    fn the_palette_has_the_corners_of_the_cube_and_greys() {
        for (pixel, colour) in [
            ([0, 0, 0], 16),
            ([255, 255, 255], 231),
            ([255, 0, 0], 196),
            ([0, 255, 255], 51),
            ([95, 135, 175], 67),
            ([128, 128, 128], 244),
        ] {
            assert_eq!(palette(&pixel), colour, "{pixel:?}");
        }
    }

    #[test]
    fn the_environment_decides_about_colours() {
        assert_eq!(Colours::of("xterm", "truecolor", ""), Some(Colours::All));
        assert_eq!(Colours::of("xterm", "", ""), Some(Colours::Palette));
        for (term, no_color) in [("dumb", ""), ("", ""), ("xterm", "1")] {
            assert_eq!(Colours::of(term, "24bit", no_color), None);
        }
    }
}
