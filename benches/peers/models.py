"""The models that the peers run, all made of the shipped int8 file.

- `f32`: the same network in float, by folding the Q/DQ: integers times scales, no rounding of activations.
- `base f32`: a ConvNeXt Base of random weights, for its memory alone.
- each form that ONNX Runtime's quantize_static makes of `f32`, calibrated on the shipped recording.

They are kept in the user's cache, in a folder named after what they were made of.
"""
from __future__ import annotations

import hashlib
import logging
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "model/tools"))

import form  # noqa: E402
import images  # noqa: E402
from shape import Shape  # noqa: E402

SHIPPED = ROOT / "model/convnext_tiny_128_int8.onnx"
FRAMES = ROOT / "tests/recordings/bottles"
BASE = Shape(depths=(3, 3, 27, 3), widths=(128, 256, 512, 1024), classes=1000)
SIDE = 128
U8, S8 = QuantType.QUInt8, QuantType.QInt8


@dataclass(frozen=True)
class Form:
    """One way to call quantize_static."""

    format: QuantFormat
    activations: QuantType
    weights: QuantType
    per_channel: bool
    operators: tuple[str, ...] = ()
    reduce_range: bool = False

    @property
    def name(self) -> str:
        kind = {U8: "u8", S8: "s8"}
        parts = [self.format.name, kind[self.activations] + "×" + kind[self.weights]]
        parts.append("per channel" if self.per_channel else "per tensor")
        parts += [" and ".join(self.operators) + " only"] if self.operators else []
        parts += ["reduced range"] if self.reduce_range else []
        return ", ".join(parts)

    def made(self, f32: Path, out: Path) -> None:
        quantize_static(
            f32,
            out,
            Frames(),
            quant_format=self.format,
            activation_type=self.activations,
            weight_type=self.weights,
            per_channel=self.per_channel,
            reduce_range=self.reduce_range,
            op_types_to_quantize=list(self.operators) or None,
        )


def forms() -> list[Form]:
    """All kinds that quantize_static takes (signed activations go with signed weights only), and what users narrow."""
    out = []
    for format in (QuantFormat.QDQ, QuantFormat.QOperator):
        for activations, weights in ((U8, S8), (U8, U8), (S8, S8)):
            out += [Form(format, activations, weights, per_channel) for per_channel in (True, False)]
    out += [Form(QuantFormat.QDQ, U8, S8, True, operators) for operators in (("MatMul",), ("Conv", "MatMul"))]
    out.append(Form(QuantFormat.QDQ, U8, S8, True, reduce_range=True))
    return out


class Frames(CalibrationDataReader):
    """Every sixth frame of the shipped recording, prepared as the daemon prepares it."""

    def __init__(self):
        card = tomllib.loads((SHIPPED.parent / "model.toml").read_text())["input"]
        paths = sorted(FRAMES.glob("*.jpg"))[::6]
        pictures = images.ImageSet([], np.full(len(paths), -1), list(paths))
        rows = range(len(paths))
        self.left = [images.prepared(pictures, [i], card["width"], card["mean"], card["std"]) for i in rows]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return {"input": self.left.pop(0)} if self.left else None


def in_float(int8: Path) -> onnx.ModelProto:
    """The network of an int8 file of the one form, in float."""
    model = onnx.load(int8)
    found = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    weights = {}
    for name, value in found.items():
        if value.dtype == np.int8 and name.endswith(".weight"):
            weights[name] = value.astype(np.float32) * found[f"{name}.scale"]
        elif name.endswith((".weight", ".bias")):
            weights[name] = value.reshape(-1) if name.endswith(".bias") else value
    depths = [len({n.split(".")[3] for n in found if n.startswith(f"stages.{s}.blocks.")}) for s in range(4)]
    widths = [len(found[f"stages.{s}.blocks.0.dw.bias"]) for s in range(4)]
    shape = Shape(tuple(depths), tuple(widths), len(weights["head.fc.bias"]))
    return form.build(weights, shape, model.graph.input[0].type.tensor_type.shape.dim[2].dim_value)


def at_random(shape: Shape, side: int) -> onnx.ModelProto:
    """A network of this shape with random weights."""
    rng = np.random.default_rng(1)
    weights = {}

    def layer(name: str, *dims: int) -> None:
        weights[f"{name}.weight"] = (0.02 * rng.standard_normal(dims)).astype(np.float32)
        weights[f"{name}.bias"] = np.zeros(dims[-1] if name.endswith(("fc1", "fc2", "fc", "down.conv")) else dims[0], np.float32)

    def norm(name: str, width: int) -> None:
        weights[f"{name}.weight"], weights[f"{name}.bias"] = np.ones(width, np.float32), np.zeros(width, np.float32)

    layer("stem.conv", shape.widths[0], 3, 4, 4)
    norm("stem.norm", shape.widths[0])
    for s, (depth, width) in enumerate(zip(shape.depths, shape.widths)):
        if s:
            norm(f"stages.{s}.down.norm", shape.widths[s - 1])
            layer(f"stages.{s}.down.conv", 4 * shape.widths[s - 1], width)
        for b in range(depth):
            layer(f"stages.{s}.blocks.{b}.dw", width, 1, 7, 7)
            norm(f"stages.{s}.blocks.{b}.norm", width)
            layer(f"stages.{s}.blocks.{b}.fc1", width, 4 * width)
            layer(f"stages.{s}.blocks.{b}.fc2", 4 * width, width)
    norm("head.norm", shape.widths[-1])
    layer("head.fc", shape.widths[-1], shape.classes)
    return form.build(weights, shape, side)


def made(cache: Path, quick: bool) -> tuple[Path, Path | None, dict[str, Path]]:
    """Paths of `f32`, of `base f32` and of quantize_static's forms by name; what is missing is made.

    `quick` makes no `base f32`, and the first form alone.
    """
    digest = hashlib.sha256()
    for source in (Path(__file__), ROOT / "model/tools/form.py", SHIPPED, *sorted(FRAMES.glob("*.jpg"))):
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    digest.update(f"{version('onnxruntime')} {version('onnx')} {version('numpy')}".encode())
    folder = cache / f"peers-models-{digest.hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)

    def once(name: str, make) -> Path:
        path = folder / f"{name}.onnx"
        if not path.exists():
            print(f"making {name}", file=sys.stderr, flush=True)
            part = folder / "part.onnx"
            make(part)
            part.rename(path)
        return path

    f32 = once("f32", lambda out: onnx.save(in_float(SHIPPED), out))
    base = None if quick else once("base f32", lambda out: onnx.save(at_random(BASE, SIDE), out))
    ready = once("f32 preprocessed", lambda out: quant_pre_process(f32, out, skip_symbolic_shape=True))
    # quantize_static warns of each LayerNormalization, whose gain has no second axis.
    logging.disable(logging.WARNING)
    found = {f.name: once(f.name, lambda out, f=f: f.made(ready, out)) for f in forms()[: 1 if quick else None]}
    logging.disable(logging.NOTSET)
    return f32, base, found
