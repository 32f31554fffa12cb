"""A fast twin of the Llama block for training from scratch, and its translation to and from the Llama layout.

B batch, T tokens, D hidden size, H heads, V vocabulary. The twin gives the same logits as
`transformers.LlamaForCausalLM` with the same weights (a test holds that); it differs in speed: one product for
query, key and value, one for gate and up, and on a CPU attention as two batched products, since the backward pass
of `scaled_dot_product_attention` there took 40 % of a step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Size(NamedTuple):
    """Shape of the model; the default is nano's, with 6.4 M parameters."""

    hidden: int = 256
    layers: int = 6
    heads: int = 4
    feed_forward: int = 704
    vocabulary: int = 6144
    max_length: int = 1024


class Block(nn.Module):
    """One Llama layer: attention with rotary positions, then a gated feed-forward, each behind an RMS norm."""

    def __init__(self, size: Size, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = size.heads, dropout
        d, f = size.hidden, size.feed_forward
        self.norm1, self.norm2 = nn.Parameter(torch.ones(d)), nn.Parameter(torch.ones(d))
        self.qkv, self.out = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d, bias=False)
        self.gate_up, self.down = nn.Linear(d, 2 * f, bias=False), nn.Linear(f, d, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, bias: Tensor | None) -> Tensor:  # (B, T, D)
        b, t, d = x.shape
        h = F.rms_norm(x, (d,), self.norm1.to(x.dtype), 1e-6)
        q, k, v = self.qkv(h).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)  # (B, H, T, D/H)
        q, k = _rotate(q, cos, sin), _rotate(k, cos, sin)
        x = x + self._drop(self.out(_attend(q, k, v, bias).transpose(1, 2).reshape(b, t, d)))
        gate, up = self.gate_up(F.rms_norm(x, (d,), self.norm2.to(x.dtype), 1e-6)).chunk(2, -1)
        return x + self._drop(self.down(F.silu(gate) * up))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


def _attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:  # (B, H, T, D/H) → same
    if q.device.type == "cuda":
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, is_causal=bias is None)
    if bias is None:
        t = q.shape[2]
        bias = torch.full((t, t), float("-inf"), dtype=q.dtype, device=q.device).triu(1)
    weights = (q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5 + bias
    return weights.softmax(-1) @ v


class _Product(torch.autograd.Function):
    """A sparse matrix of constants times a dense one; the transpose is kept, since autograd would make it anew."""

    @staticmethod
    def forward(ctx: Any, sparse: Tensor, transposed: Tensor, dense: Tensor) -> Tensor:
        ctx.transposed = transposed
        return sparse @ dense

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transposed @ grads[0]


class Twin(nn.Module):
    """The whole model, input and output embedding tied; `forward` gives the last hidden states (B, T, D).

    `subwords` (V, parts), sparse: what tokens are spelled with. While it trains, a token's embedding is its own plus
    those of its parts, so that ` Team`, `team` and `teams` are learned together; `table` gives the sums.
    """

    def __init__(self, size: Size, dropout: float = 0.0, subwords: Tensor | None = None) -> None:
        super().__init__()
        self.size = size
        self.embedding = nn.Embedding(size.vocabulary, size.hidden)
        if subwords is not None:
            self.part_embedding = nn.Parameter(torch.zeros(subwords.shape[1], size.hidden))
            self.register_buffer("subwords", subwords.to_sparse_csr(), persistent=False)
            self.register_buffer("subwords_t", subwords.T.coalesce().to_sparse_csr(), persistent=False)
        self.blocks = nn.ModuleList(Block(size, dropout) for _ in range(size.layers))
        self.norm = nn.Parameter(torch.ones(size.hidden))
        nn.init.normal_(self.embedding.weight, std=0.02)
        for name, p in self.named_parameters():
            if p.ndim == 2 and "embedding" not in name:
                # what is added to the residual stream begins small
                nn.init.normal_(
                    p, std=0.02 / (2 * size.layers) ** 0.5 if name.endswith(("out.weight", "down.weight")) else 0.02
                )
        width = size.hidden // size.heads
        angles = torch.outer(torch.arange(float(size.max_length)), 10000 ** -(torch.arange(0, width, 2) / width))
        angles = torch.cat((angles, angles), -1)  # (max_length, D/H)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def table(self) -> Tensor:
        """Return the embedding of each token (V, D)."""
        if not hasattr(self, "part_embedding"):
            return self.embedding.weight
        return self.embedding.weight + _Product.apply(self.subwords, self.subwords_t, self.part_embedding)

    def forward(
        self, ids: Tensor, table: Tensor, position: Tensor | None = None, visible: Tensor | None = None
    ) -> Tensor:
        """Return the last hidden states; `position` (B, T) and `visible` (B, 1, T, T) where not plainly causal."""
        x = F.embedding(ids, table)
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))
        cos, sin = self.cos.to(x.dtype), self.sin.to(x.dtype)
        cos, sin = (c[: ids.shape[1]] if position is None else c[position][:, None] for c in (cos, sin))
        bias = None if visible is None else torch.zeros_like(visible, dtype=x.dtype).masked_fill_(~visible, -1e4)
        for block in self.blocks:
            x = block(x, cos, sin, bias)
        return F.rms_norm(x, (self.size.hidden,), self.norm.to(x.dtype), 1e-6)


def logits(hidden: Tensor, table: Tensor) -> Tensor:  # (…, D), (V, D) → (…, V)
    """Return the logits of hidden states."""
    return hidden @ table.to(hidden.dtype).T


def to_llama(net: Twin) -> dict[str, Tensor]:
    """Return the twin's weights under the names that `LlamaForCausalLM` uses."""
    state = net.state_dict()
    out = {"model.embed_tokens.weight": net.table().detach(), "model.norm.weight": state["norm"]}
    for i in range(net.size.layers):
        mine, theirs = f"blocks.{i}.", f"model.layers.{i}."
        for name, part in zip("qkv", state[mine + "qkv.weight"].chunk(3), strict=True):
            out[f"{theirs}self_attn.{name}_proj.weight"] = part
        gate, up = state[mine + "gate_up.weight"].chunk(2)
        out[theirs + "mlp.gate_proj.weight"], out[theirs + "mlp.up_proj.weight"] = gate, up
        out[theirs + "mlp.down_proj.weight"] = state[mine + "down.weight"]
        out[theirs + "self_attn.o_proj.weight"] = state[mine + "out.weight"]
        out[theirs + "input_layernorm.weight"] = state[mine + "norm1"]
        out[theirs + "post_attention_layernorm.weight"] = state[mine + "norm2"]
    return {k: v.contiguous() for k, v in out.items()}


def llama_config(size: Size) -> dict[str, object]:
    """Return the `config.json` of the saved model."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.heads,
        "head_dim": size.hidden // size.heads,
        "intermediate_size": size.feed_forward,
        "vocab_size": size.vocabulary,
        "max_position_embeddings": size.max_length,
        "rope_theta": 10000.0,
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": None,
        "eos_token_id": 1,
        "pad_token_id": 0,
        "dtype": "bfloat16",
    }
