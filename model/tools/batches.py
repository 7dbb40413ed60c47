"""What a training step sees and is to say of it: a function of the seed, the stage and the rows shown.

So a resumed training goes on with the batch that the stopped one would have taken next.
"""
from __future__ import annotations

import argparse
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import augment
import device as dev
import pictures
import teaching


@dataclass
class Batch:
    """Views, normalised, and for each the probabilities and the teacher's embedding that are wanted of it."""

    x: torch.Tensor
    wanted: torch.Tensor
    taught: torch.Tensor | None  # rows of zeros for views that the teacher has not seen
    asked: torch.Tensor | None  # soft views of the unlabelled pictures, whose answer is wanted of the first views
    rng: random.Random
    ended: int  # rows that the stage has shown after this batch

    def answered(self, answer: torch.Tensor) -> None:
        """Takes the answer to `asked` as what is wanted of the unlabelled views."""
        self.wanted[: len(answer)] = answer

    def mixed(self, mixup: float, cutmix: float) -> "Batch":
        targets = [self.wanted] + ([self.taught] if self.taught is not None else [])
        self.x, targets = augment.mix(self.x, targets, self.rng, mixup, cutmix)
        self.wanted, self.taught = targets[0], (targets[1] if self.taught is not None else None)
        return self


@dataclass
class Sources:
    """The decoded pictures and what is known of them."""

    train: pictures.Pictures
    labels: np.ndarray  # -1: of none of the classes
    classes: int
    background: np.ndarray  # rows of `train` that are shown only as background
    teacher: teaching.Teacher | None  # of the first rows of `train`
    probe: nn.Linear | None
    free: pictures.Pictures | None  # unlabelled sharp photographs


class Drawn:
    """Which rows a stage shows, epoch after epoch."""

    def __init__(self, sources: Sources, a: argparse.Namespace):
        shown = np.setdiff1d(np.arange(len(sources.labels)), sources.background)
        sharp = shown[sources.train.sharp[shown].numpy()]
        self.rows = torch.from_numpy(np.concatenate([shown] + [sharp] * (a.sharp_times - 1)))
        labels = sources.labels[self.rows.numpy()]
        self.weights = torch.from_numpy(np.bincount(labels + 1)[labels + 1] ** -float(a.balance))
        self.balance, self.seed = a.balance, a.seed
        self.kept: tuple[tuple[int, int], torch.Tensor] | None = None

    def epoch(self, stage: int, number: int) -> torch.Tensor:
        """As many rows as there are, in random order; with --balance a class of few pictures shows each more often."""
        if self.kept is None or self.kept[0] != (stage, number):
            chance = dev.chance(self.seed, "epoch", stage, number)
            if self.balance == 0:
                order = torch.randperm(len(self.rows), generator=chance)
            else:
                order = torch.multinomial(self.weights, len(self.rows), replacement=True, generator=chance)
            self.kept = ((stage, number), self.rows[order])
        return self.kept[1]

    def take(self, stage: int, at: int, count: int) -> torch.Tensor:
        """The next `count` rows of a stage that has shown `at`."""
        out = []
        while count:
            number, inside = divmod(at, len(self.rows))
            found = self.epoch(stage, number)[inside : inside + count]
            out.append(found)
            at, count = at + len(found), count - len(found)
        return torch.cat(out)


class Batches:
    """Makes the batch of any place in a training."""

    def __init__(self, sources: Sources, a: argparse.Namespace):
        self.sources, self.a, self.drawn = sources, a, Drawn(sources, a)

    def make(self, stage: int, at: int, side: int, size: int, ask: bool) -> Batch:
        """The batch of stage `stage` after `at` rows; `ask` says whether unlabelled pictures take part."""
        a, s = self.a, self.sources
        use = (a.seed, stage, at)
        chance, rng = dev.chance(*use, "rows"), random.Random(dev.seed_of(*use, "mix"))
        mode = "bicubic" if rng.random() < 0.3 else "bilinear"
        free = int(size * a.unlabelled_share) if ask and s.free is not None else 0
        other = int((size - free) * a.background) if len(s.background) else 0
        rows = self.drawn.take(stage, at, size - free - other)
        ended = at + len(rows)
        if other:
            rows = torch.cat([rows, torch.from_numpy(s.background)[torch.randint(len(s.background), (other,), generator=chance)]])
        rows = rows[torch.randperm(len(rows), generator=chance)]
        boxes, taught, answers = pictures.random_boxes(len(rows), a.crop, chance), None, None
        crops = torch.randint(s.teacher.boxes.shape[1] if s.teacher else 1, (len(rows),), generator=chance)
        if s.teacher:
            seen = rows < len(s.teacher.boxes)
            boxes = torch.where(seen[:, None], s.teacher.boxes[rows * seen, crops], boxes)
            answers = s.teacher.answers(rows * seen, crops) * seen[:, None].to(s.train.device)
            taught = F.normalize(answers, dim=1)
        draws = augment.Draws(size, s.train.device, *use)
        x, sharp = s.train.views(rows, boxes, side, mode), s.train.sharp[rows]
        if free:
            loose = torch.randint(len(s.free), (free,), generator=chance)
            x = torch.cat([s.free.views(loose, pictures.random_boxes(free, a.crop, chance), side), x])
            sharp = torch.cat([torch.ones(free, dtype=torch.bool), sharp])
        x = augment.recoloured(x, draws)
        asked = dev.normalised(augment.softened(x, draws)[:free]) if free else None
        x = augment.matched(x, sharp, draws)
        # The network was asked about the unlabelled views as they are, not on plain ground.
        x = torch.cat([x[:free], augment.on_ground(x[free:].flip(0), 0.15, draws).flip(0)])
        wanted = self.wanted(rows, answers)
        if free:
            wanted = torch.cat([torch.full((free, s.classes), 1 / s.classes, device=x.device), wanted])
            taught = torch.cat([torch.zeros(free, taught.shape[1], device=x.device), taught]) if taught is not None else None
        return Batch(dev.normalised(x), wanted, taught, asked, rng, ended)

    def wanted(self, rows: torch.Tensor, answers: torch.Tensor | None) -> torch.Tensor:
        """The label, smoothed, mixed with the probe's probabilities where the teacher has seen the picture;
        an even spread over all classes for a picture of none."""
        a, s, device = self.a, self.sources, self.sources.train.device
        labels = torch.from_numpy(s.labels)[rows].to(device)
        even = torch.full((len(rows), s.classes), 1 / s.classes, device=device)
        hot = F.one_hot(labels.clamp(min=0), s.classes).float() * (1 - a.smoothing) + even * a.smoothing
        if s.probe is not None and answers is not None:
            soft = teaching.probabilities(s.probe, answers)
            seen = (rows < len(s.teacher.boxes)).to(device)[:, None]
            hot = torch.where(seen, a.label * hot + (1 - a.label) * soft, hot)
        return torch.where((labels >= 0)[:, None], hot, even)
