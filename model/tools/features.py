"""Logits and pooled features of pictures: in ONNX Runtime, or as the program gives them.

Pooled features are the mean of the last map over its places, after the head's LayerNormalization:
768 numbers of a ConvNeXt-Tiny, from which a head of other classes is taught.
"""
from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

import numpy as np
import onnx
import onnxruntime
from PIL import Image

from images import Refused

# The tensor in every file of form.py.
POOLED = "head.norm"


@dataclass
class Seen:
    """What a network answered to N pictures."""

    logits: np.ndarray  # [N, classes]
    pooled: np.ndarray  # [N, widths[-1]]


def prepared(picture: Image.Image, card) -> np.ndarray:
    """A picture as the daemon prepares it, [1, 3, side, side]; `card` is evaluate.beside's."""
    pixels = np.asarray(picture.convert("RGB").resize((card.side, card.side), Image.BILINEAR), np.float32)
    levels = (pixels / 255 - np.float32(card.mean)) / np.float32(card.std)
    return np.ascontiguousarray(levels.transpose(2, 0, 1)[None])


def in_onnxruntime(model: Path, inputs: Iterable[np.ndarray], threads: int = 1) -> Seen:
    """For prepared pictures; `model` is of the form of form.py, f32 or int8."""
    graph = onnx.load(model)
    if not any(POOLED in node.output for node in graph.graph.node):
        raise Refused(f"{model} has no tensor {POOLED}; give a file that export.py or quantize.py wrote")
    graph.graph.output.append(onnx.helper.make_empty_tensor_value_info(POOLED))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    rows = [session.run(["logits", POOLED], {"input": x}) for x in inputs]
    return Seen(np.concatenate([z for z, _ in rows]), np.concatenate([p.reshape(1, -1) for _, p in rows]))


def in_goldcrest(binary: Path, model: Path, pictures: Iterable[Image.Image]) -> np.ndarray:
    """Features [N, widths[-1]] as `goldcrest replay --json --features` gives them."""
    with tempfile.TemporaryDirectory(prefix="goldcrest-") as folder:
        frames = Path(folder, "frames")
        frames.mkdir()
        count = 0
        for count, picture in enumerate(pictures, 1):
            picture.convert("RGB").save(frames / f"{count:06}.png", compress_level=1)
        config = Path(folder, "config.toml")
        config.write_text(f"[model]\npath = {json.dumps(str(model.resolve()))}\n[memory]\nbudget_mb = 4096\n")
        command = [binary.resolve(), "replay", frames, "--config", config, "--json", "--features"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Refused(f"{binary} replay ended with {done.returncode}: {said}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if [Path(row["source"]).stem for row in rows] != [f"{i:06}" for i in range(1, count + 1)]:
        raise Refused(f"{binary} answered {len(rows)} of {count} pictures")
    return np.array([row["features"] for row in rows], np.float32)
