"""A network of the exported form in PyTorch, unit by unit, with its LINEARs left to the caller.

A unit is the stem, one downsampling, one block or the head; the stream between units is
channels-last [N, H, W, C]. `linear(name, x)` computes LINEAR `name` of x [..., K], and may note,
quantise or replace what passes.
"""
from __future__ import annotations

from typing import Callable

import numpy as np
import torch
from torch.nn import functional as F

from shape import EPS, Shape

Linear = Callable[[str, torch.Tensor], torch.Tensor]


def units(shape: Shape) -> list[str]:
    """Names of the units in the order of execution."""
    out = ["stem"]
    for s, depth in enumerate(shape.depths):
        out += ([f"stages.{s}.down"] if s else []) + [f"stages.{s}.blocks.{b}" for b in range(depth)]
    return out + ["head"]


def linears_of(unit: str) -> list[str]:
    """Names of the LINEARs of a unit."""
    if unit == "stem":
        return []
    if unit == "head":
        return ["head.fc"]
    return [f"{unit}.conv"] if unit.endswith("down") else [f"{unit}.fc1", f"{unit}.fc2"]


def squares(x: torch.Tensor) -> torch.Tensor:
    """[N, H, W, C] to [N, H/2, W/2, 4C]: row, column, channel of each 2x2 square."""
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h // 2, w // 2, 4 * c)


class Network:
    """The weights of form.build as tensors; `weights` may be changed between runs."""

    def __init__(self, weights: dict[str, np.ndarray], shape: Shape):
        self.weights = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
        self.shape = shape

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        w = self.weights
        return F.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], EPS)

    def conv(self, x: torch.Tensor, name: str, **how) -> torch.Tensor:
        """Convolution of a channels-first tensor, its result channels-last."""
        return F.conv2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], **how).permute(0, 2, 3, 1)

    def linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """LINEAR in f32."""
        return x @ self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    @torch.no_grad()
    def run(self, unit: str, x: torch.Tensor, linear: Linear) -> torch.Tensor:
        """One unit; the stem takes prepared images [N, 3, H, W], the head gives logits [N, classes]."""
        if unit == "stem":
            return self.norm(self.conv(x, "stem.conv", stride=4), "stem.norm")
        if unit == "head":
            return linear("head.fc", self.norm(x.mean((1, 2)), "head.norm"))
        if unit.endswith("down"):
            return linear(f"{unit}.conv", squares(self.norm(x, f"{unit}.norm")))
        y = self.conv(x.permute(0, 3, 1, 2), f"{unit}.dw", padding=3, groups=x.shape[-1])
        y = F.gelu(linear(f"{unit}.fc1", self.norm(y, f"{unit}.norm")))
        return x + linear(f"{unit}.fc2", y)
