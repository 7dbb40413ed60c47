//! The shapes of masks, as the configuration has them.

use serde::Deserialize;

use crate::misfit::Misfit;

/// The most masks.
const MOST: usize = 64;
/// The most corners of one mask.
const CORNERS: usize = 64;

/// A part of the picture to hide: a polygon whose corners are shares of the picture's sides, in the
/// coordinates of the picture as it is seen after rotation and flip.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Vec<Element>")]
pub struct Mask {
    /// The corners, x and y, in their order around the polygon.
    pub(super) corners: Vec<[f64; 2]>,
}

/// An element of a mask's array.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a mask must be [left, top, width, height] or at least three points [x, y]"
)]
enum Element {
    Share(f64),
    Corner([f64; 2]),
}

impl Mask {
    /// The rectangle with this left upper corner and this size.
    pub(in crate::vision) fn rectangle([left, top, width, height]: [f64; 4]) -> Self {
        let (right, bottom) = (left + width, top + height);
        Self {
            corners: vec![[left, top], [right, top], [right, bottom], [left, bottom]],
        }
    }
}

impl TryFrom<Vec<Element>> for Mask {
    type Error = &'static str;

    fn try_from(elements: Vec<Element>) -> Result<Self, Self::Error> {
        let corner = |element: &Element| match *element {
            Element::Corner(corner) => Some(corner),
            Element::Share(_) => None,
        };
        if let [
            Element::Share(left),
            Element::Share(top),
            Element::Share(width),
            Element::Share(height),
        ] = elements[..]
        {
            return Ok(Self::rectangle([left, top, width, height]));
        }
        match elements.iter().map(corner).collect::<Option<Vec<_>>>() {
            Some(corners) if corners.len() >= 3 => Ok(Self { corners }),
            _ => Err("a mask must be [left, top, width, height] or at least three points [x, y]"),
        }
    }
}

impl Mask {
    /// Checks the masks of a configuration.
    ///
    /// # Errors
    /// The first mask that cannot be used, by its number, and why.
    pub(in crate::vision) fn check(masks: &[Self]) -> Result<(), Misfit> {
        let misfit = |message: String| Misfit::new("masks", message);
        if masks.len() > MOST {
            let count = masks.len();
            return Err(misfit(format!(
                "must be at most {MOST} masks, and are {count}"
            )));
        }
        for (number, mask) in (1..).zip(masks) {
            if let Some(fault) = mask.fault() {
                return Err(misfit(format!("has a mask, number {number}, {fault}")));
            }
        }
        Ok(())
    }

    /// The most bytes that a cover of `masks` takes for pictures of up to `height` rows.
    pub(in crate::vision) fn memory(masks: &[Self], height: usize) -> usize {
        // Each span of a row has a side of a mask at either end. The vectors may be twice as large
        // as what they hold.
        let corners: usize = masks.iter().map(|mask| mask.corners.len()).sum();
        let row = size_of::<u32>() + corners.div_ceil(2) * size_of::<[u32; 2]>();
        if masks.is_empty() {
            0
        } else {
            2 * height * row
        }
    }

    /// Why this mask cannot be used.
    fn fault(&self) -> Option<&'static str> {
        let corners = &self.corners;
        // 0.7 + 0.3 may come out a little above 1.
        let inside = |share: &f64| (0.0..=1.0 + 1e-9).contains(share);
        if corners.len() > CORNERS {
            return Some("with more than 64 corners; divide it");
        }
        if !corners.iter().flatten().all(inside) {
            return Some(
                "that leaves the picture: every corner must lie within 0 to 1, and left + width \
                 and top + height be at most 1",
            );
        }
        // A side's ends and its neighbours touch it and do not cross it.
        let sides: Vec<_> = self.sides().collect();
        let crossing =
            (sides.iter().enumerate()).any(|(i, &a)| sides[i + 1..].iter().any(|&b| cross(a, b)));
        if crossing {
            return Some("whose sides cross; name its corners in their order around it");
        }
        let area: f64 = sides.iter().map(|([a, b], [c, d])| a * d - c * b).sum();
        if area.abs() < 1e-9 {
            return Some("without an area: its width and height must be above 0");
        }
        None
    }

    /// The sides, from corner to corner.
    fn sides(&self) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
        let next = self.corners.iter().cycle().skip(1);
        self.corners.iter().copied().zip(next.copied())
    }
}

/// Whether two sides cross in a point that is an end of neither.
fn cross(a: ([f64; 2], [f64; 2]), b: ([f64; 2], [f64; 2])) -> bool {
    /// On which side of the line a point lies.
    fn side((from, to): ([f64; 2], [f64; 2]), point: [f64; 2]) -> f64 {
        (to[0] - from[0]) * (point[1] - from[1]) - (to[1] - from[1]) * (point[0] - from[0])
    }
    side(a, b.0) * side(a, b.1) < 0.0 && side(b, a.0) * side(b, a.1) < 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Section {
        masks: Vec<Mask>,
    }

    fn read(masks: &str) -> Result<Vec<Mask>, String> {
        toml::from_str(&format!("masks = {masks}"))
            .map(|section: Section| section.masks)
            .map_err(|e| e.message().to_string())
    }

    #[test]
    fn a_rectangle_and_a_polygon_are_read() {
        let masks = read("[[0.5, 0, 0.25, 1], [[0, 0], [1, 0], [0.5, 1.0]]]").unwrap();
        let rectangle = [[0.5, 0.0], [0.75, 0.0], [0.75, 1.0], [0.5, 1.0]];
        assert_eq!(masks[0].corners, rectangle);
        assert_eq!(masks[1].corners, [[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]]);
        assert_eq!(Mask::check(&masks), Ok(()));
    }

    #[test]
    fn what_is_no_mask_is_refused_with_both_forms() {
        for masks in [
            "[[0, 0, 1]]",
            "[[0, 0, 1, 1, 1]]",
            "[[[0, 0], [1, 1]]]",
            "[[[0, 0], [1, 1], 1]]",
            "[[\"left\"]]",
            "[[]]",
            "[[[0, 0], [1, 1], [1]]]",
        ] {
            let message = read(masks).unwrap_err();
            let wanted = "[left, top, width, height] or at least three points [x, y]";
            assert!(message.contains(wanted), "{masks}: {message}");
        }
    }

    #[test]
    fn a_mask_that_hides_something_else_is_refused() {
        for (masks, words) in [
            ("[[0, 0, 1, 1], [0.5, 0, 0.6, 1]]", "number 2, that leaves"),
            ("[[-0.1, 0, 0.5, 1]]", "that leaves"),
            ("[[nan, 0, 0.5, 1]]", "that leaves"),
            ("[[0, 0, 0, 1]]", "without an area"),
            (
                "[[[0, 0], [0.5, 0.5], [1, 1]]]",
                "number 1, without an area",
            ),
            ("[[[0, 0], [1, 1], [1, 0], [0, 1]]]", "whose sides cross"),
        ] {
            let misfit = Mask::check(&read(masks).unwrap()).unwrap_err();
            assert_eq!(misfit.key, "masks");
            assert!(misfit.message.contains(words), "{masks}: {misfit}");
        }
        let many = vec![Mask::rectangle([0.0, 0.0, 1.0, 1.0]); 65];
        assert!(
            Mask::check(&many)
                .unwrap_err()
                .message
                .contains("at most 64")
        );
    }
}
