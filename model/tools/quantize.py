#!/usr/bin/env python3
"""Quantise an exported f32 ONNX file to the int8 file that Goldcrest runs.

Writes into OUT: convnext_tiny_128_int8.onnx (or --file), labels.txt and model.toml. The top of
form.py describes the form of the file, node by node; the top of calibrate.py describes the choice
of the integers. Layers are calibrated in the order of execution, each on the output of the
quantised layers before it. Images are prepared as the daemon prepares frames: both sides scaled to
the input's by Pillow's BILINEAR on 8-bit RGB, then (level / 255 - mean) / std.

--images is a folder of pictures, of class folders, or of shards. If its classes are the model's,
images kept apart (--val, 'val*' shards, or a tenth of the folder) give the temperature with the
least log loss, and the accuracy in model.toml. From 200 such images on, the first, third, fifth ...
of each class give the temperature and the others the accuracy; of fewer, all give both. Pictures
without classes calibrate just as well, but then the temperature is 1 and no accuracy is written.

The same input on the same machine gives the same bytes. The same command resumes a stopped run at
the layer it had reached.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch

import blas
import calibrate
import form
import images
import scores
from calibrate import Choice, Samples
from network import Network, linears_of, units
from parts import Parts

BATCH = 32


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("model", type=Path, help="the f32 ONNX file that export.py wrote")
    a.add_argument("--images", type=Path, required=True, help="pictures to calibrate with")
    a.add_argument("--val", type=Path, help="labelled images kept apart, for temperature and accuracy")
    a.add_argument("--out", type=Path, required=True, help="folder for the model, labels.txt and model.toml")
    a.add_argument("--file", default="convnext_tiny_128_int8.onnx", help="name of the model (default: %(default)s)")
    a.add_argument("--name", default="convnext_tiny_128", help="the model's name in model.toml (default: %(default)s)")
    a.add_argument("--count", type=int, default=256, help="calibration images (default: %(default)s)")
    a.add_argument("--rows", type=int, default=2048, help="rows of each layer's input to choose on (default: %(default)s)")
    a.add_argument("--rank-count", type=int, default=64, help="images that layers are ranked on (default: %(default)s)")
    a.add_argument("--float-layers", type=int, default=0, help="leave so many of the worst layers in f32 (default: none)")
    a.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    a.add_argument("--seed", type=int, default=1)
    return a.parse_args()


class Calibration:
    """The f32 network and the one quantised so far, side by side over the calibration images."""

    def __init__(self, exported: form.Exported, pixels: np.ndarray, rows: int, seed: int, skip: set[str], parts: Parts | None = None):
        self.plain = Network(exported.weights, exported.shape)
        self.mixed = Network(exported.weights, exported.shape)
        self.rows, self.seed, self.skip, self.parts = rows, seed, skip, parts
        self.choices: dict[str, Choice] = {}
        self.inputs = list(torch.from_numpy(pixels).split(BATCH))
        self.at_plain = list(self.inputs)
        self.at_mixed = list(self.inputs)

    def sampled(self, net: Network, unit: str, batches: list[torch.Tensor], layer: str, linear) -> torch.Tensor:
        """Rows of the input of `layer`, the same places in every network."""
        rng = np.random.default_rng(self.seed)
        total = sum(len(x) for x in batches)
        kept = []

        def noting(name: str, x: torch.Tensor) -> torch.Tensor:
            if name == layer:
                flat = x.reshape(-1, x.shape[-1])
                count = min(len(flat), -(-self.rows * len(x) // total))
                kept.append(flat[torch.from_numpy(rng.permutation(len(flat))[:count])])
            return linear(name, x)

        for x in batches:
            net.run(unit, x, noting)
        return torch.cat(kept)

    def mixed_linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        choice = self.choices.get(name)
        return quantised_linear(choice, x) if choice else self.mixed.linear(name, x)

    def chosen(self, unit: str, layer: str, norm) -> Choice:
        """The choice for one LINEAR, remembered or made."""
        found = self.parts.get(layer) if self.parts else None
        if found:
            return Choice.of(found)
        samples = Samples(
            self.sampled(self.plain, unit, self.at_plain, layer, self.plain.linear),
            self.sampled(self.mixed, unit, self.at_mixed, layer, self.mixed_linear),
        )
        weight, bias = (self.plain.weights[f"{layer}.{part}"] for part in ("weight", "bias"))
        choice = calibrate.choose(samples, weight, bias, norm, gelu=layer.endswith("fc1"))
        if self.parts:
            self.parts.put(layer, **choice.arrays())
        return choice

    def run(self) -> dict[str, Choice]:
        """Chooses for every LINEAR but those skipped."""
        norms = form.norms(self.plain.shape)
        count = len(form.linears(self.plain.shape)) - len(self.skip)
        for unit in units(self.plain.shape):
            for layer in linears_of(unit):
                if layer in self.skip:
                    continue
                w, name = self.plain.weights, norms.get(layer)
                norm = (w[f"{name}.weight"], w[f"{name}.bias"]) if name else None
                choice = self.choices[layer] = self.chosen(unit, layer, norm)
                self.mixed.weights.update(renormed(choice, name, norm))
                said = f"{choice.noise_db:.1f} dB, {choice.how or 'range'}, tails {choice.tail:g}"
                print(f"  {len(self.choices)}/{count} {layer}: {said}", flush=True)
            self.at_plain = [self.plain.run(unit, x, self.plain.linear) for x in self.at_plain]
            self.at_mixed = [self.mixed.run(unit, x, self.mixed_linear) for x in self.at_mixed]
        return self.choices


def quantised_linear(choice: Choice, x: torch.Tensor) -> torch.Tensor:
    """What the int8 LINEAR gives for f32 x."""
    q = choice.layer
    weight = torch.from_numpy(q.weight).float() * torch.from_numpy(q.weight_scale)
    return calibrate.fake_quantised(x, float(q.scale), q.zero_point) @ weight + choice.bias


def renormed(choice: Choice, name: str | None, norm) -> dict[str, torch.Tensor]:
    """Gain and bias of the LayerNormalization before a quantised LINEAR."""
    if norm is None:
        return {}
    gain, bias = norm
    return {f"{name}.weight": gain / choice.scale, f"{name}.bias": (bias - choice.shift) / choice.scale}


def ranked(exported: form.Exported, choices: dict[str, Choice], pixels: np.ndarray) -> list[tuple[float, str]]:
    """(divergence in nats, layer), worst first: each layer alone quantised in the f32 network."""
    plain, alone = (Network(exported.weights, exported.shape) for _ in range(2))
    norms = form.norms(exported.shape)
    order = units(exported.shape)
    batches = list(torch.from_numpy(pixels).split(BATCH))
    streams = {order[0]: batches}
    for unit, following in zip(order, order[1:]):
        streams[following] = [plain.run(unit, x, plain.linear) for x in streams[unit]]
    answers = lambda rows: np.concatenate([x.numpy() for x in rows])
    whole = answers(plain.run("head", x, plain.linear) for x in streams["head"])
    out = []
    for unit in order:
        for layer in linears_of(unit):
            if layer not in choices:
                continue
            choice, name = choices[layer], norms.get(layer)
            norm = (plain.weights[f"{name}.weight"], plain.weights[f"{name}.bias"]) if name else None
            changed = renormed(choice, name, norm)
            alone.weights.update(changed)
            one = lambda n, x: quantised_linear(choice, x) if n == layer else plain.linear(n, x)
            got = []
            for x in streams[unit]:
                x = alone.run(unit, x, one)
                for later in order[order.index(unit) + 1 :]:
                    x = plain.run(later, x, plain.linear)
                got.append(x.numpy())
            alone.weights.update({n: plain.weights[n] for n in changed})
            out.append((scores.divergence(whole, np.concatenate(got)), layer))
    return sorted(out, reverse=True)


def assembled(exported: form.Exported, choices: dict[str, Choice]) -> bytes:
    """The int8 file."""
    weights = dict(exported.weights)
    norms = form.norms(exported.shape)
    for layer, choice in choices.items():
        name = norms.get(layer)
        norm = tuple(torch.tensor(weights[f"{name}.{part}"]) for part in ("weight", "bias")) if name else None
        weights |= {n: v.numpy() for n, v in renormed(choice, name, norm).items()}
        weights[f"{layer}.bias"] = choice.bias.numpy()
    layers = {name: choice.layer for name, choice in choices.items()}
    model = form.build(weights, exported.shape, exported.side, layers)
    return model.SerializeToString()


def logits(model: bytes, pixels, threads: int) -> np.ndarray:
    """[N, classes] from ONNX Runtime, for an iterable of prepared images [3, side, side]."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"input": x[None]})[0] for x in pixels])


@dataclass
class Accuracy:
    """f32 and int8 on the same labelled images; `fitted_on` others gave the temperature, or 0 the same ones."""

    images: int
    fitted_on: int
    temperature: float
    table: dict[str, dict[str, float]]


def measured(exported: form.Exported, plain: bytes, model: bytes, val: images.ImageSet, a) -> Accuracy:
    mean, std = (json.loads(exported.metadata[k]) for k in ("mean", "std"))
    each = lambda: (images.prepared(val, [i], exported.side, mean, std)[0] for i in range(len(val)))
    whole, small = logits(plain, each(), a.threads), logits(model, each(), a.threads)
    fit, rest = images.halves(val.labels)
    temperature = scores.fitted_temperature(small[fit], val.labels[fit])
    whole, small, labels = whole[rest], small[rest], val.labels[rest]
    table = {}
    for name, z in (("f32", whole), ("int8", small)):
        p = scores.softmax(z, temperature)
        right = z.argmax(1) == labels
        table[name] = dict(
            top1=scores.top(z, labels, 1),
            top5=scores.top(z, labels, 5),
            log_loss=scores.log_loss(z, labels, temperature),
            calibration_error=scores.calibration_error(p.max(1), right),
        )
    table["agreement"] = dict(
        top1=float(100 * (whole.argmax(1) == small.argmax(1)).mean()), cosine=float(scores.cosine(whole, small).mean())
    )
    return Accuracy(len(labels), len(val) - len(labels), temperature, table)


def card(a, exported: form.Exported, model: bytes, choices, ranking, accuracy: Accuracy | None) -> str:
    """model.toml."""
    mean, std = (json.loads(exported.metadata[k]) for k in ("mean", "std"))
    number = lambda v: repr(round(float(v), 6))
    lines = [
        "# What Goldcrest must know of the model beside this file; written by quantize.py.",
        "v = 1",
        f"name = {json.dumps(a.name, ensure_ascii=False)}",
        f'sha256 = "{hashlib.sha256(model).hexdigest()}"',
        f"depths = {list(exported.shape.depths)}",
        f"widths = {list(exported.shape.widths)}",
        "",
        "[input]",
        f"width = {exported.side}",
        f"height = {exported.side}",
        f"mean = [{', '.join(number(v) for v in mean)}]",
        f"std = [{', '.join(number(v) for v in std)}]",
        'resize = "squash"',
        "",
        "[calibration]",
        "# Logits are divided by this before softmax.",
        f"temperature = {number(accuracy.temperature if accuracy else 1.0)}",
        "",
        "[quantiser]",
        'activations = "u8 per tensor"',
        'weights = "s8 per column, symmetric"',
        f"int8_layers = {len(choices)}",
        f"float_layers = {json.dumps([n for n in form.linears(exported.shape) if n not in choices])}",
        f"images = {a.count}",
        f"rows = {a.rows}",
        f"seed = {a.seed}",
        "",
        "# Each layer alone quantised: divergence of the answers in nats, worst first; the output's noise in dB;",
        "# how the LayerNormalization before it was folded or balanced; the share of values cut at each end.",
    ]
    for nats, name in ranking:
        c = choices[name]
        lines += [
            f'[quantiser.layers."{name}"]',
            f"divergence = {nats:.3e}",
            f"noise_db = {c.noise_db:.1f}",
            f"how = {json.dumps(c.how or 'range')}",
            f"tail = {c.tail:.0e}",
        ]
    if accuracy:
        lines += ["", "# In percent, in ONNX Runtime, on images kept apart; the temperature was fitted on " + (
            f"{accuracy.fitted_on} others:" if accuracy.fitted_on else "them."
        )]
        lines += ["# the first, third, fifth ... of each class."] if accuracy.fitted_on else []
        lines += ["[accuracy]", f"images = {accuracy.images}"]
        for name, row in accuracy.table.items():
            lines += [f"[accuracy.{name}]", *(f"{key} = {value:.4f}" for key, value in row.items())]
    return "\n".join(lines) + "\n"


def kept(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.rename(path)


def main() -> None:
    a = arguments()
    blas.tell_if_slow()
    torch.set_num_threads(a.threads)
    exported = form.read(a.model)
    mean, std = (json.loads(exported.metadata[k]) for k in ("mean", "std"))
    pictures, val = images.parted(a.images, a.val, exported.labels)
    a.count = min(a.count, len(pictures))
    rows = np.random.default_rng(a.seed).permutation(len(pictures))[: a.count].tolist()
    began = time.time()
    print(f"calibrating {len(form.linears(exported.shape))} layers on {a.count} of {len(pictures)} images", flush=True)
    pixels = images.prepared(pictures, rows, exported.side, mean, std)
    settings = (a.model.read_bytes(), pictures.digest(), f"{a.count} {a.rows} {a.seed} {a.threads}")
    parts = [Parts("quantize", *settings)]
    choices = Calibration(exported, pixels, a.rows, a.seed, set(), parts[0]).run()
    print(f"ranking layers on {min(a.rank_count, a.count)} images", flush=True)
    ranking = ranked(exported, choices, pixels[: a.rank_count])
    print(f"{'layer':28} {'nats alone':>10} {'noise dB':>9} {'how':>14} {'tails':>7}")
    for nats, name in ranking:
        c = choices[name]
        print(f"{name:28} {nats:10.2e} {c.noise_db:9.1f} {c.how or 'range':>14} {c.tail:7.0e}")
    if a.float_layers:
        skip = {name for _, name in ranking[: a.float_layers]}
        print(f"left in f32: {', '.join(sorted(skip))}; calibrating the others anew", flush=True)
        parts.append(Parts("quantize", *settings, *sorted(skip)))
        choices = Calibration(exported, pixels, a.rows, a.seed, skip, parts[1]).run()
        ranking = [(nats, name) for nats, name in ranking if name in choices]
    model = assembled(exported, choices)
    accuracy = measured(exported, a.model.read_bytes(), model, val, a) if val is not None else None
    a.out.mkdir(parents=True, exist_ok=True)
    kept(a.out / a.file, model)
    kept(a.out / "labels.txt", "".join(f"{n}\n" for n in exported.labels).encode())
    kept(a.out / "model.toml", card(a, exported, model, choices, ranking, accuracy).encode())
    for part in parts:
        part.done()
    print(f"{a.out / a.file}: {len(model) / 1e6:.1f} MB, {len(choices)} layers in int8, {time.time() - began:.0f} s")
    if not a.float_layers:
        print(f"next: goldcrest pack {a.out / a.file}")
    if accuracy is None:
        print("no labelled images of the model's classes: temperature 1, no accuracy; give --val to have both")
        return
    if accuracy.images < images.ENOUGH:
        print(f"{accuracy.images} labelled images are few: temperature and accuracy are rough below {images.ENOUGH}")
    fitted = f"fitted on {accuracy.fitted_on} others" if accuracy.fitted_on else "fitted on the same"
    print(f"{accuracy.images} images, temperature {accuracy.temperature:.3f} {fitted}")
    for name, row in accuracy.table.items():
        print(f"  {name:10} " + "  ".join(f"{key} {value:.3f}" for key, value in row.items()))


if __name__ == "__main__":
    main()
