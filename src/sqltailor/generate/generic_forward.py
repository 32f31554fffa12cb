"""The forward pass of any transformers model for generation: the model's own classes and cache, padding on the left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class AnyState:
    """What a batch has read so far. `seen`: (B, slots) int, 0 where a slot is padding."""

    cache: Any
    seen: Tensor
    positions: Tensor


class AnyEngine:
    """Reads prompts and writes tokens with any causal language model of transformers; shares no prefixes."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.device = model.device

    def start(self, rows: Sequence[Sequence[int]], prefix: None, room: int) -> tuple[AnyState, Tensor]:
        """Read the rows; return the state and the logits (B, V) of each row's next token."""
        import torch

        length = max(len(row) for row in rows)
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        seen = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, length - len(row) :] = torch.tensor(row)
            seen[i, length - len(row) :] = 1
        seen = seen.to(self.device)
        positions = (seen.cumsum(-1) - 1).clamp(min=0)
        out = self.model(
            input_ids=ids.to(self.device), attention_mask=seen, position_ids=positions, use_cache=True, logits_to_keep=1
        )
        return AnyState(out.past_key_values, seen, positions[:, -1:] + 1), out.logits[:, -1].float()

    def step(self, tokens: Tensor, state: AnyState) -> Tensor:
        """Read one more token a row, (B,), and return the logits (B, V) of the next."""
        import torch

        state.seen = torch.cat([state.seen, state.seen.new_ones(len(tokens), 1)], dim=1)
        out = self.model(
            input_ids=tokens[:, None],
            attention_mask=state.seen,
            position_ids=state.positions,
            past_key_values=state.cache,
            use_cache=True,
        )
        state.positions = state.positions + 1
        logits: Tensor = out.logits[:, -1].float()
        return logits

    def extend(self, rows: Sequence[Sequence[int]], state: AnyState) -> Tensor:
        """Read one or more tokens a row, and return the logits (B, V) of each row's next."""
        import torch

        longest = max(len(row) for row in rows)
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=self.device)
        lengths = torch.tensor([len(row) for row in rows], device=self.device)
        steps = torch.arange(longest, device=self.device)
        state.seen = torch.cat([state.seen, (steps < lengths[:, None]).to(state.seen.dtype)], dim=1)
        out = self.model(
            input_ids=ids,
            attention_mask=state.seen,
            position_ids=state.positions + steps,
            past_key_values=state.cache,
            use_cache=True,
        )
        state.positions = state.positions + lengths[:, None]
        last: Tensor = out.logits[torch.arange(len(rows), device=self.device), lengths - 1].float()
        return last

    def drop(self, row: int, count: int, state: AnyState) -> None:
        """Forget the last `count` tokens of a row."""
        seen = state.seen[row].nonzero().flatten()
        state.seen[row, seen[len(seen) - count :]] = 0
        state.positions[row] -= count

    def keep(self, rows: Tensor, state: AnyState) -> AnyState:
        """Return the state of some rows only."""
        state.cache.batch_select_indices(rows)
        return AnyState(state.cache, state.seen[rows], state.positions[rows])
