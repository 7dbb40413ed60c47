#!/usr/bin/env python3
"""Writes copies of a folder of pictures as another day, another light or another camera would show them.

FOLDER has a sub-folder a kind. OUT gets one folder a condition, each with the same sub-folders: pictures of JPEG
quality 90, except where the condition is the quality. The noise depends on the picture's name alone.
"""
from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def dark(x: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """A quarter of the light, and the noise of the gain that the camera adds."""
    return x * 0.25


def warm(x: np.ndarray, _: np.random.Generator) -> np.ndarray:
    return x * [1.15, 1.0, 0.7]


def cold(x: np.ndarray, _: np.random.Generator) -> np.ndarray:
    return x * [0.75, 0.95, 1.2]


def noisy(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return x + rng.normal(0, 20, x.shape)


def shifted(x: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """By 5 % of each side; the border is repeated."""
    down, right = round(0.05 * x.shape[0]), round(0.05 * x.shape[1])
    return np.pad(x, ((down, 0), (right, 0), (0, 0)), mode="edge")[: x.shape[0], : x.shape[1]]


def infrared(x: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Grey, mostly of the red, as a camera without its filter sees under its own lamps."""
    return np.repeat((x @ [0.6, 0.3, 0.1])[..., None], 3, axis=2)


def same(x: np.ndarray, _: np.random.Generator) -> np.ndarray:
    return x


CONDITIONS = {f.__name__: (f, 90) for f in (same, dark, warm, cold, noisy, shifted, infrared)} | {"jpeg40": (same, 40)}


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("folder", type=Path)
    a.add_argument("out", type=Path)
    o = a.parse_args()
    for path in sorted(p for p in o.folder.glob("*/*") if p.suffix.lower() in (".jpg", ".jpeg", ".png")):
        with Image.open(path) as opened:
            picture = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"), np.float64)
        for name, (change, quality) in CONDITIONS.items():
            target = o.out / name / path.parent.name / f"{path.stem}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            rng = np.random.default_rng(zlib.crc32(f"{path.parent.name}/{path.name}".encode()))
            changed = change(picture, rng).round().clip(0, 255).astype(np.uint8)
            Image.fromarray(changed).save(target, quality=quality)


if __name__ == "__main__":
    main()
