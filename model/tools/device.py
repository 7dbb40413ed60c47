"""What a training uses of its device: number format, compiled steps, memory, and reproducible chance.

Everything works with PyTorch 1.13 and with current releases. Chance is a function of numbers
that name its use (seed, step, ...), so that a resumed training draws what the stopped one would have.
"""
from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

import torch
from torch import nn

import blas

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def default() -> str:
    """The device to train on where none is named."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def prepare(device: str, threads: int) -> None:
    """Settings of the whole process: CPU threads, and TF32 and measured kernels on a GPU. Tells of a slow BLAS."""
    blas.tell_if_slow()
    if threads:
        torch.set_num_threads(threads)
    if device.startswith("cuda"):
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True


def seed_of(*use: int | str) -> int:
    """A seed of 63 bits for one use of chance."""
    digest = hashlib.blake2b(repr(use).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def chance(*use: int | str) -> torch.Generator:
    """A generator on the CPU for one use of chance."""
    return torch.Generator().manual_seed(seed_of(*use))


@functools.cache
def has_bf16(device: str) -> bool:
    """Whether the device multiplies bf16 faster than f32."""
    if not device.startswith("cpu"):
        return True
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return any(f in flags for f in ("avx512_bf16", "amx_bf16", "bf16"))


def autocast(device: str) -> torch.autocast:
    """Autocast to bf16 where the device computes it faster."""
    return torch.autocast(device.split(":")[0], torch.bfloat16, enabled=has_bf16(device))


def normalised(x: torch.Tensor) -> torch.Tensor:
    """Pictures [N, 3, H, W] of 0 to 1 as the network takes them."""
    mean, std = (torch.tensor(v, device=x.device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


class Steps:
    """Calls `model`, compiled where PyTorch 2 and a GPU allow it; which of both is printed once."""

    def __init__(self, model: nn.Module, device: str, wanted: bool = True):
        self.model, self.run = model, model
        if not wanted or not device.startswith("cuda") or not hasattr(torch, "compile"):
            return
        self.run = torch.compile(model, dynamic=False)
        self.proven = False

    def __call__(self, x: torch.Tensor):
        if self.run is self.model:
            return self.model(x)
        try:
            found = self.run(x)
        except Exception as e:
            # The compiler's own errors have many types. A fault of the model shows again below.
            if self.proven:
                raise
            print(f"steps are not compiled: {(str(e).splitlines() or [type(e).__name__])[0]}", flush=True)
            self.run = self.model
            return self.model(x)
        if not self.proven:
            self.proven = True
            print("steps are compiled", flush=True)
        return found


def room(device: str) -> int:
    """Bytes that pictures or stored outputs may take: two fifths of the device's memory.

    Of all memory, not of what is free, so that a resumed training has room for the same.
    """
    if device.startswith("cuda"):
        return torch.cuda.mem_get_info(torch.device(device).index or 0)[1] * 2 // 5
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 2 // 5
