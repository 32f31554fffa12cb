"""The forward pass of Llama-like models for generation: fewer, larger operations than the general classes.

Rows of a batch may share a prefix (the schema of one database), whose keys and values are computed once and held
once. Tests hold the logits equal to those of transformers' own classes.

Shapes: as in `attention`, and V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.generate.attention import Prefix, State, attend, rotated
from sqltailor.generate.packed_linear import FUSE_LIMIT, linear

if TYPE_CHECKING:
    from torch import Tensor

FAMILIES = ("llama", "mistral", "qwen2", "qwen3")
GROWTH = 64
"""Slots added at a time to the keys and values of written tokens."""


class Layer(NamedTuple):
    """One decoder layer as functions. `qkv` and `gate_up` are fused where the weights allow it."""

    norm_in: Tensor
    qkv: Callable[[Tensor], Tensor]
    norm_q: Tensor | None
    norm_k: Tensor | None
    out: Callable[[Tensor], Tensor]
    norm_mlp: Tensor
    gate_up: Callable[[Tensor], Tensor]
    down: Callable[[Tensor], Tensor]


class LlamaEngine:
    """Reads prompts and writes tokens with a model of `FAMILIES`; adapters and quantised layers are called as is."""

    def __init__(self, model: Any) -> None:
        import torch

        config = model.config
        self.model = model
        self.device = model.device
        self.heads, self.groups = config.num_attention_heads, config.num_key_value_heads
        self.head_size = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.epsilon = config.rms_norm_eps
        # attention on a CPU is several times faster, and no less exact, in fp32 than in bf16
        self.cache_dtype = torch.float32 if self.device.type == "cpu" else model.dtype
        fuse = model.num_parameters() < FUSE_LIMIT
        self.layers = [self._layer(layer, fuse) for layer in model.model.layers]
        self.head = linear([model.lm_head], fuse=fuse)
        self.norm = model.model.norm.weight
        self.cos, self.sin = self._rotations(1024)

    @staticmethod
    def supports(model: Any) -> bool:
        """Say whether this class computes the same as the model's own forward pass."""
        config = model.config
        rope = getattr(config, "rope_parameters", None) or {}
        return (
            config.model_type in FAMILIES
            and getattr(config, "hidden_act", "") == "silu"
            and getattr(config, "sliding_window", None) is None
            and set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
            and rope.get("rope_type", "default") in ("default", "linear", "llama3", "yarn")
        )

    def _layer(self, layer: Any, fuse: bool) -> Layer:
        attention, mlp = layer.self_attn, layer.mlp
        return Layer(
            layer.input_layernorm.weight,
            linear([attention.q_proj, attention.k_proj, attention.v_proj], fuse=fuse),
            attention.q_norm.weight if hasattr(attention, "q_norm") else None,
            attention.k_norm.weight if hasattr(attention, "k_norm") else None,
            linear([attention.o_proj], fuse=fuse),
            layer.post_attention_layernorm.weight,
            linear([mlp.gate_proj, mlp.up_proj], fuse=fuse),
            linear([mlp.down_proj], fuse=fuse),
        )

    def _rotations(self, length: int) -> tuple[Tensor, Tensor]:
        """Return cosine and sine of each position's rotation, (length, D)."""
        import torch

        positions = torch.arange(length, device=self.device)[None]
        probe = torch.zeros(1, dtype=self.cache_dtype, device=self.device)
        cos, sin = self.model.model.rotary_emb(probe, positions)  # (1, length, D)
        return cos[0], sin[0]

    def start(self, rows: Sequence[Sequence[int]], prefix: Prefix | None, room: int) -> tuple[State, Tensor]:
        """Read what follows the prefix in each row; return the state and the logits (B, V) of each row's next token.

        `room`: tokens that will be written after it.
        """
        import torch

        length = max(len(row) for row in rows)
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
        lengths = torch.tensor([len(row) for row in rows])
        slots = torch.arange(length + room)
        gaps = (slots < lengths[:, None]) | (slots >= length)  # (B, S)
        shape = (len(self.layers), len(rows), self.groups, length, self.head_size)
        longest = length + room + (len(prefix.ids) if prefix else 0)
        if longest > len(self.cos):
            self.cos, self.sin = self._rotations(2 * longest)
        state = State(
            prefix,
            torch.empty(shape, dtype=self.cache_dtype, device=self.device),
            torch.empty(shape, dtype=self.cache_dtype, device=self.device),
            0,
            torch.full((len(rows),), len(prefix.ids) if prefix else 0, device=self.device),
            None if bool(gaps.all()) else gaps[:, None, None].to(self.device),
        )
        lengths = lengths.to(self.device)
        hidden = self._forward(ids.to(self.device), state)  # (B, T, hidden)
        state.positions += lengths
        last = hidden[torch.arange(len(rows), device=self.device), lengths - 1]
        return state, self._logits(last)

    def step(self, tokens: Tensor, state: State) -> Tensor:
        """Read one more token a row, (B,), and return the logits (B, V) of the next."""
        hidden = self._forward(tokens[:, None], state)
        state.positions += 1
        return self._logits(hidden[:, -1])

    def extend(self, rows: Sequence[Sequence[int]], state: State) -> Tensor:
        """Read one or more tokens a row, and return the logits (B, V) of each row's next."""
        import torch
        from torch.nn.functional import pad

        longest = max(len(row) for row in rows)
        if longest == min(len(row) for row in rows) == 1:
            return self.step(torch.tensor([row[0] for row in rows], device=self.device), state)
        ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=self.device)
        lengths = torch.tensor([len(row) for row in rows], device=self.device)
        begin = state.used
        hidden = self._forward(ids, state)
        state.positions += lengths
        gaps = self._gaps(state)
        gaps = pad(gaps, (0, max(0, state.used - gaps.shape[-1])), value=True)
        gaps[:, 0, 0, begin : state.used] = torch.arange(longest, device=self.device) < lengths[:, None]
        state.gaps = gaps
        return self._logits(hidden[torch.arange(len(rows), device=self.device), lengths - 1])

    def drop(self, row: int, count: int, state: State) -> None:
        """Forget the last `count` tokens of a row."""
        gaps = self._gaps(state)
        seen = gaps[row, 0, 0, : state.used].nonzero().flatten()
        gaps[row, 0, 0, seen[len(seen) - count :]] = False
        state.gaps = gaps
        state.positions[row] -= count

    def _gaps(self, state: State) -> Tensor:
        """Return which own slots each row may look at, (B, 1, 1, S), all of them where nothing else is noted."""
        import torch

        if state.gaps is None:
            return torch.ones(len(state.positions), 1, 1, state.keys.shape[3], dtype=torch.bool, device=self.device)
        return state.gaps

    def keep(self, rows: Tensor, state: State) -> State:
        """Return the state of some rows only."""
        keys, values = state.keys[:, rows], state.values[:, rows]
        gaps = None if state.gaps is None else state.gaps[rows]
        return State(state.prefix, keys, values, state.used, state.positions[rows], gaps)

    def read(self, ids: Sequence[int], prefix: Prefix | None) -> Prefix:
        """Read `ids` after a prefix, and return both as one prefix."""
        import torch

        state = self.start([ids], prefix, 0)[0]
        keys, values = state.keys[:, 0], state.values[:, 0]
        if prefix is not None:
            keys = torch.cat([prefix.keys, keys], dim=2)
            values = torch.cat([prefix.values, values], dim=2)
        return Prefix((*(prefix.ids if prefix else ()), *ids), keys, values)

    def empty(self, tokens: int) -> Tensor:
        """Return a tensor like the keys of a prefix, (layers, G, tokens, D), without values or memory."""
        import torch

        shape = (len(self.layers), self.groups, tokens, self.head_size)
        return torch.empty(1, dtype=self.cache_dtype, device=self.device).expand(shape)

    def _logits(self, hidden: Tensor) -> Tensor:
        return self.head(self._normed(hidden, self.norm)).float()

    def _normed(self, x: Tensor, weight: Tensor) -> Tensor:
        wide = x.float()
        scale = wide.square().mean(-1, keepdim=True).add_(self.epsilon).rsqrt_()
        return weight * (wide * scale).to(weight.dtype)

    def _forward(self, ids: Tensor, state: State) -> Tensor:
        import torch

        rows, tokens = ids.shape
        x: Tensor = self.model.model.embed_tokens(ids)  # (B, T, hidden)
        at = (state.positions[:, None] + torch.arange(tokens, device=self.device)).clamp(max=len(self.cos) - 1)
        cos, sin = self.cos[at][:, :, None], self.sin[at][:, :, None]  # (B, T, 1, D)
        mask = self._mask(tokens, state)
        end = state.used + tokens
        if end > state.keys.shape[3]:
            state.grow(GROWTH)
        for number, layer in enumerate(self.layers):
            qkv = layer.qkv(self._normed(x, layer.norm_in)).view(rows, tokens, -1, self.head_size).to(self.cache_dtype)
            q, k, v = qkv.tensor_split((self.heads, self.heads + self.groups), dim=2)  # (B, T, H or G, D)
            if layer.norm_q is not None and layer.norm_k is not None:
                q, k = self._normed(q, layer.norm_q), self._normed(k, layer.norm_k)
            keys, values = state.keys[number, :, :, :end], state.values[number, :, :, :end]
            keys[:, :, state.used :] = rotated(k, cos, sin).transpose(1, 2)
            values[:, :, state.used :] = v.transpose(1, 2)
            prefix = None if state.prefix is None else (state.prefix.keys[number], state.prefix.values[number])
            seen = attend(rotated(q, cos, sin).transpose(1, 2), keys, values, prefix, mask)  # (B, H, T, D)
            x = x + layer.out(seen.transpose(1, 2).reshape(rows, tokens, -1).to(x.dtype))
            gate, up = layer.gate_up(self._normed(x, layer.norm_mlp)).chunk(2, dim=-1)
            x = x + layer.down(torch.nn.functional.silu(gate) * up)
        state.used = end
        return x

    def _mask(self, tokens: int, state: State) -> Tensor | None:
        """Return which own slots a query may see, broadcast to (B, 1, T, S); None: all that lie before it."""
        import torch

        end = state.used + tokens
        gaps = state.gaps
        if gaps is not None and gaps.shape[-1] < end:
            gaps = state.gaps = torch.nn.functional.pad(gaps, (0, end - gaps.shape[-1]), value=True)
        if tokens == 1:
            return None if gaps is None else gaps[..., :end]
        if state.used == 0 and state.prefix is None:
            return None
        # padding lies to the right of what is read now: causality hides it
        causal = torch.ones(tokens, end, dtype=torch.bool, device=self.device).tril(state.used)[None, None]
        return causal if gaps is None or state.used == 0 else causal & gaps[..., :end]
