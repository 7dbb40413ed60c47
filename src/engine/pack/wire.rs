//! The fields of a protobuf message, found without reading them.

use std::ops::Range;

/// The number of a field, all its bytes, and its payload if it has a length.
type Field = (u64, Range<usize>, Range<usize>);

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// The fields of the message in `range`, which lies in `bytes`. None stands for one that is
/// damaged, and ends the message.
pub(super) fn fields(
    bytes: &[u8],
    range: Range<usize>,
) -> impl Iterator<Item = Option<Field>> + use<'_> {
    let (mut at, end) = (range.start, range.end);
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let field = field(bytes, at, end);
        at = field.as_ref().map_or(end, |(_, whole, _)| whole.end);
        Some(field)
    })
}

fn field(bytes: &[u8], start: usize, end: usize) -> Option<Field> {
    let mut at = start;
    let tag = varint(bytes, &mut at)?;
    let mut payload = at..at;
    match tag & 7 {
        0 => drop(varint(bytes, &mut at)?),
        1 => at = at.checked_add(8)?,
        2 => {
            let length = usize::try_from(varint(bytes, &mut at)?).ok()?;
            payload = at..at.checked_add(length)?;
            at = payload.end;
        }
        5 => at = at.checked_add(4)?,
        _ => return None,
    }
    (at <= end).then_some((tag >> 3, start..at, payload))
}
