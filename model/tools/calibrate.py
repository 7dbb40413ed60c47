"""Choose the integers of one LINEAR so that its output changes least, as measured on samples.

Activations are u8 per tensor, weights s8 per column with zero point 0. The candidates:

- Where a LayerNormalization alone feeds the LINEAR, and is not the head's, its gain and bias are
  free: channel k may be passed on as (x_k - shift_k) / scale_k if row k of the weight is multiplied
  by scale_k and the bias takes shift @ weight. Taking its own gain and bias for scale and shift folds them into the
  LINEAR; SmoothQuant's scale (Xiao et al., 2022), max|x_k|^a / max|w_k|^(1-a), balances the
  difficulty between activations and weights.
- The range of the activations: whole, or cut at both ends by percentiles.
- The range of each column of the weight: whole, or shrunk, by the squared error of the product
  (each row's error is weighted by its input's mean square).

Finally the bias takes up the mean error of the output against the f32 network (bias correction),
including the error that the layers before passed on.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from form import Quantised

BALANCES = (0.25, 0.5, 0.75)
TAILS = (0.0, 1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 2e-3, 5e-3)
SHRINKS = (1.0, 0.97, 0.94, 0.9, 0.86, 0.82, 0.78)


@dataclass
class Samples:
    """Rows of a LINEAR's input [R, K]: in the f32 network, and in the one quantised so far."""

    plain: torch.Tensor
    quantised: torch.Tensor


@dataclass
class Choice:
    """What was chosen for one LINEAR."""

    layer: Quantised
    bias: torch.Tensor
    scale: torch.Tensor | None  # [C] for the LayerNormalization before: gain / scale, (bias - shift) / scale
    shift: torch.Tensor | None
    how: str
    tail: float
    noise_db: float  # power of the output's error over the output's power

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as arrays."""
        norm = {} if self.scale is None else dict(scale=self.scale.numpy(), shift=self.shift.numpy())
        q = self.layer
        grids = dict(x_scale=q.scale, x_zero=q.zero_point, weight=q.weight, weight_scale=q.weight_scale)
        return dict(grids, bias=self.bias.numpy(), how=self.how, tail=self.tail, noise=self.noise_db, **norm)

    @classmethod
    def of(cls, found: dict[str, np.ndarray]) -> "Choice":
        """What `arrays` gave."""
        layer = Quantised(np.float32(found["x_scale"]), int(found["x_zero"]), found["weight"], found["weight_scale"])
        scale, shift = (torch.from_numpy(found[k]) if k in found else None for k in ("scale", "shift"))
        bias = torch.from_numpy(found["bias"])
        return cls(layer, bias, scale, shift, str(found["how"]), float(found["tail"]), float(found["noise"]))


def fake_quantised(x: torch.Tensor, scale: float, zero_point: int) -> torch.Tensor:
    """QuantizeLinear and DequantizeLinear to u8."""
    return (torch.round(x / scale).add_(zero_point).clamp_(0, 255) - zero_point) * scale


def grid(low: float, high: float) -> tuple[np.float32, int]:
    """Scale and zero point of u8 over [low, high], which is widened to hold 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32(max((high - low) / 255, 1e-12))
    return scale, int(np.clip(round(-low / float(scale)), 0, 255))


def ranges(x: torch.Tensor) -> list[tuple[float, float, float]]:
    """(tail, low, high): the range of `x` with that share cut from each end; equal ranges once."""
    ordered = x.flatten().sort().values
    out: list[tuple[float, float, float]] = []
    for tail in TAILS:
        cut = int(tail * len(ordered))
        low, high = float(ordered[cut]), float(ordered[-1 - cut])
        if not out or (low, high) != out[-1][1:]:
            out.append((tail, low, high))
    return out


def column_scales(weight: torch.Tensor, importance: torch.Tensor) -> torch.Tensor:
    """The s8 scale of each column of weight [K, N] with the least error, weighed by importance [K]."""
    whole = weight.abs().amax(0).clamp(min=1e-12) / 127
    best, least = whole, torch.full_like(whole, float("inf"))
    for shrink in SHRINKS:
        scale = whole * shrink
        error = ((torch.round(weight / scale).clamp(-127, 127) * scale - weight) ** 2 * importance[:, None]).sum(0)
        best, least = torch.where(error < least, scale, best), torch.minimum(error, least)
    return best


def balances(
    x: torch.Tensor, weight: torch.Tensor, gain: torch.Tensor, bias: torch.Tensor
) -> list[tuple[str, torch.Tensor, torch.Tensor]]:
    """(name, scale [C], shift [C]) to try for a LayerNormalization of `gain` and `bias` before `weight`."""
    c = len(gain)
    own = torch.where(gain.abs() < 1e-3, torch.full_like(gain, 1e-3), gain)
    out = [("as trained", torch.ones(c), torch.zeros(c)), ("gain folded", own, bias)]
    centre = x.reshape(-1, c).mean(0)
    reach = (x.reshape(-1, c) - centre).abs().amax(0).clamp(min=1e-6)
    size = weight.reshape(-1, c, weight.shape[1]).abs().amax((0, 2)).clamp(min=1e-6)
    for a in BALANCES:
        scale = reach**a / size ** (1 - a)
        out.append((f"balanced {a}", scale / scale.log().mean().exp(), centre))
    return out


def choose(
    samples: Samples,
    weight: torch.Tensor,
    bias: torch.Tensor,
    norm: tuple[torch.Tensor, torch.Tensor] | None,
    gelu: bool,
) -> Choice:
    """The best of all that is tried for LINEAR x @ weight [K, N] + bias [N].

    `norm` is gain and bias of the LayerNormalization that alone feeds it; `gelu` says that a GELU
    follows, behind which the error is measured then.
    """
    after = F.gelu if gelu else (lambda y: y)
    x = samples.quantised
    wanted = after(x @ weight + bias)
    tried = balances(x, weight, *norm) if norm else [("", None, None)]
    best, least = None, float("inf")
    for how, scale, shift in tried:
        if scale is None:
            x_now, w_now, b_now = x, weight, bias
        else:
            times = len(weight) // len(scale)
            x_now = (x - shift.repeat(times)) / scale.repeat(times)
            w_now = weight * scale.repeat(times)[:, None]
            b_now = bias + shift.repeat(times) @ weight
        columns = column_scales(w_now, (x_now**2).mean(0))
        integers = torch.round(w_now / columns).clamp(-127, 127)
        for tail, low, high in ranges(x_now):
            step, zero = grid(low, high)
            got = fake_quantised(x_now, float(step), zero) @ (integers * columns)
            error = float(((after(got + b_now) - wanted) ** 2).mean())
            if error < least:
                least, best = error, (how, scale, shift, tail, step, zero, columns, integers, b_now, got)
    how, scale, shift, tail, step, zero, columns, integers, b_now, got = best
    layer = Quantised(step, zero, integers.numpy().astype(np.int8), columns.numpy())
    target = samples.plain @ weight + bias
    corrected = b_now + (target - got - b_now).mean(0)
    noise = 10 * np.log10(max(least, 1e-30) / max(float((wanted**2).mean()), 1e-30))
    return Choice(layer, corrected, scale, shift, how, tail, noise)
