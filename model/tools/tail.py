"""Train the last stages of a network on stored outputs of the stages before.

The stages before stay as they are, so each view's way through them is computed once. Training is
resumable: a stopped one goes on from OUT/last.pt and on a CPU ends with the same weights as one
that was not stopped.
"""
from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import checkpoint
import device as dev
from convnext import ConvNeXt
from images import Refused
from schedule import Progress, rate
from stored import Rows


@dataclass
class How:
    """Settings of one training."""

    epochs: float
    batch: int
    lr: float
    decay: float = 0.05
    label: float = 0.3  # the label's share of a labelled view's target; the rest is the network's answer
    smoothing: float = 0.1
    sharpen: float = 1.0  # temperature of the answers: below 1 they become more certain
    features: float = 0.0  # weight of the pooled features' loss
    mixup: float = 0.0
    ema: float = 0.995
    fall: float = 0.7  # the share of the training over which the rate falls
    warm: int = 100  # steps
    minutes: float | None = None
    steps: int | None = None
    seed: int = 1


class Targets:
    """What the tail is to say of each stored view."""

    def __init__(self, rows: Rows, how: How):
        self.rows, self.how = rows, how
        self.classes = rows.said.logits.shape[1]

    def probabilities(self, pick: np.ndarray) -> torch.Tensor:
        """The answer to the view that teaches, mixed with the label where there is one; f32 [N, classes]."""
        logits = torch.from_numpy(self.rows.said.logits[self.rows.asked[pick]]).float()
        answer = (logits / self.how.sharpen).softmax(1)
        labels = torch.from_numpy(self.rows.labels[pick])
        hot = F.one_hot(labels.clamp(min=0), self.classes).float() * (1 - self.how.smoothing) + self.how.smoothing / self.classes
        share = (labels >= 0).float()[:, None] * self.how.label
        return share * hot + (1 - share) * answer

    def seen(self, pick: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self.rows.said.seen[self.rows.asked[pick]]).float()


def cut_of(rows: Rows, pick: np.ndarray, device: str) -> torch.Tensor:
    """What the tail takes of these views, f32 [N, C, H, W]."""
    return torch.from_numpy(rows.said.cut[pick]).to(device).float().permute(0, 3, 1, 2)


class Tail(nn.Module):
    """The stages from `first` on and the head of `net`; gives logits and pooled features."""

    def __init__(self, net: ConvNeXt, first: int):
        super().__init__()
        self.stages, self.head = net.stages[first:], net.head

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = self.head.embed(self.stages(x))
        return self.head.fc(seen), seen


@torch.no_grad()
def accuracy(tail: nn.Module, rows: Rows, device: str) -> float:
    """Top-1 of the stored views that have a label, in percent."""
    pick = np.flatnonzero(rows.labels >= 0)
    right = 0
    for some in np.split(pick, range(100, len(pick), 100)):
        with dev.autocast(device):
            logits, _ = tail(cut_of(rows, some, device))
        right += int((logits.argmax(1).cpu().numpy() == rows.labels[some]).sum())
    return 100 * right / max(len(pick), 1)


class Training:
    """One training of a tail, from OUT/last.pt where that exists."""

    def __init__(self, net: ConvNeXt, first: int, rows: Rows, how: How, out: Path, device: str, made_of: str):
        self.how, self.rows, self.out, self.device, self.made_of = how, rows, out, device, made_of
        self.targets = Targets(rows, how)
        self.net = net.to(device).train()
        self.tail = Tail(self.net, first)
        # The averaged weights answer at the end.
        self.mean = {n: v.detach().clone() for n, v in self.tail.state_dict().items()}
        parameters = list(self.tail.parameters())
        groups = [
            dict(params=[p for p in parameters if p.ndim > 1], weight_decay=how.decay),
            dict(params=[p for p in parameters if p.ndim <= 1], weight_decay=0.0),
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=how.lr, betas=(0.9, 0.98))
        self.an_epoch = max(1, len(rows) // how.batch)
        self.total = max(1, round(how.epochs * self.an_epoch))
        self.progress = Progress(self.total, how.minutes * 60 if how.minutes else None)
        self.spread = float(np.var(rows.said.seen[:2000].astype(np.float32)))
        self.order: tuple[int, np.ndarray] = (-1, np.zeros(0, np.int64))
        self.loss = 0.0
        if found := checkpoint.resumed(out / "last.pt", made_of):
            self.tail.load_state_dict(found["tail"])
            self.mean = {n: v.to(device) for n, v in found["averaged"].items()}
            self.optimizer.load_state_dict(found["optimizer"])
            self.progress.load(found["progress"])
            self.loss = found["loss"]
            print(f"going on from {out / 'last.pt'}: step {self.progress.step} of {self.total}", flush=True)

    def save(self) -> None:
        state = dict(tail=self.tail.state_dict(), averaged=self.mean, optimizer=self.optimizer.state_dict())
        more = dict(progress=self.progress.state(), loss=self.loss, made_of=self.made_of)
        checkpoint.write(dict(state, **more), self.out / "last.pt")

    def pick(self) -> np.ndarray:
        """The rows of this step; they follow from the seed and the step's number."""
        epoch, at = divmod(self.progress.step, self.an_epoch)
        if self.order[0] != epoch:
            drawn = torch.randperm(len(self.rows), generator=dev.chance(self.how.seed, "order", epoch))
            self.order = (epoch, drawn.numpy())
        return self.order[1][at * self.how.batch : (at + 1) * self.how.batch]

    def step(self) -> None:
        how, pick = self.how, self.pick()
        factor = rate(self.progress.done, how.warm / self.total, how.fall)
        for group in self.optimizer.param_groups:
            group["lr"] = how.lr * factor
        x = cut_of(self.rows, pick, self.device)
        wanted = self.targets.probabilities(pick).to(self.device)
        if how.mixup > 0 and self.progress.step % 2:
            share = np.random.default_rng(dev.seed_of(how.seed, "mix", self.progress.step)).beta(how.mixup, how.mixup)
            x, wanted = (share * v + (1 - share) * v.flip(0) for v in (x, wanted))
        with dev.autocast(self.device):
            logits, seen = self.tail(x)
        loss = -(wanted * F.log_softmax(logits.float(), 1)).sum(1).mean()
        if how.features > 0:
            target = self.targets.seen(pick).to(self.device)
            loss = loss + how.features * F.mse_loss(seen.float(), target) / self.spread
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        now = loss.item()
        if not math.isfinite(now):
            raise Refused(f"the loss is {now} at step {self.progress.step}; lower --lr")
        self.loss = self.loss * 0.98 + now * 0.02 if self.loss else now
        keep = min(how.ema, (1 + self.progress.step) / (10 + self.progress.step))
        with torch.no_grad():
            for name, value in self.tail.state_dict().items():
                self.mean[name].lerp_(value, 1 - keep)
        self.progress.advance(1)

    def averaged(self) -> ConvNeXt:
        """The network with the averaged weights; the training's own come back with `back`."""
        self.back = {n: v.clone() for n, v in self.tail.state_dict().items()}
        self.tail.load_state_dict(self.mean)
        return self.net.eval()

    def report(self, val: Rows | None, names: list[str]) -> None:
        """Writes the averaged network, and one row of the log."""
        net = self.averaged()
        row = dict(step=self.progress.step, minutes=round(self.progress.spent / 60, 1), loss=round(self.loss, 4))
        if val is not None:
            row["top1"] = round(accuracy(self.tail, val, self.device), 2)
        checkpoint.save(net, names, self.out / "best.pt")
        self.tail.load_state_dict(self.back)
        self.net.train()
        print(json.dumps(row), flush=True)
        with open(self.out / "log.jsonl", "a") as log:
            log.write(json.dumps(row) + "\n")


def learn(net: ConvNeXt, first: int, rows: Rows, val: Rows | None, names: list[str], how: How, out: Path, device: str, made_of: str, every: float) -> bool:
    """Trains stages `first` on and the head of `net`; OUT/best.pt holds the averaged network. Tells whether it came to the end."""
    out.mkdir(parents=True, exist_ok=True)
    training = Training(net, first, rows, how, out, device, f"{made_of} {asdict(how) | dict(steps=None)}")
    progress = training.progress
    saved = time.monotonic()
    while progress.done < 1 and (how.steps is None or progress.step < how.steps):
        training.step()
        if time.monotonic() - saved > every:
            training.save()
            training.report(val, names)
            saved = time.monotonic()
    training.save()
    training.report(val, names)
    print(f"{out / 'best.pt'}: after {progress.step} steps, {progress.step * how.batch} views, {progress.spent / 60:.1f} minutes")
    return progress.done >= 1
