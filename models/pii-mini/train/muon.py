"""Muon (https://kellerjordan.github.io/posts/muon): momentum whose direction is made orthogonal, for the matrices of the blocks.

As torch.optim.Muon with `adjust_lr_fn="match_rms_adamw"`, but matrices of one shape step together: on a GPU a small model's step
is otherwise mostly the launching of its many kernels.
"""

from collections import defaultdict

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5


def orthogonal(g: torch.Tensor) -> torch.Tensor:
    """Newton-Schulz: the nearest matrices with all singular values near 1, of g [n, rows, columns]."""
    a, b, c = COEFFICIENTS
    wide = g.shape[1] <= g.shape[2]
    x = g.bfloat16() if wide else g.bfloat16().mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(STEPS):
        y = x @ x.mT
        x = a * x + (b * y + c * y @ y) @ x
    return (x if wide else x.mT).to(g.dtype)


class Muon(torch.optim.Optimizer):
    """`lr` may be a tensor, so that a recorded step can be given another."""

    def __init__(self, matrices: list[torch.Tensor], lr: float | torch.Tensor, momentum: float = 0.95, weight_decay: float = 0.0):
        shapes: dict[torch.Size, list[torch.Tensor]] = defaultdict(list)
        for matrix in matrices:
            shapes[matrix.shape].append(matrix)
        super().__init__([{"params": same} for same in shapes.values()], {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            params, lr, beta = group["params"], group["lr"], group["momentum"]
            gradient = torch.stack([p.grad for p in params])
            momentum = self.state[params[0]].setdefault("momentum", torch.zeros_like(gradient))
            momentum.lerp_(gradient, 1 - beta)
            update = orthogonal(gradient.lerp(momentum, beta))  # Nesterov
            update *= lr * 0.2 * max(gradient.shape[1:]) ** 0.5
            torch._foreach_mul_(params, 1 - lr * group["weight_decay"])
            torch._foreach_sub_(params, list(update.unbind()))
