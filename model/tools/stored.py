"""Outputs of a network's first stages for many views, computed once, so that the rest learns quickly.

Views are computed in chunks by a process for each CPU core. A chunk is a file, written whole or
not at all, and a chunk that stands is not computed again. A chunk's views follow from the seed
and its pictures alone.
"""
from __future__ import annotations

import multiprocessing
import random
import signal
import time
from dataclasses import dataclass
from typing import Iterator

import numpy as np
import torch

import front
import sharpness
from images import ImageSet, Refused
from parts import Parts

CHUNK = 128


@dataclass
class Settings:
    """How views are made."""

    side: int
    least: float  # least area of a crop
    views: str  # "either": soft or sharp at random; "both"; "whole": the picture as the daemon prepares it
    seed: int


@dataclass
class Rows:
    """N stored views; `asked` is the row whose answer teaches this one."""

    said: front.Said
    labels: np.ndarray  # -1: of no class
    sharp: np.ndarray
    asked: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def arrays(self) -> dict[str, np.ndarray]:
        return dict(vars(self.said), labels=self.labels, sharp=self.sharp, asked=self.asked)

    @classmethod
    def of(cls, a: dict[str, np.ndarray]) -> "Rows":
        return cls(front.Said(a["cut"], a["seen"], a["logits"]), a["labels"], a["sharp"], a["asked"])


def views_of(pictures: ImageSet, i: int, how: Settings) -> list[sharpness.View]:
    """The views of picture `i` that are to be stored; the first is the one whose answer teaches."""
    image = pictures.open(i)
    if how.views == "whole":
        return [sharpness.View(sharpness.whole(image, how.side), sharpness.is_sharp(image.size))]
    rng = random.Random(f"{how.seed} {i}")
    pair = sharpness.pair(image, how.side, how.least, rng)
    return list(pair) if how.views == "both" else [rng.choice(pair)]


def chunk(network, pictures: ImageSet, rows: np.ndarray, how: Settings) -> Rows:
    """The stored views of these pictures."""
    views, labels, asked = [], [], []
    for i in rows:
        asked += [len(views)] * (own := len(found := views_of(pictures, int(i), how)))
        labels += [int(pictures.labels[i])] * own
        views += found
    said = network(np.stack([v.pixels for v in views]))
    return Rows(said, np.array(labels), np.array([v.sharp for v in views]), np.array(asked))


def begin(packed: tuple, pictures: ImageSet, how: Settings, parts: Parts) -> None:
    """What a worker process keeps."""
    global ours
    # Ctrl-C reaches every process of the terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    ours = (front.Front.unpacked(*packed), pictures, how, parts)


def work(job: tuple[int, np.ndarray]) -> int:
    network, pictures, how, parts = ours
    number, rows = job
    parts.put(f"{number:05}", **chunk(network, pictures, rows, how).arrays())
    return number


def computed(net, first: int, pictures: ImageSet, jobs: list, how: Settings, parts: Parts, device: str, workers: int) -> Iterator[int]:
    """Computes and puts each job (number, pictures); yields its number."""
    if device.startswith("cuda"):
        network = front.Front(net, first, device)
        for number, rows in jobs:
            parts.put(f"{number:05}", **chunk(network, pictures, rows, how).arrays())
            yield number
        return
    # A forked process would inherit PyTorch's threads in an unknown state.
    with multiprocessing.get_context("spawn").Pool(workers, begin, (front.Front.packed(net, first), pictures, how, parts)) as pool:
        yield from pool.imap_unordered(work, jobs)


def rows_of(net, first: int, pictures: ImageSet, order: np.ndarray, how: Settings, parts: Parts, device: str, workers: int) -> Rows:
    """The stored views of the pictures `order`, from `parts` or computed now."""
    if not len(order):
        raise Refused("there are no pictures to store views of")
    chunks = list(enumerate(np.split(order, range(CHUNK, len(order), CHUNK))))
    jobs = [job for job in chunks if not parts.has(f"{job[0]:05}")]
    began = said = time.time()
    for done, _ in enumerate(computed(net, first, pictures, jobs, how, parts, device, workers) if jobs else (), 1):
        if time.time() - said > 30 or done == len(jobs):
            said = time.time()
            left = (said - began) / done * (len(jobs) - done)
            print(f"stored {len(chunks) - len(jobs) + done} of {len(chunks)} chunks; {left / 60:.1f} minutes left", flush=True)
    return gathered(parts, len(chunks), len(order) * (2 if how.views == "both" else 1))


def gathered(parts: Parts, count: int, views: int) -> Rows:
    """`count` chunks of so many views in all as one, each copied to its place as it is read."""
    whole: dict[str, np.ndarray] = {}
    at = 0
    for k in range(count):
        found = parts.get(f"{k:05}")
        found["asked"] = found["asked"] + at
        end = at + len(found["labels"])
        for name, value in found.items():
            if name not in whole:
                whole[name] = np.empty((views, *value.shape[1:]), value.dtype)
            whole[name][at:end] = value
        at = end
    return Rows.of(whole)


def bytes_each(net, first: int, side: int) -> int:
    """Bytes of one stored view."""
    scale = side // (4 << max(first - 1, 0))
    return 2 * (scale * scale * net.shape.widths[max(first - 1, 0)] + net.shape.widths[-1] + net.shape.classes) + 17
