"""Checkpoints: this project's own, and timm's and torchvision's ConvNeXt state dicts.

This project's checkpoint is a dict of `state`, `depths`, `widths` and `classes` (names). From a
`last.pt`, with which train.py resumes, `mean` is read. In a state dict of timm or torchvision every
parameter must match a place with its exact shape, and every place must be filled: a network that is
part one model and part another classifies nonsense.
"""
from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import torch

from convnext import ConvNeXt, Shape
from images import Refused

# timm: stages.S.blocks.B.conv_dw ...; stages.S.downsample.0/1 from S = 1.
TIMM = [
    (r"^stem\.0\.", "stem.conv."),
    (r"^stem\.1\.", "stem.norm."),
    (r"^stages\.(\d)\.downsample\.0\.", r"stages.\1.down.norm."),
    (r"^stages\.(\d)\.downsample\.1\.", r"stages.\1.down.conv."),
    (r"^(stages\.\d\.blocks\.\d+)\.conv_dw\.", r"\1.dw."),
    (r"^(stages\.\d\.blocks\.\d+)\.mlp\.(fc[12])\.", r"\1.\2."),
    (r"^head\.norm\.", "head.norm."),
    (r"^head\.fc\.", "head.fc."),
]
# torchvision: features.0 is the stem, odd ones are stages, even ones stand between them.
BLOCK = {0: "dw.", 2: "norm.", 3: "fc1.", 5: "fc2."}


# What DistributedDataParallel and torch.compile put before every name.
WRAPPERS = ("module.", "_orig_mod.")


def unwrapped(state: dict) -> dict:
    """The state without the prefixes of wrappers, which may be nested."""
    while prefix := next((w for w in WRAPPERS if state and all(n.startswith(w) for n in state)), None):
        state = {n.removeprefix(prefix): v for n, v in state.items()}
    return state


def from_timm(state: dict) -> dict:
    out = {}
    for name, value in state.items():
        for pattern, ours in TIMM:
            name = re.sub(pattern, ours, name)
        out[name] = value
    return out


def from_torchvision(state: dict) -> dict:
    out = {}
    for name, value in state.items():
        if m := re.match(r"features\.0\.([01])\.(\w+)$", name):
            name = f"stem.{('conv', 'norm')[int(m[1])]}.{m[2]}"
        elif m := re.match(r"features\.([246])\.([01])\.(\w+)$", name):
            name = f"stages.{int(m[1]) // 2}.down.{('norm', 'conv')[int(m[2])]}.{m[3]}"
        elif m := re.match(r"features\.([1357])\.(\d+)\.layer_scale$", name):
            name, value = f"stages.{int(m[1]) // 2}.blocks.{m[2]}.gamma", value.flatten()
        elif (m := re.match(r"features\.([1357])\.(\d+)\.block\.(\d)\.(\w+)$", name)) and int(m[3]) in BLOCK:
            name = f"stages.{int(m[1]) // 2}.blocks.{m[2]}.{BLOCK[int(m[3])]}{m[4]}"
        elif m := re.match(r"classifier\.([02])\.(\w+)$", name):
            name = f"head.{'norm' if m[1] == '0' else 'fc'}.{m[2]}"
        out[name] = value
    return out


def shape_of(state: dict, path: Path | str) -> Shape:
    """Depths, widths and classes as the parameters' names and shapes tell them."""
    depths = []
    for s in range(4):
        blocks = {int(m[1]) for n in state if (m := re.match(rf"stages\.{s}\.blocks\.(\d+)\.", n))}
        depths.append(len(blocks))
    try:
        widths = tuple(len(state[f"stages.{s}.blocks.0.dw.weight"]) for s in range(4))
        return Shape(tuple(depths), widths, len(state["head.fc.weight"]))
    except KeyError as missing:
        if missing.args[0] == "head.fc.weight":
            raise Refused(f"{path} has no classifier (head.fc.weight): it gives features; train.py --init {path} adds one") from None
        raise Refused(f"{path} is not a ConvNeXt checkpoint: it has no {missing.args[0]}") from None


def read(path: Path) -> tuple[dict, list[str] | None]:
    """A checkpoint's state under our names, and its class names where it carries them."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise Refused(f"{path}: no such file") from None
    except Exception as e:
        raise Refused(f"{path} cannot be read as a checkpoint: {str(e).splitlines()[0]}") from None
    if not isinstance(found, dict):
        raise Refused(f"{path} holds {type(found).__name__}, not a state dict; save model.state_dict()")
    names = found.get("classes")
    for key in ("state", "mean", "model", "state_dict"):
        if isinstance(found.get(key), dict):
            found = found[key]
            break
    if not found or not all(isinstance(v, torch.Tensor) for v in found.values()):
        raise Refused(f"{path} is not a state dict: it holds more than tensors ({', '.join(list(found)[:3])} ...)")
    found = unwrapped(found)
    if any(n.startswith("features.") for n in found):
        found = from_torchvision(found)
    elif "stem.0.weight" in found:
        found = from_timm(found)
    return {n: v.float() for n, v in found.items()}, names if isinstance(names, list) else None


def check(state: dict, net: ConvNeXt, path: Path | str, besides: tuple[str, ...] = ()) -> None:
    """Refuse a state that does not fill `net` exactly, names in `besides` apart."""
    own = {n: v for n, v in net.state_dict().items() if n not in besides}
    for name, value in own.items():
        if name not in state:
            raise Refused(f"{path} has no {name}; it is not a ConvNeXt of depths {net.shape.depths}")
        if state[name].shape != value.shape:
            raise Refused(
                f"{path}: {name} is {list(state[name].shape)}, this network's is {list(value.shape)} "
                f"(depths {net.shape.depths}, widths {net.shape.widths}); a part of another model gives nonsense"
            )
    extra = sorted(set(state) - set(own) - set(besides))
    if extra:
        raise Refused(f"{path} has {extra[0]} ({len(extra)} such), which this network has no place for")


def load_into(net: ConvNeXt, path: Path, fresh_head: bool = False) -> None:
    """Fill `net`; with `fresh_head` the last layer stays as it is when its classes differ or it is not there."""
    state, _ = read(path)
    besides = ()
    if fresh_head and ("head.fc.weight" not in state or state["head.fc.weight"].shape != net.head.fc.weight.shape):
        besides = ("head.fc.weight", "head.fc.bias")
    check(state, net, path, besides)
    net.load_state_dict({n: v for n, v in state.items() if n not in besides}, strict=False)


def built(state: dict, path: Path | str) -> ConvNeXt:
    """The network of a state under our names, in eval mode; `path` is for the message."""
    net = ConvNeXt(shape_of(state, path))
    check(state, net, path)
    net.load_state_dict(state)
    return net.eval()


def load(path: Path) -> tuple[ConvNeXt, list[str] | None]:
    """The network that a checkpoint holds, in eval mode, and its class names if it has them."""
    state, names = read(path)
    return built(state, path), names


def digest(net: ConvNeXt) -> bytes:
    """A hash of the weights."""
    out = hashlib.sha256()
    for name, value in sorted(net.state_dict().items()):
        out.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return out.digest()


def save(net: ConvNeXt, names: list[str], path: Path) -> None:
    """Our own form, in fp16: half the bytes, and what int8 keeps of it is the same."""
    state = {n: v.detach().cpu().half() for n, v in net.state_dict().items()}
    write(dict(state=state, depths=net.shape.depths, widths=net.shape.widths, classes=names), path)


def write(what: dict, path: Path) -> None:
    """Saves to `path` whole or not at all, also if the power fails."""
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        torch.save(what, file)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def resumed(path: Path, made_of: str) -> dict | None:
    """The state of the training that wrote `path`, or None; refused if that one had other settings."""
    if not path.exists():
        return None
    # PyTorch 1 reads no plain numbers as weights; the file is this training's own.
    old = torch.__version__.startswith("1.")
    state = torch.load(path, map_location="cpu", weights_only=not old)
    if state.get("made_of") != made_of:
        raise Refused(f"{path} is of a training with other settings or images; give another --out, or remove it")
    return state
