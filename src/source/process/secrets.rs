//! Hides the secrets of a program's arguments in what the program writes.

/// What stands in a secret's place.
const HIDDEN: &str = "***";

/// Parts of a name after which a secret follows.
const TELLING: [&str; 7] = [
    "pass", "pw", "secret", "token", "apikey", "api-key", "api_key",
];

/// The secrets among a program's arguments: what stands before the `@` of an address, the values of
/// options and of keys with a name such as `password`.
#[derive(Clone, Default)]
pub(in crate::source) struct Secrets(Vec<String>);

impl Secrets {
    /// Looks for them in `arguments`.
    pub fn of(arguments: &[String]) -> Self {
        let mut all: Vec<String> = Vec::new();
        // An argument may be the text of a shell or a pipeline in words of its own.
        let words = arguments.iter().flat_map(|all| all.split_whitespace());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(words).collect();
        for (at, argument) in arguments.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|at| arguments.get(at));
            if before.is_some_and(|name| name.starts_with('-') && tells(name)) {
                all.push((*argument).into());
            }
            let short = before.is_some_and(|name| matches!(*name, "-u" | "--user"));
            if let Some((_, password)) = argument.split_once(':')
                && short
            {
                all.push(password.into());
            }
            logins(argument, &mut |_, login| {
                all.push(login.into());
                all.extend(login.split_once(':').map(|(_, password)| password.into()));
            });
            values(argument, &mut |value| all.push(value.into()));
        }
        let written = all.clone();
        all.extend(written.iter().map(|secret| unescaped(secret)));
        all.retain(|secret| !secret.is_empty());
        // Whole ones before their parts.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        all.dedup();
        Self(all)
    }

    /// `text` without any of them, and without any login of an address and value of a key with a
    /// telling name, whether they were among the arguments or not.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_string();
        for secret in &self.0 {
            text = text.replace(secret.as_str(), HIDDEN);
        }
        let mut found = Vec::new();
        logins(&text, &mut |at, login| found.push((at, login.len())));
        let start = text.as_ptr() as usize;
        values(&text, &mut |value| {
            found.push((value.as_ptr() as usize - start, value.len()));
        });
        found.sort_unstable();
        // From the end on, so that places before stay where they are.
        let mut end = text.len();
        for (at, length) in found.into_iter().rev() {
            if at + length <= end {
                text.replace_range(at..at + length, HIDDEN);
                end = at;
            }
        }
        text
    }

    /// The length of the longest.
    pub fn longest(&self) -> usize {
        self.0.first().map_or(0, String::len)
    }
}

fn tells(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TELLING.iter().any(|part| name.contains(part))
}

/// Calls `found` with the place and the text of each `user:password` in
/// `scheme://user:password@host`.
fn logins(text: &str, found: &mut impl FnMut(usize, &str)) {
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        from += at + 3;
        let rest = &text[from..];
        let end = rest.find(|c: char| c.is_whitespace() || "/?#\"'".contains(c));
        let authority = &rest[..end.unwrap_or(rest.len())];
        // A password may hold an @ or a slash that is not escaped: then the last @ of the word
        // counts.
        let word = &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())];
        if let Some(at) = authority.rfind('@') {
            found(from, &authority[..at]);
        } else if let Some(at) = word.rfind('@') {
            found(from, &word[..at]);
        }
    }
}

/// Calls `found` with each value of `name=value` or `name: value` whose name tells of a secret.
fn values<'t>(text: &'t str, found: &mut impl FnMut(&'t str)) {
    let letter = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    for (at, _) in text.match_indices(['=', ':']) {
        let before = &text[..at];
        let name = &before[before.trim_end_matches(letter).len()..];
        if !tells(name) {
            continue;
        }
        let value = text[at + 1..].trim_start_matches(' ');
        let end = value.find(|c: char| c.is_whitespace() || "&;,\"'".contains(c));
        let value = &value[..end.unwrap_or(value.len())];
        if !value.is_empty() && value != HIDDEN {
            found(value);
        }
    }
}

/// Without escapes such as `%40`, as programs print an address that they took apart.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = |at: usize| char::from(*after.get(at)?).to_digit(16);
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(arguments: &[&str], text: &str) -> String {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        Secrets::of(&arguments).hide(text)
    }

    #[test]
    fn the_login_of_an_address_is_hidden_wherever_it_stands() {
        let arguments = ["-i", "rtsp://me:cuc%40koo@porch:554/1"];
        for (text, want) in [
            (
                "rtsp://me:cuc%40koo@porch:554/1: refused",
                "rtsp://***@porch:554/1: refused",
            ),
            ("login me with cuc@koo failed", "login me with *** failed"),
            ("no secret here", "no secret here"),
        ] {
            assert_eq!(hidden(&arguments, text), want);
        }
    }

    #[test]
    fn a_login_that_is_not_among_the_arguments_is_hidden_too() {
        for (text, want) in [
            (
                "open http://a:b@c/d?e and rtsp://x:y@z",
                "open http://***@c/d?e and rtsp://***@z",
            ),
            ("rtsp://me:sl/ash@porch/1", "rtsp://***@porch/1"),
            ("password=cuckoo, user=me", "password=***, user=me"),
            ("X-Token: cuckoo", "X-Token: ***"),
            (
                "http://porch/1?user=a&pwd=cuckoo&x=1",
                "http://porch/1?user=a&pwd=***&x=1",
            ),
        ] {
            assert_eq!(hidden(&[], text), want);
        }
    }

    #[test]
    fn values_of_telling_options_are_hidden() {
        for arguments in [
            &["--password", "cuckoo"][..],
            &["--rtsp-password=cuckoo"],
            &["-passphrase", "cuckoo"],
            &["-u", "me:cuckoo"],
            &["-c", "see --password cuckoo | cat"],
            &["location=rtsp://porch user-pw=x user-pass=cuckoo"],
            &["http://porch/1?access_token=cuckoo&x=1"],
        ] {
            let text = hidden(arguments, "the word cuckoo fails");
            assert_eq!(text, "the word *** fails", "{arguments:?}");
        }
    }

    #[test]
    fn other_arguments_are_shown() {
        let arguments = ["-i", "rtsp://porch/1", "--codec", "mjpeg", "-u", "me"];
        let text = "rtsp://porch/1 mjpeg me";
        assert_eq!(hidden(&arguments, text), text);
    }

    #[test]
    fn any_text_can_be_looked_through() {
        let parts = [
            "://", "@", "é", ":", "=", "pass", " ", "%4", "%", "*", "/", "-", "\u{202e}", "a",
        ];
        let mut state = 7_u64;
        for _ in 0..20_000 {
            let mut word = || {
                let mut text = String::new();
                for _ in 0..8 {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    text += parts[(state >> 33) as usize % parts.len()];
                }
                text
            };
            let secrets = Secrets::of(&[word(), word()]);
            secrets.hide(&word());
        }
    }
}
