"""Makes the pictures that the vision tests compare with, from frames of the two recordings.

    python3 tests/reference/vision.py BOTTLES.mp4 HAWK.mp4

writes tests/reference/vision/ (parts of frames, and what Pillow makes of them) and tests/reference/jpeg/ (one part in
the forms that JPEG has). It needs Pillow and ffmpeg. With `--compare N OUT` it writes N whole frames and what Pillow
makes of them to OUT instead, for a comparison too large to keep.
"""
from __future__ import annotations

import argparse
import io
import json
import subprocess
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent

# name, recording, second, part of the frame (left, top, width, height), crop, policy, size
CASES = [
    ("squash", 0, 12.0, (20, 0, 213, 160), (0, 0, 1, 1), "squash", (128, 128)),
    ("fit-short", 0, 20.0, (390, 90, 250, 121), (0, 0, 1, 1), "fit-short", (128, 128)),
    ("letterbox", 1, 2.0, (300, 150, 241, 97), (0, 0, 1, 1), "letterbox", (128, 128)),
    ("enlarge", 1, 4.0, (420, 180, 61, 47), (0, 0, 1, 1), "squash", (128, 128)),
    ("near", 0, 5.0, (270, 100, 129, 127), (0, 0, 1, 1), "squash", (128, 128)),
    ("crop", 1, 6.0, (350, 120, 220, 180), (0.1, 0.2, 0.55, 0.7), "squash", (128, 128)),
    ("tall", 0, 30.0, (510, 50, 40, 300), (0, 0, 1, 1), "fit-short", (96, 64)),
    ("row", 1, 1.0, (200, 270, 301, 1), (0, 0, 1, 1), "squash", (128, 16)),
]


def frame(video: Path, second: float) -> Image.Image:
    png = subprocess.run(
        ["ffmpeg", "-v", "error", "-ss", str(second), "-i", str(video), "-frames:v", "1", "-f", "image2pipe",
         "-c:v", "png", "pipe:1"],
        check=True, capture_output=True,
    ).stdout
    return Image.open(io.BytesIO(png)).convert("RGB")


def resized(picture: Image.Image, crop, policy: str, size) -> Image.Image:
    """`crop` of `picture`, brought to `size`; margins are black."""
    left, top = crop[0] * picture.width, crop[1] * picture.height
    right, bottom = left + crop[2] * picture.width, top + crop[3] * picture.height
    width, height = size
    across, down = (right - left) / width, (bottom - top) / height
    out = Image.new("RGB", size)
    at = (0, 0)
    if policy == "fit-short":
        scale = min(across, down)
        dx, dy = (right - left - scale * width) / 2, (bottom - top - scale * height) / 2
        left, top, right, bottom = left + dx, top + dy, right - dx, bottom - dy
    elif policy == "letterbox":
        scale = max(across, down)
        inner = max(1, round((right - left) / scale)), max(1, round((bottom - top) / scale))
        at = (width - inner[0]) // 2, (height - inner[1]) // 2
        width, height = inner
    out.paste(picture.resize((width, height), Image.Resampling.BILINEAR, box=(left, top, right, bottom)), at)
    return out


def references(videos: list[Path]) -> None:
    folder = HERE / "vision"
    folder.mkdir(exist_ok=True)
    table = []
    for name, video, second, (x, y, w, h), crop, policy, size in CASES:
        part = frame(videos[video], second).crop((x, y, x + w, y + h))
        part.save(folder / f"{name}.png", optimize=True)
        resized(part, crop, policy, size).save(folder / f"{name}.pillow.png", optimize=True)
        table.append({"name": name, "crop": crop, "resize": policy, "size": size})
    (folder / "cases.json").write_text(json.dumps(table, indent=1) + "\n")


def jpegs(videos: list[Path]) -> None:
    folder = HERE / "jpeg"
    folder.mkdir(exist_ok=True)
    part = frame(videos[1], 2.0).crop((440, 100, 440 + 107, 100 + 75))
    for name, options in {
        "420": {"subsampling": "4:2:0"},
        "422": {"subsampling": "4:2:2"},
        "444": {"subsampling": "4:4:4"},
        "restart": {"subsampling": "4:2:0", "restart_marker_blocks": 3},
        "optimised": {"subsampling": "4:2:0", "optimize": True},
        "progressive": {"subsampling": "4:2:0", "progressive": True},
    }.items():
        part.save(folder / f"{name}.jpg", quality=85, **options)
    palette = Image.new("P", (4, 3))
    palette.putpalette([200, 10, 30, 0, 255, 0])
    palette.save(HERE / "palette.png")
    part.convert("L").save(folder / "grey.jpg", quality=85)
    part.convert("CMYK").save(folder / "cmyk.jpg", quality=85)


def compare(videos: list[Path], count: int, out: Path) -> None:
    """`count` whole frames, spread over both recordings, each brought to 128x128 by every policy."""
    out.mkdir(parents=True, exist_ok=True)
    table = []
    for video, length, share in ((videos[0], 39.0, count - count // 2), (videos[1], 8.0, count // 2)):
        for i in range(share):
            name = f"{video.stem}-{i}"
            picture = frame(video, length * i / share)
            picture.save(out / f"{name}.png")
            for policy in ("squash", "fit-short", "letterbox"):
                resized(picture, (0, 0, 1, 1), policy, (128, 128)).save(out / f"{name}.{policy}.png")
            table.append(name)
    (out / "frames.json").write_text(json.dumps(table) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs=2, type=Path, metavar="VIDEO")
    parser.add_argument("--compare", nargs=2, metavar=("N", "OUT"))
    given = parser.parse_args()
    if given.compare:
        compare(given.videos, int(given.compare[0]), Path(given.compare[1]))
    else:
        references(given.videos)
        jpegs(given.videos)


if __name__ == "__main__":
    main()
