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

import torch

import checkpoint
import device as dev
import images
import storing
import tail
from convnext import ConvNeXt
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
    storing.options(a)
    return a.parse_args()


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
    storage = storing.Storage(whole, first, a)
    rows, seen = storage.training(pictures, "either"), storage.validation(val)
    print(f"{len(rows)} views, {rows.said.cut.nbytes / 1e9:.2f} GB, {100 * rows.sharp.mean():.0f} % of them sharp", flush=True)
    how = tail.How(
        epochs=a.epochs, batch=min(a.batch, len(rows)), lr=a.lr, label=a.label, features=a.features, minutes=a.minutes, steps=a.steps, seed=a.seed
    )  # fmt: skip
    made_of = f"{storage.known} {checkpoint.digest(pruned).hex()} {pictures.digest()} {len(rows)} {a.size} {a.crop}"
    if tail.learn(pruned, first, rows, seen, names, how, a.out, a.device, made_of, a.save_every):
        storage.done()


if __name__ == "__main__":
    main()
