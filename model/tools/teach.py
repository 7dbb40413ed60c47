#!/usr/bin/env python3
"""Ask a teacher network once about crops of every image, as targets for train.py.

The teacher is any ONNX image encoder with one NCHW f32 input; its first output of two dimensions
is kept, scaled to unit length. For each image a few random crops are drawn, and train.py shows
these very crops. They are taken from the image as train.py keeps it, and squashed, as the student sees
them. The same command resumes a stopped run.

A teacher in int8 whose ranges are computed as it runs (onnxruntime's quantize_dynamic) is quick on a
CPU only. On a GPU, which needs onnxruntime-gpu, its weights are turned back to floats.
"""
from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch

import device as dev
import floats
import images
import pictures
import teaching
from parts import Parts

# Images in one part of a resumable run.
PART = 256


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("data", type=Path, help="image folder or shards, as for train.py")
    a.add_argument("--encoder", type=Path, required=True, help="the teacher, an ONNX file")
    a.add_argument("--out", type=Path, required=True, help="where the crops and the answers go (.npz)")
    a.add_argument("--classes", help="comma-separated class names to keep, in this order, as for train.py")
    a.add_argument("--val", type=Path, help="as for train.py: without it, a tenth of a folder is left out")
    a.add_argument("--crops", type=int, default=8, help="of each image; 0 asks about the whole image alone (default: %(default)s)")
    a.add_argument("--crop", type=float, default=0.25, help="least area of a crop (default: %(default)s)")
    a.add_argument("--size", type=int, default=224, help="teacher's input side (default: %(default)s)")
    a.add_argument("--mean", type=float, nargs=3, default=[0.48145466, 0.4578275, 0.40821073], help="of its input (default: CLIP's)")
    a.add_argument("--std", type=float, nargs=3, default=[0.26862954, 0.26130258, 0.27577711])
    a.add_argument("--memory", type=float, metavar="GB", help="as for train.py")
    a.add_argument("--batch", type=int, default=16, help="crops at a time (default: %(default)s)")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="where the teacher runs (default: %(default)s)")
    a.add_argument("--seed", type=int, default=1)
    a = a.parse_args()
    if a.crops < 0 or a.batch < 1 or not 0 < a.crop <= 1:
        raise images.Refused("--crops is 0 or more, --batch 1 or more, and --crop a share above 0")
    return a


class Encoder:
    """The teacher; gives f16 [N, width] of unit length."""

    def __init__(self, a: argparse.Namespace):
        providers = ["CPUExecutionProvider"]
        if a.device == "cuda":
            if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
                raise images.Refused("this onnxruntime has no CUDA; pip install onnxruntime-gpu, or leave --device out")
            providers.insert(0, "CUDAExecutionProvider")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = a.threads
        try:
            model = floats.dequantised(a.encoder) if a.device == "cuda" else str(a.encoder)
            self.session = onnxruntime.InferenceSession(model, options, providers=providers)
        except images.Refused:
            raise
        except Exception as e:
            raise images.Refused(f"{a.encoder} cannot be run: {str(e).splitlines()[0]}") from None
        outputs = [o.name for o in self.session.get_outputs() if len(o.shape) == 2]
        if not outputs or len(self.session.get_inputs()) != 1:
            raise images.Refused(f"{a.encoder} is no image encoder: it needs one input, and an output of two dimensions")
        self.name, self.output, self.batch = self.session.get_inputs()[0].name, outputs[0], a.batch
        self.mean, self.std = (torch.tensor(v).view(1, 3, 1, 1) for v in (a.mean, a.std))

    def __call__(self, views: torch.Tensor) -> np.ndarray:
        rows = []
        for some in ((views.cpu() - self.mean) / self.std).split(self.batch):
            row = self.session.run([self.output], {self.name: some.contiguous().numpy()})[0]
            rows.append((row / np.linalg.norm(row, axis=1, keepdims=True)).astype(np.float16))
        return np.concatenate(rows)


def training_images(a: argparse.Namespace) -> images.ImageSet:
    """Those that train.py learns from with the same options."""
    found = images.load(a.data)
    if a.classes:
        found = found.of_classes(a.classes.split(","))
    if a.val or (a.data / "classes.json").exists():
        return found
    return found.only(np.flatnonzero(~images.held_out(len(found))))


def boxes(count: int, a: argparse.Namespace) -> torch.Tensor:
    """Crops [count, K, 4]."""
    if not a.crops:
        return pictures.WHOLE.expand(count, 1, 4).contiguous()
    chance = dev.chance(a.seed, "crops")
    return pictures.random_boxes(count * a.crops, a.crop, chance).view(count, a.crops, 4)


def main() -> None:
    a = arguments()
    wanted = training_images(a)
    crops = boxes(len(wanted), a)
    encoder = Encoder(a)
    settings = f"{a.crops} {a.crop} {a.size} {a.mean} {a.std} {a.seed} {a.device}"
    parts = Parts("teach", a.encoder.read_bytes(), wanted.digest(), settings)
    # Views are cut where the teacher runs if PyTorch, too, knows that GPU.
    kept = pictures.Pictures(wanted, dev.default() if a.device == "cuda" else "cpu", a.memory)
    began = said = time.time()
    rows = []
    for at in range(0, len(wanted), PART):
        own = torch.arange(at, min(at + PART, len(wanted)))
        if not (found := parts.get(f"{at:08}")):
            each = own.repeat_interleave(crops.shape[1])
            views = crops[own].reshape(-1, 4)
            # A few at a time: at the teacher's size a part's views would take a gigabyte.
            answers = [encoder(kept.views(r, b, a.size, "bicubic")) for r, b in zip(each.split(128), views.split(128))]
            found = dict(answers=np.concatenate(answers).reshape(len(own), crops.shape[1], -1))
            parts.put(f"{at:08}", **found)
        rows.append(found["answers"])
        if time.time() - said > 30:
            said = time.time()
            print(f"{at + len(own)}/{len(wanted)} images, {(at + len(own)) * crops.shape[1] / (said - began):.1f} crops a second", flush=True)
    answers = np.concatenate(rows)
    teaching.save(a.out, crops.numpy(), answers, wanted.digest())
    parts.done()
    print(f"{a.out}: {answers.shape[1]} answers of width {answers.shape[2]} to each of {len(answers)} images")


if __name__ == "__main__":
    main()
