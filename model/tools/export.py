#!/usr/bin/env python3
"""Export a checkpoint to the f32 ONNX file that quantize.py takes (its form: see form.py).

A checkpoint is train.py's, or a timm or torchvision ConvNeXt state dict (.pt, .pth or
.safetensors). Every parameter must fit; a checkpoint of another ConvNeXt than Tiny is refused
unless --expect asks for it. The file is checked against PyTorch before it is kept.

--depths prunes the network: blocks are dropped one at a time, each time the one whose absence
changes the answers on --images least, until that many are left. export.py then also writes a
checkpoint OUT.pt beside the ONNX file; `heal.py OUT.pt IMAGES --of CHECKPOINT` heals it. The same
command resumes a stopped run.
"""
from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
import torch

import checkpoint
import form
import images
import prune
from convnext import ConvNeXt, Shape
from device import MEAN, STD
from parts import Parts
from shape import numbers

SIZES = {
    "tiny": ((3, 3, 9, 3), (96, 192, 384, 768)),
    "small": ((3, 3, 27, 3), (96, 192, 384, 768)),
    "base": ((3, 3, 27, 3), (128, 256, 512, 1024)),
    "large": ((3, 3, 27, 3), (192, 384, 768, 1536)),
}
# The greatest difference of a logit between PyTorch and ONNX Runtime, as a share of the logits' spread.
TOLERANCE = 1e-3


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("checkpoint", type=Path, nargs="?", help=".pt, .pth or .safetensors (leave out with --timm)")
    a.add_argument("--out", type=Path, required=True, help="the ONNX file to write")
    a.add_argument("--timm", metavar="NAME", help="download this model with timm instead, such as convnext_tiny.fb_in1k")
    a.add_argument("--labels", type=Path, help="text file, one class name a line (default: the checkpoint's own)")
    a.add_argument("--expect", choices=[*SIZES, "any"], default="tiny", help="which ConvNeXt it must be (default: %(default)s)")
    a.add_argument("--size", type=int, default=128, help="input side in pixels (default: %(default)s)")
    a.add_argument("--mean", type=float, nargs=3, default=list(MEAN), help="of red, green and blue in training (default: ImageNet's)")
    a.add_argument("--std", type=float, nargs=3, default=list(STD))
    a.add_argument("--depths", type=numbers, help="prune to these blocks per stage, such as 3,3,6,3")
    a.add_argument("--images", type=Path, help="folder or shards that pruning measures importance on")
    a.add_argument("--count", type=int, default=256, help="how many of them (default: %(default)s)")
    a = a.parse_args()
    if bool(a.checkpoint) == bool(a.timm):
        a.error("give either a checkpoint or --timm NAME")
    if a.depths and not a.images:
        a.error("--depths needs --images to measure which blocks matter")
    return a


def fetched(name: str) -> tuple[ConvNeXt, list[str] | None, list[float], list[float]]:
    """A pretrained model by timm's name: network, class names if timm knows them, mean and std.

    Needs `pip install timm`.
    """
    try:
        import timm
    except ImportError:
        raise images.Refused("--timm needs timm: pip install timm, or give a checkpoint file") from None
    try:
        model = timm.create_model(name, pretrained=True)
    except Exception as e:
        raise images.Refused(f"timm cannot load {name}: {(str(e).splitlines() or [type(e).__name__])[0]}") from None
    net = checkpoint.built(checkpoint.from_timm(model.state_dict()), f"timm's {name}")
    return net, described(net.shape.classes), list(model.pretrained_cfg["mean"]), list(model.pretrained_cfg["std"])


def described(classes: int) -> list[str] | None:
    """The names of one of ImageNet's sets of so many classes, each the first of its synonyms; None for another number."""
    from timm.data import ImageNetInfo, infer_imagenet_subset

    subset = infer_imagenet_subset(dict(num_classes=classes))
    if subset is None:
        return None
    info = ImageNetInfo(subset)
    return unique([info.index_to_description(i).split(",")[0] for i in range(classes)])


def unique(names: list[str]) -> list[str]:
    """Class names of which some are alike (ImageNet has two cranes), made distinct."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out


def expected(shape: Shape, size: str, what: str) -> None:
    """Refuse a network that is not a `size`; one with fewer blocks is a pruned one."""
    if size == "any":
        return
    depths, widths = SIZES[size]
    if shape.widths == widths and all(d <= most for d, most in zip(shape.depths, depths)):
        return
    names = [n for n, known in SIZES.items() if known == (shape.depths, shape.widths)]
    listed = lambda v: ",".join(map(str, v))
    raise images.Refused(
        f"{what} is {'ConvNeXt-' + names[0].title() if names else 'a ConvNeXt'} (depths {listed(shape.depths)}, widths "
        f"{listed(shape.widths)}), not ConvNeXt-{size.title()}; take another checkpoint, or say --expect "
        f"{names[0] if names else 'any'} if this one is meant"
    )


def labelled(a: argparse.Namespace, names: list[str] | None, classes: int) -> list[str]:
    if a.labels:
        names = a.labels.read_text(encoding="utf-8").splitlines()
    if names is None:
        raise images.Refused(f"{a.checkpoint} names no classes; give --labels FILE with {classes} names, one a line")
    if len(names) != classes:
        raise images.Refused(f"{len(names)} class names for {classes} classes; give one a line in --labels")
    count = Counter(names)
    odd = [n for n in names if not n.strip() or len(n.splitlines()) != 1 or count[n] > 1]
    if odd:
        raise images.Refused(f"class name {odd[0]!r} is empty, stands twice or has more than one line; give others in --labels")
    return names


@torch.no_grad()
def difference(net: ConvNeXt, model: bytes, side: int) -> float:
    """The greatest difference to PyTorch on random inputs, as a share of the logits' standard deviation."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).normal(size=(4, 3, side, side)).astype(np.float32)
    ours = np.concatenate([session.run(None, {"input": row[None]})[0] for row in x])
    theirs = net(torch.from_numpy(x)).numpy()
    return float(np.abs(ours - theirs).max() / theirs.std())


def main() -> None:
    a = arguments()
    if a.timm:
        net, names, a.mean, a.std = fetched(a.timm)
        a.checkpoint = Path(a.timm)
    else:
        net, names = checkpoint.load(a.checkpoint)
    expected(net.shape, a.expect, str(a.checkpoint))
    names = labelled(a, names, net.shape.classes)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    if a.depths:
        pictures = images.load(a.images, "train")
        rows = np.random.default_rng(0).permutation(len(pictures))[: a.count].tolist()
        parts = Parts("prune", checkpoint.digest(net), pictures.digest(), f"{a.size} {a.mean} {a.std} {a.count}")
        net = prune.pruned(net, a.depths, images.prepared(pictures, rows, a.size, a.mean, a.std), parts)
        healable = a.out.with_suffix(".pt")
        checkpoint.save(net, names, healable)
        how = f"train.py --init {healable} --depths {','.join(map(str, a.depths))}" if a.timm else f"heal.py {healable} {a.images} --of {a.checkpoint}"
        print(f"{healable}: the pruned checkpoint; heal it with {how}")
    metadata = dict(
        labels=json.dumps(names, ensure_ascii=False), mean=json.dumps(list(a.mean)), std=json.dumps(list(a.std))
    )
    model = form.build(form.from_state(net.state_dict()), net.shape, a.size, metadata=metadata).SerializeToString()
    apart = difference(net, model, a.size)
    if not apart < TOLERANCE:
        raise images.Refused(f"ONNX Runtime and PyTorch differ by {apart:.2g} of the logits' spread; the file is not written")
    part = a.out.with_suffix(".part")
    part.write_bytes(model)
    part.rename(a.out)
    if a.depths:
        parts.done()
    print(
        f"{a.out}: ConvNeXt of depths {net.shape.depths}, widths {net.shape.widths}, {net.shape.classes} classes, "
        f"{len(model) / 1e6:.1f} MB; differs from PyTorch by {apart:.1g} of the logits' spread"
    )


if __name__ == "__main__":
    main()
