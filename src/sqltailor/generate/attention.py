"""Attention of a batch whose rows may share a prefix: its state, and the computation.

Shapes: B rows, T new tokens, P tokens of the shared prefix, S slots of a row's own tokens, H query heads, G key-value
heads, D size of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class Prefix(NamedTuple):
    """The cached beginning of some prompts: its token ids, keys and values, the latter (layers, G, P, D)."""

    ids: tuple[int, ...]
    keys: Tensor
    values: Tensor

    def cut(self, tokens: int) -> Prefix:
        return Prefix(self.ids[:tokens], self.keys[:, :, :tokens], self.values[:, :, :tokens])


@dataclass
class State:
    """What a batch has read so far. `keys`, `values`: (layers, B, G, S, D), of which `used` slots are filled.

    Prompts are padded on the right; the slots between a prompt's end and the longest prompt's end are `gaps`,
    (B, 1, 1, S) bool, True where a row may look.
    """

    prefix: Prefix | None
    keys: Tensor
    values: Tensor
    used: int
    positions: Tensor
    gaps: Tensor | None

    def grow(self, slots: int) -> None:
        """Make room for more tokens."""
        from torch.nn.functional import pad

        self.keys, self.values = pad(self.keys, (0, 0, 0, slots)), pad(self.values, (0, 0, 0, slots))


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return x (B, T, heads, D) turned by its position, as in RoPE (Su et al. 2021, §3.4.2)."""
    import torch

    first, second = x.chunk(2, dim=-1)
    return (x * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)


def attend(
    q: Tensor, keys: Tensor, values: Tensor, prefix: tuple[Tensor, Tensor] | None, mask: Tensor | None
) -> Tensor:
    """Return the attention of q (B, H, T, D) to a row's own keys (B, G, S, D) and to the prefix's (G, P, D)."""
    import torch
    from torch.nn.functional import pad, scaled_dot_product_attention

    rows, heads, tokens, size = q.shape
    groups = keys.shape[1]
    if prefix is None:
        causal = mask is None and tokens > 1
        return scaled_dot_product_attention(
            q, keys, values, attn_mask=mask, is_causal=causal, enable_gqa=heads != groups
        )
    length = prefix[0].shape[1]
    if tokens > 1:
        keys, values = (
            torch.cat([shared.expand(rows, -1, -1, -1), own], dim=2)
            for shared, own in zip(prefix, (keys, values), strict=True)
        )
        mask = None if mask is None else pad(mask, (length, 0), value=True)
        return scaled_dot_product_attention(q, keys, values, attn_mask=mask, enable_gqa=heads != groups)
    # one token a row: the rows are the queries of one product with the shared keys
    q = q.view(rows, groups, -1, size) * size**-0.5  # (B, G, H/G, D)
    together = q.transpose(0, 1).reshape(groups, -1, size)  # (G, B * H/G, D)
    to_prefix = (together @ prefix[0].transpose(1, 2)).view(groups, rows, -1, length).transpose(0, 1)
    to_own = q @ keys.transpose(2, 3)  # (B, G, H/G, S)
    if mask is not None:
        to_own = to_own.masked_fill(~mask, torch.finfo(q.dtype).min)
    weights = torch.cat([to_prefix, to_own], dim=-1).float().softmax(-1).to(q.dtype)
    of_prefix, of_own = weights[..., :length], weights[..., length:]
    shared = (of_prefix.transpose(0, 1).reshape(groups, -1, length) @ prefix[1]).view(groups, rows, -1, size)
    return torch.add(shared.transpose(0, 1), of_own @ values).reshape(rows, heads, 1, size)
