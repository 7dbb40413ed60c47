"""Makes the corpus of JPEG frames as cameras send them, good and bad, and the manifest of what each must lead to.

    python3 tests/corpus/make.py BOTTLES.mp4 HAWK.mp4

writes tests/corpus/mjpeg/. It needs ffmpeg, Pillow and simplejpeg (libjpeg-turbo, for 4:4:0 and 4:1:1). The expected
outcomes stand here, beside the damage that was done, and what the pictures look like comes from Pillow: nothing is taken
from the decoder under test. The files are frozen; another version of Pillow writes other bytes.
"""
from __future__ import annotations

import argparse
import io
import json
import subprocess
from pathlib import Path

import numpy
import simplejpeg
from PIL import Image

OUT = Path(__file__).parent / "mjpeg"
SOI, EOI = b"\xff\xd8", b"\xff\xd9"
DHT, DQT, DRI, SOS, COM, DNL = 0xC4, 0xDB, 0xDD, 0xDA, 0xFE, 0xDC
MANIFEST: list[dict] = []


def frame(video: Path, second: float) -> Image.Image:
    png = subprocess.run(
        ["ffmpeg", "-v", "error", "-ss", str(second), "-i", str(video), "-frames:v", "1", "-f", "image2pipe",
         "-c:v", "png", "pipe:1"],
        check=True, capture_output=True,
    ).stdout
    return Image.open(io.BytesIO(png)).convert("RGB")


def jpeg(picture: Image.Image, sampling: str = "4:2:0", quality: int = 75, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, subsampling=sampling, **options)
    return file.getvalue()


def rare(picture: Image.Image, sampling: str) -> bytes:
    pixels = numpy.ascontiguousarray(picture)
    return simplejpeg.encode_jpeg(pixels, quality=75, colorspace="RGB", colorsubsampling=sampling)


def take_apart(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The segments of a picture up to its first scan's header, and all that follows."""
    segments, at = [], 2
    while True:
        code, length = data[at + 1], int.from_bytes(data[at + 2:at + 4], "big")
        segments.append((code, data[at + 4:at + 2 + length]))
        at += 2 + length
        if code == SOS:
            return segments, data[at:]


def segment(code: int, body: bytes) -> bytes:
    return bytes([0xFF, code]) + (len(body) + 2).to_bytes(2, "big") + body


def put_together(segments: list[tuple[int, bytes]], scan: bytes) -> bytes:
    return SOI + b"".join(segment(*s) for s in segments) + scan


def without(data: bytes, *codes: int) -> bytes:
    segments, scan = take_apart(data)
    return put_together([s for s in segments if s[0] not in codes], scan)


def with_first(data: bytes, *more: tuple[int, bytes]) -> bytes:
    segments, scan = take_apart(data)
    return put_together([*more, *segments], scan)


def changed(data: bytes, code: int, change) -> bytes:
    """The picture with the body of its first segment `code` put through `change`."""
    segments, scan = take_apart(data)
    i = next(i for i, s in enumerate(segments) if s[0] == code)
    segments[i] = (code, change(segments[i][1]))
    return put_together(segments, scan)


def at(place: int, *values: int):
    return lambda body: body[:place] + bytes(values) + body[place + len(values):]


def recoded(data: bytes, old: int, new: int) -> bytes:
    segments, scan = take_apart(data)
    return put_together([(new if c == old else c, b) for c, b in segments], scan)


def avi(data: bytes) -> bytes:
    """As webcams send it: AVI1 in place of JFIF, no Huffman tables."""
    return with_first(without(data, 0xE0, DHT), (0xE0, b"AVI1" + bytes(10)))


def wide_steps(data: bytes) -> bytes:
    """Quantisation tables of 16 bits, which need an extended frame header."""
    def wide(body: bytes) -> bytes:
        out = b""
        for i in range(0, len(body), 65):
            out += bytes([0x10 | body[i]]) + b"".join(bytes([0, v]) for v in body[i + 1:i + 65])
        return out

    segments, scan = take_apart(data)
    segments = [(c, wide(b)) if c == DQT else (c, b) for c, b in segments]
    return recoded(put_together(segments, scan), 0xC0, 0xC1)


def interval(data: bytes, change) -> bytes:
    """The picture with its restart markers, in the order of the scan, put through `change`."""
    segments, scan = take_apart(data)
    parts, begin = [], 0
    for i in range(len(scan) - 1):
        if scan[i] == 0xFF and 0xD0 <= scan[i + 1] <= 0xD7:
            parts.append(scan[begin:i])
            begin = i
    parts.append(scan[begin:])
    return put_together(segments, b"".join(change(parts)))


def with_padding(parts: list[bytes]) -> list[bytes]:
    pads = [b"\xff\0", b"\x7f" * 9, b"\0", b"\xff\0" * 4] * len(parts)
    return [*(part + pad for part, pad in zip(parts[:-1], pads)), parts[-1]]


def add(name: str, what: str, data: bytes, decoder: str, *, like=None, size=None, within=3.0, camera=None, reader=None):
    """One file. `decoder`: "read" or the cause of its refusal. `camera`: whether the camera's check finds a whole
    picture. `reader`: what a stream of this file has, picture after picture, and what the decoder says to each."""
    (OUT / f"{name}.jpg").write_bytes(data)
    entry = {"file": f"{name}.jpg", "what": what, "decoder": decoder}
    if decoder == "read":
        entry |= {"size": list(size), "like": like, "within": within}
    whole = data.startswith(b"\xff\xd8\xff") and EOI in data
    entry["camera"] = ("whole" if whole else "truncated") if camera is None else camera
    entry["reader"] = [decoder] if reader is None else reader
    MANIFEST.append(entry)


def good(bottle: Image.Image, hawk: Image.Image) -> None:
    def read(name: str, what: str, data: bytes, like="bottle", size=(320, 180), **more):
        add(name, what, data, "read", like=like, size=size, **more)

    small = {"bottle": bottle.resize((320, 180), Image.Resampling.LANCZOS),
             "hawk": hawk.resize((320, 180), Image.Resampling.LANCZOS)}
    b, h = small["bottle"], small["hawk"]
    plain, webcam = jpeg(b), avi(jpeg(h, "4:2:2"))
    read("420", "4:2:0, JFIF", plain)
    read("422", "4:2:2, JFIF", jpeg(h, "4:2:2"), "hawk")
    read("444", "4:4:4, JFIF", jpeg(b, "4:4:4"))
    read("440", "chroma of half the height", rare(h, "440"), "hawk")
    read("411", "chroma of a quarter of the width", rare(b, "411"))
    read("grey", "one component", jpeg(h.convert("L")), "hawk-grey")
    read("grey-22", "one component that says it is sampled 2x2, which means nothing",
         changed(jpeg(b.convert("L")), 0xC0, at(7, 0x22)), "bottle-grey")
    read("avi1-420", "a webcam's frame: AVI1, no Huffman tables, 4:2:0", avi(plain))
    read("avi1-422", "a webcam's frame: AVI1, no Huffman tables, 4:2:2", webcam, "hawk")
    read("bare-422", "no segment but those without which nothing can be decoded", without(webcam, 0xE0), "hawk")
    read("avi1-restart", "AVI1, no Huffman tables, a restart marker after each row",
         avi(jpeg(h, "4:2:2", restart_marker_rows=1)), "hawk")
    read("restart-1", "a restart marker after each unit", jpeg(b, quality=50, restart_marker_blocks=1), within=4.0)
    read("restart-7", "a restart marker after each seven units", jpeg(h, restart_marker_blocks=7), "hawk")
    read("restart-padding", "bytes between the restart intervals and their markers",
         interval(avi(jpeg(h, "4:2:2", restart_marker_rows=1)), with_padding), "hawk")
    read("restart-none", "a restart interval of zero", with_first(plain, (DRI, b"\0\0")))
    read("optimised", "Huffman tables made for the picture", jpeg(b, optimize=True))
    read("wide-steps", "quantisation tables of 16 bits in an extended frame", wide_steps(plain))
    read("low-quality", "quality 10", jpeg(b, quality=10), within=8.0)
    read("high-quality", "quality 97", jpeg(b, "4:4:4", quality=97), within=1.2)
    read("progressive", "progressive, from a file", jpeg(b, progressive=True))
    read("progressive-444", "progressive at the full chroma, from a file", jpeg(h, "4:4:4", progressive=True), "hawk")
    read("rgb", "RGB components, as Adobe's marker says", jpeg(b, "4:4:4", keep_rgb=True))
    read("cmyk", "inks, inverted as Adobe's programs do", jpeg(b.convert("CMYK"), "4:4:4"))
    for name, subject, size, sampling in [("odd-420", "bottle", (317, 179), "4:2:0"), ("odd-422", "hawk", (319, 181), "4:2:2"),
                                          ("odd-444", "bottle", (161, 91), "4:4:4"), ("odd-420-restart", "hawk", (305, 169), "4:2:0")]:
        picture = {"bottle": bottle, "hawk": hawk}[subject].resize(size, Image.Resampling.LANCZOS)
        more = {"restart_marker_rows": 1} if "restart" in name else {}
        read(name, f"sides that are no multiple of a block, {sampling}", jpeg(picture, sampling, **more), subject, size,
             within=3.5)
    read("1080p-420", "1080p, 4:2:0", jpeg(mosaic(hawk), quality=60), "hawk-mosaic", (1920, 1080))
    read("1080p-422", "1080p, 4:2:2", jpeg(mosaic(hawk), "4:2:2", quality=60), "hawk-mosaic", (1920, 1080))
    for name, size in [("one-pixel", (1, 1)), ("one-row", (33, 1)), ("one-column", (1, 33)), ("nine", (9, 9))]:
        level = Image.new("RGB", size, (200, 60, 90))
        read(name, f"{size[0]}x{size[1]} pixels of one colour", jpeg(level), "level", size, within=2.0)

    thumbnail = jpeg(b.resize((64, 36)), quality=40)
    read("thumbnail", "Exif with a whole JPEG picture inside", with_first(plain, (0xE1, b"Exif\0\0" + thumbnail)))
    read("segments", "every application segment, comments, empty ones",
         with_first(plain, *((code, bytes([0xFF, 0xD9, 0xFF, 0xDA]) * 20) for code in range(0xE1, 0xEE)), (COM, b"x" * 999),
                    (COM, b""), (0xEF, b"")))
    read("long-segment", "a segment of 20,000 bytes of ones", with_first(plain, (0xE5, b"\xff" * 20000)))
    segments, scan = take_apart(plain)
    read("fill", "fill bytes before each marker",
         SOI + b"".join(b"\xff" * 5 + segment(*s) for s in segments) + scan[:-2] + b"\xff" * 7 + EOI)
    read("between", "zeros between segments, as some cameras align them",
         SOI + b"".join(segment(*s) + bytes(3) for s in segments[:-1]) + segment(*segments[-1]) + scan)
    order = sorted(segments[:-1], key=lambda s: s[0] != 0xC0) + segments[-1:]
    read("order", "the frame header before its tables", put_together(order, scan))
    read("twice", "tables that come twice: the last ones count",
         with_first(plain, *((c, at(1, *[99] * 64)(v)) if c == DQT else (c, v) for c, v in segments if c in (DQT, DHT))))
    read("late-segment", "a segment between the data and the end", plain[:-2] + segment(0xE9, b"after the data") + EOI)
    tables = [s for s in segments if s[0] in (DQT, DHT)]
    late = [*tables, (DRI, b"\0\5"), (DNL, b"\0\xb4")]
    read("late-tables", "tables, an interval and the height between the data and the end",
         plain[:-2] + b"".join(segment(*s) for s in late) + EOI)
    read("late-zeros", "zeros between the data and the end", plain[:-2] + bytes(300) + EOI)
    read("tail-zeros", "padded with zeros to whole pages", padded(webcam, b"\0"), "hawk")
    read("tail-ones", "padded with ones to whole pages", padded(webcam, b"\xff"), "hawk")
    read("tail-stale", "padded with the end of a larger frame before it", webcam + plain[-2500:], "hawk")
    read("tail-start", "followed by the beginning of the next frame", webcam + plain[:2000], "hawk",
         reader=["read", "truncated"])
    read("two", "two frames in one buffer: the first counts", webcam + avi(plain), "hawk", reader=["read", "read"])
    read("less-height", "the header says fewer rows than there are", changed(jpeg(b), 0xC0, at(1, 0, 176)), size=(320, 176),
         within=4.0)


def mosaic(picture: Image.Image) -> Image.Image:
    """960x540 four times, so that 1080p has the detail of a camera and not of an enlargement."""
    out = Image.new("RGB", (1920, 1080))
    for x in (0, 960):
        for y in (0, 540):
            out.paste(picture, (x, y))
    return out


def padded(data: bytes, byte: bytes) -> bytes:
    return data + byte * (-len(data) % 4096 + 4096)


def bad(bottle: Image.Image, hawk: Image.Image) -> None:
    b, h = (p.resize((160, 90), Image.Resampling.LANCZOS) for p in (bottle, hawk))
    plain, webcam, restart = jpeg(b), avi(jpeg(h, "4:2:2")), jpeg(b, restart_marker_blocks=5)
    segments, scan = take_apart(plain)
    begin = len(plain) - len(scan)

    add("empty", "no byte", b"", "truncated", reader=[])
    add("start-only", "a beginning and nothing else", SOI, "truncated")
    add("start-end", "a beginning and an end", SOI + EOI, "corrupt", camera="whole")
    add("html", "a camera's error page", b"<html><body>503 Service Unavailable</body></html>", "corrupt", reader=[])
    add("zeros", "a buffer that was never written", bytes(6000), "corrupt", reader=[])
    add("ones", "a buffer of ones", b"\xff" * 6000, "corrupt", reader=[])
    add("garbage-before", "garbage before the beginning", b"\x00\x11\xff\x22" * 40 + webcam, "corrupt", reader=["read"])
    add("multipart", "the header of a multipart stream before it",
        b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + plain, "corrupt", reader=["read"])
    add("two-starts", "two beginnings", SOI + plain, "corrupt", reader=["truncated", "read"])
    add("start-inside", "a new frame begins inside of the data", plain[:begin + 900] + webcam, "truncated",
        reader=["truncated", "read"])
    add("no-end", "no end-of-image marker", plain[:-2], "truncated")
    add("half-end", "half an end-of-image marker", plain[:-1], "truncated")
    add("no-data", "the end right behind the scan's header", plain[:begin] + EOI, "truncated")
    add("cut-end", "cut in the middle, and ended", plain[:begin + len(scan) // 2] + EOI, "truncated")
    add("cut-zeros", "cut in the middle, and padded with zeros",
        plain[:begin + len(scan) // 2] + bytes(len(scan) // 2), "truncated")
    add("cut-stale", "cut in the middle, then the end of another frame",
        webcam[:len(webcam) // 2] + plain[-200:], "truncated")
    add("lost-packet", "1,000 bytes lost on the way", plain[:begin + 800] + plain[begin + 1800:], "truncated")
    add("lost-packet-restart", "bytes lost on the way, two restart markers among them",
        interval(restart, lambda p: [*p[:3], *p[5:]]), "read", like="bottle", size=(160, 90), within=12.0)
    add("restart-missing", "a restart marker is not there", interval(restart, lambda p: [*p[:3], p[3][2:], *p[4:]]), "read", like="bottle", size=(160, 90), within=7.0)
    add("restart-order", "two restart intervals in the wrong order",
        interval(restart, lambda p: [*p[:2], p[3], p[2], *p[4:]]), "read", like="bottle", size=(160, 90), within=7.0)
    add("restart-unsaid", "restart markers where none were announced",
        put_together([s for s in take_apart(restart)[0] if s[0] != DRI], take_apart(restart)[1]), "truncated")
    add("wrong-marker", "a marker of tables inside of the data", plain[:begin + 700] + b"\xff\xc4" + plain[begin + 702:],
        "truncated", camera="whole")
    add("more-height", "the header says more rows than there are", changed(plain, 0xC0, at(1, 0, 200)), "truncated")
    add("more-width", "the header says more columns than there are", changed(plain, 0xC0, at(3, 1, 64)), "truncated")
    add("huge", "65535x65535", changed(plain, 0xC0, at(1, 255, 255, 255, 255)), "too-large")
    add("wide-and-short", "65535x1000, as many as are allowed, and data for far fewer",
        changed(plain, 0xC0, at(1, 3, 232, 255, 255)), "truncated")
    add("wide-progressive", "65535x360 in a progressive frame of few bytes",
        changed(jpeg(b, progressive=True), 0xC2, at(1, 1, 104, 255, 255)), "truncated")
    add("no-width", "a width of zero", changed(plain, 0xC0, at(3, 0, 0)), "empty")
    add("no-size", "zero by zero", changed(plain, 0xC0, at(1, 0, 0, 0, 0)), "empty")
    add("no-height", "the height would come after the data", changed(plain, 0xC0, at(1, 0, 0)), "format")
    add("12-bit", "12 bits a sample", changed(recoded(plain, 0xC0, 0xC1), 0xC1, at(0, 12)), "format")
    for name, code in [("lossless", 0xC3), ("differential", 0xC5), ("arithmetic", 0xC9), ("arithmetic-progressive", 0xCA)]:
        add(name, f"frame header {code:x}, which is not read", recoded(plain, 0xC0, code), "format")
    add("two-components", "two components", changed(plain, 0xC0, lambda v: v[:5] + b"\x02" + v[6:12]), "format")
    add("fractions", "chroma of two thirds", changed(plain, 0xC0, lambda v: at(10, 0x21)(at(7, 0x31)(v))), "format")
    add("sampling-0", "a sampling of zero", changed(plain, 0xC0, at(7, 0x02)), "corrupt")
    add("sampling-5", "a sampling of five", changed(plain, 0xC0, at(7, 0x52)), "corrupt")
    add("sampling-44", "a unit of eighteen blocks", changed(plain, 0xC0, at(7, 0x44)), "corrupt")
    add("no-frame", "no frame header", without(plain, 0xC0), "corrupt")
    add("two-frames", "two frame headers", with_first(plain, next(s for s in segments if s[0] == 0xC0)), "corrupt")
    add("no-steps", "no quantisation tables", without(plain, DQT), "corrupt")
    add("no-huffman-2", "tables 2 are used and are not there", changed(without(plain, DHT), SOS, at(2, 0x22)), "corrupt")
    add("other-component", "the scan names a component that the frame has not", changed(plain, SOS, at(3, 77)), "corrupt")
    add("more-codes", "a Huffman table with more codes than fit", changed(plain, DHT, at(1, 3)), "corrupt")
    add("short-huffman", "a Huffman table that breaks off", changed(plain, DHT, lambda v: v[:20]), "corrupt")
    add("short-steps", "a quantisation table that breaks off", changed(plain, DQT, lambda v: v[:30]), "corrupt")
    add("short-frame", "a frame header that breaks off", changed(plain, 0xC0, lambda v: v[:9]), "corrupt")
    place = plain.index(b"\xff\xc4") + 2
    add("length-0", "a segment of length zero", plain[:place] + b"\0\0" + plain[place + 2:], "corrupt")
    add("length-more", "a segment that reaches beyond the end", plain[:place] + b"\xff\xff" + plain[place + 2:], "truncated")
    add("progressive-cut", "a progressive frame cut in its first scan, and ended", progressive_cut(b), "truncated")
    add("end-first", "the end before the data", put_together(segments[:3], EOI), "corrupt")


def progressive_cut(picture: Image.Image) -> bytes:
    data = jpeg(picture, progressive=True)
    segments, scan = take_apart(data)
    return data[:len(data) - len(scan) + 40] + EOI


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bottles", type=Path, help="bottle-detection.mp4")
    parser.add_argument("hawk", type=Path, help="the video of a bird of prey")
    args = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    for old in OUT.iterdir():
        old.unlink()
    bottle, hawk = frame(args.bottles, 12.0), frame(args.hawk, 4.0)
    pictures = {"bottle": bottle, "hawk": hawk, "hawk-mosaic": mosaic(hawk)}
    pictures |= {f"{name}-grey": pictures[name].convert("L").convert("RGB") for name in ("bottle", "hawk")}
    pictures["level"] = Image.new("RGB", (128, 128), (200, 60, 90))
    for name, picture in pictures.items():
        picture.resize((128, 128), Image.Resampling.BILINEAR).save(OUT / f"{name}.png", optimize=True)
    good(bottle, hawk)
    bad(bottle, hawk)
    lines = ["# What each file must lead to; made by ../make.py.\n"]
    for entry in MANIFEST:
        lines.append("\n[[frame]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in entry.items()))
    (OUT / "manifest.toml").write_text("".join(lines))
    total = sum(f.stat().st_size for f in OUT.iterdir())
    print(f"{len(MANIFEST)} frames, {total} bytes")


if __name__ == "__main__":
    main()
