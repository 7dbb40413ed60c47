#!/usr/bin/env python3
"""Train a ConvNeXt on an image folder or on shards, from scratch or from a checkpoint.

Pictures are decoded once into the device's memory. Training runs in stages of growing resolution
(--stages SIZE:EPOCHS[:BATCH],...) and ends at the size that the daemon uses. It works on a CPU and on a
GPU, where the steps are compiled if PyTorch can.

OUT/last.pt is written every few minutes, and the next call with the same OUT and the same
settings goes on from it; on a CPU it ends with the same weights as a run that was not stopped.
OUT/best.pt holds the averaged weights that did best on the validation images; give it to export.py.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import torch

import checkpoint
import device as dev
import images
import options
import pictures
import teaching
from batches import Batches, Sources
from convnext import ConvNeXt, Shape
from learner import Learner
from schedule import Planned, Progress, plan, rate

# How often a training is validated, besides at the end of each stage.
CHECKS = 20


def split(a: argparse.Namespace) -> tuple[images.ImageSet, images.ImageSet, images.ImageSet | None]:
    """Training, validation and background images."""
    whole = images.load(a.data)
    train = whole.of_classes(a.classes.split(",")) if a.classes else whole
    if a.val or (a.data / "classes.json").exists():
        val = images.load(a.val or a.data, "val").of_classes(train.names)
    else:
        held = images.held_out(len(train))
        train, val = train.only(np.flatnonzero(~held)), train.only(np.flatnonzero(held))
    background = None
    if a.background > 0:
        other = [i for i, label in enumerate(whole.labels) if whole.names[label] not in train.names]
        if not other:
            raise images.Refused("--background needs images of other classes, and there are none")
        background = images.ImageSet([], np.full(len(other), -1), [whole.blobs[i] for i in other])
    return train, val, background


def joined(train: images.ImageSet, more: images.ImageSet, times: int) -> images.ImageSet:
    """`train` and, `times` times, the images of `more`; those of a class named `none` are labelled -1."""
    strange = [n for n in more.names if n not in train.names and n != "none"]
    if strange:
        raise images.Refused(f"--also has a class {strange[0]!r} that is not among those to learn")
    index = np.array([-1 if n == "none" else train.names.index(n) for n in more.names])
    labels = np.concatenate([train.labels, np.tile(index[more.labels], times)])
    return images.ImageSet(train.names, labels, train.blobs + more.blobs * times)


def sources(a: argparse.Namespace, train: images.ImageSet, background: images.ImageSet | None) -> tuple[Sources, str]:
    """All that batches are made of, and a hash of it."""
    teacher = teaching.Teacher.load(a.teacher, train, a.device) if a.teacher else None
    probe = None
    if teacher and a.probe_steps:
        probe = teaching.kept_probe(a.out / "probe.pt", teacher, train.labels, len(train.names), a.probe_steps, a.seed)
    if a.also:
        train = joined(train, images.from_folder(a.also), a.also_times)
    rows = np.arange(len(train), len(train) + (len(background) if background else 0))
    if background:
        train = images.ImageSet(train.names, np.concatenate([train.labels, background.labels]), train.blobs + background.blobs)
    decoded = pictures.Pictures(train, a.device, a.memory)
    loose = images.unlabelled(a.unlabelled) if a.unlabelled else None
    free = pictures.Pictures(loose, a.device, a.memory, "unlabelled photographs") if loose else None
    known = hashlib.sha256(train.digest().encode() + decoded.sides.tobytes())
    if loose:
        known.update(loose.digest().encode() + free.sides.tobytes())
    return Sources(decoded, train.labels, len(train.names), rows, teacher, probe, free), known.hexdigest()


def liked(path: Path, names: list[str], width: int) -> ConvNeXt:
    """The network that is asked about each view."""
    net, own = checkpoint.load(path)
    if own != names:
        raise images.Refused(f"--like {path} does not answer with the classes to learn, in their order; give a checkpoint of the same classes")
    if net.shape.widths[-1] != width:
        raise images.Refused(f"--like {path} has features of width {net.shape.widths[-1]}; --widths must end with it, not with {width}")
    return net


class Validation:
    """Whole validation images as the daemon prepares them, decoded once for each size."""

    def __init__(self, val: images.ImageSet, device: str):
        self.val, self.device = val, device
        self.side, self.pixels = 0, torch.empty(0)

    @torch.no_grad()
    def top1(self, net: torch.nn.Module, side: int) -> float:
        """In percent."""
        if side != self.side:
            rows = [np.asarray(self.val.open(i).resize((side, side), images.Image.BILINEAR)) for i in range(len(self.val))]
            self.side, self.pixels = side, torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2)
        right, labels = 0, torch.from_numpy(self.val.labels)
        for x, y in zip(self.pixels.split(100), labels.split(100)):
            with dev.autocast(self.device):
                logits = net(dev.normalised(x.to(self.device).float() / 255))
            right += int((logits.argmax(1).cpu() == y).sum())
        return 100 * right / len(self.val)


class Training:
    """The whole of it, from OUT/last.pt where that stands."""

    def __init__(self, a: argparse.Namespace, train: images.ImageSet, val: images.ImageSet, found: Sources, like: ConvNeXt | None, made_of: str):
        self.a, self.names, self.made_of = a, train.names, made_of
        self.learner = Learner(Shape(a.depths, a.widths, len(train.names)), found.teacher.width if found.teacher else None, like, a)
        self.batches, self.validation = Batches(found, a), Validation(val, a.device)
        shown = len(self.batches.drawn.rows) / (1 - a.background)
        self.plan = plan(a.stages, shown, a.batch)
        total = sum(p.steps * p.batch * p.side**2 for p in self.plan)
        self.warm = a.warmup * self.plan[0].batch * self.plan[0].side ** 2 / total
        self.progress = Progress(total, a.hours * 3600 if a.hours else None)
        self.stage, self.at, self.best = 0, 0, 0.0
        self.last = a.out / "last.pt"
        if state := checkpoint.resumed(self.last, made_of):
            self.learner.load(state)
            self.progress.load(state["progress"])
            self.stage, self.at, self.best = state["stage"], state["at"], state["best"]
            print(f"going on from {self.last}: step {self.progress.step}, {self.progress.spent / 60:.1f} minutes", flush=True)
        self.saved = time.monotonic()

    def save(self) -> None:
        place = dict(stage=self.stage, at=self.at, best=self.best, progress=self.progress.state(), made_of=self.made_of)
        checkpoint.write(dict(self.learner.state(), **place), self.last)
        self.saved = time.monotonic()

    def validate(self, side: int, note: str = "") -> None:
        top1 = self.validation.top1(self.learner.mean, side)
        p = self.progress
        row = dict(step=p.step, minutes=round(p.spent / 60, 1), size=side, top1=round(top1, 2), done=round(p.done, 4))
        row["loss"] = round(self.learner.mean_loss(), 4)
        print(json.dumps(row) + note, flush=True)
        with open(self.a.out / "log.jsonl", "a") as log:
            log.write(json.dumps(row) + "\n")
        if side == self.plan[-1].side and top1 >= self.best:
            self.best = top1
            self.learner.save_best(self.names, self.a.out / "best.pt")

    def stopped(self) -> bool:
        return self.a.steps is not None and self.progress.step >= self.a.steps

    def run_stage(self, stage: Planned, bound: float) -> None:
        """Steps until the work reaches `bound`."""
        a, p = self.a, self.progress
        # The last step's work must not fall short of the bound by a rounding error.
        while p.work < bound * (1 - 1e-12) and not self.stopped():
            batch = self.batches.make(self.stage, self.at, stage.side, stage.batch, p.done >= a.unlabelled_after)
            self.learner.step(batch, rate(p.done, self.warm), p.step)
            self.at, before = batch.ended, int(p.done * CHECKS)
            p.advance(stage.batch * stage.side**2)
            # The checkpoint holds the outcome of this check; a resumed training does not repeat it.
            if int(p.done * CHECKS) > before and p.work < bound:
                self.validate(stage.side)
            if time.monotonic() - self.saved > a.save_every:
                self.save()

    def run(self) -> None:
        bounds = np.cumsum([p.steps * p.batch * p.side**2 for p in self.plan])
        while self.stage < len(self.plan) and not self.stopped():
            stage = self.plan[self.stage]
            self.run_stage(stage, float(bounds[self.stage]))
            if not self.stopped():
                self.validate(stage.side, "  end of the stage")
                self.stage, self.at = self.stage + 1, 0
            self.save()
        best = self.a.out / "best.pt"
        if self.best == 0 or not best.exists():
            self.learner.save_best(self.names, best)
        print(f"best top-1 at {self.plan[-1].side} px: {self.best:.2f} %, in {best}")


def main() -> None:
    a = options.read(__doc__)
    dev.prepare(a.device, a.threads)
    a.out.mkdir(parents=True, exist_ok=True)
    train, val, background = split(a)
    like = liked(a.like, train.names, a.widths[-1]) if a.like else None
    found, digest = sources(a, train, background)
    if like:
        digest += f" {checkpoint.digest(like).hex()}"
    Training(a, train, val, found, like, f"{digest} {options.made_of(a)}").run()


if __name__ == "__main__":
    main()
