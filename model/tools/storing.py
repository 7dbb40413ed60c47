"""Options of the steps that learn from stored outputs, and the outputs that these ask for."""
from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch

import checkpoint
import device as dev
import images
import stored
from convnext import ConvNeXt
from parts import Parts


def options(a: argparse.ArgumentParser) -> None:
    """What every step on stored outputs takes."""
    a.add_argument("--val", type=Path, help="images to report accuracy on (default: 'val*' shards, else a tenth of the folder)")
    a.add_argument("--val-count", type=int, default=500, help="how many of them, drawn evenly; 0 for none (default: %(default)s)")
    a.add_argument("--count", type=int, help="store views of so many images, drawn at random (default: all)")
    a.add_argument("--memory", type=float, metavar="GB", help="the most that stored outputs may take (default: two fifths of all)")
    a.add_argument("--size", type=int, default=128, help="input side in pixels (default: %(default)s)")
    a.add_argument("--crop", type=float, default=0.35, help="least area of a random crop (default: %(default)s)")
    a.add_argument("--batch", type=int, default=64)
    a.add_argument("--minutes", type=float, help="train for this long in place of --epochs; a repeated run then differs")
    a.add_argument("--steps", type=int, help="stop after so many steps; the same command without it goes on")
    a.add_argument("--workers", type=int, default=2, help="processes that compute stored outputs on a CPU (default: %(default)s)")
    a.add_argument("--threads", type=int, default=0, help="CPU threads of the training (0: as PyTorch chooses)")
    a.add_argument("--device", default=dev.default())
    a.add_argument("--save-every", type=float, default=180, help="seconds between checkpoints (default: %(default)s)")
    a.add_argument("--seed", type=int, default=1)


def drawn(count: int | None, of: int, each: int, a: argparse.Namespace) -> np.ndarray:
    """Which of `of` pictures are stored, in random order; `each` is the bytes that one takes."""
    limit = int(a.memory * 1e9) if a.memory else dev.room("cpu")
    fit = limit // each
    most = min(of, count or of)
    if fit < min(most, 1):
        raise images.Refused(f"--memory of {limit / 1e9:.3f} GB holds not one picture; one takes {each / 1e6:.3f} MB")
    if fit < most:
        print(f"stored outputs of {most} pictures would take {most * each / 1e9:.1f} GB; {fit} fit into {limit / 1e9:.1f} GB", flush=True)
    order = torch.randperm(of, generator=dev.chance(a.seed, "stored")).numpy()
    return order[: min(most, fit)]


class Storage:
    """What a step keeps in OUT while it runs."""

    def __init__(self, net: ConvNeXt, first: int, a: argparse.Namespace):
        self.net, self.first, self.a = net, first, a
        self.known = checkpoint.digest(net).hex()
        self.kept: list[Parts] = []

    def rows(self, pictures: images.ImageSet, order: np.ndarray, how: stored.Settings) -> stored.Rows:
        a = self.a
        settings = f"{self.first} {how} {hashlib.sha256(order.tobytes()).hexdigest()}"
        self.kept.append(Parts("stored", self.known, pictures.digest(), settings, room=a.out))
        return stored.rows_of(self.net, self.first, pictures, order, how, self.kept[-1], a.device, a.workers)

    def training(self, pictures: images.ImageSet, views: str) -> stored.Rows:
        """Outputs for views of the training pictures: "either" soft or sharp at random, or "both"."""
        a = self.a
        each = stored.bytes_each(self.net, self.first, a.size) * (2 if views == "both" else 1)
        return self.rows(pictures, drawn(a.count, len(pictures), each, a), stored.Settings(a.size, a.crop, views, a.seed))

    def validation(self, val: images.ImageSet | None) -> stored.Rows | None:
        """Outputs for whole validation pictures."""
        a = self.a
        if val is None or not a.val_count:
            return None
        order = np.unique(np.linspace(0, len(val) - 1, min(a.val_count, len(val))).round().astype(int))
        return self.rows(val, order, stored.Settings(a.size, 1.0, "whole", a.seed))

    def done(self) -> None:
        """Removes it."""
        for parts in self.kept:
            parts.done()
