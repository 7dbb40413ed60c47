//! Where a graph leaves the one form.

use tract_onnx::pb::NodeProto;

use crate::engine::labels::is_control;

/// The first place where a graph differs from the form, and how.
#[derive(Debug, thiserror::Error)]
pub(super) enum Difference {
    /// At a node.
    #[error("{node} {fault}")]
    Node {
        /// The node's [`label`].
        node: String,
        /// The fault, as the rest of a sentence.
        fault: String,
    },
    /// At a value between nodes, or an input or output of the graph.
    #[error("{kind} {name:?} {fault}")]
    Value {
        /// `value` or `input`.
        kind: &'static str,
        /// The value's name.
        name: String,
        /// The fault, as the rest of a sentence.
        fault: String,
    },
    /// In the graph as a whole.
    #[error("the graph {0}")]
    Graph(&'static str),
}

impl Difference {
    /// At `node`; `fault` is the rest of a sentence.
    pub fn at(node: &NodeProto, fault: impl Into<String>) -> Self {
        Self::Node {
            node: label(node),
            fault: fault.into(),
        }
    }

    /// At the value `name`; `fault` is the rest of a sentence.
    pub fn value(name: &str, fault: impl Into<String>) -> Self {
        Self::Value {
            kind: "value",
            name: short(name),
            fault: fault.into(),
        }
    }

    /// At the graph's input `name`; `fault` is the rest of a sentence.
    pub fn input(name: &str, fault: impl Into<String>) -> Self {
        Self::Value {
            kind: "input",
            name: short(name),
            fault: fault.into(),
        }
    }
}

/// The name and operator of a node, for messages.
fn label(node: &NodeProto) -> String {
    let name = if node.name.is_empty() {
        node.output.first().map_or("", |o| o)
    } else {
        &node.name
    };
    format!("node {:?} ({})", short(name), short(&node.op_type))
}

/// The beginning of a name from a file, for messages.
pub(super) fn short(name: &str) -> String {
    name.chars().filter(|&c| !is_control(c)).take(80).collect()
}

/// Refuses `node` unless it `holds` that it is `wanted`.
///
/// # Errors
/// [`Difference::Node`].
pub(super) fn require(node: &NodeProto, holds: bool, wanted: &str) -> Result<(), Difference> {
    if holds {
        Ok(())
    } else {
        Err(Difference::at(node, format!("is not {wanted}")))
    }
}
