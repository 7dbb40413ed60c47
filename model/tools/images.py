"""Images to learn and calibrate from: a folder with one sub-folder a class, shards, or a truth.json.

A shard is `NAME.bin`, JPEG files end to end, beside `NAME.npz` with `offsets` (int64, n+1)
and `labels` (int16, n); `classes.json` beside the shards names what the labels index.
`truth.json` names the class of each picture of a folder, or of its sub-folder `images`.
"""
from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

# The fewest labelled images on which a temperature, or an accuracy, is more than rough.
ENOUGH = 100
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


class Refused(SystemExit):
    """A one-line refusal: what is wrong, where, and what to do instead."""

    def __init__(self, message: str):
        super().__init__(f"error: {message}")


@dataclass
class ImageSet:
    """Undecoded images with the index of each one's class in `names`."""

    names: list[str]
    labels: np.ndarray
    blobs: list[bytes | Path]

    def __len__(self) -> int:
        return len(self.blobs)

    def raw(self, i: int) -> bytes:
        blob = self.blobs[i]
        return blob.read_bytes() if isinstance(blob, Path) else blob

    def open(self, i: int) -> Image.Image:
        """Image `i` as RGB."""
        return Image.open(io.BytesIO(self.raw(i))).convert("RGB")

    def size(self, i: int) -> tuple[int, int]:
        """Width and height of image `i`, without decoding it."""
        blob = self.blobs[i]
        with Image.open(io.BytesIO(blob) if isinstance(blob, bytes) else blob) as image:
            return image.size

    def digest(self) -> str:
        """A hash of the labels and of what the images are (files by name, size and time)."""
        out = hashlib.sha256(np.asarray(self.labels, np.int64).tobytes())
        for blob in self.blobs:
            if isinstance(blob, Path):
                known = blob.stat()
                # The folder may be given by another path, or have moved.
                blob = f"{blob.parent.name}/{blob.name} {known.st_size} {known.st_mtime_ns}".encode()
            out.update(hashlib.sha256(blob).digest())
        return out.hexdigest()

    def only(self, rows) -> "ImageSet":
        """The images of these rows."""
        rows = [int(i) for i in rows]
        return ImageSet(self.names, self.labels[rows], [self.blobs[i] for i in rows])

    def shorter_sides(self) -> np.ndarray:
        """The shorter side of each undecoded image, in pixels."""
        return np.array([min(Image.open(io.BytesIO(self.raw(i))).size) for i in range(len(self))])

    def and_then(self, others: "ImageSet") -> "ImageSet":
        """These images and then the others, whose classes are the same."""
        return ImageSet(self.names, np.concatenate([self.labels, others.labels]), self.blobs + others.blobs)

    def of_classes(self, wanted: list[str], all_of_them: bool = True) -> "ImageSet":
        """Only the images of `wanted`, whose order becomes the order of the classes.

        Refuses a set that lacks one of them, or, without `all_of_them`, one that lacks all.
        """
        missing = [n for n in wanted if n not in self.names]
        if missing and (all_of_them or len(missing) == len(wanted)):
            raise Refused(f"no class named {missing[0]!r} in these images; they have {len(self.names)} classes")
        index = {self.names.index(n): k for k, n in enumerate(wanted) if n in self.names}
        keep = [i for i, label in enumerate(self.labels) if int(label) in index]
        labels = np.array([index[int(self.labels[i])] for i in keep], np.int64)
        return ImageSet(list(wanted), labels, [self.blobs[i] for i in keep])


def from_folder(root: Path) -> ImageSet:
    """`root/CLASS/picture.jpg`; classes in alphabetical order."""
    names = sorted(p.name for p in root.iterdir() if p.is_dir())
    if not names:
        raise Refused(f"{root} has no sub-folders; make one for each class and put its pictures there")
    blobs: list[bytes | Path] = []
    labels = []
    for k, name in enumerate(names):
        files = sorted(p for p in (root / name).rglob("*") if p.suffix.lower() in SUFFIXES)
        if not files:
            raise Refused(f"{root / name} has no pictures ({', '.join(sorted(SUFFIXES))})")
        blobs += files
        labels += [k] * len(files)
    return ImageSet(names, np.array(labels, np.int64), blobs)


def from_shards(root: Path, prefix: str) -> ImageSet:
    """Every shard of `root` whose name starts with `prefix`."""
    names = json.loads((root / "classes.json").read_text())["names"]
    blobs: list[bytes | Path] = []
    labels = []
    for index in sorted(root.glob(f"{prefix}*.npz")):
        with np.load(index) as table:
            offsets, ours = table["offsets"], table["labels"]
        data = index.with_suffix(".bin").read_bytes()
        blobs += [data[a:b] for a, b in zip(offsets[:-1], offsets[1:])]
        labels.append(ours.astype(np.int64))
    if not labels:
        raise Refused(f"{root} has no shards named {prefix}*.npz")
    return ImageSet(names, np.concatenate(labels), blobs)


def from_truth(root: Path) -> ImageSet:
    """The pictures that `root/truth.json` lists, {file: class}; classes in alphabetical order."""
    try:
        truth = json.loads((root / "truth.json").read_text())
        names = sorted(set(truth.values()))
        labels = [names.index(name) for name in truth.values()]
    except (ValueError, AttributeError, TypeError) as e:
        raise Refused(f"{root / 'truth.json'} is not an object of file names and their classes: {e}") from None
    within = root / "images" if (root / "images").is_dir() else root
    missing = [name for name in truth if not (within / name).is_file()]
    if missing:
        raise Refused(f"{within / missing[0]}: no such file, but truth.json lists it ({len(missing)} such)")
    return ImageSet(names, np.array(labels, np.int64), [within / name for name in truth])


def load(root: Path, prefix: str = "train") -> ImageSet:
    """Shards where `root` has a classes.json, listed pictures where it has a truth.json, else class folders."""
    if not root.is_dir():
        raise Refused(f"{root} is not a folder; give one with a sub-folder for each class, or with shards")
    if (root / "classes.json").exists():
        return from_shards(root, prefix)
    return from_truth(root) if (root / "truth.json").exists() else from_folder(root)


def parted(root: Path, val: Path | None, classes: list[str]) -> tuple[ImageSet, ImageSet | None]:
    """Images to calibrate with, and labelled ones of `classes` kept apart from them if there are any.

    Images apart are those of `val`, or the shards of `root` named val*, or every tenth of a folder.
    A folder whose classes are not `classes`, or that has none, serves for calibration alone.
    """
    if not root.is_dir():
        raise Refused(f"{root} is not a folder; give one of pictures, of class folders, or of shards")
    apart = None
    if (root / "classes.json").exists():
        pictures = from_shards(root, "train")
        apart = from_shards(root, "val") if val is None and list(root.glob("val*.npz")) else None
    elif any(p.is_dir() for p in root.iterdir()):
        pictures = from_folder(root)
    else:
        blobs = sorted(p for p in root.iterdir() if p.suffix.lower() in SUFFIXES)
        if not blobs:
            raise Refused(f"{root} has no pictures ({', '.join(sorted(SUFFIXES))})")
        pictures = ImageSet([], np.full(len(blobs), -1), list(blobs))
    if val is not None:
        apart = load(val, "val")
        apart.of_classes(classes)  # refuses if one is missing
    if set(classes) <= set(pictures.names):
        pictures = pictures.of_classes(classes)
        if apart is None:
            held = held_out(len(pictures))
            pictures, apart = pictures.only(np.flatnonzero(~held)), pictures.only(np.flatnonzero(held))
    known = apart is not None and set(classes) <= set(apart.names)
    return pictures, apart.of_classes(classes) if known else None


def every_second(labels: np.ndarray) -> np.ndarray:
    """True for the first, third, fifth ... image of each class, in the images' order."""
    labels = np.asarray(labels)
    out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        out[np.flatnonzero(labels == label)[::2]] = True
    return out


def halves(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which images kept apart give the temperature, and which the accuracy: the first, third ... of each class
    and the others, or all of them where they are few."""
    fit = every_second(labels)
    if (~fit).sum() < ENOUGH:
        return np.ones(len(labels), bool), np.ones(len(labels), bool)
    return fit, ~fit


def unlabelled(root: Path) -> ImageSet:
    """Every picture below `root`, of no class."""
    if not root.is_dir():
        raise Refused(f"{root} is not a folder; give one of photographs")
    blobs: list[bytes | Path] = sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not blobs:
        raise Refused(f"{root} has no pictures ({', '.join(sorted(SUFFIXES))})")
    return ImageSet([], np.full(len(blobs), -1), blobs)


def held_out(count: int) -> np.ndarray:
    """Which of `count` images of a folder are kept for validation: every tenth."""
    return np.arange(count) % 10 == 9


def prepared(pictures: ImageSet, rows: list[int], side: int, mean, std) -> np.ndarray:
    """Images as the daemon prepares them: both sides scaled to `side`, normalised; f32 [N, 3, side, side]."""
    pixels = np.stack([np.asarray(pictures.open(i).resize((side, side), Image.BILINEAR)) for i in rows])
    levels = (pixels.astype(np.float32) / 255 - np.float32(mean)) / np.float32(std)
    return np.ascontiguousarray(levels.transpose(0, 3, 1, 2))
