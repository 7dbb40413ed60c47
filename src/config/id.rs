//! The placeholders of `id`.

use crate::identity;
use crate::misfit::Misfit;

/// A placeholder, and what it stands for on this machine.
type Placeholder = (&'static str, fn() -> Option<String>, &'static str);

/// The placeholders: name, value, and the remedy where this machine has none.
const PLACEHOLDERS: [Placeholder; 3] = [
    (
        "hostname",
        identity::hostname,
        "this machine has no name; set one with `hostnamectl hostname NAME`",
    ),
    (
        "machine",
        identity::machine,
        "this machine has no /etc/machine-id; make one with `systemd-machine-id-setup`",
    ),
    (
        "serial",
        identity::serial,
        "this board shows no serial number; use {hostname} or {machine}",
    ),
];

/// Fills in the placeholders of `id`.
///
/// # Errors
/// A placeholder that is unknown, or that this machine has no value for; a brace without its other
/// one.
pub(super) fn expand(id: &str) -> Result<String, Misfit> {
    fill(id, |name| {
        let (_, value, remedy) = PLACEHOLDERS.iter().find(|(known, ..)| *known == name)?;
        Some(value().ok_or(*remedy))
    })
}

/// Fills in placeholders; `value` is none for an unknown name, and an error where this machine has
/// no value.
fn fill(
    id: &str,
    value: impl Fn(&str) -> Option<Result<String, &'static str>>,
) -> Result<String, Misfit> {
    let refuse = |message: String| Misfit::new("id", message);
    let (mut filled, mut rest) = (String::new(), id);
    while let Some((before, after)) = rest.split_once('{') {
        filled += before;
        let Some((name, behind)) = after.split_once('}') else {
            return Err(refuse("has a { without its }".into()));
        };
        match value(name) {
            Some(Ok(value)) => filled += &value,
            Some(Err(remedy)) => return Err(refuse(format!("{{{name}}}: {remedy}"))),
            None => {
                let known = PLACEHOLDERS
                    .map(|(name, ..)| format!("{{{name}}}"))
                    .join(", ");
                let message = format!("has a placeholder that is not known; known are {known}");
                return Err(refuse(message));
            }
        }
        rest = behind;
    }
    Ok(filled + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(id: &str) -> Result<String, String> {
        let value = |name: &str| match name {
            "hostname" => Some(Ok("pi".to_string())),
            "machine" => Some(Ok("0123abcd".to_string())),
            "serial" => Some(Err("it has none")),
            _ => None,
        };
        fill(id, value).map_err(|misfit| misfit.to_string())
    }

    #[test]
    fn placeholders_are_filled_in() {
        assert_eq!(filled("porch").as_deref(), Ok("porch"));
        assert_eq!(filled("porch-{hostname}").as_deref(), Ok("porch-pi"));
        assert_eq!(
            filled("{hostname}_{machine}x").as_deref(),
            Ok("pi_0123abcdx")
        );
        // A lone closing brace stays, and the rule for ids refuses it.
        assert_eq!(filled("a}").as_deref(), Ok("a}"));
    }

    #[test]
    fn what_cannot_be_filled_in_is_one_line_with_the_remedy() {
        assert_eq!(
            filled("{host}").unwrap_err(),
            "id has a placeholder that is not known; known are {hostname}, {machine}, {serial}"
        );
        assert_eq!(
            filled("a-{serial}").unwrap_err(),
            "id {serial}: it has none"
        );
        assert_eq!(
            filled("a{hostname").unwrap_err(),
            "id has a { without its }"
        );
    }

    #[test]
    fn this_machine_fills_in_its_name() {
        let id = expand("a-{hostname}").unwrap();
        assert!(id.len() > 2 && !id.contains('{'), "{id}");
    }
}
