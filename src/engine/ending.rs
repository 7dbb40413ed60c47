//! Recognises a network that ends in its own softmax or sigmoid, as exports for deployment do.

use tract_onnx::pb::{GraphProto, NodeProto};

use super::interface::Output;

/// Operators that move or convert values without a change of their meaning.
const PASSED: [&str; 11] = [
    "Identity",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Cast",
    "Clip",
    "Dropout",
    "QuantizeLinear",
    "DequantizeLinear",
];

/// The meaning of the only output of `graph`: that of the last operator that computes.
pub(super) fn ending(graph: &GraphProto) -> Output {
    let Some(output) = graph.output.first() else {
        return Output::Logits;
    };
    let mut name = output.name.as_str();
    // A graph with a circle ends, and one of thousands of nodes that pass does so soon.
    for _ in 0..64 {
        let Some(node) = maker(graph, name) else {
            break;
        };
        match node.op_type.as_str() {
            "Softmax" => return Output::Softmax,
            "Sigmoid" | "HardSigmoid" => return Output::Sigmoid,
            "Div" if divides_by_its_sum(graph, node) => return Output::Softmax,
            op if PASSED.contains(&op) => {}
            _ => break,
        }
        let Some(input) = node.input.first() else {
            break;
        };
        name = input;
    }
    Output::Logits
}

/// The node that makes the value `name`.
fn maker<'g>(graph: &'g GraphProto, name: &str) -> Option<&'g NodeProto> {
    let makes = |node: &&NodeProto| node.output.iter().any(|output| output == name);
    graph.node.iter().find(makes)
}

/// Whether `node` is the last of a softmax in parts: exponentials, divided by their sum.
fn divides_by_its_sum(graph: &GraphProto, node: &NodeProto) -> bool {
    let [exponentials, sum] = &node.input[..] else {
        return false;
    };
    let is_exp = maker(graph, exponentials).is_some_and(|n| n.op_type == "Exp");
    is_exp
        && maker(graph, sum)
            .is_some_and(|n| n.op_type == "ReduceSum" && n.input.first() == Some(exponentials))
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::ValueInfoProto;

    use super::*;

    /// The ending of a graph of these operators, each with its inputs and its output.
    fn of(nodes: &[(&str, &[&str], &str)]) -> Output {
        let node = |&(op, inputs, output): &(&str, &[&str], &str)| NodeProto {
            op_type: op.into(),
            input: inputs.iter().map(|&i| i.into()).collect(),
            output: vec![output.into()],
            ..Default::default()
        };
        ending(&GraphProto {
            node: nodes.iter().map(node).collect(),
            output: vec![ValueInfoProto {
                name: "y".into(),
                ..Default::default()
            }],
            ..Default::default()
        })
    }

    #[test]
    fn softmax_and_sigmoid_at_the_end_are_found() {
        assert_eq!(of(&[("Softmax", &["x"], "y")]), Output::Softmax);
        assert_eq!(of(&[("Sigmoid", &["x"], "y")]), Output::Sigmoid);
        let parts: [(&str, &[&str], &str); 3] = [
            ("Exp", &["x"], "e"),
            ("ReduceSum", &["e", "axes"], "s"),
            ("Div", &["e", "s"], "y"),
        ];
        assert_eq!(of(&parts), Output::Softmax);
    }

    #[test]
    fn they_are_found_behind_casts_and_shapes() {
        let passed: [(&str, &[&str], &str); 4] = [
            ("Softmax", &["x"], "a"),
            ("Reshape", &["a", "shape"], "b"),
            ("Cast", &["b"], "c"),
            ("Identity", &["c"], "y"),
        ];
        assert_eq!(of(&passed), Output::Softmax);
    }

    #[test]
    fn softmax_inside_a_network_leaves_logits() {
        let attention: [(&str, &[&str], &str); 2] =
            [("Softmax", &["x"], "a"), ("MatMul", &["a", "v"], "y")];
        assert_eq!(of(&attention), Output::Logits);
        assert_eq!(of(&[("LogSoftmax", &["x"], "y")]), Output::Logits);
        assert_eq!(of(&[("Div", &["x", "s"], "y")]), Output::Logits);
        assert_eq!(of(&[]), Output::Logits);
    }

    #[test]
    fn a_graph_with_a_circle_ends() {
        assert_eq!(of(&[("Identity", &["y"], "y")]), Output::Logits);
    }
}
