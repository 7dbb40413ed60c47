"""The network that learns, its average, its optimizers, and one step of them."""
from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

import checkpoint
import device as dev
import muon
from batches import Batch
from convnext import ConvNeXt, Shape
from images import Refused


class Student(nn.Module):
    """The network and, with a teacher of `width` numbers, a linear map from its features to the teacher's."""

    def __init__(self, net: ConvNeXt, width: int | None = None):
        super().__init__()
        self.net = net
        self.echo = nn.Linear(net.shape.widths[-1], width) if width else nn.Identity()

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = self.net.head.embed(self.net.features(x))
        return self.net.head.fc(seen), self.echo(seen)


class Like:
    """A trained network that is asked about every view: its answer and its features are the targets.

    Beyer et al., "Knowledge distillation: a good teacher is patient and consistent" (2022): both
    networks see the very same view, mixed pictures too, for many epochs.
    """

    def __init__(self, net: ConvNeXt, a: argparse.Namespace):
        net = net.to(a.device, memory_format=torch.channels_last).requires_grad_(False)
        self.device, self.run = a.device, dev.Steps(Student(net).eval(), a.device, not a.plain)

    @torch.no_grad()
    def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Probabilities and features, f32."""
        with dev.autocast(self.device):
            logits, seen = self.run(x)
        return logits.float().softmax(1), seen.float()


class Learner:
    """All that a step changes."""

    def __init__(self, shape: Shape, width: int | None, like: ConvNeXt | None, a: argparse.Namespace):
        self.a = a
        torch.manual_seed(dev.seed_of(a.seed, "weights"))
        self.net = ConvNeXt(shape, a.scale, a.drop)
        if a.init:
            checkpoint.load_into(self.net, a.init, fresh_head=True)
        self.net = self.net.to(a.device, memory_format=torch.channels_last)
        self.student = Student(self.net, width).to(a.device).train()
        self.like = Like(like, a) if like else None
        # The averaged weights are what is validated and saved.
        self.mean = ConvNeXt(shape).to(a.device, memory_format=torch.channels_last).eval()
        self.mean.load_state_dict(self.net.state_dict())
        self.optimizers = muon.optimizers(self.student, a.optimizer == "muon", a.lr, a.muon_lr, a.decay)
        self.rates = [[g["lr"] for g in o.param_groups] for o in self.optimizers]
        self.clipped = [p for g in self.optimizers[0].param_groups for p in g["params"]]
        self.run = dev.Steps(self.student, a.device, not a.plain)
        self.loss = torch.zeros((), device=a.device)

    @torch.no_grad()
    def answer(self, x: torch.Tensor) -> torch.Tensor:
        """What the averaged network says of views, a little more certain than it is; probabilities."""
        with dev.autocast(self.a.device):
            logits = self.mean(x)
        return (logits.float() / 0.9).softmax(1)

    def step(self, batch: Batch, factor: float, number: int) -> None:
        """Learns from a batch at `factor` times the full rate."""
        a = self.a
        for optimizer, own in zip(self.optimizers, self.rates):
            for group, lr in zip(optimizer.param_groups, own):
                group["lr"] = lr * factor
        if batch.asked is not None:
            batch.answered(self.answer(batch.asked))
        batch = batch.mixed(a.mixup, a.cutmix)
        # Stochastic depth draws from the global generator.
        torch.manual_seed(dev.seed_of(a.seed, "drop", number))
        with dev.autocast(a.device):
            logits, echo = self.run(batch.x)
        wanted, seen = batch.wanted, None
        if self.like:
            answer, seen = self.like(batch.x)
            wanted = torch.lerp(answer, wanted, a.label)
        loss = -(wanted * F.log_softmax(logits.float(), 1)).sum(1).mean()
        if batch.taught is not None:
            loss = loss - a.teach * (F.normalize(echo.float(), dim=1) * batch.taught).sum(1).mean()
        if seen is not None:
            loss = loss + a.teach * F.mse_loss(echo.float(), seen) / seen.var()
        loss.backward()
        if a.clip > 0:
            nn.utils.clip_grad_norm_(self.clipped, a.clip)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.average(min(a.ema, (number + 1) / (number + 10)))
        # A number fetched at each step would make a GPU wait for the next batch.
        self.loss = torch.lerp(self.loss, loss.detach(), 0.02) if number else loss.detach()
        if number % 50 == 49:
            self.mean_loss()

    @torch.no_grad()
    def average(self, keep: float) -> None:
        slow, fast = list(self.mean.parameters()), list(self.net.parameters())
        torch._foreach_mul_(slow, keep)
        torch._foreach_add_(slow, fast, alpha=1 - keep)

    def mean_loss(self) -> float:
        """The mean over the last steps; one that is no number ends the training before it is saved."""
        now = float(self.loss)
        if not math.isfinite(now):
            raise Refused(f"the mean loss is {now}; lower --lr")
        return now

    def state(self) -> dict:
        self.mean_loss()
        optimizers = [o.state_dict() for o in self.optimizers]
        return dict(student=self.student.state_dict(), mean=self.mean.state_dict(), optimizers=optimizers, loss=self.loss)

    def load(self, state: dict) -> None:
        self.student.load_state_dict(state["student"])
        self.mean.load_state_dict(state["mean"])
        for optimizer, own in zip(self.optimizers, state["optimizers"]):
            optimizer.load_state_dict(own)
        self.loss = state["loss"].to(self.a.device)

    def save_best(self, names: list[str], path: Path) -> None:
        checkpoint.save(self.mean, names, path)
