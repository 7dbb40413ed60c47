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
    let live = live();
    let mut said = Vec::new();
    let mut section = "";
    let mut lines = SHIPPED.lines().peekable();
    while let Some(line) = lines.next() {
        let bare = line.strip_prefix('#').unwrap_or(line);
        if let Some(name) = key(bare) {
            let mut value = vec![bare];
            // An array may go on below.
            while let Some(more) = lines.next_if(|next| goes_on(next)) {
                value.push(more.trim_start_matches('#').trim_start());
            }
            let value = value.join(" ");
            if bare.len() < line.len() && live.contains(&(section, name)) {
                said.push(Said::Example(value));
            } else {
                let _ = writeln!(page, ".TP\n{}", bold(&value));
                tell(&mut page, &mut said);
            }
        } else if bare.starts_with('[') {
            section = bare;
            let _ = writeln!(page, ".SH {}", escaped(bare));
            words(&mut page, &mut said);
        } else if bare.len() < line.len() {
            said.push(Said::Words(bare.trim()));
        } else {
            words(&mut page, &mut said);
        }
    }
    words(&mut page, &mut said);
    page.push_str(
        ".SH SEE ALSO\n.BR goldcrest (1),\n.BR goldcrest-check (1),\n.BR goldcrest-run (8)\n",
    );
    page
}

/// What stands above a key.
enum Said<'a> {
    Words(&'a str),
    /// Another value that the key may have.
    Example(String),
}

/// The keys that are set, each with the heading of its section. Another value that stands there as
/// a comment is an example.
fn live() -> Vec<(&'static str, &'static str)> {
    let mut section = "";
    let mut live = Vec::new();
    for line in SHIPPED.lines() {
        if line.starts_with('[') {
            section = line;
        }
        live.extend(key(line).map(|key| (section, key)));
    }
    live
}

/// The key of a line without the sign of a comment.
fn key(line: &str) -> Option<&str> {
    let (name, _) = line.split_once(" = ")?;
    let is_key = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c == '_' || c == '.');
    (is_key && !name.is_empty()).then_some(name)
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
fn words(page: &mut String, said: &mut Vec<Said<'_>>) {
    if !said.is_empty() {
        page.push_str(".PP\n");
        tell(page, said);
    }
}

/// Adds what was said so far, with each example in lines of its own.
fn tell(page: &mut String, said: &mut Vec<Said<'_>>) {
    let mut after_example = false;
    for part in said.drain(..) {
        match &part {
            Said::Words(text) if after_example => {
                let _ = writeln!(page, ".IP\n{}", escaped(text));
            }
            Said::Words(text) => {
                let _ = writeln!(page, "{}", escaped(text));
            }
            Said::Example(value) => {
                let _ = writeln!(page, ".RS 11\n.PP\n{}\n.RE", bold(value));
            }
        }
        after_example = matches!(part, Said::Example(_));
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
    fn each_key_of_a_section_has_one_entry_below_its_heading() {
        let page = page();
        for section in page.split(".SH ").skip(2) {
            let entries = section.split(".TP\n").skip(1);
            let mut names: Vec<_> = entries.map(|e| e.split(' ').next()).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{section}");
        }
        for (heading, key) in [("[[region]]", "every"), ("[mqtt.tls]", "server_name")] {
            let (_, below) = page.split_once(&format!(".SH {heading}\n")).unwrap();
            let (section, _) = below.split_once(".SH ").unwrap();
            assert!(section.contains(&format!("\\fB{key}\\fR = ")), "{heading}");
        }
        assert!(page.contains("rpicam"), "the examples are there");
    }

    #[test]
    fn only_requests_that_are_meant_begin_with_a_dot() {
        for line in page().lines().filter(|line| line.starts_with(['.', '\''])) {
            let (request, _) = line.split_once(' ').unwrap_or((line, ""));
            assert!(
                [".TH", ".SH", ".TP", ".PP", ".IP", ".RS", ".RE", ".BR"].contains(&request),
                "{line}"
            );
        }
        assert_eq!(escaped(".a\\-"), "\\&.a\\e\\-");
    }
}
