//! The values of one block.

use super::super::Error;
use super::bits::Bits;
use super::header::ZIGZAG;
use super::huffman::Huffman;

/// Decodes one block (T.81, F.2.2) into rows of frequencies; returns how many rows have any, 0 if only the mean.
pub(super) fn decode(
    bits: &mut Bits<'_>,
    dc: &Huffman,
    ac: &Huffman,
    mean: &mut i32,
    steps: &[f32; 64],
    block: &mut [f32; 64],
) -> Result<usize, Error> {
    block[0] = next_mean(bits, dc, mean)? as f32 * steps[0];
    let mut rows = 0;
    let mut k = 1;
    while k < 64 {
        let symbol = bits.symbol(ac)?;
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run < 15 {
                break;
            }
            k += 16;
            continue;
        }
        k += run;
        let Some(&place) = ZIGZAG.get(k) else {
            return Err(Error::corrupt("a block has more than 64 values"));
        };
        let place = usize::from(place);
        block[place] = bits.difference(size) as f32 * steps[place];
        rows = rows.max(place / 8 + 1);
        k += 1;
    }
    Ok(rows)
}

/// Goes past one block.
pub(super) fn pass(
    bits: &mut Bits<'_>,
    dc: &Huffman,
    ac: &Huffman,
    mean: &mut i32,
) -> Result<(), Error> {
    next_mean(bits, dc, mean)?;
    let mut k = 1;
    while k < 64 {
        let symbol = bits.symbol(ac)?;
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run < 15 {
                break;
            }
        } else if k + run > 63 {
            return Err(Error::corrupt("a block has more than 64 values"));
        }
        bits.difference(size);
        k += run + 1;
    }
    Ok(())
}

/// The mean of the next block, as a difference from the last one.
fn next_mean(bits: &mut Bits<'_>, dc: &Huffman, mean: &mut i32) -> Result<i32, Error> {
    let size = u32::from(bits.symbol(dc)?);
    if size > 11 {
        return Err(Error::corrupt("a block's mean is out of range"));
    }
    *mean = mean.wrapping_add(bits.difference(size));
    Ok(*mean)
}
