#!/usr/bin/env python3
"""Heal a pruned network by what the whole network says, on CPU in minutes.

The stages before the first shortened one are the same in both networks. Their outputs for one view
of each picture are computed once and kept in half precision, with the whole network's pooled
features and answers. The shortened stage, those after it and the head are then trained on them;
the features, the answers and the pictures' labels are their targets.

OUT/best.pt is the healed checkpoint; give it to export.py. The same command resumes a stopped run.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import checkpoint
import device as dev
import images
import stored
import tail
from convnext import ConvNeXt
from parts import Parts
from prune import first_shortened


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("pruned", type=Path, help="the checkpoint that export.py --depths wrote")
    a.add_argument("data", type=Path, help="image folder (a sub-folder a class) or shards")
    a.add_argument("--of", type=Path, required=True, metavar="WHOLE", help="the checkpoint that it was pruned from")
    a.add_argument("--out", type=Path, required=True, help="folder for the checkpoints, the log and, while it runs, the stored outputs")
    a.add_argument("--epochs", type=float, default=6, help="how often each stored view is learned from (default: %(default)s)")
    a.add_argument("--lr", type=float, default=4e-4, help="AdamW's rate (default: %(default)s)")
    a.add_argument("--label", type=float, default=0.3, help="the label's share of the target; the rest is the whole network's answer (default: %(default)s)")
    a.add_argument("--features", type=float, default=2.0, help="weight of the loss on pooled features (default: %(default)s)")
    tail_arguments(a)
    return a.parse_args()


def tail_arguments(a: argparse.ArgumentParser) -> None:
    """What every step on stored outputs takes."""
    a.add_argument("--val", type=Path, help="images to report accuracy on (default: 'val*' shards, else a tenth of the folder)")
    a.add_argument("--val-count", type=int, default=500, help="how many of them, drawn evenly; 0 for none (default: %(default)s)")
    a.add_argument("--count", type=int, help="store views of so many images, drawn at random (default: all)")
    a.add_argument("--memory", type=float, metavar="GB", help="the most that stored outputs may take (default: half of the free memory)")
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


def validation(net: ConvNeXt, first: int, val: images.ImageSet | None, a: argparse.Namespace, known: str) -> stored.Rows | None:
    """Stored outputs of whole validation pictures."""
    if val is None or not a.val_count:
        return None
    order = np.unique(np.linspace(0, len(val) - 1, min(a.val_count, len(val))).round().astype(int))
    parts = Parts("val", known, val.digest(), f"{first} {a.size} {order.tolist()}", room=a.out)
    how = stored.Settings(a.size, 1.0, "whole", a.seed)
    return stored.rows_of(net, first, val, order, how, parts, a.device, a.workers)


def same_before(pruned: ConvNeXt, whole: ConvNeXt, first: int) -> bool:
    """Whether the stages before `first` have the same weights, to half precision."""
    own = whole.state_dict()
    before = lambda n: n.startswith("stem.") or (n.startswith("stages.") and int(n.split(".")[1]) < first)
    return all(torch.allclose(v, own[n], rtol=2e-3, atol=1e-6) for n, v in pruned.state_dict().items() if before(n))


def main() -> None:
    a = arguments()
    dev.prepare(a.device, a.threads)
    whole, names = checkpoint.load(a.of)
    pruned, _ = checkpoint.load(a.pruned)
    if pruned.shape.widths != whole.shape.widths or pruned.shape.classes != whole.shape.classes:
        raise images.Refused(f"{a.pruned} was not pruned from {a.of}: their widths or classes differ")
    first = first_shortened(whole.shape.depths, pruned.shape.depths)
    if first == 4 or not same_before(pruned, whole, first):
        raise images.Refused(f"{a.pruned} was not pruned from {a.of}; give the checkpoint that export.py --depths took")
    if names is None:
        raise images.Refused(f"{a.of} names no classes; train.py's checkpoints do")
    pictures, val = images.parted(a.data, a.val, names)
    labelled = pictures.names == names
    if not labelled:
        print(f"{a.data} has no folder for each class: its pictures teach by the whole network's answers alone", flush=True)
        pictures.labels[:] = -1
    order = drawn(a.count, len(pictures), stored.bytes_each(whole, first, a.size), a)
    known = checkpoint.digest(whole).hex()
    parts = Parts("stored", known, pictures.digest(), f"{first} {a.size} {a.crop} {a.seed} {len(order)}", room=a.out)
    rows = stored.rows_of(whole, first, pictures, order, stored.Settings(a.size, a.crop, "either", a.seed), parts, a.device, a.workers)
    seen = validation(whole, first, val, a, known)
    print(f"{len(rows)} views, {rows.said.cut.nbytes / 1e9:.2f} GB, {100 * rows.sharp.mean():.0f} % of them sharp", flush=True)
    how = tail.How(
        epochs=a.epochs, batch=min(a.batch, len(rows)), lr=a.lr, label=a.label, features=a.features, minutes=a.minutes, steps=a.steps, seed=a.seed
    )  # fmt: skip
    made_of = f"{known} {checkpoint.digest(pruned).hex()} {pictures.digest()} {len(rows)} {a.size} {a.crop}"
    tail.learn(pruned, first, rows, seen, names, how, a.out, a.device, made_of, a.save_every)


if __name__ == "__main__":
    main()
