//! The manual page of the configuration, from the comments of the shipped file.

use std::fmt::Write as _;

/// The shipped configuration, with every key.
const SHIPPED: &str = include_str!("../../../config.toml");

/// The page, in the language of man(7).
pub(super) fn page() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut page = format!(
        ".TH GOLDCREST.TOML 5 \"\" \"Goldcrest {version}\" \"Goldcrest\"\n\
         .SH NAME\ngoldcrest.toml \\- configuration of goldcrest(1)\n\
         .SH DESCRIPTION\n\
         The file is named by \\-\\-config; else it is ./config.toml, unless root runs the command,\n\
         else /etc/goldcrest/config.toml. It is written in TOML. Each key is shown with its default.\n"
    );
    let mut comment: Vec<&str> = Vec::new();
    let mut lines = SHIPPED.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(key) = key(line) {
            let mut value = vec![key];
            // An array may go on below.
            while let Some(more) = lines.next_if(|next| goes_on(next)) {
                value.push(more.trim_start_matches('#').trim_start());
            }
            let _ = writeln!(page, ".TP\n{}", bold(&value.join(" ")));
            paragraph(&mut page, &mut comment);
        } else if let Some(section) = line.strip_prefix('[') {
            words(&mut page, &mut comment);
            let name = section.trim_matches(['[', ']']);
            let _ = writeln!(page, ".SH [{}]", escaped(name));
        } else if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
        } else {
            words(&mut page, &mut comment);
        }
    }
    words(&mut page, &mut comment);
    page.push_str(
        ".SH SEE ALSO\n.BR goldcrest (1),\n.BR goldcrest-check (1),\n.BR goldcrest-run (8)\n",
    );
    page
}

/// A line with a key, set or not, without the sign of a comment.
fn key(line: &str) -> Option<&str> {
    let line = line.strip_prefix('#').unwrap_or(line);
    let (name, _) = line.split_once(" = ")?;
    let is_key = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c == '_' || c == '.');
    (is_key && !name.is_empty()).then_some(line)
}

/// Whether a line goes on with the array of the line before.
fn goes_on(line: &str) -> bool {
    let line = line.strip_prefix('#').unwrap_or(line);
    line.starts_with("        ") || line == "]"
}

/// `NAME = VALUE` with the name in bold.
fn bold(line: &str) -> String {
    let (name, value) = line.split_once(" = ").unwrap_or((line, ""));
    format!("\\fB{}\\fR = {}", escaped(name), escaped(value))
}

/// Adds what was said so far as a paragraph of its own.
fn words(page: &mut String, comment: &mut Vec<&str>) {
    if !comment.is_empty() {
        page.push_str(".PP\n");
        paragraph(page, comment);
    }
}

/// Adds what was said so far.
fn paragraph(page: &mut String, comment: &mut Vec<&str>) {
    for line in comment.drain(..) {
        let _ = writeln!(page, "{}", escaped(line));
    }
}

/// `text` as roff shows it: a dash that can be copied, and no line that is a request.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) {
        format!("\\&{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_and_key_of_the_shipped_file_is_on_the_page() {
        let page = page();
        let shipped: toml::Table = toml::from_str(SHIPPED).unwrap();
        assert!(shipped.len() > 10);
        for (name, value) in &shipped {
            let Some(section) = value.as_table() else {
                assert!(page.contains(&format!("\\fB{name}\\fR = ")), "{name}");
                continue;
            };
            assert!(page.contains(&format!(".SH [{name}]\n")), "{name}");
            for key in section.iter().filter(|(_, value)| !value.is_table()) {
                assert!(
                    page.contains(&format!("\\fB{}\\fR = ", key.0)),
                    "{name}.{}",
                    key.0
                );
            }
        }
    }

    #[test]
    fn only_requests_that_are_meant_begin_with_a_dot() {
        for line in page().lines().filter(|line| line.starts_with(['.', '\''])) {
            let (request, _) = line.split_once(' ').unwrap_or((line, ""));
            assert!(
                [".TH", ".SH", ".TP", ".PP", ".BR"].contains(&request),
                "{line}"
            );
        }
        assert_eq!(escaped(".a\\-"), "\\&.a\\e\\-");
    }
}
