"""Random views of a batch of pictures [N, 3, H, W] of 0 to 1, on the device that trains.

A camera's frames are sharp, and many training pictures are small and were scaled up. Small sources
are therefore also shown sharpened and sharp sources blurred as often as sharp, so that the
network does not take sharpness for a class (see also sharpen.py).
"""
from __future__ import annotations

import math
import random

import torch
from torch.nn import functional as F

import device as dev

# The sides of the sources, in pixels, whose lack of detail a blurred view has.
SOFT_SIDES = (40, 60)
TAPS = 4


class Draws:
    """Uniform numbers [N, 1, 1, 1] of one batch; they follow from the numbers that name their use."""

    def __init__(self, count: int, device: str, *use: int | str):
        self.device = device
        self.numbers = torch.rand(64, count, 1, 1, 1, generator=dev.chance(*use)).to(device)
        self.noise = torch.Generator(device=device).manual_seed(dev.seed_of(*use, "noise"))
        self.at = 0

    def next(self, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        self.at += 1
        return self.numbers[self.at - 1] * (high - low) + low

    def chance(self, share: float) -> torch.Tensor:
        return self.next() < share

    def factor(self, low: float, high: float, share: float) -> torch.Tensor:
        """A factor of low to high for this share of the views, 1 for the others."""
        drawn, hit = self.next(low, high), self.chance(share)
        return torch.where(hit, drawn, torch.ones_like(drawn))


def blurred(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Each picture under a Gaussian of its own width in pixels, [N, 1, 1, 1]."""
    n, c, h, w = x.shape
    at = torch.arange(-TAPS, TAPS + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (at / sigma.view(n, 1).clamp(min=0.05)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(c, 0)
    y = F.pad(x, (TAPS,) * 4, mode="reflect").reshape(1, n * c, h + 2 * TAPS, w + 2 * TAPS)
    y = F.conv2d(y, kernel.view(n * c, 1, 1, -1), groups=n * c)
    return F.conv2d(y, kernel.view(n * c, 1, -1, 1), groups=n * c).view(n, c, h, w)


def softened(x: torch.Tensor, draws: Draws) -> torch.Tensor:
    """Views with the detail of a small source that was scaled up."""
    lost = (x.shape[-1] / draws.next(*SOFT_SIDES)).clamp(min=1.05)
    return blurred(x, 0.45 * (lost**2 - 1).sqrt())


def matched(x: torch.Tensor, sharp: torch.Tensor, draws: Draws) -> torch.Tensor:
    """Half of the views of sharp sources blurred, two fifths of those of small ones sharpened, some with grain."""
    sharp = sharp.to(x.device).view(-1, 1, 1, 1)
    soft = softened(x, draws)
    strength = draws.next(0.8, 3.0)
    hard = x + (x - blurred(x, draws.next(0.8, 1.6))) * strength
    grain = draws.next(0.008, 0.035) * draws.chance(0.4)
    hard = hard + grain * torch.randn(x.shape, generator=draws.noise, device=x.device)
    lot = draws.next()
    x = torch.where(sharp & (lot < 0.5), soft, x)
    return torch.where(~sharp & (lot < 0.4), hard, x).clamp(0, 1)


def recoloured(x: torch.Tensor, draws: Draws) -> torch.Tensor:
    """Other light, contrast, colour and white balance; some views mirrored, grey or with noise."""
    x = torch.where(draws.chance(0.5), x.flip(3), x)
    x = x * draws.factor(0.55, 1.4, 0.6)
    middle = x.mean((1, 2, 3), keepdim=True)
    x = (x - middle) * draws.factor(0.6, 1.4, 0.4) + middle
    grey = (x * torch.tensor([0.299, 0.587, 0.114], device=x.device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    x = (x - grey) * draws.factor(0.3, 1.5, 0.4) * ~draws.chance(0.06) + grey
    x = x * torch.cat([draws.next(0.92, 1.08) for _ in "rgb"], 1)
    noise = draws.next(0.0, 0.05) * draws.chance(0.2)
    return (x + noise * torch.randn(x.shape, generator=draws.noise, device=x.device)).clamp(0, 1)


def on_ground(x: torch.Tensor, share: float, draws: Draws) -> torch.Tensor:
    """This share of the views small, once or several times, on plain ground, as objects before a wall are."""
    m, side = int(len(x) * share), x.shape[-1]
    if not m:
        return x
    some = lambda low=0.0, high=1.0: draws.next(low, high)[:m, :, 0, 0]
    copies = torch.where(some() < 0.5, torch.ones(m, 1, device=x.device), some(1, 4).floor())
    wide, high = some(0.4, 0.95), some(0.4, 0.95)
    left, top = some(-1, 1) * (1 - wide), some(-1, 1) * (1 - high)
    line = (torch.arange(side, device=x.device) + 0.5) / side * 2 - 1
    across = ((line + 1) / 2 * copies % 1) * 2 - 1
    gx, gy = (across - left) / wide, (line - top) / high
    grid = torch.stack([gx[:, None, :].expand(-1, side, -1), gy[:, :, None].expand(-1, -1, side)], -1)
    placed = F.grid_sample(x[:m], grid, mode="bilinear", padding_mode="border", align_corners=False)
    inside = (grid.abs() <= 1).all(-1)[:, None]
    edge = torch.cat([x[:m, :, 0], x[:m, :, -1], x[:m, :, :, 0], x[:m, :, :, -1]], -1).mean(-1)
    plain = some(0.15, 0.9) + torch.cat([some(-0.06, 0.06) for _ in "rgb"], 1)
    ground = torch.where(some() < 0.5, edge, plain)[:, :, None, None]
    shade = 1 - some(0, 0.2)[:, :, None, None] * torch.linspace(0, 1, side, device=x.device).view(1, 1, side, 1)
    return torch.cat([torch.where(inside, placed, ground * shade).clamp(0, 1), x[m:]])


def mix(pixels: torch.Tensor, targets: list, rng: random.Random, mixup: float, cutmix: float):
    """Mixup or cutmix of a batch [N, C, H, W] with its own reverse, a third of the batches as they are;
    each target is mixed alike."""
    lot = rng.random()
    if lot < 0.35 and cutmix > 0:
        n, _, h, w = pixels.shape
        share = rng.betavariate(cutmix, cutmix)
        ch, cw = int(h * math.sqrt(1 - share)), int(w * math.sqrt(1 - share))
        y, x = rng.randrange(h - ch + 1), rng.randrange(w - cw + 1)
        pixels = pixels.clone()
        pixels[:, :, y : y + ch, x : x + cw] = pixels.flip(0)[:, :, y : y + ch, x : x + cw]
        share = 1 - ch * cw / (h * w)
    elif 0.35 <= lot < 0.7 and mixup > 0:
        share = rng.betavariate(mixup, mixup)
        pixels = share * pixels + (1 - share) * pixels.flip(0)
    else:
        return pixels, targets
    return pixels, [share * t + (1 - share) * t.flip(0) for t in targets]
