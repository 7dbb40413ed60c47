"""The one form of ONNX file that Goldcrest's models have, in f32 and in int8.

Opset 20, batch 1, 128x128 (any side that 32 divides). Input `input`, f32 [1, 3, side, side],
already normalised; output `logits`, f32 [1, classes]. The residual stream is channels-last.
Every node is named after its layer and what it does; its output has its name. `C` is a
stage's width, `x` the stream.

    stem                  Conv(4x4, stride 4) -> Transpose(0,2,3,1) -> LayerNormalization
    stages.S.down, S > 0  LayerNormalization -> LINEAR of 2x2 pixels
    stages.S.blocks.B     x -> Transpose(0,3,1,2) -> Conv(7x7, depthwise) -> Transpose(0,2,3,1)
                            -> LayerNormalization -> LINEAR fc1 -> Gelu -> LINEAR fc2 -> Add(x, .)
    head                  ReduceMean(axes 1, 2, kept) -> LayerNormalization -> LINEAR fc -> Flatten

All LayerNormalizations are over the last axis, epsilon 1e-6, with gain and bias. Layer scale is
folded into fc2. All 40 LINEARs of a full ConvNeXt-Tiny are alike. In f32:

    MatMul(X, NAME.weight f32 [K, N]) -> Add(., NAME.bias f32 [1, 1, 1, N])

and in int8:

    QuantizeLinear(X, NAME.input.scale f32 [], NAME.input.zero_point u8 [])     NAME.quantize
    DequantizeLinear(., the same scale and zero point)                          NAME.dequantize
    DequantizeLinear(NAME.weight s8 [K, N], NAME.weight.scale f32 [N],
                     NAME.weight.zero_point s8 [N], all 0, axis 1)              NAME.weight.dequantize
    MatMul(dequantize, weight.dequantize)                                       NAME.matmul
    Add(., NAME.bias f32 [1, 1, 1, N])                                          NAME.add

A downsampling convolution (2x2, stride 2) is the LINEAR of each 2x2 square of pixels: between X
(or NAME.dequantize) and MatMul stand Reshape [1, H/2, 2, W/2, 2, C], Transpose (0,1,3,2,4,5) and
Reshape [1, H/2, W/2, 4C], so K runs over row, column, channel.

Why so: ONNX Runtime joins Q, DQ and MatMul into its MatMulIntegerToFloat only if no bias that it
could join first follows; with a bias of shape [N] it makes a float Gemm and is seven times slower.
And it has no int8 kernel for a Conv whose output stays float.
"""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from images import Refused
from shape import EPS, Shape

OPSET, IR = 20, 9


@dataclass(frozen=True)
class Quantised:
    """One LINEAR in int8: real = scale * (q - zero_point); the weight's zero point is 0."""

    scale: np.float32
    zero_point: int
    weight: np.ndarray  # s8 [K, N]
    weight_scale: np.ndarray  # f32 [N]


def norms(shape: Shape) -> dict[str, str]:
    """Each LINEAR with a LayerNormalization before it that may be changed, and the name of that LayerNormalization.

    The one before head.fc may not: its result is the network's features.
    """
    out = {}
    for s, depth in enumerate(shape.depths):
        if s:
            out[f"stages.{s}.down.conv"] = f"stages.{s}.down.norm"
        out |= {f"stages.{s}.blocks.{b}.fc1": f"stages.{s}.blocks.{b}.norm" for b in range(depth)}
    return out


def linears(shape: Shape) -> list[str]:
    """Names of the LINEARs in the order of execution."""
    out = []
    for name in norms(shape):
        out += [name, name[:-1] + "2"] if name.endswith("fc1") else [name]
    return [*out, "head.fc"]


class Graph:
    """Collects nodes and initialisers; each method returns the name of the tensor that it makes."""

    def __init__(self, weights: dict[str, np.ndarray], quantised: dict[str, Quantised]):
        self.weights, self.quantised = weights, quantised
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name))
        return name

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name].astype(np.float32))

    def node(self, op: str, name: str, inputs: list[str], **attributes) -> str:
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def channels_last(self, x: str, name: str) -> str:
        return self.node("Transpose", f"{name}.channels_last", [x], perm=[0, 2, 3, 1])

    def conv(self, x: str, name: str, **attributes) -> str:
        inputs = [x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.node("Conv", name, inputs, **attributes)

    def norm(self, x: str, name: str) -> str:
        inputs = [x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.node("LayerNormalization", name, inputs, axis=-1, epsilon=EPS)

    def linear(self, x: str, name: str, squares: int = 0) -> str:
        """LINEAR; `squares` is the side of the map if it is to be taken in squares of 2x2 pixels."""
        q = self.quantised.get(name)
        if q:
            grid = [
                self.constant(f"{name}.input.scale", np.float32(q.scale)),
                self.constant(f"{name}.input.zero_point", np.uint8(q.zero_point)),
            ]
            x = self.node("QuantizeLinear", f"{name}.quantize", [x, *grid])
            x = self.node("DequantizeLinear", f"{name}.dequantize", [x, *grid])
            k, n = q.weight.shape
            parts = [
                self.constant(f"{name}.weight", q.weight),
                self.constant(f"{name}.weight.scale", q.weight_scale),
                self.constant(f"{name}.weight.zero_point", np.zeros(n, np.int8)),
            ]
            weight = self.node("DequantizeLinear", f"{name}.weight.dequantize", parts, axis=1)
        else:
            k, n = self.weights[f"{name}.weight"].shape
            weight = self.weight(f"{name}.weight")
        if squares:
            half, c = squares // 2, k // 4
            split = self.constant(f"{name}.split.shape", np.array([1, half, 2, half, 2, c], np.int64))
            joined = self.constant(f"{name}.join.shape", np.array([1, half, half, k], np.int64))
            x = self.node("Reshape", f"{name}.split", [x, split])
            x = self.node("Transpose", f"{name}.squares", [x], perm=[0, 1, 3, 2, 4, 5])
            x = self.node("Reshape", f"{name}.join", [x, joined])
        product = self.node("MatMul", f"{name}.matmul", [x, weight])
        bias = self.constant(f"{name}.bias", self.weights[f"{name}.bias"].astype(np.float32).reshape(1, 1, 1, n))
        return self.node("Add", f"{name}.add", [product, bias])

    def block(self, x: str, name: str, width: int) -> str:
        y = self.node("Transpose", f"{name}.channels_first", [x], perm=[0, 3, 1, 2])
        y = self.conv(y, f"{name}.dw", kernel_shape=[7, 7], pads=[3, 3, 3, 3], group=width)
        y = self.norm(self.channels_last(y, f"{name}.dw"), f"{name}.norm")
        y = self.node("Gelu", f"{name}.gelu", [self.linear(y, f"{name}.fc1")])
        return self.node("Add", f"{name}.add", [x, self.linear(y, f"{name}.fc2")])


def build(
    weights: dict[str, np.ndarray],
    shape: Shape,
    side: int,
    quantised: dict[str, Quantised] | None = None,
    metadata: dict[str, str] | None = None,
) -> onnx.ModelProto:
    """The model of `weights`: names as in convnext.py, LINEARs' weights as [K, N], no gamma."""
    if side % 32:
        raise Refused(f"a side of {side} pixels does not go; take one that 32 divides, such as 128")
    g = Graph(weights, quantised or {})
    x = g.conv("input", "stem.conv", kernel_shape=[4, 4], strides=[4, 4])
    x = g.norm(g.channels_last(x, "stem.conv"), "stem.norm")
    at = side // 4
    for s, (depth, width) in enumerate(zip(shape.depths, shape.widths)):
        if s:
            x = g.linear(g.norm(x, f"stages.{s}.down.norm"), f"stages.{s}.down.conv", at)
            at //= 2
        for b in range(depth):
            x = g.block(x, f"stages.{s}.blocks.{b}", width)
    axes = g.constant("head.mean.axes", np.array([1, 2], np.int64))
    x = g.node("ReduceMean", "head.mean", [x, axes], keepdims=1)
    g.node("Flatten", "logits", [g.linear(g.norm(x, "head.norm"), "head.fc")], axis=1)
    graph = helper.make_graph(
        g.nodes,
        "convnext",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, shape.classes])],
        g.constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="goldcrest"
    )
    helper.set_model_props(model, dict(sorted((metadata or {}).items())))
    onnx.checker.check_model(model, full_check=True)
    return model


def from_state(state: dict) -> dict[str, np.ndarray]:
    """The weights that `build` takes, of a checkpoint's state: transposed, layer scale folded into fc2."""
    out = {name: value.detach().cpu().double().numpy() for name, value in state.items()}
    for name in [n for n in out if n.endswith(".gamma")]:
        gamma, fc2 = out.pop(name), name.removesuffix("gamma") + "fc2"
        out[f"{fc2}.weight"] = out[f"{fc2}.weight"] * gamma[:, None]
        out[f"{fc2}.bias"] = out[f"{fc2}.bias"] * gamma
    for name, value in out.items():
        if name.endswith(("fc1.weight", "fc2.weight", "fc.weight")):
            out[name] = value.T
        elif name.endswith("down.conv.weight"):
            out[name] = value.transpose(2, 3, 1, 0).reshape(-1, len(value))
    return {name: value.astype(np.float32) for name, value in out.items()}


@dataclass(frozen=True)
class Exported:
    """An f32 file of this form, read back."""

    weights: dict[str, np.ndarray]
    shape: Shape
    side: int
    labels: list[str]
    metadata: dict[str, str]


def read(path: Path) -> Exported:
    """Reads an f32 file that export.py wrote; any other graph is refused by the first node that differs."""
    try:
        model = onnx.load(path)
    except FileNotFoundError:
        raise Refused(f"{path}: no such file; make it with export.py") from None
    except Exception as e:
        raise Refused(f"{path} is not an ONNX file: {str(e).splitlines()[0]}") from None
    found = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    metadata = {p.key: p.value for p in model.metadata_props}
    try:
        depths = [len({n.split(".")[3] for n in found if n.startswith(f"stages.{s}.blocks.")}) for s in range(4)]
        widths = [len(found[f"stages.{s}.blocks.0.dw.bias"]) for s in range(4)]
        shape = Shape(tuple(depths), tuple(widths), found["head.fc.weight"].shape[1])
        side = model.graph.input[0].type.tensor_type.shape.dim[2].dim_value
        labels = json.loads(metadata["labels"])
        weights = {n: v.reshape(-1) if n.endswith(".bias") else v for n, v in found.items()}
        own = build(weights, shape, side, metadata=metadata)
    except (KeyError, IndexError, ValueError) as e:
        raise Refused(f"{path} is not of the form that export.py writes (no {e}); make it with export.py") from None
    for mine, theirs in zip(own.graph.node, model.graph.node):
        if mine != theirs:
            raise Refused(f"{path}: node {theirs.name!r} is not as export.py writes it; make the file with export.py")
    return Exported(weights, shape, side, labels, metadata)
