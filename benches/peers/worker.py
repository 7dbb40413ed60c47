"""A peer as a process: told over a pipe how often to run, watched from outside for its CPU time and its memory."""
from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path


class Failed(Exception):
    """A peer that cannot run, with the last line that it said."""


@dataclass(frozen=True)
class Peer:
    """What is run: a runtime with a model."""

    name: str
    model: str
    command: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)


class Worker:
    """A started peer. `cpus` is what taskset takes; None leaves it free."""

    def __init__(self, peer: Peer, cpus: str | None = None):
        pinned = ["taskset", "-c", cpus] if cpus else []
        self.said = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*pinned, *peer.command],
            env=os.environ | peer.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            text=True,
        )

    def run(self, count: int) -> list[float]:
        """Milliseconds of each of `count` inferences."""
        try:
            self.process.stdin.write(f"{count}\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            self.process.wait()
            self.said.seek(0)
            lines = self.said.read().strip().splitlines() or [f"ended with {self.process.returncode}"]
            raise Failed(lines[-1][:160]) from None

    def cpu_ms(self) -> float:
        """Milliseconds that its threads have run. Exact while it waits for a line; spinning counts."""
        time.sleep(0.005)
        total = 0.0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0]) / 1e6
        return total

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.said.close()


def kib(pid: int, name: str) -> int:
    """A field of /proc/PID/status; 0 once the process has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name}:")), 0)


class Memory:
    """Peak resident and peak anonymous memory of a process in MiB, sampled every 10 ms until `stop`."""

    def __init__(self, pid: int):
        self.resident = self.anonymous = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._sample, args=(pid,))
        self.thread.start()

    def _sample(self, pid: int) -> None:
        while True:
            self.resident = max(self.resident, kib(pid, "VmHWM"))
            self.anonymous = max(self.anonymous, kib(pid, "RssAnon"))
            if self.ended.wait(0.01):
                return

    def stop(self) -> tuple[float, float]:
        self.ended.set()
        self.thread.join()
        return self.resident / 1024, self.anonymous / 1024
