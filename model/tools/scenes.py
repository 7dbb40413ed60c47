"""Generated pictures that show nothing: flat colours, gradients, noise, stripes, checks, walls.

A camera that looks at a wall, at a curtain or into the dark sends such pictures. No model should
name a class for them.
"""
from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

HEIGHT, WIDTH = 180, 320


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Places of the pixels, 0 to 1 downwards and to the right."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return y / HEIGHT, x / WIDTH


def colour(rng: np.random.Generator) -> np.ndarray:
    """A colour, more often pale than full, as walls and cloth have."""
    grey = rng.uniform(20, 235)
    return np.clip(grey + rng.normal(0, rng.choice([4, 15, 60]), 3), 0, 255)


def between(share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two colours mixed by `share`, [H, W] of 0 to 1."""
    return colour(rng) * (1 - share[..., None]) + colour(rng) * share[..., None]


def flat(rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(colour(rng), (HEIGHT, WIDTH, 3))


def gradient(rng: np.random.Generator) -> np.ndarray:
    y, x = grid()
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    return between((along - along.min()) / np.ptp(along), rng)


def spot(rng: np.random.Generator) -> np.ndarray:
    """Light that falls off from one place."""
    y, x = grid()
    far = np.hypot(y - rng.uniform(0, 1), x - rng.uniform(0, 1))
    return between(np.exp(-((far / rng.uniform(0.2, 0.8)) ** 2)), rng)


def noise(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(colour(rng), rng.uniform(10, 70), (HEIGHT, WIDTH, 3))


def clouds(rng: np.random.Generator) -> np.ndarray:
    """Noise of a few pixels, made large."""
    small = rng.uniform(0, 255, (int(rng.integers(3, 16)), int(rng.integers(3, 24)), 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize((WIDTH, HEIGHT), Image.BICUBIC), np.float64)


def stripes(rng: np.random.Generator) -> np.ndarray:
    y, x = grid()
    angle, count = rng.uniform(0, np.pi), rng.uniform(3, 40)
    wave = np.sin(2 * np.pi * count * (x * np.cos(angle) + y * np.sin(angle)))
    return between((wave > rng.uniform(-0.5, 0.5)) * 1.0 if rng.random() < 0.5 else (wave + 1) / 2, rng)


def checks(rng: np.random.Generator) -> np.ndarray:
    y, x = grid()
    count = rng.uniform(2, 20)
    return between((np.floor(y * count) + np.floor(x * count * 16 / 9)) % 2, rng)


def wall(rng: np.random.Generator) -> np.ndarray:
    """A wall above a floor or a table, lit from one side."""
    y, x = grid()
    edge = rng.uniform(0.4, 0.9) + rng.uniform(-0.2, 0.2) * (x - 0.5)
    light = 1 - rng.uniform(0, 0.5) * (x if rng.random() < 0.5 else 1 - x)
    return np.where((y < edge)[..., None], colour(rng), colour(rng)) * light[..., None]


KINDS = (flat, gradient, spot, noise, clouds, stripes, checks, wall)


def made(count: int, seed: int = 0) -> list[tuple[str, Image.Image]]:
    """`count` pictures and the kind of each, by turns; a third blurred, and most with a camera's noise."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(count):
        kind = KINDS[i % len(KINDS)]
        pixels = kind(rng) + rng.normal(0, rng.uniform(0, 6), (HEIGHT, WIDTH, 3))
        picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        if rng.random() < 1 / 3:
            picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(1, 6))))
        out.append((kind.__name__, picture))
    return out
