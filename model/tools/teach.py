#!/usr/bin/env python3
"""Embed every image once with a teacher network, as a target for train.py.

The teacher is any ONNX image encoder with one NCHW f32 input; its first output of two
dimensions is kept, scaled to unit length. Images are resized whole (squashed), as the
student sees them. A stopped run can be resumed: parts are kept beside OUT until all are done.
"""
from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

import images


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("data", type=Path, help="image folder or shards")
    a.add_argument("--encoder", type=Path, required=True, help="the teacher, an ONNX file")
    a.add_argument("--out", type=Path, required=True, help="where the embeddings go (.npy, f16 [images, width])")
    a.add_argument("--prefix", default="train", help="which shards (default: %(default)s)")
    a.add_argument("--classes", help="comma-separated class names to keep, in this order")
    a.add_argument("--size", type=int, default=224, help="teacher's input side (default: %(default)s)")
    a.add_argument("--mean", type=float, nargs=3, default=[0.48145466, 0.4578275, 0.40821073])
    a.add_argument("--std", type=float, nargs=3, default=[0.26862954, 0.26130258, 0.27577711])
    a.add_argument("--threads", type=int, default=2)
    return a.parse_args()


def main() -> None:
    a = arguments()
    pictures = images.load(a.data, a.prefix)
    if a.classes:
        pictures = pictures.of_classes(a.classes.split(","))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = a.threads
    session = onnxruntime.InferenceSession(str(a.encoder), options)
    name = session.get_inputs()[0].name
    output = next(o.name for o in session.get_outputs() if len(o.shape) == 2)
    mean, std = np.array(a.mean, np.float32), np.array(a.std, np.float32)

    part = a.out.with_suffix(".part.npy")
    done = np.load(part) if part.exists() else None
    rows = [done] if done is not None else []
    at = len(done) if done is not None else 0
    start, first = time.time(), at
    saved = time.time()
    while at < len(pictures):
        batch = range(at, min(at + 16, len(pictures)))
        side = (a.size, a.size)
        pixels = np.stack([np.asarray(pictures.open(i).resize(side, Image.BICUBIC), np.float32) for i in batch])
        pixels = ((pixels / 255 - mean) / std).transpose(0, 3, 1, 2)
        row = session.run([output], {name: np.ascontiguousarray(pixels)})[0]
        rows.append((row / np.linalg.norm(row, axis=1, keepdims=True)).astype(np.float16))
        at = batch.stop
        if time.time() - saved > 30 or at == len(pictures):
            rows = [np.concatenate(rows)]
            np.save(part, rows[0])
            saved = time.time()
            print(f"{at}/{len(pictures)} images, {(at - first) / (time.time() - start):.1f} a second", flush=True)
    part.rename(a.out)
    print(f"{a.out}: {rows[0].shape[0]} embeddings of width {rows[0].shape[1]}")


if __name__ == "__main__":
    main()
