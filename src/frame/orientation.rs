//! How a picture has to be turned to stand upright, by its Exif data.

/// How a picture has to be turned to stand upright: the values of Exif's tag "Orientation".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    /// It is upright.
    #[default]
    Upright,
    /// Left and right are exchanged.
    MirroredAcross,
    /// It stands on its head.
    HalfTurn,
    /// Top and bottom are exchanged.
    MirroredDown,
    /// Rows and columns are exchanged.
    Transposed,
    /// It becomes upright by a quarter turn clockwise.
    QuarterClockwise,
    /// Rows and columns are exchanged along the other diagonal.
    Transversed,
    /// It becomes upright by a quarter turn counter-clockwise.
    QuarterBack,
}

/// The tag of the orientation.
const TAG: u16 = 0x0112;
/// The type of a field of 16 bits.
const SHORT: u16 = 3;

impl Orientation {
    /// The orientation with this number of Exif, 1 to 8; upright for all others, as viewers show
    /// them.
    pub const fn numbered(number: u16) -> Self {
        match number {
            2 => Self::MirroredAcross,
            3 => Self::HalfTurn,
            4 => Self::MirroredDown,
            5 => Self::Transposed,
            6 => Self::QuarterClockwise,
            7 => Self::Transversed,
            8 => Self::QuarterBack,
            _ => Self::Upright,
        }
    }

    /// The number of Exif, 1 to 8.
    const fn number(self) -> u8 {
        match self {
            Self::Upright => 1,
            Self::MirroredAcross => 2,
            Self::HalfTurn => 3,
            Self::MirroredDown => 4,
            Self::Transposed => 5,
            Self::QuarterClockwise => 6,
            Self::Transversed => 7,
            Self::QuarterBack => 8,
        }
    }

    /// A TIFF file with this field alone, as Exif holds it; `None` for an upright picture.
    pub(crate) fn exif(self) -> Option<Vec<u8>> {
        if self == Self::Upright {
            return None;
        }
        let mut tiff = b"MM\0*\0\0\0\x08\0\x01".to_vec();
        tiff.extend(TAG.to_be_bytes());
        tiff.extend(SHORT.to_be_bytes());
        tiff.extend([0, 0, 0, 1, 0, self.number(), 0, 0, 0, 0, 0, 0]);
        Some(tiff)
    }

    /// The orientation in `exif`, which is a TIFF file; upright if it has none or is damaged.
    pub fn of_exif(exif: &[u8]) -> Self {
        number(exif).map_or(Self::Upright, Self::numbered)
    }
}

/// The value of the tag in the first directory of a TIFF file.
fn number(tiff: &[u8]) -> Option<u16> {
    let little = match tiff.first_chunk()? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        Some(if little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    };
    let long = |at: usize| -> Option<u32> {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        Some(if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    };
    let directory = usize::try_from(long(4)?).ok()?;
    let count = usize::from(short(directory)?);
    let fields = (0..count).map(|i| directory + 2 + 12 * i);
    for field in fields {
        if short(field)? == TAG {
            return (short(field + 2)? == SHORT).then(|| short(field + 8))?;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TIFF file with a maker's name and this orientation.
    fn exif(little: bool, number: u16) -> Vec<u8> {
        let short = |value: u16| {
            if little {
                value.to_le_bytes()
            } else {
                value.to_be_bytes()
            }
        };
        let long = |value: u32| {
            if little {
                value.to_le_bytes()
            } else {
                value.to_be_bytes()
            }
        };
        let mut tiff = if little { *b"II" } else { *b"MM" }.to_vec();
        tiff.extend(short(42));
        tiff.extend(long(8));
        tiff.extend(short(2));
        for (tag, kind, value) in [(0x010f, 2, 0), (TAG, SHORT, number)] {
            tiff.extend(short(tag));
            tiff.extend(short(kind));
            tiff.extend(long(1));
            tiff.extend(short(value));
            tiff.extend(short(0));
        }
        tiff.extend(long(0));
        tiff
    }

    #[test]
    fn what_is_written_is_read_again() {
        for number in 1..=8 {
            let orientation = Orientation::numbered(number);
            let exif = orientation.exif().unwrap_or_default();
            assert_eq!(Orientation::of_exif(&exif), orientation, "{number}");
        }
    }

    #[test]
    fn the_orientation_is_read_in_both_byte_orders() {
        for little in [true, false] {
            for number in 1..=8 {
                let read = Orientation::of_exif(&exif(little, number));
                assert_eq!(read, Orientation::numbered(number), "{number}");
                assert_eq!(read == Orientation::Upright, number == 1);
            }
        }
    }

    #[test]
    fn damaged_notes_leave_a_picture_as_it_is() {
        let whole = exif(true, 6);
        for end in 0..whole.len() {
            let cut = Orientation::of_exif(&whole[..end]);
            assert!(matches!(
                cut,
                Orientation::Upright | Orientation::QuarterClockwise
            ));
        }
        for (at, value) in [(0, b'X'), (4, 0xff), (5, 0xff), (8, 0xff)] {
            let mut broken = whole.clone();
            broken[at] = value;
            let _ = Orientation::of_exif(&broken);
        }
        assert_eq!(Orientation::of_exif(&exif(true, 9)), Orientation::Upright);
        assert_eq!(Orientation::of_exif(&exif(true, 0)), Orientation::Upright);
    }
}
