"""A depthwise 7x7 convolution whose backward pass is quick on a CPU.

PyTorch's own backward of a channels-last depthwise convolution takes more than half of a
ConvNeXt training step on x86. Here the input's gradient is a forward convolution with the
kernel turned round, and the weight's gradient is depthwise.cpp, built once with the system's
C++ compiler into the user's cache. Without a compiler, or on a GPU, PyTorch's own is used.
"""
from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import torch
from torch.nn import functional as F

SOURCE = Path(__file__).with_name("depthwise.cpp")


@functools.cache
def library() -> ctypes.CDLL | None:
    """The built kernel, or None where it cannot be built."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if not compiler:
        return None
    code = SOURCE.read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "goldcrest"
    built = cache / f"depthwise-{hashlib.sha256(code).hexdigest()[:16]}.so"
    if not built.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = built.with_suffix(f".{os.getpid()}")
        flags = ["-O3", "-march=native", "-fopenmp", "-shared", "-fPIC", "-ffast-math"]
        done = subprocess.run([compiler, *flags, str(SOURCE), "-o", str(part)], capture_output=True)
        if done.returncode:
            return None
        part.rename(built)
    return ctypes.CDLL(str(built))


def usable(x: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether the quick backward takes this tensor: on the CPU, 7x7, channels in sixteens."""
    return x.device.type == "cpu" and weight.shape[-2:] == (7, 7) and len(weight) % 16 == 0 and library() is not None


class Depthwise7(torch.autograd.Function):
    """conv2d(x, weight, bias, padding=3, groups=channels)."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, bias, padding=3, groups=len(weight))

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        dx = F.conv2d(dy, weight.flip((2, 3)), padding=3, groups=len(weight))
        n, c, h, w = x.shape
        g = dy.permute(0, 2, 3, 1).float().contiguous()
        s = x.permute(0, 2, 3, 1).float().contiguous()
        dw = torch.empty(49, c)
        library().depthwise7_weight_gradient(
            *(ctypes.c_void_p(t.data_ptr()) for t in (g, s, dw)), *(ctypes.c_long(v) for v in (n, h, w, c))
        )
        return dx, dw.t().reshape(c, 1, 7, 7).to(weight.dtype), g.sum((0, 1, 2)).to(weight.dtype)


def depthwise(x: torch.Tensor, conv: torch.nn.Conv2d) -> torch.Tensor:
    """`conv(x)` for a depthwise 7x7 `conv`, with the quick backward where it can be had."""
    if not (torch.is_grad_enabled() and usable(x, conv.weight)):
        return conv(x)
    weight, bias = conv.weight, conv.bias
    if torch.is_autocast_enabled("cpu") if hasattr(torch, "get_autocast_dtype") else torch.is_autocast_cpu_enabled():
        x, weight, bias = x.bfloat16(), weight.bfloat16(), bias.bfloat16()
    return Depthwise7.apply(x.contiguous(memory_format=torch.channels_last), weight, bias)
