#!/usr/bin/env python3
"""Compare a model's forms and runtimes over the same labelled images, image by image.

MODEL is the int8 file with labels.txt and model.toml beside it. Rows of the table:

    int8             in ONNX Runtime, as it optimises
    int8 plain       in ONNX Runtime, graph optimisation off: how far a runtime differs from itself
    f32              the file of --f32 in ONNX Runtime
    goldcrest        --goldcrest BINARY replays the same prepared images (128x128 PNG): only the engine differs
    goldcrest files  the same with the original files: the daemon also decodes and scales

Images are class folders, shards (those named --prefix), or a folder with a truth.json; of several
sets, the later ones may lack classes. --rest leaves out the images of the first set that quantize.py
fitted the temperature on. The classes are the model's.

A second table tells the accuracy by the shorter side of the undecoded images: a network may take
sharpness itself for a class if only some classes had sharp pictures. --drawn names such classes; the
table then also tells which share of the answers they draw.

The same command resumes a stopped run at the runtime it had reached.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

import blas
import images
import scores
from ending import ending, whole
from parts import Parts


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("model", type=Path, help="the int8 ONNX file")
    a.add_argument("--images", type=Path, nargs="+", required=True, help="labelled images: class folders, shards, truth.json")
    a.add_argument("--rest", action="store_true", help="of the first set, only images that the temperature was not fitted on")
    a.add_argument("--sides", type=int, nargs="+", default=[64, 144], help="bounds of the shorter side in the second table (default: 64 144)")
    a.add_argument("--drawn", type=Path, help="text file of classes, one a line, whose share of the answers is told")
    a.add_argument("--prefix", default="val", help="which shards (default: %(default)s)")
    a.add_argument("--count", type=int, help="only so many images, drawn evenly (default: all)")
    a.add_argument("--f32", type=Path, help="the f32 ONNX file that the int8 one was made of")
    a.add_argument("--goldcrest", type=Path, help="the goldcrest binary, to be measured too")
    a.add_argument("--quick", action="store_true", help="leave out `int8 plain`, which takes longest")
    a.add_argument("--confused", type=int, default=8, help="how many pairs of confused classes to print (default: %(default)s)")
    a.add_argument("--threads", type=int, default=1, help="CPU threads of ONNX Runtime (default: %(default)s)")
    a.add_argument("--json", action="store_true", help="print one JSON object, confusion and every image's answers included")
    return a.parse_args()


@dataclass
class Card:
    """What stands beside the model."""

    labels: list[str]
    side: int
    mean: list[float]
    std: list[float]
    temperature: float


def beside(model: Path) -> Card:
    """Reads labels.txt and model.toml."""
    try:
        labels = (model.parent / "labels.txt").read_text(encoding="utf-8").splitlines()
        card = tomllib.loads((model.parent / "model.toml").read_text(encoding="utf-8"))
        given = card["input"]
        return Card(labels, given["width"], given["mean"], given["std"], card["calibration"]["temperature"])
    except FileNotFoundError as e:
        raise images.Refused(f"{e.filename}: no such file; quantize.py writes it beside the model") from None
    except (KeyError, tomllib.TOMLDecodeError) as e:
        raise images.Refused(f"{model.parent / 'model.toml'} is not as quantize.py writes it: {e}") from None


def pixels(val: images.ImageSet, i: int, side: int) -> Image.Image:
    return val.open(i).resize((side, side), Image.BILINEAR)


def in_onnxruntime(model: Path, val: images.ImageSet, card: Card, threads: int, optimise: bool = True) -> np.ndarray:
    """Logits [N, classes]."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    out = []
    for i in range(len(val)):
        out.append(session.run(None, {session.get_inputs()[0].name: images.prepared(val, [i], card.side, card.mean, card.std)})[0])
    found = np.concatenate(out)
    if found.shape[1] != len(card.labels):
        raise images.Refused(f"{model} gives {found.shape[1]} logits, labels.txt has {len(card.labels)} names")
    return found


def replayed(binary: Path, model: Path, val: images.ImageSet, card: Card, own_files: bool) -> dict[str, np.ndarray]:
    """`goldcrest replay --json` over the images, written out under names that carry their index.

    Gives `first`, [N, 5] classes, best first (-1 where there are fewer), and `score`, [N], of the first.
    """
    with tempfile.TemporaryDirectory(prefix="goldcrest-") as folder:
        frames = Path(folder, "frames")
        frames.mkdir()
        for i in range(len(val)):
            raw = val.raw(i)
            if not own_files:
                pixels(val, i, card.side).save(frames / f"{i:06}.png", compress_level=1)
            elif raw[:3] == b"\xff\xd8\xff":
                (frames / f"{i:06}.jpg").write_bytes(raw)
            else:
                val.open(i).save(frames / f"{i:06}.png", compress_level=1)
        config = Path(folder, "config.toml")
        # A network of any size is evaluated.
        rest = "[observe]\ntop = 5\n[memory]\nbudget_mb = 4096\n"
        config.write_text(f"[model]\npath = {json.dumps(str(model.resolve()))}\n{rest}")
        done = subprocess.run([binary.resolve(), "replay", frames, "--config", config, "--json"], capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise images.Refused(f"{binary} replay ended with {done.returncode}: {said}")
    index = {name: k for k, name in enumerate(card.labels)}
    first, score = np.full((len(val), 5), -1), np.full(len(val), np.nan)
    for line in done.stdout.splitlines():
        row = json.loads(line)
        i = int(Path(row["source"]).stem)
        best = [index[t["label"]] for t in row["top"]]
        first[i, : len(best)], score[i] = best, row["score"]
    missing = np.flatnonzero(np.isnan(score))
    if len(missing):
        raise images.Refused(f"{binary} answered {len(val) - len(missing)} of {len(val)} images; the first without is {missing[0]:06}")
    return dict(first=first, score=score)


def measured(first: np.ndarray, score: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy of the classes named [N, 5] and calibration of the first one's score [N], in percent."""
    right = first[:, 0] == labels
    return dict(
        top1=float(100 * right.mean()),
        top5=float(100 * (first == labels[:, None]).any(1).mean()),
        calibration_error=scores.calibration_error(score, right),
    )


def compared(a: argparse.Namespace, val: images.ImageSet, card: Card) -> tuple[dict, dict[str, np.ndarray]]:
    """The rows of the table, and what each runtime named first."""
    runs: dict[str, np.ndarray] = {}
    depends = [p.read_bytes() for p in (a.model, a.f32, a.goldcrest) if p]
    parts = Parts("evaluate", *depends, repr(card), val.digest(), str(a.threads))
    rows: dict[str, dict] = {}
    named: dict[str, np.ndarray] = {}

    def add(name: str, began: float, first: np.ndarray, score: np.ndarray) -> None:
        rows[name] = measured(first, score, val.labels)
        if "int8" in named:
            rows[name]["same_as_int8"] = float(100 * (first[:, 0] == named["int8"]).mean())
        named[name] = first[:, 0]
        print(f"{name}: {len(val)} images in {time.time() - began:.0f} s", file=sys.stderr, flush=True)

    for name, path, optimise in (("int8", a.model, True), ("int8 plain", a.model, False), ("f32", a.f32, True)):
        if path is None or (a.quick and not optimise):
            continue
        began = time.time()
        kind = ending(whole(path).graph)
        if not (found := parts.get(name)):
            found = dict(logits=in_onnxruntime(path, val, card, a.threads, optimise))
            parts.put(name, **found)
        z = runs[name] = found["logits"]
        order = np.argsort(-z, axis=1, kind="stable")[:, :5]
        five = np.pad(order, ((0, 0), (0, 5 - order.shape[1])), constant_values=-1)
        p = scores.of_outputs(z, kind, card.temperature)
        add(name, began, five, p.max(1))
        if kind != "logits":
            print(f"{path} ends in {kind}: its outputs are the scores, the temperature is not applied", file=sys.stderr, flush=True)
        rows[name]["log_loss"] = scores.log_loss_of(p, val.labels)
        rows[name]["cosine_to_int8"] = float(scores.cosine(z, runs["int8"]).mean())
    if a.goldcrest:
        for name, own_files in (("goldcrest", False), ("goldcrest files", True)):
            began = time.time()
            if not (found := parts.get(name)):
                found = replayed(a.goldcrest, a.model, val, card, own_files)
                parts.put(name, **found)
            add(name, began, **found)
    parts.done()
    return rows, named


def labelled(a: argparse.Namespace, labels: list[str]) -> images.ImageSet:
    """The images of all sets, one set after the other."""
    whole: images.ImageSet | None = None
    for path in a.images:
        found = images.load(path, a.prefix).of_classes(labels, all_of_them=whole is None)
        if whole is None and a.rest:
            found = found.only(np.flatnonzero(images.halves(found.labels)[1]))
        whole = found if whole is None else whole.and_then(found)
    return whole


def by_source(val: images.ImageSet, named: dict[str, np.ndarray], bounds: list[int], drawn: np.ndarray) -> list[dict]:
    """Rows: the range of shorter sides, how many images have one, and top-1 and the share drawn in each runtime."""
    sides = val.shorter_sides()
    edges = [0, *sorted(bounds), sides.max(initial=0)]
    rows = []
    for low, high in zip(edges, edges[1:]):
        here = (sides > low) & (sides <= high)
        if not here.any():
            continue
        row = dict(sides=f"{low + 1} to {high}", images=int(here.sum()))
        for name, first in named.items():
            row[name] = dict(top1=float(100 * (first[here] == val.labels[here]).mean()))
            if len(drawn):
                row[name]["drawn"] = float(100 * np.isin(first[here], drawn).mean())
        rows.append(row)
    return rows


def drawing(path: Path | None, labels: list[str]) -> np.ndarray:
    """Indices of the classes that `path` lists."""
    if path is None:
        return np.array([], np.int64)
    try:
        wanted = path.read_text(encoding="utf-8").splitlines()
    except OSError as e:
        raise images.Refused(f"{path}: {e.strerror}; give a text file of classes, one a line") from None
    missing = [name for name in wanted if name not in labels]
    if missing:
        raise images.Refused(f"{path}: the model has no class {missing[0]!r}")
    return np.array([labels.index(name) for name in wanted], np.int64)


def main() -> None:
    a = arguments()
    blas.tell_if_slow()
    for path in (a.model, a.f32, a.goldcrest):
        if path and not path.is_file():
            raise images.Refused(f"{path}: no such file")
    card = beside(a.model)
    drawn = drawing(a.drawn, card.labels)
    val = labelled(a, card.labels)
    if a.count and a.count < len(val):
        val = val.only(np.linspace(0, len(val) - 1, a.count).round())
    rows, named = compared(a, val, card)
    matrix = scores.confusion(named["int8"], val.labels, len(card.labels))
    sources = by_source(val, named, a.sides, drawn)
    if a.json:
        out = dict(images=len(val), labels=card.labels, runtimes=rows, sources=sources, confusion=matrix.tolist(), truth=val.labels.tolist())
        print(json.dumps(out | dict(answers={k: v.tolist() for k, v in named.items()})))
        return
    columns = ["top1", "top5", "calibration_error", "log_loss", "same_as_int8", "cosine_to_int8"]
    print(f"\n{'':16}" + "".join(f"{c:>18}" for c in columns))
    for name, row in rows.items():
        print(f"{name:16}" + "".join(f"{row[c]:18.{6 if c.startswith('cosine') else 3}f}" if c in row else f"{'':>18}" for c in columns))
    print(f"\n{'shorter side, pixels':22} {'images':>6}" + "".join(f"{name:>18}" for name in named))
    for row in sources:
        shown = lambda name: f"{row[name]['top1']:.2f}" + (f", {row[name]['drawn']:.1f} drawn" if len(drawn) else "")
        print(f"{row['sides']:22} {row['images']:6}" + "".join(f"{shown(name):>18}" for name in named))
    print(f"\n{'class':28} {'images':>6} {'found':>7} {'right':>7}   (int8: share of its images found, share of its answers right)")
    for k, label in enumerate(card.labels):
        seen, said = matrix[k].sum(), matrix[:, k].sum()
        share = lambda count, of: f"{100 * count / of:6.1f}%" if of else f"{'-':>7}"
        print(f"{label:28} {seen:6} {share(matrix[k, k], seen)} {share(matrix[k, k], said)}")
    wrong = matrix - np.diag(np.diag(matrix))
    print("\nmost often taken for another:")
    for at in np.argsort(-wrong, axis=None, kind="stable")[: a.confused]:
        truth, said = divmod(int(at), len(card.labels))
        if wrong[truth, said]:
            print(f"  {card.labels[truth]} for {card.labels[said]}: {wrong[truth, said]} of {matrix[truth].sum()}")


if __name__ == "__main__":
    main()
