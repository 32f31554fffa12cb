"""The loss of the learned tokens, a few at a time: logits of a large vocabulary are the largest tensor of a step.

Shapes: N tokens, D hidden, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from sqltailor.train.rows.encoding import IGNORE_INDEX

if TYPE_CHECKING:
    from torch import Tensor

MOST_LOGITS = 2**23
"""Logits in memory at once: 32 MB in fp32, small enough to be kept and used again by the allocator."""


def summed_loss(hidden: Tensor, head: Any, labels: Tensor) -> Tensor:
    """Return the sum of the cross-entropies of tokens; `hidden` (N, D), `labels` (N), where -100 does not count.

    The same as of all logits at once. Weights of the head that are trained themselves take the plain path.
    """
    if head.weight.requires_grad or head.bias is not None or type(head) is not torch.nn.Linear:
        return torch.nn.functional.cross_entropy(
            head(hidden).float(), labels, ignore_index=IGNORE_INDEX, reduction="sum"
        )
    return _InPieces.apply(hidden, head.weight, labels)  # type: ignore[no-any-return, no-untyped-call]


class _InPieces(torch.autograd.Function):
    """Computes each piece's gradient with its loss, so that no logits are kept for the backward pass."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        total = torch.zeros((), device=hidden.device)
        gradient = torch.zeros_like(hidden) if hidden.requires_grad else None
        rows = max(MOST_LOGITS // weight.shape[0], 1)
        for start in range(0, len(labels), rows):
            piece, wanted = hidden[start : start + rows], labels[start : start + rows]
            counts = (wanted != IGNORE_INDEX)[:, None]
            wanted = wanted.clamp(min=0)[:, None]
            logits = torch.nn.functional.linear(piece, weight).float()  # (rows, V)
            logs = logits.sub_(logits.logsumexp(-1, keepdim=True))
            total -= (logs.gather(1, wanted) * counts).sum()
            if gradient is not None:
                error = logs.exp_().scatter_add_(1, wanted, -torch.ones_like(counts, dtype=logs.dtype))
                gradient[start : start + rows] = (error * counts).to(weight.dtype) @ weight
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * scale.to(gradient.dtype), None, None
