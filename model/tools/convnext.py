"""ConvNeXt (V1) as Goldcrest trains and exports it.

The architecture is Liu et al., "A ConvNet for the 2020s" (2022): a patchify stem,
four stages of blocks (depthwise 7x7, LayerNorm, two linear layers with GELU between,
layer scale, residual), a LayerNorm and a 2x2 convolution between stages, and a head of
global mean, LayerNorm and one linear layer.

Parameter names are this project's own and are the names of the checkpoints:
`stem.conv`, `stem.norm`, `stages.S.down.norm`, `stages.S.down.conv`,
`stages.S.blocks.B.{dw,norm,fc1,fc2,gamma}`, `head.norm`, `head.fc`.
"""
from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from depthwise import depthwise
from shape import EPS, Shape


class Norm(nn.LayerNorm):
    """LayerNorm over the last axis; its input is taken in the weights' precision, as PyTorch 1 needs it on a CPU."""

    def __init__(self, channels: int):
        super().__init__(channels, eps=EPS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.to(self.weight.dtype))


class ChannelNorm(Norm):
    """LayerNorm over the channels of an NCHW tensor that lies channels-last in memory."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """x + gamma * fc2(gelu(fc1(norm(dw(x)))))."""

    def __init__(self, width: int, scale: float, drop: float):
        super().__init__()
        self.dw = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = Norm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), scale))
        self.drop = drop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(depthwise(x, self.dw).permute(0, 2, 3, 1))
        y = self.fc2(F.gelu(self.fc1(y))) * self.gamma
        if self.training and self.drop > 0:
            keep = 1 - self.drop
            y = y * (torch.rand(len(y), 1, 1, 1, dtype=y.dtype, device=y.device) < keep) / keep
        return x + y.permute(0, 3, 1, 2)


class Stem(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 4, stride=4)
        self.norm = ChannelNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x))


class Down(nn.Module):
    def __init__(self, before: int, after: int):
        super().__init__()
        self.norm = ChannelNorm(before)
        self.conv = nn.Conv2d(before, after, 2, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.norm(x))


class Stage(nn.Module):
    def __init__(self, before: int | None, width: int, drops: list[float], scale: float):
        super().__init__()
        self.down = Down(before, width) if before else nn.Identity()
        self.blocks = nn.Sequential(*(Block(width, scale, d) for d in drops))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(self.down(x))


class Head(nn.Module):
    def __init__(self, width: int, classes: int):
        super().__init__()
        self.norm = Norm(width)
        self.fc = nn.Linear(width, classes)

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x.mean((2, 3)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.embed(x))


class ConvNeXt(nn.Module):
    """Input [N, 3, H, W] normalised; output logits [N, classes]."""

    def __init__(self, shape: Shape = Shape(), scale: float = 1e-6, drop: float = 0.0):
        super().__init__()
        self.shape = shape
        blocks = sum(shape.depths)
        rates = iter([drop * i / max(blocks - 1, 1) for i in range(blocks)])
        self.stem = Stem(shape.widths[0])
        befores = (None, *shape.widths[:-1])
        self.stages = nn.Sequential(
            *(
                Stage(before, width, [next(rates) for _ in range(depth)], scale)
                for before, width, depth in zip(befores, shape.widths, shape.depths)
            )
        )
        self.head = Head(shape.widths[-1], shape.classes)
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(m.weight, std=0.02)
                nn.init.zeros_(m.bias)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.stages(self.stem(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))
