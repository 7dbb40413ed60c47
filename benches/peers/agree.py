#!/usr/bin/env python3
"""Goldcrest's engine beside ONNX Runtime over labelled shards, on the same prepared inputs.

`run agree SHARDS` where SHARDS is a folder of val*.bin and val*.npz with classes.json (model/tools/images.py), which
are no part of the project. All pictures are answered, also those of classes that the model does not know; accuracy is
that of the known ones. ONNX Runtime is asked twice, with graph optimisation and without: what a runtime differs from
itself. A stopped run goes on with the runtime that it was at.
"""
from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from compare import about, kernels, table
from models import SHIPPED, images

import evaluate  # noqa: E402, one of model/tools
import scores  # noqa: E402
from parts import Parts  # noqa: E402


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(prog="benches/peers/run agree", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("shards", type=Path, help="folder of the shards")
    a.add_argument("--count", type=int, help="only so many pictures, drawn evenly (default: all)")
    a.add_argument("--kernels", help="such as avx2,scalar (default: all that run here)")
    a.add_argument("--scalar-count", type=int, default=200, help="pictures for the scalar kernels, which are slow (default: %(default)s)")
    a.add_argument("--threads", type=int, default=1, help="threads of ONNX Runtime and of Goldcrest (default: %(default)s)")
    a.add_argument("--engine", type=Path, required=True, help=argparse.SUPPRESS)
    return a.parse_args()


def in_batches(path: Path, count: int) -> onnx.ModelProto:
    """The model at `path` for `count` pictures at once."""
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = count
    for constant in model.graph.initializer:
        if constant.name.endswith(".shape"):
            constant.CopyFrom(numpy_helper.from_array(np.r_[count, numpy_helper.to_array(constant)[1:]], constant.name))
    return model


def unoptimised(pictures: images.ImageSet, card: evaluate.Card, threads: int) -> np.ndarray:
    """Logits [N, classes] of ONNX Runtime with graph optimisation off.

    It then dequantises all weights anew in every run: pictures go in batches.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    size = max(n for n in range(1, 21) if len(pictures) % n == 0)
    session = onnxruntime.InferenceSession(in_batches(SHIPPED, size).SerializeToString(), options, providers=["CPUExecutionProvider"])
    out = []
    for first in range(0, len(pictures), size):
        x = images.prepared(pictures, list(range(first, first + size)), card.side, card.mean, card.std)
        out.append(session.run(None, {"input": x})[0])
    return np.concatenate(out)


def in_goldcrest(engine: Path, kernel: str, pictures: images.ImageSet, card: evaluate.Card, threads: int) -> np.ndarray:
    """Logits [N, classes]."""
    out = []
    with tempfile.TemporaryDirectory(prefix="goldcrest-") as folder:
        inputs, logits = Path(folder, "inputs"), Path(folder, "logits")
        command = [engine, SHIPPED, "--threads", str(threads), "--logits", inputs, logits]
        for first in range(0, len(pictures), 200):
            rows = list(range(first, min(first + 200, len(pictures))))
            images.prepared(pictures, rows, card.side, card.mean, card.std).astype("<f4").tofile(inputs)
            subprocess.run(command, env=os.environ | {"GOLDCREST_KERNEL": kernel}, check=True, stdout=subprocess.DEVNULL)
            out.append(np.fromfile(logits, "<f4").reshape(len(rows), -1))
    return np.concatenate(out)


def main() -> None:
    a = arguments()
    card = evaluate.beside(SHIPPED)
    pictures = images.load(a.shards, "val")
    if a.count and a.count < len(pictures):
        pictures = pictures.only(np.linspace(0, len(pictures) - 1, a.count).round())
    # What each picture shows, as the model counts; -1 where the model does not know the class.
    index = {name: k for k, name in enumerate(card.labels)}
    truth = np.array([index.get(pictures.names[label], -1) for label in pictures.labels])
    made_of = SHIPPED.read_bytes(), pictures.digest(), str(a.threads)
    # ONNX Runtime's answers stay in the cache, Goldcrest's go when all are there.
    theirs, ours = Parts("agree-onnxruntime", *made_of, onnxruntime.__version__), Parts("agree", *made_of, a.engine.read_bytes())

    def answered(parts: Parts, name: str, run) -> np.ndarray:
        begun = time.time()
        if not (found := parts.get(name)):
            found = dict(logits=run())
            parts.put(name, **found)
        print(f"{name}: {len(found['logits'])} pictures in {time.time() - begun:.0f} s", file=sys.stderr, flush=True)
        return found["logits"]

    plain, fast = "ONNX Runtime, optimisation off", "ONNX Runtime"
    runs = {
        fast: answered(theirs, fast, lambda: evaluate.in_onnxruntime(SHIPPED, pictures, card, a.threads)),
        plain: answered(theirs, plain, lambda: unoptimised(pictures, card, a.threads)),
    }
    for kernel in a.kernels.split(",") if a.kernels else kernels(a):
        some = slice(a.scalar_count if kernel == "scalar" else None)
        chosen = pictures.only(np.arange(len(pictures))[some])
        runs[f"Goldcrest, {kernel}"] = answered(ours, f"{kernel} {len(chosen)}", lambda: in_goldcrest(a.engine, kernel, chosen, card, a.threads))
    about()
    rows = []
    for name, z in runs.items():
        n = len(z)
        row = [name, str(n)]
        for other in (fast, plain):
            same = np.mean(z.argmax(1) == runs[other][:n].argmax(1))
            row += ["", ""] if name == other else [f"{100 * same:.2f} %", f"{scores.cosine(z, runs[other][:n]).mean():.6f}"]
        known = truth[:n] >= 0
        row += [f"{100 * np.mean(z.argmax(1)[known] == truth[:n][known]):.2f} % of {known.sum()}"]
        rows.append(row)
    print("### Answers\n")
    head = ["runtime", "pictures", "same first class as ONNX Runtime", "cosine", "as with optimisation off", "cosine", "right, of known classes"]
    table(head, rows)
    ours.done()


if __name__ == "__main__":
    main()
