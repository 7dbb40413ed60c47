//! Exposure, gain, focus and the like, set by name.

use std::collections::BTreeMap;
use std::io;

use v4l::v4l_sys as sys;

use super::config::ControlValue;
use super::system::{Control, Device};

/// No driver lists more controls; the bound ends the list of a broken one.
const MOST_CONTROLS: usize = 512;

/// Why a control's value is refused before the driver sees it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum ControlError {
    #[error("is not a menu: give a number, or true or false")]
    NotMenu,
    #[error("has no \"{asked}\", only {}", quoted(.entries))]
    NoEntry { asked: String, entries: Vec<String> },
    #[error("must be {min} to {max}, and is {value}")]
    Range { min: i64, max: i64, value: i64 },
}

fn quoted(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    names.join(", ")
}

/// Sets the controls; returns one line for each that could not be set.
///
/// A control that fails is tried again at the end: it may be locked until another one, such as
/// automatic exposure, is off.
pub fn set(device: &dyn Device, wanted: &BTreeMap<String, ControlValue>) -> Vec<String> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let there = list(device);
    let mut failed = Vec::new();
    let mut lines = Vec::new();
    for (name, value) in wanted {
        let Some(control) = there.iter().find(|c| canonical(&c.name) == canonical(name)) else {
            let names: Vec<_> = there.iter().map(|c| canonical(&c.name)).collect();
            lines.push(if names.is_empty() {
                format!("control {name}: this camera has no controls")
            } else {
                let names = names.join(", ");
                format!("control {name}: this camera has none of that name, only {names}")
            });
            continue;
        };
        match number(device, control, value) {
            Ok(number) => {
                if device.set_control(control.id, number).is_err() {
                    failed.push((control, number));
                }
            }
            Err(why) => lines.push(format!("control {name}: {why}")),
        }
    }
    for (control, number) in failed {
        if let Err(error) = device.set_control(control.id, number) {
            let why = match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    "read-only, or locked by an automatic control".into()
                }
                _ => error.to_string(),
            };
            lines.push(format!(
                "control {} = {number}: {why}",
                canonical(&control.name)
            ));
        }
    }
    lines
}

/// The controls that a person can set.
pub fn list(device: &dyn Device) -> Vec<Control> {
    let mut controls: Vec<Control> = Vec::new();
    let mut id = 0;
    while controls.len() < MOST_CONTROLS {
        match device.next_control(id) {
            // A driver that does not advance would never end the list.
            Ok(control) if control.id > id => {
                id = control.id;
                controls.push(control);
            }
            _ => break,
        }
    }
    controls.retain(|control| {
        control.flags & (sys::V4L2_CTRL_FLAG_DISABLED | sys::V4L2_CTRL_FLAG_READ_ONLY) == 0
            && matches!(
                control.kind,
                sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER
                    | sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_BOOLEAN
                    | sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU
                    | sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER_MENU
                    | sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_BITMASK
            )
    });
    controls
}

/// A control's name as v4l2-ctl writes it: lower-case letters and digits, anything else as one `_`.
pub fn canonical(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out.trim_end_matches('_').to_string()
}

/// The number that the driver expects for `value`.
fn number(
    device: &dyn Device,
    control: &Control,
    value: &ControlValue,
) -> Result<i32, ControlError> {
    let number = match value {
        ControlValue::Switch(on) => i64::from(*on),
        ControlValue::Number(number) => *number,
        ControlValue::Entry(entry) => {
            if control.kind != sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU {
                return Err(ControlError::NotMenu);
            }
            let entries: Vec<_> = (control.min.max(0)..=control.max.min(255))
                .filter_map(|i| Some((i, device.menu_entry(control.id, i as u32).ok()?)))
                .collect();
            let found = entries
                .iter()
                .find(|(_, name)| name.eq_ignore_ascii_case(entry.trim()));
            let Some((index, _)) = found else {
                let asked = entry.clone();
                let entries = entries.into_iter().map(|(_, name)| name).collect();
                return Err(ControlError::NoEntry { asked, entries });
            };
            i64::from(*index)
        }
    };
    // A bit mask's largest value is unsigned.
    let max = match control.kind {
        sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_BITMASK => i64::from(control.max as u32),
        _ => i64::from(control.max),
    };
    let (min, value) = (i64::from(control.min), number);
    if !(min..=max).contains(&value) {
        return Err(ControlError::Range { min, max, value });
    }
    Ok(value as u32 as i32)
}
