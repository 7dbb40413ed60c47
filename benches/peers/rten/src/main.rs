//! rten as one of the peers: `rten MODEL.onnx INPUTS.f32`, on as many threads as RTEN_NUM_THREADS
//! says.
//!
//! For each line of standard input, a count, it runs so often over the inputs in turn and prints
//! the milliseconds of each run as one line of JSON.

use std::io::{BufRead, Write};
use std::time::Instant;

use rten_tensor::{NdTensor, NdTensorView};

const SHAPE: [usize; 4] = [1, 3, 128, 128];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let model = args.next().ok_or("give the model's path")?;
    let model = rten::ModelOptions::with_all_ops()
        .prepack_weights(true)
        .load_file(model)?;
    let bytes = std::fs::read(args.next().ok_or("give the inputs' path")?)?;
    let value = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    let values: Vec<f32> = bytes.chunks_exact(4).map(value).collect();
    let mut inputs = values.chunks_exact(SHAPE.iter().product()).cycle();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let mut times = Vec::new();
        for input in inputs.by_ref().take(line?.trim().parse()?) {
            let start = Instant::now();
            let x = NdTensorView::from_data(SHAPE, input);
            let y: NdTensor<f32, 2> = model.run_one(x.into(), None)?.try_into()?;
            std::hint::black_box(y);
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        writeln!(out, "{times:?}")?;
        out.flush()?;
    }
    Ok(())
}
