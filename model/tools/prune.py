"""Drop the blocks of a ConvNeXt that matter least.

A block's importance is the Kullback-Leibler divergence of the answers without it from the
answers of the whole network, averaged over the images. Blocks are dropped one at a time, and the
rest is measured again each time, because two blocks may stand in for each other. The stages before
the first one that loses blocks are computed once.
"""
from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import blas
from convnext import ConvNeXt, Shape
from images import Refused
from parts import Parts


def first_shortened(own: tuple[int, ...], depths: tuple[int, ...]) -> int:
    """The first stage that loses blocks; 4 if none does."""
    return next((s for s, (d, was) in enumerate(zip(depths, own)) if d < was), 4)


@torch.no_grad()
def before_stage(net: ConvNeXt, first: int, x: torch.Tensor) -> torch.Tensor:
    """What stage `first` takes."""
    return net.stages[:first](net.stem(x))


@torch.no_grad()
def log_odds(stages: list[list[nn.Module]], first: int, net: ConvNeXt, batches: list[torch.Tensor]) -> torch.Tensor:
    """Log probabilities [N, classes] of the network with only these blocks, of what stage `first` takes."""
    out = []
    for x in batches:
        for stage, blocks in list(zip(net.stages, stages))[first:]:
            x = stage.down(x)
            for block in blocks:
                x = block(x)
        out.append(F.log_softmax(net.head(x), 1))
    return torch.cat(out)


def pruned(net: ConvNeXt, depths: tuple[int, ...], pixels: np.ndarray, parts: Parts | None = None) -> ConvNeXt:
    """`net` with `depths` blocks per stage; `pixels` f32 [N, 3, H, W], prepared, are what it is measured on."""
    if len(depths) != 4 or any(not 0 < d <= own for d, own in zip(depths, net.shape.depths)):
        raise Refused(f"--depths {depths} cannot be had of depths {net.shape.depths}; give 1 to that many for each stage")
    blas.tell_if_slow()
    net.eval()
    first = first_shortened(net.shape.depths, depths)
    pictures = torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last).split(32)
    batches = [before_stage(net, first, x) for x in pictures]
    stages = [list(stage.blocks) for stage in net.stages]
    names = [[f"stages.{s}.blocks.{b}" for b in range(len(blocks))] for s, blocks in enumerate(stages)]
    whole = log_odds(stages, first, net, batches)
    dropped: list[str] = []
    while any(len(blocks) > d for blocks, d in zip(stages, depths)):
        tried = []
        for s, blocks in enumerate(stages):
            for b in range(len(blocks)) if len(blocks) > depths[s] else ():
                key = "without " + " ".join([*dropped, names[s][b]])
                found = parts.get(key) if parts else None
                if not found:
                    without = [*stages[:s], blocks[:b] + blocks[b + 1 :], *stages[s + 1 :]]
                    answers = log_odds(without, first, net, batches)
                    found = dict(nats=F.kl_div(answers, whole, reduction="batchmean", log_target=True).numpy())
                    if parts:
                        parts.put(key, **found)
                tried.append((float(found["nats"]), s, b))
                print(f"  without {names[s][b]}: {tried[-1][0]:.4f} nats", flush=True)
        least, s, b = min(tried)
        print(f"dropped {names[s][b]}: the answers change by {least:.4f} nats", flush=True)
        dropped.append(names[s][b])
        del stages[s][b], names[s][b]
    small = ConvNeXt(Shape(depths, net.shape.widths, net.shape.classes))
    for own, stage, blocks in zip(small.stages, net.stages, stages):
        own.down, own.blocks = stage.down, nn.Sequential(*blocks)
    small.stem, small.head = net.stem, net.head
    return small.eval()
