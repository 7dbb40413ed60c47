#!/usr/bin/env python3
"""Measure how well a head of new kinds is taught from few pictures, on the model's frozen features.

An episode draws --ways kinds, and of each the given number of pictures to learn from; the other
pictures of these kinds are the questions. The head is ridge regression in closed form: features less
their mean over the pictures to learn from, each brought to length 1; targets 1 and 0; no bias;
penalty --ridge. The table gives the mean accuracy over the episodes, and how far it is uncertain
(1.96 standard errors).

MODEL is the int8 file with model.toml beside it. Rows: its features in ONNX Runtime, those that the
program of --goldcrest gives (`replay --json --features`), and those of the f32 file of --f32.
Images are a folder with a sub-folder a kind, none of which the model was trained on.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

import evaluate
import features
import images
from parts import Parts


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("model", type=Path, help="the int8 ONNX file")
    a.add_argument("--images", type=Path, required=True, help="a folder with a sub-folder a kind")
    a.add_argument("--f32", type=Path, help="the f32 ONNX file that the int8 one was made of")
    a.add_argument("--goldcrest", type=Path, help="the goldcrest binary, to be measured too")
    a.add_argument("--ways", type=int, default=5, help="kinds an episode (default: %(default)s)")
    a.add_argument("--shots", type=int, nargs="+", default=[1, 5, 10, 20], help="pictures a kind to learn from (default: 1 5 10 20)")
    a.add_argument("--episodes", type=int, default=300, help="(default: %(default)s)")
    a.add_argument("--ridge", type=float, default=RIDGE, help="penalty (default: %(default)s)")
    a.add_argument("--threads", type=int, default=1, help="CPU threads of ONNX Runtime (default: %(default)s)")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--json", action="store_true", help="print one JSON object")
    return a.parse_args()


RIDGE = 0.3


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-12)


def answered(known: np.ndarray, labels: np.ndarray, asked: np.ndarray, ridge: float) -> np.ndarray:
    """The class of each row of `asked`, by ridge regression on the rows of `known`."""
    centre = known.mean(0)
    x, q = unit(known - centre), unit(asked - centre)
    targets = np.eye(labels.max() + 1)[labels]
    # As many equations as pictures, which are fewer than features.
    weights = np.linalg.solve(x @ x.T + ridge * np.eye(len(x)), targets)
    return (q @ x.T @ weights).argmax(1)


def episodes(pooled: np.ndarray, labels: np.ndarray, a: argparse.Namespace, shots: int) -> np.ndarray:
    """Accuracy of each episode in percent. The draws depend on the seed and the number of shots alone."""
    rng = np.random.default_rng((a.seed, shots))
    rows = [np.flatnonzero(labels == k) for k in range(labels.max() + 1)]
    out = []
    for _ in range(a.episodes):
        drawn = [rng.permutation(rows[k]) for k in rng.permutation(len(rows))[: a.ways]]
        known = np.concatenate([r[:shots] for r in drawn])
        asked = np.concatenate([r[shots:] for r in drawn])
        told = np.repeat(np.arange(a.ways), shots)
        truth = np.repeat(np.arange(a.ways), [len(r) - shots for r in drawn])
        found = answered(pooled[known].astype(np.float64), told, pooled[asked].astype(np.float64), a.ridge)
        out.append(100 * (found == truth).mean())
    return np.array(out)


def collected(a: argparse.Namespace, card: evaluate.Card, pictures: images.ImageSet) -> dict[str, np.ndarray]:
    """Features [N, width] by the name of the row."""
    depends = [p.read_bytes() for p in (a.model, a.f32, a.goldcrest) if p]
    parts = Parts("fewshot", *depends, pictures.digest(), str(a.threads))
    inputs = lambda: (features.prepared(pictures.open(i), card) for i in range(len(pictures)))
    makers = {"int8": lambda: features.in_onnxruntime(a.model, inputs(), a.threads).pooled}
    if a.goldcrest:
        opened = lambda: (pictures.open(i) for i in range(len(pictures)))
        makers["goldcrest"] = lambda: features.in_goldcrest(a.goldcrest, a.model, opened())
    if a.f32:
        makers["f32"] = lambda: features.in_onnxruntime(a.f32, inputs(), a.threads).pooled
    out = {}
    for name, make in makers.items():
        began = time.time()
        if not (found := parts.get(name)):
            found = dict(pooled=make())
            parts.put(name, **found)
        out[name] = found["pooled"]
        print(f"{name}: {len(pictures)} images in {time.time() - began:.0f} s", file=sys.stderr, flush=True)
    parts.done()
    return out


def main() -> None:
    a = arguments()
    for path in (a.model, a.f32, a.goldcrest):
        if path and not path.is_file():
            raise images.Refused(f"{path}: no such file")
    card = evaluate.beside(a.model)
    pictures = images.load(a.images)
    least, most = np.bincount(pictures.labels).min(), max(a.shots)
    if len(pictures.names) < a.ways or least <= most:
        raise images.Refused(
            f"{a.images} has {len(pictures.names)} kinds of at least {least} pictures; {a.ways} kinds of more than {most} are needed"
        )
    found = collected(a, card, pictures)
    table = {}
    for name, pooled in found.items():
        each = [episodes(pooled, pictures.labels, a, shots) for shots in a.shots]
        table[name] = [(float(e.mean()), float(1.96 * e.std() / len(e) ** 0.5)) for e in each]
    if a.json:
        print(json.dumps(dict(kinds=pictures.names, shots=a.shots, ways=a.ways, episodes=a.episodes, ridge=a.ridge, accuracy=table)))
        return
    print(f"{a.ways} of {len(pictures.names)} kinds, {a.episodes} episodes, penalty {a.ridge:g}; accuracy in percent")
    print(f"{'pictures a kind':16}" + "".join(f"{shots:>16}" for shots in a.shots))
    for name, row in table.items():
        print(f"{name:16}" + "".join(f"{mean:9.2f} ± {error:4.2f}" for mean, error in row))


if __name__ == "__main__":
    main()
