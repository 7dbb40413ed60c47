"""Pairs of replays with and without --report. benches/report/run calls this."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

frames, pairs = int(sys.argv[1]), int(sys.argv[2])
program = Path("target/release/goldcrest")
bottles = sorted(Path("tests/recordings/bottles").glob("*.jpg"))


def seconds(arguments):
    """User and system seconds of a run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([program, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


with tempfile.TemporaryDirectory() as folder:
    film, page = Path(folder) / "film.mjpeg", Path(folder) / "film.html"
    pictures = [path.read_bytes() for path in bottles]
    with open(film, "wb") as out:
        for number in range(frames):
            out.write(pictures[number % len(pictures)])
    plain = ["replay", film, "--head", "tests/recordings/bottles.head"]
    ratios = []
    for pair in range(pairs):
        runs = {"with": [*plain, "--report", page], "without": plain}
        order = ["with", "without"] if pair % 2 else ["without", "with"]
        took = {name: seconds(runs[name]) for name in order}
        ratios.append(took["with"] / took["without"])
        print(f"without {took['without']:8.2f} s   with {took['with']:8.2f} s   {100 * (ratios[-1] - 1):+5.2f} %", flush=True)
    print(f"{frames} frames, median of {pairs} pairs: {100 * (statistics.median(ratios) - 1):+.2f} % of CPU time")
    print(f"page: {os.path.getsize(page) / 1e6:.2f} MB")
