"""The first stages of a network, which a later step leaves as they are, and its answers.

On a CPU ONNX Runtime computes them, which takes half of PyTorch's time; on a GPU PyTorch does.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
import torch

import device as dev
import form
from convnext import ConvNeXt


@dataclass
class Said:
    """What a network computes of N views, all in half precision."""

    cut: np.ndarray  # [N, H, W, C], what stage `first` takes
    seen: np.ndarray  # [N, D], the pooled features that the classifier takes
    logits: np.ndarray  # [N, classes]

    @classmethod
    def joined(cls, parts: list["Said"]) -> "Said":
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("cut", "seen", "logits")))


def output_before(net: ConvNeXt, first: int) -> str:
    """The name, in the exported form, of what stage `first` takes."""
    return f"stages.{first - 1}.blocks.{net.shape.depths[first - 1] - 1}.add" if first else "stem.norm"


def exported(net: ConvNeXt, first: int, side: int) -> bytes:
    """An ONNX file of the network whose outputs are those of `Said`."""
    model = form.build(form.from_state(net.state_dict()), net.shape, side)
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(output_before(net, first)))
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info("head.norm"))
    return model.SerializeToString()


class OnCpu:
    """Runs what `exported` gave, on one thread."""

    def __init__(self, model: bytes):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def __call__(self, pixels: np.ndarray) -> Said:
        """Of uint8 views [N, side, side, 3]."""
        rows = []
        for view in pixels:
            x = ((view.astype(np.float32) / 255 - np.float32(dev.MEAN)) / np.float32(dev.STD)).transpose(2, 0, 1)
            logits, cut, seen = self.session.run(None, {"input": np.ascontiguousarray(x)[None]})
            rows.append(Said(cut.astype(np.float16), seen.reshape(1, -1).astype(np.float16), logits.astype(np.float16)))
        return Said.joined(rows)


class OnDevice:
    """Runs the network itself with PyTorch, in batches."""

    def __init__(self, net: ConvNeXt, first: int, device: str):
        self.net, self.first, self.device = net.to(device).eval(), first, device

    @torch.no_grad()
    def __call__(self, pixels: np.ndarray) -> Said:
        rows = []
        for batch in torch.from_numpy(pixels).split(256):
            x = dev.normalised(batch.to(self.device).permute(0, 3, 1, 2).float() / 255)
            with dev.autocast(self.device):
                cut = self.net.stages[: self.first](self.net.stem(x))
                seen = self.net.head.embed(self.net.stages[self.first :](cut))
                logits = self.net.head.fc(seen)
            # An outlier beyond half precision's range would become infinite.
            half = lambda t: t.float().clamp(-65504, 65504).half().cpu().numpy()
            rows.append(Said(half(cut.permute(0, 2, 3, 1)), half(seen), half(logits)))
        return Said.joined(rows)
