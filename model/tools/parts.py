"""The finished parts of an interrupted run, from which the same command resumes.

Parts are kept in the user's cache, or in `room` where they are large, in a folder named by a hash of
everything that the run depends on: its inputs, its settings and the tools themselves. A run that
completes removes its folder.
"""
from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

import numpy as np


class Parts:
    """Named groups of arrays of one run."""

    def __init__(self, tool: str, *made_of: bytes | str, room: Path | None = None):
        digest = hashlib.sha256()
        for source in sorted(Path(__file__).parent.glob("*.py")):
            digest.update(source.read_bytes())
        for item in made_of:
            digest.update(hashlib.sha256(item.encode() if isinstance(item, str) else item).digest())
        if room is None:
            room = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "goldcrest", "parts")
        self.folder = room / f"{tool}-{digest.hexdigest()[:16]}"
        if found := len(list(self.folder.glob("*.npz"))):
            print(f"going on from {found} parts in {self.folder}", file=sys.stderr, flush=True)

    def get(self, name: str) -> dict[str, np.ndarray] | None:
        """The arrays that were put under this name, or None."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            return None
        with np.load(path) as found:
            return dict(found)

    def has(self, name: str) -> bool:
        return (self.folder / f"{name}.npz").exists()

    def put(self, name: str, **arrays) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.{os.getpid()}.part"
        with open(path, "wb") as file:
            np.savez(file, **arrays)
        path.rename(self.folder / f"{name}.npz")

    def done(self) -> None:
        """Forgets all parts."""
        shutil.rmtree(self.folder, ignore_errors=True)
