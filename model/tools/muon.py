"""Muon for matrices and AdamW for everything else.

Muon (Jordan et al., 2024) takes the momentum of a matrix to its nearest orthogonal matrix
by a Newton-Schulz iteration, so that every direction of the matrix learns at one rate. On
short trainings of ConvNeXt from scratch this reaches an accuracy sooner than AdamW alone.
"""
from __future__ import annotations

import torch

# The quintic's coefficients of Jordan et al.: steep at zero, within 0.7 to 1.2 after five turns.
QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonal(g: torch.Tensor, turns: int = 5) -> torch.Tensor:
    """The orthogonal factor of each matrix of a stack [B, m, n], to within Muon's tolerance, in bf16."""
    a, b, c = QUINTIC
    tall = g.shape[1] > g.shape[2]
    x = (g.transpose(1, 2) if tall else g).bfloat16().contiguous()
    x /= x.float().norm(dim=(1, 2), keepdim=True).to(x.dtype) + 1e-7
    for _ in range(turns):
        s = torch.bmm(x, x.transpose(1, 2))
        x = torch.baddbmm(x, torch.baddbmm(s, s, s, beta=b, alpha=c), x, beta=a)
    return x.transpose(1, 2) if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum 0.95, Nesterov, decoupled weight decay; parameters of four axes count as [out, rest].

    Matrices of one shape are taken together, so that a GPU has few and large steps.
    """

    def __init__(self, parameters, lr: float, weight_decay: float, momentum: float = 0.95):
        super().__init__(parameters, dict(lr=lr, weight_decay=weight_decay, momentum=momentum))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            alike: dict[tuple[int, int], list] = {}
            for p in group["params"]:
                if p.grad is not None:
                    alike.setdefault((len(p), p.numel() // len(p)), []).append(p)
            for shape, parameters in alike.items():
                self.update(group, shape, parameters)

    def update(self, group: dict, shape: tuple[int, int], parameters: list) -> None:
        """One step of matrices of one shape."""
        towards = []
        for p in parameters:
            state = self.state[p]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(p)
            buffer = state["momentum"]
            buffer.lerp_(p.grad, 1 - group["momentum"])
            towards.append(p.grad.lerp(buffer, group["momentum"]).reshape(shape))
        scale = -group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
        for p, direction in zip(parameters, orthogonal(torch.stack(towards))):
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.add_(direction.reshape(p.shape).to(p.dtype), alpha=scale)


def optimizers(model: torch.nn.Module, muon: bool, lr: float, muon_lr: float, decay: float) -> list:
    """The optimizers of a ConvNeXt and its extra heads: matrices to Muon if asked, the rest to AdamW."""
    matrices, decayed, plain = [], [], []
    for name, p in model.named_parameters():
        hidden = ".fc1.weight" in name or ".fc2.weight" in name or ".down.conv.weight" in name
        (matrices if hidden and muon else decayed if p.ndim > 1 else plain).append(p)
    groups = [dict(params=decayed, weight_decay=decay), dict(params=plain, weight_decay=0.0)]
    made = [torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98))]
    if matrices:
        made.append(Muon(matrices, lr=muon_lr, weight_decay=decay))
    return made
