//! Exposure, gain, focus and the like, set by name.

use std::collections::BTreeMap;
use std::io;

use v4l::v4l_sys as sys;

use super::config::ControlValue;
use super::system::{Control, Device};

/// A driver that lists more controls than this is made up.
const MOST_CONTROLS: usize = 512;

/// Sets the controls; gives one line for each that could not be set.
///
/// What failed is tried once more at the end: a control may be locked until another one, such as
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
            lines.push(match names.is_empty() {
                true => format!("control {name}: this camera has no controls"),
                false => format!("control {name}: not there; there is {}", names.join(", ")),
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
                    "read-only, or ruled by an automatic control".into()
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
            // A driver that does not move on would be asked for ever.
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

/// A control's name as v4l2-ctl writes it: small letters and digits, everything else one `_`.
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

fn number(device: &dyn Device, control: &Control, value: &ControlValue) -> Result<i32, String> {
    let number = match value {
        ControlValue::Switch(on) => i64::from(*on),
        ControlValue::Number(number) => *number,
        ControlValue::Entry(entry) => {
            if control.kind != sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU {
                return Err("is no menu: give a number, or true or false".into());
            }
            let entries: Vec<_> = (control.min.max(0)..=control.max.min(255))
                .filter_map(|i| Some((i, device.menu_entry(control.id, i as u32).ok()?)))
                .collect();
            let found = entries
                .iter()
                .find(|(_, name)| name.eq_ignore_ascii_case(entry.trim()));
            let Some((index, _)) = found else {
                let names: Vec<_> = entries.iter().map(|(_, n)| format!("\"{n}\"")).collect();
                return Err(format!("has no \"{entry}\", only {}", names.join(", ")));
            };
            i64::from(*index)
        }
    };
    // A bit mask's largest value is unsigned.
    let max = match control.kind {
        sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_BITMASK => i64::from(control.max as u32),
        _ => i64::from(control.max),
    };
    if !(i64::from(control.min)..=max).contains(&number) {
        return Err(format!("must be {} to {max}, and is {number}", control.min));
    }
    Ok(number as u32 as i32)
}
