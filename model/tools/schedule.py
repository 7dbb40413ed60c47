"""Stages of growing resolution, and the learning rate over a training."""
from __future__ import annotations

import time
from dataclasses import dataclass

from images import Refused


@dataclass(frozen=True)
class Stage:
    """So many epochs at one size; a batch of its own if it is not 0."""

    side: int
    epochs: float
    batch: int = 0


def stages(text: str) -> list[Stage]:
    """Reads SIZE:EPOCHS[:BATCH],..."""
    out = []
    for part in text.split(","):
        fields = part.split(":")
        try:
            out.append(Stage(int(fields[0]), float(fields[1]), *map(int, fields[2:3])))
        except (IndexError, ValueError):
            raise Refused(f"stage {part!r} is not SIZE:EPOCHS or SIZE:EPOCHS:BATCH, such as 64:30:768") from None
        if out[-1].side % 32 or out[-1].side <= 0 or out[-1].batch < 0:
            raise Refused(f"stage {part!r}: take a size that 32 divides, such as 64, 96 or 128, and a batch of 1 or more")
    return out


@dataclass(frozen=True)
class Planned:
    """One stage in steps."""

    side: int
    batch: int
    steps: int


def plan(wanted: list[Stage], images: int, batch: int) -> list[Planned]:
    """The stages in steps of their batches, over `images` an epoch."""
    out = []
    for stage in wanted:
        own = stage.batch or batch
        out.append(Planned(stage.side, own, max(1, round(stage.epochs * images / own))))
    return out


def rate(done: float, warm: float, fall: float = 0.6) -> float:
    """Warm-up, a plateau, and a linear fall to zero over the last `fall`; all are shares of the whole."""
    return min(1.0, (done + 1e-9) / max(warm, 1e-9)) * min(1.0, max(0.0, 1 - done) / fall)


class Progress:
    """The share of a training that is done: counted in work, or in seconds where it has a budget of time.

    With a budget the schedule depends on the machine's speed, and a repeated training differs.
    """

    def __init__(self, total: float, budget: float | None = None):
        self.total, self.budget = total, budget
        self.step, self.work, self.spent = 0, 0.0, 0.0
        self.clock = time.monotonic()

    @property
    def done(self) -> float:
        return self.work / self.total

    def advance(self, work: float) -> None:
        """One step of this much work has ended."""
        now = time.monotonic()
        passed, self.clock = now - self.clock, now
        self.step += 1
        self.spent += passed
        self.work += passed / self.budget * self.total if self.budget else work

    def state(self) -> dict:
        return dict(step=self.step, work=self.work, spent=self.spent)

    def load(self, state: dict) -> None:
        self.step, self.work, self.spent = state["step"], state["work"], state["spent"]
        self.clock = time.monotonic()
