"""The dimensions of a ConvNeXt, usable without PyTorch."""
from __future__ import annotations

from dataclasses import dataclass

EPS = 1e-6


def numbers(text: str) -> tuple[int, ...]:
    """Reads 3,3,9,3."""
    return tuple(int(v) for v in text.split(","))


@dataclass(frozen=True)
class Shape:
    """Blocks and channels per stage, and the classes."""

    depths: tuple[int, ...] = (3, 3, 9, 3)
    widths: tuple[int, ...] = (96, 192, 384, 768)
    classes: int = 1000
