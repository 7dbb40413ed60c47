//! The edges of one picture, by place and direction.

use crate::engine::Input;

/// Cells a side.
pub(super) const SIDE: usize = 32;
/// The strength of an edge, in levels a pixel, that counts half. Noise of a sensor stays below it,
/// and edges of very different contrast count almost alike.
const HALF: f32 = 4.0;
/// How much of its strength a cell must count for to be one with an edge.
const STRONG: f32 = 0.4;

/// For each cell the strength and the direction of its edges, as a vector at twice the angle of the
/// gradient: an edge from dark to light and one from light to dark are the same, as they are by day
/// and by night. Its length is below 1.
pub(super) type Cells = [[f32; 2]; SIDE * SIDE];

/// Reads the edges of a picture, the model's input: f32 `[3, height, width]` of the shape and the
/// scale of `input`. Returns the number of cells with an edge.
///
/// Where the input has no picture, edges are none: beside the picture of a letterbox and beside
/// what a mask hides they would never move, whatever the camera does.
pub(super) fn read(picture: &[f32], input: &Input, cells: &mut Cells) -> usize {
    let (width, height) = (input.width, input.height);
    let plane = width * height;
    *cells = [[0.0; 2]; SIDE * SIDE];
    if width < 3 || height < 3 || picture.len() < 3 * plane {
        return 0;
    }
    let (red, rest) = picture.split_at(plane);
    let (green, blue) = rest.split_at(plane);
    let scale = [0.299, 0.587, 0.114];
    let gain: [f32; 3] = std::array::from_fn(|c| 255.0 * scale[c] * input.std[c]);
    let base: f32 = (0..3).map(|c| 255.0 * scale[c] * input.mean[c]).sum();
    let luma = |at: usize| base + gain[0] * red[at] + gain[1] * green[at] + gain[2] * blue[at];
    let blank =
        |at: usize| (red[at] == 0.0 && green[at] == 0.0 && blue[at] == 0.0) || luma(at) < 0.5;
    for y in 1..height - 1 {
        let row = y * SIDE / height * SIDE;
        for x in 1..width - 1 {
            let at = y * width + x;
            let (up, down) = (at - width, at + width);
            let around = [up - 1, up, up + 1, at - 1, at + 1, down - 1, down, down + 1];
            if around.iter().any(|&at| blank(at)) {
                continue;
            }
            let [a, b, c, d, e, f, g, h] = around.map(luma);
            let across = (c + 2.0 * e + h - a - 2.0 * d - f) / 8.0;
            let along = (f + 2.0 * g + h - a - 2.0 * b - c) / 8.0;
            let strength = (across * across + along * along).sqrt();
            if strength > 0.0 {
                let cell = &mut cells[row + x * SIDE / width];
                cell[0] += (across * across - along * along) / strength;
                cell[1] += 2.0 * across * along / strength;
            }
        }
    }
    let pixels = (plane / (SIDE * SIDE)).max(1) as f32;
    let mut strong = 0;
    for cell in cells.iter_mut() {
        let length = (cell[0] * cell[0] + cell[1] * cell[1]).sqrt() / pixels;
        let weight = 1.0 / (pixels * (length + HALF));
        *cell = cell.map(|v| v * weight);
        strong += usize::from(length / (length + HALF) >= STRONG);
    }
    strong
}
