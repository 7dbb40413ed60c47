"""Pictures decoded once, as squares of a few sizes, in the memory of the device that trains.

The daemon squashes its frames to a square, so a square is what the network is to know. A picture
takes the smallest size that its shorter side fits into, and a large one the greatest size.
"""
from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

import device as dev
import sharpness
from images import ImageSet, Refused

SIDES = (64, 96, 144, 224)


def sides_of(shorter: np.ndarray, most: int) -> np.ndarray:
    """The side at which pictures of these shorter sides are kept, none above `most`."""
    allowed = np.array([s for s in SIDES if s <= most])
    return allowed[np.searchsorted(allowed, shorter).clip(max=len(allowed) - 1)]


def fitting(images: ImageSet, limit: int) -> np.ndarray:
    """The sides that fit into `limit` bytes: the greatest sizes give way first."""
    shorter = np.array([min(images.size(i)) for i in range(len(images))])
    for most in reversed(SIDES):
        sides = sides_of(shorter, most)
        taken = int((3 * sides.astype(np.int64) ** 2).sum())
        if taken <= limit:
            return sides
    raise Refused(
        f"{len(images)} pictures take {taken / 1e9:.3f} GB even at {SIDES[0]} pixels, and {limit / 1e9:.3f} GB are allowed; "
        "raise --memory or give fewer pictures"
    )


class Pictures:
    """Decoded pictures; row numbers are those of the ImageSet."""

    def __init__(self, images: ImageSet, device: str, gigabytes: float | None = None, what: str = "pictures"):
        limit = int(gigabytes * 1e9) if gigabytes else dev.room(device)
        self.device, self.sides = device, fitting(images, limit)
        self.sharp = torch.from_numpy(self.sides > sharpness.SHARP_ABOVE)
        self.place = np.zeros(len(images), np.int64)
        self.store: dict[int, torch.Tensor] = {}
        for side in sorted(set(self.sides.tolist())):
            rows = np.flatnonzero(self.sides == side)
            self.place[rows] = np.arange(len(rows))
            self.store[side] = self.decoded(images, rows, side).to(device)
        sizes = ", ".join(f"{len(t)} at {side} px" for side, t in self.store.items())
        taken = sum(t.nbytes if hasattr(t, "nbytes") else t.numel() for t in self.store.values())
        print(f"{what}: {sizes}; {taken / 1e9:.3f} GB in the memory of {device}, {limit / 1e9:.1f} GB allowed", flush=True)

    def __len__(self) -> int:
        return len(self.sides)

    @staticmethod
    def decoded(images: ImageSet, rows: np.ndarray, side: int) -> torch.Tensor:
        """uint8 [rows, 3, side, side]."""
        out = np.empty((len(rows), 3, side, side), np.uint8)

        def decode(at: int) -> None:
            image = images.open(int(rows[at]))
            if image.size != (side, side):
                image = image.resize((side, side), Image.BILINEAR)
            out[at] = np.asarray(image).transpose(2, 0, 1)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(decode, range(len(rows))))
        return torch.from_numpy(out)

    def views(self, rows: torch.Tensor, boxes: torch.Tensor, side: int, mode: str = "bilinear") -> torch.Tensor:
        """Crops [N, 3, side, side] of 0 to 1; `rows` and `boxes` [N, 4] lie on the CPU."""
        out = torch.empty(len(rows), 3, side, side, device=self.device)
        own = torch.from_numpy(self.sides[rows.numpy()])
        for kept, store in self.store.items():
            here = torch.nonzero(own == kept).flatten()
            if len(here):
                at = torch.from_numpy(self.place[rows[here].numpy()]).to(self.device)
                pixels = store[at].float() / 255
                out[here.to(self.device)] = crop(pixels, boxes[here].to(self.device), side, mode)
        return out


def crop(pixels: torch.Tensor, boxes: torch.Tensor, side: int, mode: str) -> torch.Tensor:
    """Boxes (centre and half size in -1 to 1, [N, 4]) of pixels [N, 3, S, S], scaled to `side`."""
    # Twice as many points, averaged, keep a picture that is scaled down from aliasing.
    fine = 2 if pixels.shape[-1] > side else 1
    line = (torch.arange(side * fine, device=pixels.device) + 0.5) / (side * fine) * 2 - 1
    x, y = (boxes[:, k : k + 1] + line * boxes[:, k + 2 : k + 3] for k in (0, 1))
    grid = torch.stack([x[:, None, :].expand(-1, len(line), -1), y[:, :, None].expand(-1, -1, len(line))], -1)
    found = F.grid_sample(pixels, grid, mode=mode, padding_mode="reflection", align_corners=False)
    return (F.avg_pool2d(found, fine) if fine > 1 else found).clamp_(0, 1)


def random_boxes(count: int, least: float, chance: torch.Generator) -> torch.Tensor:
    """Random crops of `least` to all of the area, as `crop` takes them; squashed to a square they are
    as distorted as a 16:9 frame at most, and most of them less."""
    u = torch.rand(count, 5, generator=chance)
    area = u[:, 0] * (1 - least) + least
    widest = torch.where(u[:, 1] < 0.65, torch.tensor(4 / 3), torch.tensor(16 / 9))
    ratio = torch.exp((u[:, 2] * 2 - 1) * widest.log())
    w, h = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    x, y = (u[:, 3] * 2 - 1) * (1 - w), (u[:, 4] * 2 - 1) * (1 - h)
    return torch.stack([x, y, w, h], 1)


WHOLE = torch.tensor([0.0, 0.0, 1.0, 1.0])
