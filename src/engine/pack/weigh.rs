//! The heap that reading a graph will take, computed from its bytes before anything is read.
//!
//! Two bytes of a file can stand for a node of some hundred bytes in memory, so the length of a
//! file bounds nothing. The levels of onnx.proto that repeat are walked without an allocation.

use std::ops::Range;

use super::wire::fields;

/// The most heap that a graph may take without its initialisers. That of a ConvNeXt takes 1 MiB.
pub(super) const MOST: u64 = 64 << 20;

/// Graphs may stand in attributes of nodes of graphs. prost reads a hundred levels of messages.
const DEEPEST: usize = 8;

/// Bytes of an element in memory, each with the room that a growing vector keeps beside it.
const NODE: u64 = 640;
const ATTRIBUTE: u64 = 3072;
const TEXT: u64 = 64;
/// Bytes of memory for each byte of a message that is not looked into.
const OTHER: u64 = 128;

/// A message of onnx.proto.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Graph,
    Node,
    Attribute,
    Tensor,
}

/// The heap that the message in `range` takes; none where it is damaged or nested too deeply.
pub(super) fn heap(bytes: &[u8], range: Range<usize>, kind: Kind) -> Option<u64> {
    heap_at(bytes, range, kind, 0)
}

fn heap_at(bytes: &[u8], range: Range<usize>, kind: Kind, depth: usize) -> Option<u64> {
    if depth > DEEPEST {
        return None;
    }
    let mut total = 0_u64;
    for field in fields(bytes, range) {
        let (number, whole, payload) = field?;
        let length = payload.len() as u64;
        let inner = |kind| heap_at(bytes, payload.clone(), kind, depth + 1);
        let taken = match (kind, number) {
            (Kind::Graph, 1) => NODE + inner(Kind::Node)?,
            // Initialisers are weighed where they are read, without their data.
            (Kind::Graph, 5) if depth == 0 => 0,
            (Kind::Graph, 5) | (Kind::Attribute, 5 | 10) => ATTRIBUTE + inner(Kind::Tensor)?,
            (Kind::Node, 5) => ATTRIBUTE + inner(Kind::Attribute)?,
            (Kind::Attribute, 6 | 11) => ATTRIBUTE + inner(Kind::Graph)?,
            // Names of inputs and outputs, strings.
            (Kind::Node, 1 | 2) | (Kind::Attribute, 9) => TEXT + length,
            // A name, a text, or packed numbers: a byte each at least, and eight in memory.
            (Kind::Node, _) | (Kind::Attribute, 1 | 4 | 7 | 8) => TEXT + 16 * length,
            // Packed floats and raw data are as they are.
            (Kind::Tensor, 4 | 9) => TEXT + 2 * length,
            _ => OTHER.saturating_mul(whole.len() as u64),
        };
        total = total.saturating_add(taken);
        if total > MOST {
            return Some(total);
        }
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto};

    use super::*;
    use crate::engine::sample::{Shape, model};

    fn weighed(graph: &GraphProto) -> Option<u64> {
        let bytes = graph.encode_to_vec();
        heap(&bytes, 0..bytes.len(), Kind::Graph)
    }

    #[test]
    fn a_graph_of_the_form_is_light() {
        let graph = model(&Shape::small()).graph.unwrap();
        assert!(weighed(&graph).is_some_and(|heap| heap < 1 << 20));
    }

    #[test]
    fn empty_parts_weigh_what_they_take_in_memory() {
        // Each of them is two bytes of the file.
        let many = 1 << 18;
        let nodes = GraphProto {
            node: vec![NodeProto::default(); many],
            ..Default::default()
        };
        let attributes = GraphProto {
            node: vec![NodeProto {
                attribute: vec![AttributeProto::default(); many],
                ..Default::default()
            }],
            ..Default::default()
        };
        let tensors = GraphProto {
            node: vec![NodeProto {
                attribute: vec![AttributeProto {
                    tensors: vec![TensorProto::default(); many],
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let values = GraphProto {
            value_info: vec![ValueInfoProto::default(); many],
            ..Default::default()
        };
        for (what, graph, size) in [
            ("nodes", &nodes, size_of::<NodeProto>()),
            ("attributes", &attributes, size_of::<AttributeProto>()),
            ("tensors", &tensors, size_of::<TensorProto>()),
            ("values", &values, size_of::<ValueInfoProto>()),
        ] {
            let heap = weighed(graph).unwrap();
            // A vector that grows keeps as much room again.
            assert!(
                heap > MOST || heap >= 2 * (many * size) as u64,
                "{what}: {heap}"
            );
        }
        assert!(2 * size_of::<NodeProto>() as u64 <= NODE);
        let largest = size_of::<AttributeProto>().max(size_of::<TensorProto>());
        assert!(2 * largest as u64 <= ATTRIBUTE, "{largest}");
    }

    #[test]
    fn a_graph_in_a_graph_in_a_graph_ends() {
        let mut graph = GraphProto::default();
        for _ in 0..40 {
            graph = GraphProto {
                node: vec![NodeProto {
                    attribute: vec![AttributeProto {
                        g: Some(graph),
                        ..Default::default()
                    }],
                    ..Default::default()
                }],
                ..Default::default()
            };
        }
        assert_eq!(weighed(&graph), None);
    }
}
