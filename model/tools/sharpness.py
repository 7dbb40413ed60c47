"""Views of one picture in pairs, soft and sharp, so that sharpness comes to mean no class.

Small pictures scaled up are soft, camera frames are sharp. If the sharp pictures of a training
set are of a few classes only, a network learns that whatever is sharp is of one of them. Each
picture is therefore shown both ways: a small one plain and sharpened, a large one blurred and sharp.
"""
from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

# A picture whose shorter side is above this many pixels is a sharp source at 128 pixels.
SHARP_ABOVE = 80


@dataclass
class View:
    """uint8 RGB [side, side, 3], and whether its detail is sharp."""

    pixels: np.ndarray
    sharp: bool


def is_sharp(size: tuple[int, int]) -> bool:
    """Whether a picture of this width and height is a sharp source."""
    return min(size) > SHARP_ABOVE


def box(size: tuple[int, int], least: float, rng: random.Random) -> tuple[float, float, float, float]:
    """A crop of `least` to all of the area, its shape as far from the picture's as 16:9 is from 1:1 at most."""
    w, h = size
    for _ in range(10):
        area, ratio = w * h * rng.uniform(least, 1), math.exp(rng.uniform(-0.5, 0.5)) * w / h
        cw, ch = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if cw <= w and ch <= h:
            x, y = rng.uniform(0, w - cw), rng.uniform(0, h - ch)
            return (x, y, x + cw, y + ch)
    return (0, 0, w, h)


def whole(image: Image.Image, side: int) -> np.ndarray:
    """The picture as the daemon prepares it."""
    return np.asarray(image.resize((side, side), Image.BILINEAR))


def pair(image: Image.Image, side: int, least: float, rng: random.Random) -> tuple[View, View]:
    """A random view of the picture, soft and sharp."""
    crop = box(image.size, least, rng)
    if rng.random() < 0.5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    if rng.random() < 0.4:
        image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.65, 1.35))
    if rng.random() < 0.3:
        image = ImageEnhance.Color(image).enhance(rng.uniform(0.4, 1.4))
    square = (side, side)
    if is_sharp(image.size):
        # The detail that a source of about half the side has.
        few = round(side * rng.uniform(0.32, 0.47))
        soft = image.resize((few, few), Image.BILINEAR, box=crop).resize(square, Image.BILINEAR)
        sharp = image.resize(square, Image.BILINEAR, box=crop)
    else:
        soft = image.resize(square, Image.BILINEAR, box=crop)
        sharp = sharpened(image.resize(square, rng.choice((Image.BICUBIC, Image.LANCZOS)), box=crop), rng)
    return View(np.asarray(soft), False), View(np.asarray(sharp), True)


def sharpened(image: Image.Image, rng: random.Random) -> Image.Image:
    """Edges and, often, grain as a camera's frames have them."""
    image = image.filter(ImageFilter.UnsharpMask(rng.uniform(0.7, 2.5), rng.randint(80, 350), 0))
    if rng.random() < 0.4:
        grain = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(2, 9), (*image.size, 3))
        image = Image.fromarray((np.asarray(image, np.float32) + grain).clip(0, 255).astype(np.uint8))
    return image
