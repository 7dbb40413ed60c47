//! What is drawn of a state, with a terminal and without one.

use super::*;

fn state() -> State {
    let mut state = State::new("door", 48, Some(600), Instant::now());
    for frame in 0..42 {
        state.frame(Duration::from_millis(100 * frame), true);
    }
    state.changed("beaker\x1b[2J", Some(0.861));
    state.set_top(
        [
            ("beaker", 0.861),
            ("鳥の水差し", 0.099),
            ("\u{202e}x", f32::NAN),
        ]
        .into_iter(),
    );
    state.dropped("corrupt", 2);
    state
}

fn look(columns: usize) -> Look {
    Look {
        columns,
        colours: false,
        signs: true,
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in [20, 40, 41, 80, 100, 300] {
        for signs in [true, false] {
            let look = Look {
                signs,
                ..look(columns)
            };
            for line in lines(&mut state(), Instant::now(), 36.6, look) {
                let (_, width) = cut(&line.text, usize::MAX);
                assert_eq!(width, line.width, "{line:?}");
                assert!(width < columns && width <= WIDEST, "{columns}: {line:?}");
                assert!(
                    signs || line.text.is_ascii() || line.text.contains('鳥'),
                    "{line:?}"
                );
                assert!(!line.text.contains(char::is_control), "{line:?}");
                assert!(!line.text.contains('\u{202e}'), "{line:?}");
            }
        }
    }
}

#[test]
fn a_view_has_label_bars_numbers_and_events() {
    let drawn = lines(&mut state(), Instant::now(), 36.6, look(80));
    let text: Vec<&str> = drawn.iter().map(|line| line.text.as_str()).collect();
    assert!(
        text[0].starts_with("── door ─") && text[0].ends_with(" 0:04"),
        "{text:?}"
    );
    assert_eq!(text[1], "beaker\\u{1b}[2J 0.86  for 0:00");
    assert!(
        text[2].starts_with("beaker ") && text[2].ends_with(" 0.86"),
        "{text:?}"
    );
    assert!(text[2].contains("█████"), "{text:?}");
    assert!(
        text[5].contains("42 of 600 frames · 2 dropped (2 corrupt)"),
        "{text:?}"
    );
    assert!(text[5].contains("36.6 of 48 MiB"), "{text:?}");
    assert!(text[6].contains("0:04  beaker"), "{text:?}");
}

#[test]
fn colours_take_no_columns() {
    let coloured = Look {
        colours: true,
        ..look(60)
    };
    let lines = lines(&mut state(), Instant::now(), 36.6, coloured);
    assert!(lines[1].text.contains("\x1b[1m"), "{lines:?}");
    assert!(lines.iter().all(|line| line.width < 60));
}

#[test]
fn a_plain_line_has_the_same_numbers() {
    let line = plain(&mut state(), Instant::now(), 36.6);
    assert!(
        line.contains("beaker") && line.contains("42 of 600 frames, 2 dropped"),
        "{line}"
    );
}

#[test]
fn bars_end_in_eighths() {
    assert_eq!(bar(0.5, 3, true), "█▌");
    assert_eq!(bar(1.0, 3, true), "███");
    assert_eq!(bar(2.0, 3, false), "###");
    assert_eq!(bar(f32::NAN, 3, true), "");
}
