#!/usr/bin/env python3
"""Undo what a network learned from sharpness alone: a step on a finished checkpoint, on CPU in minutes.

If the sharp pictures of a training set are of a few classes, whatever is sharp is taken for one of
them. This step shows every picture soft and sharp: small ones plain and sharpened, large ones
blurred and sharp. The target of both is the network's own answer to the soft view, mixed with the
picture's label. Photographs without labels (--unlabelled) are taught by that answer alone; a few
thousand of other kinds than the classes serve best.

The outputs of the stages before the last are computed once and kept in half precision; the last
stage and the head are trained on them. OUT/best.pt is the checkpoint; give it to export.py. The
same command resumes a stopped run.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import checkpoint
import device as dev
import images
import sharpness
import stored
import storing
import tail

LAST = 3


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("checkpoint", type=Path, help="the network to change, a checkpoint of train.py")
    a.add_argument("data", type=Path, help="image folder (a sub-folder a class) or shards")
    a.add_argument("--out", type=Path, required=True, help="folder for the checkpoints, the log and, while it runs, the stored outputs")
    a.add_argument("--unlabelled", type=Path, action="append", default=[], metavar="FOLDER", help="sharp photographs of any kind; may be given more than once")
    a.add_argument("--times", type=int, default=2, help="views of each unlabelled photograph (default: %(default)s)")
    a.add_argument("--small", type=float, default=1.0, help="share of the labelled small pictures that is used (default: %(default)s)")
    a.add_argument("--epochs", type=float, default=4, help="how often each stored view is learned from (default: %(default)s)")
    a.add_argument("--lr", type=float, default=1.5e-4, help="AdamW's rate (default: %(default)s)")
    a.add_argument("--label", type=float, default=0.6, help="the label's share of the target (default: %(default)s)")
    storing.options(a)
    return a.parse_args()


def chosen(pictures: images.ImageSet, small: float, seed: int) -> images.ImageSet:
    """All sharp sources, and this share of the small ones."""
    sharp = np.array([sharpness.is_sharp(pictures.size(i)) for i in range(len(pictures))], bool)
    lot = torch.rand(len(pictures), generator=dev.chance(seed, "small")).numpy()
    return pictures.only(np.flatnonzero(sharp | (lot < small)))


def together(pictures: images.ImageSet, folders: list[Path], times: int) -> images.ImageSet:
    """The labelled pictures and, `times` times, those of the folders, of no class."""
    free = [blob for folder in folders for blob in images.unlabelled(folder).blobs] * times
    labels = np.concatenate([pictures.labels, np.full(len(free), -1)])
    return images.ImageSet(pictures.names, labels, pictures.blobs + free)


def described(rows: stored.Rows) -> str:
    """How many views there are of which kind."""
    labelled = rows.labels >= 0
    return (
        f"{labelled.sum()} labelled views and {(~labelled).sum()} unlabelled ones, {100 * rows.sharp.mean():.0f} % of them sharp, "
        f"{rows.said.cut.nbytes / 1e9:.2f} GB"
    )


def main() -> None:
    a = arguments()
    dev.prepare(a.device, a.threads)
    net, names = checkpoint.load(a.checkpoint)
    if names is None:
        raise images.Refused(f"{a.checkpoint} names no classes; train.py's checkpoints do")
    pictures, val = images.parted(a.data, a.val, names)
    if pictures.names != names:
        raise images.Refused(f"{a.data} has no images of the classes of {a.checkpoint}; give those it was trained on")
    pictures = together(chosen(pictures, a.small, a.seed), a.unlabelled, a.times)
    storage = storing.Storage(net, LAST, a)
    rows, seen = storage.training(pictures, "both"), storage.validation(val)
    print(described(rows), flush=True)
    how = tail.How(
        epochs=a.epochs, batch=min(a.batch, len(rows)), lr=a.lr, label=a.label, sharpen=0.9, mixup=0.4, minutes=a.minutes, steps=a.steps, seed=a.seed
    )  # fmt: skip
    made_of = f"{storage.known} {pictures.digest()} {len(rows)} {a.size} {a.crop}"
    if tail.learn(net, LAST, rows, seen, names, how, a.out, a.device, made_of, a.save_every):
        storage.done()


if __name__ == "__main__":
    main()
