//! The values of one block.

use super::super::Error;
use super::bits::Bits;
use super::header::ZIGZAG;
use super::huffman::Huffman;
use super::lookahead::{Lookahead, Value};

/// The codes of one component.
#[derive(Clone, Copy)]
pub(super) struct Codes<'a> {
    pub dc: &'a Huffman,
    pub ac: &'a Huffman,
    /// For `dc`, whose codes are of means and have no run of zeros.
    pub means: &'a Lookahead,
    /// For `ac`.
    pub values: &'a Lookahead,
}

/// The place, in zigzag order, of the last value that a transform of `points` points uses.
pub(super) fn last(points: usize) -> usize {
    let used = |place: u8| usize::from(place) / 8 < points && usize::from(place) % 8 < points;
    ZIGZAG.iter().rposition(|&place| used(place)).unwrap_or(0)
}

/// Decodes one block (T.81, F.2.2) up to its `last` place, into rows of frequencies. Returns the
/// number of rows and columns that are not all zero; (1, 1) if only the mean is set.
#[inline]
pub(super) fn decode(
    bits: &mut Bits<'_>,
    codes: Codes<'_>,
    mean: &mut i32,
    steps: &[f32; 64],
    last: usize,
    block: &mut [f32; 64],
) -> Result<(usize, usize), Error> {
    block[0] = next_mean(bits, codes, mean)? as f32 * steps[0];
    let (mut rows, mut columns) = (1, 1);
    let mut k = 1;
    while k <= last {
        let (run, value) = match codes.values.next(bits.window()) {
            Some((length, Value { run, value })) => {
                bits.skip(length);
                if value == 0 {
                    return Ok((rows, columns));
                }
                (run, value)
            }
            None => {
                let symbol = bits.symbol(codes.ac)?;
                let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
                if size == 0 {
                    if run < 15 {
                        return Ok((rows, columns));
                    }
                    k += 16;
                    continue;
                }
                (run, bits.difference(size))
            }
        };
        k += run;
        let Some(&place) = ZIGZAG.get(k) else {
            return Err(OVERFULL);
        };
        let place = usize::from(place);
        block[place] = value as f32 * steps[place];
        rows = rows.max(place / 8 + 1);
        columns = columns.max(place % 8 + 1);
        k += 1;
    }
    pass_values(bits, codes, k)?;
    Ok((rows, columns))
}

/// Skips one block.
#[inline]
pub(super) fn pass(bits: &mut Bits<'_>, codes: Codes<'_>, mean: &mut i32) -> Result<(), Error> {
    next_mean(bits, codes, mean)?;
    pass_values(bits, codes, 1)
}

/// Skips the values of a block from place `k` on.
#[inline(always)]
fn pass_values(bits: &mut Bits<'_>, codes: Codes<'_>, mut k: usize) -> Result<(), Error> {
    while k < 64 {
        if let Some(step) = codes.values.step(bits.window())
            && k + step.places < 64
        {
            bits.skip(step.bits);
            if step.end {
                return Ok(());
            }
            k += step.places;
            continue;
        }
        let symbol = bits.symbol(codes.ac)?;
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 && run < 15 {
            return Ok(());
        }
        // Before the check, as in `decode`: where the data end in this value, both must find it.
        bits.difference(size);
        if size > 0 && k + run > 63 {
            return Err(OVERFULL);
        }
        k += run + 1;
    }
    Ok(())
}

const OVERFULL: Error = Error::corrupt("a block has more than 64 values");

/// Decodes the mean of the next block, a difference from the last one.
#[inline(always)]
fn next_mean(bits: &mut Bits<'_>, codes: Codes<'_>, mean: &mut i32) -> Result<i32, Error> {
    let difference = match codes.means.next(bits.window()) {
        Some((length, Value { value, .. })) => {
            bits.skip(length);
            value
        }
        None => {
            let size = u32::from(bits.symbol(codes.dc)?);
            if size > 11 {
                return Err(Error::corrupt("a block's mean is out of range"));
            }
            bits.difference(size)
        }
    };
    *mean = mean.wrapping_add(difference);
    Ok(*mean)
}
