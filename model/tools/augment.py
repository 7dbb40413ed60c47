"""Random views of an image for training, as uint8 RGB at the asked size.

A camera's frames are sharp, and many training images are small and were scaled up. Views are
therefore both blurred and sharpened, so that the network does not take sharpness for a class.
"""
from __future__ import annotations

import math
import random

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter


def box(size: tuple[int, int], least: float, rng: random.Random) -> tuple[float, float, float, float]:
    """A crop of `least` to all of the area; squashed to a square it is as distorted as a 16:9 frame at the most."""
    w, h = size
    # Most views are near square, as the pictures are; a third have the shapes that cameras have.
    widest = 4 / 3 if rng.random() < 0.65 else 16 / 9
    for _ in range(10):
        area = w * h * rng.uniform(least, 1)
        ratio = math.exp(rng.uniform(-math.log(widest), math.log(widest)))
        cw, ch = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if cw <= w and ch <= h:
            x, y = rng.uniform(0, w - cw), rng.uniform(0, h - ch)
            return (x, y, x + cw, y + ch)
    return (0, 0, w, h)


def view(image: Image.Image, side: int, least: float, rng: random.Random) -> np.ndarray:
    """One random view, uint8 [side, side, 3]."""
    crop = box(image.size, least, rng)
    p = rng.random()
    if p < 0.15:
        # Lose detail, as a small source scaled up has lost it.
        small = max(16, int(side * rng.uniform(0.3, 0.8)))
        image, crop = image.resize((small, small), Image.BILINEAR, box=crop), None
    image = image.resize((side, side), Image.BICUBIC if rng.random() < 0.3 else Image.BILINEAR, box=crop)
    if 0.15 <= p < 0.35:
        image = image.filter(ImageFilter.UnsharpMask(rng.uniform(0.5, 2.0), int(rng.uniform(40, 200)), 0))
    if rng.random() < 0.5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    if rng.random() < 0.5:
        image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.6, 1.4))
    if rng.random() < 0.3:
        image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.6, 1.4))
    if rng.random() < 0.3:
        image = ImageEnhance.Color(image).enhance(rng.uniform(0.3, 1.5))
    pixels = np.asarray(image)
    if rng.random() < 0.25:
        pixels = on_ground(pixels, side, rng)
    return pixels


def on_ground(pixels: np.ndarray, side: int, rng: random.Random) -> np.ndarray:
    """The view small, once or several times, on plain ground, as objects before a wall or on a table are."""
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).mean(0)
    ground = edge if rng.random() < 0.5 else np.full(3, rng.uniform(40, 230)) + [rng.uniform(-15, 15) for _ in "rgb"]
    shade = np.linspace(rng.uniform(0.8, 1), rng.uniform(0.8, 1), side)[:, None, None]
    out = np.broadcast_to(np.clip(ground * shade, 0, 255), (side, side, 3)).astype(np.uint8)
    copies = rng.choice((1, 1, 2, 3))
    for k in range(copies):
        high, wide = int(side * rng.uniform(0.4, 0.95)), int(side * rng.uniform(0.4, 0.95) / copies)
        y, left, right = rng.randrange(side - high + 1), k * side // copies, (k + 1) * side // copies
        x = left + rng.randrange(max(1, right - left - wide + 1))
        small = Image.fromarray(pixels).resize((wide, high), Image.BILINEAR)
        out[y : y + high, x : x + wide] = np.asarray(small)
    return out


def mix(pixels, targets: list, rng: random.Random, mixup: float, cutmix: float):
    """Mixup or cutmix of a batch [N, C, H, W] with its own reverse; each target is mixed alike."""
    if rng.random() < 0.5 and cutmix > 0:
        n, _, h, w = pixels.shape
        share = rng.betavariate(cutmix, cutmix)
        ch, cw = int(h * math.sqrt(1 - share)), int(w * math.sqrt(1 - share))
        y, x = rng.randrange(h - ch + 1), rng.randrange(w - cw + 1)
        pixels = pixels.clone()
        pixels[:, :, y : y + ch, x : x + cw] = pixels.flip(0)[:, :, y : y + ch, x : x + cw]
        share = 1 - ch * cw / (h * w)
    elif mixup > 0:
        share = rng.betavariate(mixup, mixup)
        pixels = share * pixels + (1 - share) * pixels.flip(0)
    else:
        return pixels, targets
    return pixels, [share * t + (1 - share) * t.flip(0) for t in targets]
