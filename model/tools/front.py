"""The first stages of a network, which a later step leaves as they are, and the network's answers."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

import device as dev
from convnext import ConvNeXt

HALF = 65504.0  # the greatest number of half precision


@dataclass
class Said:
    """What a network computes of N views, all in half precision."""

    cut: np.ndarray  # [N, H, W, C], what stage `first` takes
    seen: np.ndarray  # [N, D], the pooled features that the classifier takes
    logits: np.ndarray  # [N, classes]


def half(x: torch.Tensor) -> torch.Tensor:
    """In half precision on the CPU; an outlier beyond its range would become infinite."""
    return x.float().clamp(-HALF, HALF).half().cpu()


class Front:
    """A network that tells what its stage `first` takes, besides its answers."""

    def __init__(self, net: ConvNeXt, first: int, device: str):
        self.net, self.first, self.device = net.to(device).eval(), first, device

    @classmethod
    def packed(cls, net: ConvNeXt, first: int) -> tuple:
        """What `unpacked` takes, to be sent to another process: PyTorch would send tensors by open files."""
        return {n: v.cpu().numpy() for n, v in net.state_dict().items()}, net.shape, first

    @classmethod
    def unpacked(cls, state: dict, shape, first: int) -> "Front":
        net = ConvNeXt(shape)
        net.load_state_dict({n: torch.from_numpy(v) for n, v in state.items()})
        return cls(net, first, "cpu")

    @torch.no_grad()
    def __call__(self, pixels: np.ndarray) -> Said:
        """Of uint8 views [N, side, side, 3]."""
        rows = []
        for batch in torch.from_numpy(pixels).split(32 if self.device.startswith("cpu") else 256):
            x = dev.normalised(batch.to(self.device).permute(0, 3, 1, 2).float() / 255)
            with dev.autocast(self.device):
                cut = self.net.stages[: self.first](self.net.stem(x))
                seen = self.net.head.embed(self.net.stages[self.first :](cut))
                logits = self.net.head.fc(seen)
            rows.append([half(t) for t in (cut.permute(0, 2, 3, 1), seen, logits)])
        return Said(*(torch.cat(part).numpy() for part in zip(*rows)))
