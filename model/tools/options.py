"""The command line of train.py."""
from __future__ import annotations

import argparse
from pathlib import Path

import device as dev
from schedule import stages
from shape import numbers


def images(p: argparse.ArgumentParser) -> None:
    a = p.add_argument_group("images")
    a.add_argument("data", type=Path, help="image folder (a sub-folder a class) or shards")
    a.add_argument("--out", type=Path, required=True, help="folder for checkpoints and the log")
    a.add_argument("--val", type=Path, help="validation images (default: 'val*' shards, else a tenth of the folder)")
    a.add_argument("--classes", help="comma-separated class names to learn, in this order (default: all)")
    a.add_argument("--background", type=float, default=0.0, metavar="SHARE", help="share of images of other classes, taught as none of these")
    a.add_argument("--also", type=Path, metavar="FOLDER", help="more images, a sub-folder a class; `none` is of no class")
    a.add_argument("--also-times", type=int, default=5, metavar="N", help="how often an epoch shows each of them (default: %(default)s)")
    a.add_argument("--memory", type=float, metavar="GB", help="the most that decoded pictures may take (default: two fifths of the device's memory)")
    a.add_argument("--crop", type=float, default=0.35, metavar="SHARE", help="least area of a random crop (default: %(default)s)")
    a.add_argument("--balance", type=float, default=0.0, metavar="0..1", help="0: as the images are; 1: as many of each class")


def sharpness(p: argparse.ArgumentParser) -> None:
    a = p.add_argument_group("sharpness", "Sharp sources are shown blurred as often as sharp, small ones sharpened. sharpen.py does more of it afterwards.")
    a.add_argument("--sharp-times", type=int, default=1, metavar="N", help="how often an epoch shows each sharp source (default: %(default)s)")
    a.add_argument("--unlabelled", type=Path, metavar="FOLDER", help="sharp photographs of any kind, taught by the network's own answer to them once blurred")
    a.add_argument("--unlabelled-share", type=float, default=0.1, metavar="SHARE", help="share of them in a batch (default: %(default)s)")
    a.add_argument("--unlabelled-after", type=float, default=0.5, metavar="SHARE", help="share of the training before which there are none (default: %(default)s)")


def teacher(p: argparse.ArgumentParser) -> None:
    a = p.add_argument_group("teacher")
    a.add_argument("--teacher", type=Path, metavar="FILE", help="crops of the training images and a teacher's answers, made by teach.py")
    a.add_argument("--like", type=Path, metavar="FILE", help="a trained network of the same classes that is asked about each view, in place of --teacher")
    a.add_argument("--teach", type=float, default=2.0, metavar="WEIGHT", help="of the loss on the teacher's embedding or features (default: %(default)s)")
    a.add_argument("--label", type=float, default=0.35, metavar="SHARE", help="of the label in the target; the rest is the teacher's answer (default: %(default)s)")
    a.add_argument("--probe-steps", type=int, default=1500, metavar="N", help="steps that fit the probe; 0 for no probe (default: %(default)s)")


def network(p: argparse.ArgumentParser) -> None:
    a = p.add_argument_group("network")
    a.add_argument("--init", type=Path, metavar="FILE", help="start from this checkpoint (own, timm or torchvision form)")
    a.add_argument("--depths", type=numbers, default=(3, 3, 9, 3))
    a.add_argument("--widths", type=numbers, default=(96, 192, 384, 768))
    a.add_argument("--scale", type=float, default=0.1, help="where layer scale starts (default: %(default)s)")


def learning(p: argparse.ArgumentParser) -> None:
    a = p.add_argument_group("learning")
    a.add_argument("--stages", type=stages, default="64:30,96:5,128:10", help="SIZE:EPOCHS[:BATCH],... (default: %(default)s)")
    a.add_argument("--batch", type=int, default=128, help="of stages that name none (default: %(default)s)")
    a.add_argument("--steps", type=int, help="stop after so many steps; the same command without it goes on")
    a.add_argument("--hours", type=float, help="plan the schedule for this much time: epochs are scaled to fit, as measured; a repeated run then differs")
    a.add_argument("--optimizer", choices=["muon", "adamw"], default="muon")
    a.add_argument("--lr", type=float, default=2e-3, help="AdamW's rate (default: %(default)s)")
    a.add_argument("--muon-lr", type=float, default=0.02)
    a.add_argument("--decay", type=float, default=0.05)
    a.add_argument("--clip", type=float, default=5.0, help="greatest norm of AdamW's gradient; 0 for any (default: %(default)s)")
    a.add_argument("--warmup", type=int, default=200, help="steps")
    a.add_argument("--drop", type=float, default=0.05, help="stochastic depth of the last block")
    a.add_argument("--smoothing", type=float, default=0.1)
    a.add_argument("--mixup", type=float, default=0.4)
    a.add_argument("--cutmix", type=float, default=1.0)
    a.add_argument("--ema", type=float, default=0.998, help="what the average keeps at each step (default: %(default)s)")


def machine(p: argparse.ArgumentParser) -> None:
    a = p.add_argument_group("machine")
    a.add_argument("--device", default=dev.default(), help="(default: %(default)s)")
    a.add_argument("--threads", type=int, default=0, help="CPU threads (0: as PyTorch chooses)")
    a.add_argument("--plain", action="store_true", help="do not compile the steps, also where PyTorch could")
    a.add_argument("--save-every", type=float, default=180, help="seconds between checkpoints (default: %(default)s)")
    a.add_argument("--seed", type=int, default=1)


def read(description: str) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for group in (images, sharpness, teacher, network, learning, machine):
        group(p)
    a = p.parse_args()
    if isinstance(a.stages, str):
        a.stages = stages(a.stages)
    for name in ("background", "crop", "label", "unlabelled_share", "unlabelled_after", "balance"):
        if not 0 <= getattr(a, name) <= 1:
            p.error(f"--{name.replace('_', '-')} is a share, from 0 to 1")
    if a.teacher and a.like:
        p.error("--teacher and --like exclude each other")
    if a.background + a.unlabelled_share >= 1:
        p.error("--background and --unlabelled-share leave no room for the labelled images")
    for name in ("batch", "sharp_times", "also_times"):
        if getattr(a, name) < 1:
            p.error(f"--{name.replace('_', '-')} is 1 or more")
    return a


def made_of(a: argparse.Namespace) -> str:
    """All settings that the result depends on."""
    free = ("out", "steps", "save_every", "threads", "device", "plain", "memory")
    return repr(sorted((k, str(v)) for k, v in vars(a).items() if k not in free))
