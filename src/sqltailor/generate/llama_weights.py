"""Weights of a Llama-like model for asking only, without the classes of transformers: seconds less before an answer.

Holds what `LlamaEngine` reads of a model, by the same names. Anything out of the ordinary is left to transformers.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sqltailor.generate.llama_forward import FAMILIES, LlamaEngine

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class LeanModel:
    """A model on the CPU that answers and cannot be trained."""

    def __init__(self, config: Any, weights: dict[str, Tensor], generation: Any) -> None:
        import torch

        self.config, self.generation_config = config, generation
        self.device = torch.device("cpu")
        embedding = weights["model.embed_tokens.weight"]
        self.dtype = embedding.dtype
        self._count = sum(weight.numel() for weight in weights.values())
        head = embedding if config.tie_word_embeddings else weights["lm_head.weight"]
        self.lm_head = linear_of(head, None)
        self.model = SimpleNamespace(
            embed_tokens=lambda ids: torch.nn.functional.embedding(ids, embedding),
            layers=[_layer(weights, f"model.layers.{number}.") for number in range(config.num_hidden_layers)],
            norm=SimpleNamespace(weight=weights["model.norm.weight"]),
            rotary_emb=self._rotations,
        )

    def num_parameters(self) -> int:
        """Return how many numbers the weights have."""
        return self._count

    def get_output_embeddings(self) -> Any:
        """Return what turns hidden states into logits."""
        return self.lm_head

    def _rotations(self, probe: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosine and sine, (1, T, D), of rotary embedding (Su et al. 2021, eq. 15) without scaling."""
        import torch

        config = self.config
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        frequencies = 1.0 / config.rope_parameters["rope_theta"] ** (torch.arange(0, size, 2).float() / size)
        angles = positions[..., None].float() * frequencies
        angles = torch.cat([angles, angles], dim=-1)
        return angles.cos().to(probe.dtype), angles.sin().to(probe.dtype)


def linear_of(weight: Tensor, bias: Tensor | None) -> Any:
    """Return a linear module around a weight, without a copy."""
    import torch

    module = torch.nn.Linear(1, 1, bias=bias is not None, device="meta")
    module.out_features, module.in_features = weight.shape
    module.weight = torch.nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        module.bias = torch.nn.Parameter(bias, requires_grad=False)
    return module


def open_lean(folder: str | Path, dtype: torch.dtype) -> LeanModel | None:
    """Return the model of a folder that holds dense weights in one file; None where it is not of the ordinary kind."""
    from safetensors.torch import load_file
    from transformers import AutoConfig, GenerationConfig

    path = Path(folder)
    file = path / "model.safetensors"
    if not file.is_file() or not (path / "config.json").is_file():
        return None
    described = json.loads((path / "config.json").read_text(encoding="utf-8"))
    if described.get("model_type") not in FAMILIES or "quantization_config" in described:
        return None
    config = AutoConfig.from_pretrained(folder)
    rope = getattr(config, "rope_parameters", None) or {}
    is_plain = rope.get("rope_type", "default") == "default" and "rope_theta" in rope
    if not is_plain or not LlamaEngine.supports(SimpleNamespace(config=config)):
        return None
    weights = {name: weight.to(dtype) for name, weight in load_file(file).items()}
    has_generation = (path / "generation_config.json").is_file()
    generation = GenerationConfig.from_pretrained(folder) if has_generation else GenerationConfig()
    return LeanModel(config, weights, generation)


def _layer(weights: dict[str, Tensor], prefix: str) -> Any:
    def linear(name: str) -> Any:
        return linear_of(weights[f"{prefix}{name}.weight"], weights.get(f"{prefix}{name}.bias"))

    def norm(name: str) -> Any:
        return SimpleNamespace(weight=weights[f"{prefix}{name}.weight"])

    attention = {name: linear(f"self_attn.{name}") for name in ("q_proj", "k_proj", "v_proj", "o_proj")}
    attention |= {n: norm(f"self_attn.{n}") for n in ("q_norm", "k_norm") if f"{prefix}self_attn.{n}.weight" in weights}
    return SimpleNamespace(
        self_attn=SimpleNamespace(**attention),
        mlp=SimpleNamespace(**{name: linear(f"mlp.{name}") for name in ("gate_proj", "up_proj", "down_proj")}),
        input_layernorm=norm("input_layernorm"),
        post_attention_layernorm=norm("post_attention_layernorm"),
    )
