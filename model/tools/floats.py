"""Turns a dynamically quantised ONNX model back to floats, for processors without its int8 kernels.

onnxruntime's quantize_dynamic makes of MatMul(x, weight)

    DynamicQuantizeLinear(x) -> q, scale, zero
    MatMulInteger(q, weight s8 or u8, zero, weight's zero) -> Cast(float) -> Mul(., scale * weight's scale)

Here MatMul(x, weight's floats) takes the place of the last Mul. What no longer has a user is left
out. Other nodes stay as they are.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from images import Refused


class Graph:
    """A graph's nodes by what they make and use."""

    def __init__(self, graph: onnx.GraphProto):
        self.graph = graph
        self.constants = {t.name: t for t in graph.initializer}
        self.maker = {out: node for node in graph.node for out in node.output}
        self.users: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self.users.setdefault(name, []).append(node)

    def array(self, name: str) -> np.ndarray:
        return numpy_helper.to_array(self.constants[name])

    def only_user(self, name: str, kind: str) -> onnx.NodeProto:
        users = self.users.get(name, [])
        if len(users) != 1 or users[0].op_type != kind:
            raise Refused(f"{name} of the teacher is not used by one {kind}, as quantize_dynamic writes it; give a teacher in floats")
        return users[0]

    def float_product(self, node: onnx.NodeProto, taken: dict[str, str]) -> tuple[onnx.NodeProto, onnx.NodeProto]:
        """The MatMul that stands for a MatMulInteger, and the Mul that it replaces."""
        quantised = self.maker.get(node.input[0])
        if quantised is None or quantised.op_type != "DynamicQuantizeLinear" or node.input[1] not in self.constants:
            raise Refused(f"{node.name or node.output[0]} of the teacher has no constant weight or no dynamic range; give a teacher in floats")
        product = self.only_user(self.only_user(node.output[0], "Cast").output[0], "Mul")
        scales = self.maker[next(n for n in product.input if self.maker[n].op_type != "Cast")]
        scale = next(self.array(n) for n in scales.input if n in self.constants)
        zero = self.array(node.input[3]) if len(node.input) > 3 and node.input[3] else np.int8(0)
        weight = (self.array(node.input[1]).astype(np.float32) - zero.astype(np.float32)) * scale
        name = taken.setdefault(node.input[1], f"{node.input[1]}.floats")
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(weight.astype(np.float32), name)
            self.graph.initializer.append(self.constants[name])
        return helper.make_node("MatMul", [quantised.input[0], name], list(product.output), name=f"{product.output[0]}.floats"), product


def used(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The nodes on which an output depends, in their order."""
    needed, kept = {o.name for o in graph.output}, []
    for node in reversed(nodes):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(node)
    return kept[::-1]


def dequantised(path: Path) -> bytes:
    """The model of this file with its dynamic int8 products in floats."""
    model = onnx.load(path)
    graph, taken = Graph(model.graph), {}
    swapped = {}
    for node in model.graph.node:
        if node.op_type == "MatMulInteger":
            new, old = graph.float_product(node, taken)
            swapped[old.output[0]] = new
    nodes = used(model.graph, [swapped.get(n.output[0], n) for n in model.graph.node])
    inputs = {name for node in nodes for name in node.input}
    constants = [t for t in model.graph.initializer if t.name in inputs]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(constants)
    return model.SerializeToString()
