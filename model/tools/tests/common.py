"""Shared by the tests: where the tools are, generated images, and small networks."""
from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOOLS))

import numpy as np
import torch
from PIL import Image

from convnext import ConvNeXt, Shape

CLASSES = ["circle", "square", "stripes"]
SMALL = Shape((1, 2, 2, 1), (16, 32, 48, 64), len(CLASSES))


def run(tool: str, *arguments, fails: bool = False) -> str:
    """Runs a tool as a user does; gives what it printed, or its message if it is to fail."""
    command = [sys.executable, str(TOOLS / tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    if fails:
        assert done.returncode != 0, f"{tool} did not fail: {done.stdout}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stderr.strip().splitlines()[-1]
    assert done.returncode == 0, f"{tool} failed: {done.stderr[-3000:]}"
    return done.stdout


def killed(tool: str, *arguments, once: Path) -> None:
    """Runs a tool and kills it at once when the file `once` stands."""
    command = [sys.executable, str(TOOLS / tool), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:
        while not once.exists() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL, f"{tool} ended before it could be killed"


def same_weights(a: Path, b: Path) -> bool:
    """Whether two of our checkpoints hold the same numbers."""
    one, other = (torch.load(p, map_location="cpu") for p in (a, b))
    return one["classes"] == other["classes"] and all(torch.equal(v, other["state"][n]) for n, v in one["state"].items())


def drawn(kind: int, rng: np.random.Generator) -> Image.Image:
    """A picture of class `kind`, of varying size, place and colour."""
    h, w = rng.integers(90, 200, 2)
    y, x = np.mgrid[:h, :w]
    r, cy, cx = min(h, w) * rng.uniform(0.2, 0.4), h * rng.uniform(0.4, 0.6), w * rng.uniform(0.4, 0.6)
    inside = [np.hypot(y - cy, x - cx) < r, (abs(y - cy) < r) & (abs(x - cx) < r), (x // max(int(r / 3), 2)) % 2 == 0][kind]
    ground, ink = rng.integers(0, 100, 3), rng.integers(150, 255, 3)
    pixels = np.where(inside[..., None], ink, ground) + rng.normal(0, 6, (h, w, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def folder(root: Path, count: int, seed: int = 0) -> Path:
    """`count` pictures of each class in class folders, JPEG and PNG by turns."""
    rng = np.random.default_rng(seed)
    for k, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for i in range(count):
            drawn(k, rng).save(root / name / f"{i}.{('jpg', 'png')[i % 2]}")
    return root


def shards(root: Path, counts: dict[str, int]) -> Path:
    """Shards NAME.bin and NAME.npz of so many pictures, their classes by turns."""
    root.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for name, count in counts.items():
        blobs, labels = [], [i % len(CLASSES) for i in range(count)]
        for label in labels:
            out = io.BytesIO()
            drawn(label, rng).save(out, "JPEG", quality=90)
            blobs.append(out.getvalue())
        offsets = np.cumsum([0] + [len(b) for b in blobs])
        (root / f"{name}.bin").write_bytes(b"".join(blobs))
        np.savez(root / f"{name}.npz", offsets=offsets.astype(np.int64), labels=np.array(labels, np.int16))
    (root / "classes.json").write_text(json.dumps(dict(names=CLASSES)))
    return root


def random_net(shape: Shape = SMALL, seed: int = 0) -> ConvNeXt:
    """A network whose every parameter is random, so that a mistaken one shows."""
    torch.manual_seed(seed)
    net = ConvNeXt(shape, scale=0.5)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn_like(p) * (0.2 if p.ndim == 1 else 0.05))
    return net.eval()
