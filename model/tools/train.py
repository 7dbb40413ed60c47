#!/usr/bin/env python3
"""Train a ConvNeXt on an image folder or on shards, from scratch or from a checkpoint.

Training runs in stages of growing resolution (--stages SIZE:EPOCHS,...) and ends at the
size that the daemon uses. OUT/last.pt is written every few minutes, and the next call with
the same OUT resumes from it. OUT/best.pt holds the averaged (EMA) weights that did best on the
validation images; give it to export.py.
"""
from __future__ import annotations

import argparse
import json
import math
import queue
import random
import threading
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import augment
import blas
import checkpoint
import images
import muon
from convnext import ConvNeXt, Shape

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OLD = torch.__version__.startswith("1.")


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(v) for v in text.split(","))


def stages(text: str) -> list[tuple[int, float]]:
    return [(int(size), float(epochs)) for size, epochs in (s.split(":") for s in text.split(","))]


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("data", type=Path, help="image folder (a sub-folder a class) or shards")
    a.add_argument("--out", type=Path, required=True, help="folder for checkpoints and the log")
    a.add_argument("--val", type=Path, help="validation images (default: 'val*' shards, else a tenth of the folder)")
    a.add_argument("--classes", help="comma-separated class names to learn, in this order (default: all)")
    a.add_argument("--background", type=float, default=0.0, help="share of images of other classes, taught as none of these")
    a.add_argument("--also", type=Path, help="a folder of more images, a sub-folder a class; `none` is of no class")
    a.add_argument("--also-times", type=int, default=5, help="how often an epoch shows each of them (default: %(default)s)")
    a.add_argument("--init", type=Path, help="start from this checkpoint (own, timm or torchvision form)")
    a.add_argument("--depths", type=numbers, default=(3, 3, 9, 3))
    a.add_argument("--widths", type=numbers, default=(96, 192, 384, 768))
    a.add_argument("--stages", type=stages, default="64:30,96:5,128:10", help="SIZE:EPOCHS,... (default: %(default)s)")
    a.add_argument("--steps", type=int, help="stop after so many steps (for trials)")
    a.add_argument("--hours", type=float, help="plan the schedule for this much time: epochs are scaled to fit, as measured")
    a.add_argument("--batch", type=int, default=128)
    a.add_argument("--optimizer", choices=["muon", "adamw"], default="muon")
    a.add_argument("--lr", type=float, default=2e-3, help="AdamW's rate (default: %(default)s)")
    a.add_argument("--muon-lr", type=float, default=0.02)
    a.add_argument("--decay", type=float, default=0.05)
    a.add_argument("--warmup", type=int, default=200, help="steps")
    a.add_argument("--scale", type=float, default=0.1, help="where layer scale starts (default: %(default)s)")
    a.add_argument("--drop", type=float, default=0.05, help="stochastic depth of the last block")
    a.add_argument("--smoothing", type=float, default=0.1)
    a.add_argument("--mixup", type=float, default=0.4)
    a.add_argument("--cutmix", type=float, default=1.0)
    a.add_argument("--crop", type=float, default=0.35, help="least area of a random crop")
    a.add_argument("--balance", type=float, default=0.0, help="0: as the images are; 1: as many of each class")
    a.add_argument("--ema", type=float, default=0.998)
    a.add_argument("--teacher", type=Path, help="embeddings of the training images made by teach.py")
    a.add_argument("--teach", type=float, default=2.0, help="weight of the teacher's loss")
    a.add_argument("--threads", type=int, default=0, help="CPU threads (0: as PyTorch chooses)")
    a.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    a.add_argument("--save-every", type=float, default=180, help="seconds between checkpoints")
    a.add_argument("--seed", type=int, default=1)
    a = a.parse_args()
    if isinstance(a.stages, str):
        a.stages = stages(a.stages)
    return a


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


class Batches:
    """Random views in batches, made in threads of their own while the model learns."""

    def __init__(self, a, train, background, teacher, side: int):
        self.a, self.train, self.background, self.teacher, self.side = a, train, background, teacher, side
        self.queue: queue.Queue = queue.Queue(4)
        self.rng = random.Random(time.time_ns() if a.seed < 0 else a.seed * 7919 + side)
        self.order: list[int] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.fill, daemon=True)
        self.thread.start()

    def fill(self) -> None:
        while not self.stop.is_set():
            batch = self.make()
            while not self.stop.is_set():
                try:
                    self.queue.put(batch, timeout=0.5)
                    break
                except queue.Full:
                    pass

    def epoch(self) -> list[int]:
        """As many images as there are, in random order; a class of few images shows each more often."""
        labels = self.train.labels
        weights = np.bincount(labels + 1)[labels + 1] ** -self.a.balance
        chosen = np.random.default_rng(self.rng.getrandbits(32)).choice(len(labels), len(labels), p=weights / weights.sum())
        if self.a.balance == 0:
            chosen = self.rng.sample(range(len(labels)), len(labels))
        return list(chosen)

    def make(self):
        a, rng = self.a, self.rng
        other = int(a.batch * a.background) if self.background else 0
        pixels, labels, taught = [], [], []
        while len(pixels) < a.batch - other:
            if not self.order:
                self.order = self.epoch()
            i = self.order.pop()
            pixels.append(augment.view(self.train.open(i), self.side, a.crop, rng))
            labels.append(int(self.train.labels[i]))
            taught.append(i if i < len(self.teacher if self.teacher is not None else ()) else -1)
        for _ in range(other):
            pixels.append(augment.view(self.background.open(rng.randrange(len(self.background))), self.side, a.crop, rng))
            labels.append(-1)
            taught.append(-1)
        shuffled = rng.sample(range(a.batch), a.batch)
        pick = lambda rows: [rows[i] for i in shuffled]
        x = torch.from_numpy(np.stack(pick(pixels))).permute(0, 3, 1, 2)
        return x, torch.tensor(pick(labels)), torch.tensor(pick(taught))

    def close(self) -> None:
        self.stop.set()
        self.thread.join()


def targets(labels: torch.Tensor, classes: int, smoothing: float) -> torch.Tensor:
    """One row of probabilities an image; background (-1) is an even spread over all classes."""
    even = torch.full((len(labels), classes), 1 / classes)
    hot = F.one_hot(labels.clamp(min=0), classes).float()
    return torch.where((labels >= 0)[:, None], hot * (1 - smoothing) + even * smoothing, even)


class Student(nn.Module):
    """The network and, while a teacher speaks, a linear map from its features to the teacher's."""

    def __init__(self, net: ConvNeXt, width: int | None):
        super().__init__()
        self.net = net
        self.echo = nn.Linear(net.shape.widths[-1], width) if width else None

    def forward(self, x):
        seen = self.net.head.embed(self.net.features(x))
        return self.net.head.fc(seen), self.echo(seen) if self.echo is not None else None


def normalised(x: torch.Tensor, device: str) -> torch.Tensor:
    x = x.to(device, non_blocking=True).float().div_(255)
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def bf16(device: str) -> torch.autocast:
    """Autocast to bf16; with PyTorch 1 a CPU computes in f32, for its LayerNorm takes no bf16."""
    kind = device.split(":")[0]
    return torch.autocast(kind, torch.bfloat16, enabled=not (OLD and kind == "cpu"))


@torch.no_grad()
def accuracy(net: nn.Module, val: images.ImageSet, side: int, device: str) -> float:
    """Top-1 over whole validation images squashed to `side`, in percent."""
    net.eval()
    right = 0
    for start in range(0, len(val), 100):
        rows = range(start, min(start + 100, len(val)))
        x = np.stack([np.asarray(val.open(i).resize((side, side), images.Image.BILINEAR)) for i in rows])
        with bf16(device):
            logits = net(normalised(torch.from_numpy(x).permute(0, 3, 1, 2), device))
        right += int((logits.argmax(1).cpu().numpy() == val.labels[start : rows.stop]).sum())
    net.train()
    return 100 * right / len(val)


def rate(done: float, warm: float) -> float:
    """Warm-up, a plateau, and a linear fall to zero over the last 60 %; `done` and `warm` are shares of the whole."""
    return min(1.0, done / max(warm, 1e-9)) * min(1.0, (1 - done) / 0.6)


def main() -> None:
    a = arguments()
    blas.tell_if_slow()
    torch.manual_seed(max(a.seed, 0))
    if a.threads:
        torch.set_num_threads(a.threads)
    a.out.mkdir(parents=True, exist_ok=True)
    train, val, background = split(a)
    teacher = None
    if a.teacher:
        teacher = torch.from_numpy(np.load(a.teacher).astype(np.float32))
        if len(teacher) != len(train):
            raise images.Refused(f"{a.teacher} has {len(teacher)} rows for {len(train)} images; make it from the same ones")
        teacher = F.normalize(teacher - teacher.mean(0), dim=1)

    if a.also:
        train = joined(train, images.from_folder(a.also), a.also_times)

    shape = Shape(a.depths, a.widths, len(train.names))
    net = ConvNeXt(shape, a.scale, a.drop).to(a.device, memory_format=torch.channels_last)
    if a.init:
        checkpoint.load_into(net, a.init, fresh_head=True)
    student = Student(net, teacher.shape[1] if teacher is not None else None).to(a.device)
    mean_net = ConvNeXt(shape).to(a.device, memory_format=torch.channels_last)
    mean_net.load_state_dict(net.state_dict())
    opts = muon.optimizers(student, a.optimizer == "muon", a.lr, a.muon_lr, a.decay)
    rates = [[g["lr"] for g in o.param_groups] for o in opts]

    # Progress is the share of the planned work done, so that --hours can stretch or shorten it.
    per_epoch = len(train) / (a.batch * (1 - a.background))
    plan = [(size, max(1, round(epochs * per_epoch))) for size, epochs in a.stages]
    weights = [steps * size * size for size, steps in plan]
    total = sum(weights)
    step, spent, work, best = 0, 0.0, 0.0, 0.0
    last = a.out / "last.pt"
    if last.exists():
        # PyTorch 1 reads no plain numbers as weights; the file is this training's own.
        state = torch.load(last, map_location="cpu", weights_only=not OLD)
        student.load_state_dict(state["student"])
        mean_net.load_state_dict(state["mean"])
        for o, s in zip(opts, state["optimizers"]):
            o.load_state_dict(s)
        step, spent, work, best = state["step"], state["spent"], state["work"], state["best"]
        print(f"going on from {last}: step {step}, {spent / 60:.1f} minutes", flush=True)

    def save() -> None:
        state = dict(student=student.state_dict(), mean=mean_net.state_dict(), optimizers=[o.state_dict() for o in opts])
        part = last.with_suffix(".part")
        torch.save(dict(state, step=step, spent=spent, work=work, best=best), part)
        part.rename(last)

    def validate(side: int, note: str = "") -> None:
        nonlocal best
        top1 = accuracy(mean_net, val, side, a.device)
        row = dict(step=step, minutes=round(spent / 60, 1), size=side, top1=round(top1, 2), done=round(work / total, 4), loss=round(loss_mean, 4))
        print(json.dumps(row) + note, flush=True)
        with open(a.out / "log.jsonl", "a") as log:
            log.write(json.dumps(row) + "\n")
        if side == plan[-1][0] and top1 >= best:
            best = top1
            checkpoint.save(mean_net, train.names, a.out / "best.pt")

    budget = a.hours * 3600 if a.hours else None
    student.train()
    loss_mean, saved, begun = 0.0, time.time(), time.time()
    base = spent
    bounds = np.cumsum(weights)
    stopped = False
    for (side, _), bound in zip(plan, bounds):
        if work >= bound:
            continue
        batches = Batches(a, train, background, teacher, side)
        checked = time.time()
        while work < bound and not stopped:
            done = work / total
            factor = rate(done, a.warmup * plan[0][0] ** 2 / total)
            for o, own in zip(opts, rates):
                for g, lr in zip(o.param_groups, own):
                    g["lr"] = lr * factor
            pixels, labels, taught = batches.queue.get()
            wanted = [targets(labels, len(train.names), a.smoothing).to(a.device)]
            if teacher is not None:
                wanted.append(teacher[taught.clamp(min=0)].to(a.device) * (taught >= 0)[:, None].to(a.device))
            x, wanted = augment.mix(normalised(pixels, a.device), wanted, batches.rng, a.mixup, a.cutmix)
            with bf16(a.device):
                logits, echo = student(x)
            loss = -(wanted[0] * F.log_softmax(logits.float(), 1)).sum(1).mean()
            if teacher is not None:
                loss = loss - a.teach * (F.normalize(echo.float(), dim=1) * wanted[1]).sum(1).mean()
            loss.backward()
            for o in opts:
                o.step()
                o.zero_grad()
            now_loss = loss.item()
            if not math.isfinite(now_loss):
                raise images.Refused(f"the loss is {now_loss} at step {step}; lower --lr")
            loss_mean = loss_mean * 0.98 + now_loss * 0.02 if loss_mean else now_loss
            with torch.no_grad():
                keep = min(a.ema, (step + 1) / (step + 10))
                for m, p in zip(mean_net.parameters(), net.parameters()):
                    m.lerp_(p, 1 - keep)
            step += 1
            now = time.time()
            before, spent = spent, base + now - begun
            # With a time budget, progress is time within the stage's own share of it.
            work += (spent - before) / budget * total if budget else side * side
            if now - saved > a.save_every:
                save()
                saved = time.time()
            if now - checked > a.save_every:
                validate(side)
                checked = time.time()
            stopped = a.steps is not None and step >= a.steps
        batches.close()
        validate(side, "  end of the stage")
        save()
        if stopped:
            break
    if stopped or not (a.out / "best.pt").exists():
        checkpoint.save(mean_net, train.names, a.out / "best.pt")
    print(f"best top-1 at {plan[-1][0]} px: {best:.2f} %, in {a.out / 'best.pt'}")


if __name__ == "__main__":
    main()
