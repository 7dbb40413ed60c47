"""What a network's outputs are: logits, or the scores of its own softmax or sigmoid.

Goldcrest decides the same way when it opens a file (src/engine/ending.rs).
"""
from __future__ import annotations

from pathlib import Path

import onnx

from images import Refused

# Operators that move or convert values without a change of their meaning.
PASSED = {
    "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Cast", "Clip", "Dropout", "QuantizeLinear",
    "DequantizeLinear",
}  # fmt: skip


def ending(graph: onnx.GraphProto) -> str:
    """`softmax`, `sigmoid` or `logits`: the last operator that computes."""
    makers = {name: node for node in graph.node for name in node.output}
    name = graph.output[0].name if graph.output else ""
    # A graph with a circle ends after as many steps as it has nodes.
    for _ in graph.node:
        node = makers.get(name)
        if node is None:
            break
        if node.op_type == "Softmax" or node.op_type == "Div" and divides_by_its_sum(node, makers):
            return "softmax"
        if node.op_type in ("Sigmoid", "HardSigmoid"):
            return "sigmoid"
        if node.op_type not in PASSED or not node.input:
            break
        name = node.input[0]
    return "logits"


def divides_by_its_sum(node: onnx.NodeProto, makers: dict[str, onnx.NodeProto]) -> bool:
    """Whether `node` is the last of a softmax in parts: exponentials, divided by their sum."""
    if len(node.input) != 2:
        return False
    above, below = (makers.get(name) for name in node.input)
    kinds = [n.op_type if n else "" for n in (above, below)]
    return kinds == ["Exp", "ReduceSum"] and below.input[0] == node.input[0]


def whole(path: Path) -> onnx.ModelProto:
    """The ONNX file at `path`, which must hold all of its weights: its SHA-256 covers no other file."""
    try:
        model = onnx.load(path, load_external_data=False)
    except FileNotFoundError:
        raise Refused(f"{path}: no such file") from None
    except Exception as e:
        raise Refused(f"{path} is not an ONNX file: {str(e).splitlines()[0]}") from None
    apart = [t for t in model.graph.initializer if t.data_location == onnx.TensorProto.EXTERNAL]
    if apart:
        file = next((e.value for e in apart[0].external_data if e.key == "location"), "unnamed")
        raise Refused(
            f"{path}: its weights lie in another file, {file}, which its SHA-256 does not cover; write one file with "
            f"`python3 -c \"import onnx; onnx.save(onnx.load('{path}'), 'whole.onnx')\"`"
        )
    return model
