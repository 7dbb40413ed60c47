"""A teacher's stored answers: crops of each picture, the teacher's embedding of each, and a probe.

The probe is one linear layer from the embedding to the classes, fitted to the labels of the
training pictures. Its probabilities are soft targets: they say what else a crop resembles.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import checkpoint
import device as dev
from images import ImageSet, Refused

# Embeddings have unit length; a probe learns faster from numbers around one.
GAIN = 16.0


def save(path: Path, boxes: np.ndarray, embeddings: np.ndarray, digest: str) -> None:
    """Stored crops [n, K, 4] and the teacher's answers [n, K, width] to the pictures of this digest."""
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        np.savez(file, boxes=boxes.astype(np.float32), embeddings=embeddings.astype(np.float16), pictures=digest)
    part.rename(path)


@dataclass
class Teacher:
    """Stored answers; `embeddings` f16 [n, K, width] lies on the device, `mean` is that of all answers."""

    boxes: torch.Tensor
    embeddings: torch.Tensor
    mean: torch.Tensor

    @classmethod
    def load(cls, path: Path, pictures: ImageSet, device: str) -> "Teacher":
        try:
            with np.load(path) as found:
                boxes, embeddings, digest = found["boxes"], found["embeddings"], str(found["pictures"])
        except FileNotFoundError:
            raise Refused(f"{path}: no such file; make it with teach.py") from None
        except (KeyError, ValueError, OSError) as e:
            raise Refused(f"{path} is not as teach.py writes it ({e}); make it again") from None
        if digest != pictures.digest():
            raise Refused(f"{path} holds answers to {len(boxes)} other pictures than these {len(pictures)}; make it from the same ones")
        answers = torch.from_numpy(embeddings)
        mean = torch.zeros(answers.shape[2], dtype=torch.float64)
        for some in answers.split(4096):
            mean += some.double().sum((0, 1))
        mean = (mean / (answers.shape[0] * answers.shape[1])).float()
        return cls(torch.from_numpy(boxes), answers.to(device), mean.to(device))

    @property
    def width(self) -> int:
        return self.embeddings.shape[2]

    def answers(self, rows: torch.Tensor, crops: torch.Tensor) -> torch.Tensor:
        """Embeddings less their mean, f32 [N, width]."""
        at = rows.to(self.embeddings.device), crops.to(self.embeddings.device)
        return self.embeddings[at].float() - self.mean


def probe(teacher: Teacher, labels: np.ndarray, classes: int, steps: int, seed: int) -> nn.Linear:
    """Fits the probe; one picture in fifty is kept apart, and the accuracy on these is printed."""
    device = str(teacher.embeddings.device)
    y = torch.from_numpy(labels).to(device)
    n, crops = teacher.boxes.shape[:2]
    apart = torch.arange(n) % 50 == 49 if n >= 50 else torch.zeros(n, dtype=torch.bool)
    known = torch.nonzero(~apart & (torch.from_numpy(labels) >= 0)).flatten()
    layer = nn.Linear(teacher.width, classes).to(device)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=3e-3, weight_decay=1e-4)
    chance = dev.chance(seed, "probe")
    batch = min(4096, len(known) * crops)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / steps)
        rows = known[torch.randint(len(known), (batch,), generator=chance)]
        z = teacher.answers(rows, torch.randint(crops, (batch,), generator=chance))
        loss = F.cross_entropy(layer(z * GAIN), y[rows.to(device)], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    rows = torch.nonzero(apart).flatten()
    if len(rows):
        with torch.no_grad():
            said = layer(teacher.answers(rows, torch.zeros_like(rows)) * GAIN).argmax(1)
        print(f"probe of the teacher: {100 * (said == y[rows.to(device)]).float().mean():.1f} % of {len(rows)} pictures kept apart", flush=True)
    return layer.requires_grad_(False)


def kept_probe(path: Path, teacher: Teacher, labels: np.ndarray, classes: int, steps: int, seed: int) -> nn.Linear:
    """The probe that an interrupted training fitted, or a new one, which is kept at `path`."""
    made_of = f"{tuple(teacher.embeddings.shape)} {float(teacher.mean.double().sum())} {classes} {steps} {seed}"
    if found := checkpoint.resumed(path, made_of):
        layer = nn.Linear(teacher.width, classes)
        layer.load_state_dict(found["probe"])
        return layer.to(teacher.embeddings.device).requires_grad_(False)
    layer = probe(teacher, labels, classes, steps, seed)
    checkpoint.write(dict(probe=layer.state_dict(), made_of=made_of), path)
    return layer


def probabilities(layer: nn.Linear, answers: torch.Tensor) -> torch.Tensor:
    """Class probabilities of embeddings less their mean."""
    return layer(answers * GAIN).softmax(1)
