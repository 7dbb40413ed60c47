"""Tells of a slow matrix product: a reference BLAS computes at a twentieth of OpenBLAS's speed.

PyTorch from PyPI brings a fast one. Debian's python3-torch uses the system's, which is the
reference unless libopenblas0-pthread is installed.
"""
from __future__ import annotations

import sys
from pathlib import Path

FAST = ("openblas", "atlas", "blis", "mkl", "flexiblas")


def reference(maps: str) -> str | None:
    """The path of a reference BLAS among the libraries that /proc/PID/maps lists."""
    paths = {line.split(maxsplit=5)[5] for line in maps.splitlines() if line.count("/")}
    slow = [p for p in sorted(paths) if Path(p).name.startswith("libblas.so") and not any(f in p for f in FAST)]
    return slow[0] if slow else None


def tell_if_slow() -> None:
    """One line on standard error if this process computes with a reference BLAS; call it after the imports."""
    try:
        found = reference(Path("/proc/self/maps").read_text())
    except OSError:
        return
    if found:
        print(
            f"note: matrices are multiplied by the slow reference BLAS ({found}); for twenty times the speed, "
            "apt-get install libopenblas0-pthread (or your distribution's OpenBLAS)",
            file=sys.stderr,
            flush=True,
        )
