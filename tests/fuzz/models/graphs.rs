//! ONNX files for `pack`.

use std::fs;

use goldcrest::engine::{Error, pack};
use goldcrest::meter::heap;
use prost::Message;
use tract_onnx::pb::GraphProto;

use super::Bench;
use super::damage::{damage, refused};
use crate::support::{Cases, Ended, Random, alone, settles};

/// Cases of the run that is part of all tests.
const FEW: u64 = 3_000;
/// The most heap of a case: files here have 60 KB, and what is packed is planned by tract and run.
const HEAP: i64 = 16 << 20;

/// Damages a graph as its parts go: names, extents, types, order.
fn bend(random: &mut Random, graph: &mut GraphProto) {
    let (nodes, constants) = (graph.node.len(), graph.initializer.len());
    let (at, other) = (random.below(nodes), random.below(nodes));
    match random.below(10) {
        0 => graph.node.swap(at, other),
        1 => drop(graph.node.remove(at)),
        2 => {
            let copy = graph.node[other].clone();
            graph.node.insert(at, copy);
        }
        3 => {
            let name = graph.node[other].output[0].clone();
            let inputs = graph.node[at].input.len();
            graph.node[at].input[random.below(inputs)] = name;
        }
        4 => {
            let name = graph.node[other].output[0].clone();
            graph.node[at].output[0] = name;
        }
        5 => drop(graph.initializer.remove(random.below(constants))),
        6 => {
            let dims = &mut graph.initializer[random.below(constants)].dims;
            let value = [0, -1, 1, 16, i64::MAX, 1 << 32][random.below(6)];
            match random.below(3) {
                0 => dims.clear(),
                1 => dims.push(value),
                _ => dims.iter_mut().take(1).for_each(|d| *d = value),
            }
        }
        7 => {
            let tensor = &mut graph.initializer[random.below(constants)];
            damage(random, &mut tensor.raw_data);
        }
        8 => {
            // No columns or channels at all.
            let tensor = &mut graph.initializer[random.below(constants)];
            tensor.raw_data.clear();
            tensor.dims.iter_mut().for_each(|d| *d = 0);
        }
        _ => {
            let node = &mut graph.node[at];
            let count = node.attribute.len();
            if let Some(attribute) = node.attribute.get_mut(random.below(count)) {
                attribute.i = random.next() as i64;
                attribute.ints.iter_mut().for_each(|i| *i = *i * 2 - 1);
            }
        }
    }
}

fn graphs(cases: &Cases) {
    let _alone = alone();
    let bench = Bench::new();
    let whole = bench.network.encode_to_vec();
    let (path, out) = (bench.file("changed.onnx"), bench.file("out.bundle"));
    let before = heap::now().live;
    cases.run(3, |_, random| {
        let mut bytes = if random.below(3) == 0 {
            whole.clone()
        } else {
            let mut network = bench.network.clone();
            let graph = network.graph.as_mut().unwrap();
            for _ in 0..=random.below(3) {
                bend(random, graph);
            }
            network.encode_to_vec()
        };
        if random.below(3) == 0 || bytes == whole {
            damage(random, &mut bytes);
        }
        fs::write(&path, bytes).unwrap();
        let outcome = match pack::pack(&path, &out) {
            Ok(_) => "packed",
            Err(Error::Run(why)) => panic!("it was packed and does not run: {why}"),
            Err(error) => match error.to_string() {
                text if text.contains("no ONNX model") || text.contains("not an ONNX") => "foreign",
                _ => refused(&error),
            },
        };
        Ended {
            outcome,
            most: HEAP,
        }
    });
    settles(before + 64 * 1024);
}

#[test]
fn damaged_onnx_files_never_panic_or_take_memory() {
    graphs(&Cases::few(FEW));
}

#[test]
#[ignore = "hours; FUZZ_CASES, FUZZ_SEED and FUZZ_FROM name other cases"]
fn many_damaged_onnx_files() {
    graphs(&Cases::many());
}
