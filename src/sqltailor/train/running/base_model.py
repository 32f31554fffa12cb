"""The base model made ready for training: precision, quantisation, attention, and its adapter."""

from __future__ import annotations

import importlib.util
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import ConfigError, did_you_mean, require
from sqltailor.generate.references import Source, check_base, fingerprint, resolve
from sqltailor.generate.weights import as_dtype, best_device, best_dtype, open_tokenizer, open_weights
from sqltailor.runs import read_json, write_json_atomic
from sqltailor.train.running.cpu_attention import register

if TYPE_CHECKING:
    import torch

    from sqltailor.recipe import Recipe, Train

logger = logging.getLogger(__name__)

HOLDS_HALF = 100_000_000
"""Parameters above which frozen weights are held in bf16 on a CPU, too: fewer are faster in fp32 under autocast."""


class Setup(NamedTuple):
    """What the recipe's `auto` came to on this machine."""

    device: str
    dtype: torch.dtype
    attention: str
    gradient_checkpointing: bool
    quantization: str
    prefix_steps: int = 0

    def holds_fp32(self, parameters: int, *, is_frozen: bool) -> bool:
        """Tell whether weights that are not quantised are held in fp32."""
        return not is_frozen or (self.device == "cpu" and parameters <= HOLDS_HALF)


class Trainee(NamedTuple):
    """A model to train, its tokenizer, and where it came from: `source` has an adapter when training continues one."""

    model: Any
    tokenizer: Any
    source: Source
    setup: Setup


def choose_setup(train: Train, parameters: int, *, must_be_here: bool = True) -> Setup:
    """Return device, precision, attention kernel and checkpointing for a model of this size, as the recipe or fit.

    Raises `ConfigError` for what this machine cannot do; unless it need not be done here.
    """
    import torch

    local = train.local
    device = best_device() if local.device == "auto" else local.device
    if not must_be_here and local.device == "auto" and local.dtype == "fp16":
        device = "cuda"
    if device == "cuda" and must_be_here and not torch.cuda.is_available():
        raise ConfigError("train.local.device is cuda, but torch sees no GPU here. Use device: auto or cpu.")
    names = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
    dtype = names.get(local.dtype) or (best_dtype(device) if must_be_here else torch.bfloat16)
    if device == "cpu" and dtype == torch.float16:
        raise ConfigError("train.local.dtype fp16 is for GPUs; on a CPU use auto, bf16 or fp32.")
    flash = importlib.util.find_spec("flash_attn") is not None and device == "cuda"
    attention = local.attention
    if attention == "flash_attention_2" and not flash:
        raise ConfigError("train.local.attention is flash_attention_2, but flash-attn or a GPU is missing. Use auto.")
    if attention == "auto":
        attention = "flash_attention_2" if flash and dtype != torch.float32 else "sdpa"
    checkpointing = local.gradient_checkpointing
    if checkpointing == "auto":
        checkpointing = device == "cuda" and parameters > 1_000_000_000
    prefix_steps = local.prefix_steps
    if prefix_steps not in ("auto", 0) and checkpointing:
        raise ConfigError(
            "train.local.prefix_steps keeps what is read of the schema, which train.local.gradient_checkpointing "
            "cannot. Set one of them: prefix_steps=0 or gradient_checkpointing=false."
        )
    if prefix_steps == "auto":
        fast = device == "cpu" and dtype == torch.bfloat16 and parameters > HOLDS_HALF
        prefix_steps = 4 if fast and train.lora.enabled and attention == "sdpa" and not checkpointing else 0
    return Setup(device, dtype, attention, checkpointing, local.quantization, prefix_steps)


def open_trainee(recipe: Recipe, setup: Setup, *, base: str | None = None) -> Trainee:
    """Return the recipe's base with its adapter: new, or the base run's own, which is trained on.

    Raises `ConfigError` when the adapter of the base run has another shape than the recipe asks for.
    """
    import torch

    source = resolve(base or recipe.base)
    check_base(source)
    tokenizer = open_tokenizer(source)
    give_template(tokenizer, recipe)
    lora = recipe.train.lora
    held = torch.float32 if not lora.enabled or setup.device == "cpu" else setup.dtype
    attention = setup.attention
    if setup.prefix_steps or (setup.device, setup.dtype, attention) == ("cpu", torch.bfloat16, "sdpa"):
        attention = register()
    model = open_weights(source.base, held, setup.device, setup.quantization, attn_implementation=attention)
    if setup.quantization == "none" and not setup.holds_fp32(model.num_parameters(), is_frozen=lora.enabled):
        model = as_dtype(model, setup.dtype)
    if not lora.enabled:
        if setup.quantization != "none":
            raise ConfigError("Quantised weights cannot be trained: set train.lora.enabled, or quantization: none.")
        if source.adapter:
            raise ConfigError(
                f"base {recipe.base} is an adapter; to train all weights, export it first: sqltailor export "
                f"{recipe.base} --to merged"
            )
        return Trainee(model, tokenizer, source, setup)
    return Trainee(_adapted(model, recipe.train, source), tokenizer, source, setup)


def _adapted(model: Any, train: Train, source: Source) -> Any:
    peft = require("peft", extra="train", feature="Local training")
    model.requires_grad_(False)  # quantised or not: peft would freeze it, and nothing is raised to fp32
    wanted = lora_config(train, model)
    if source.adapter is None:
        check_targets(model, wanted.target_modules)
        return peft.get_peft_model(model, wanted)
    found = peft.PeftConfig.from_pretrained(source.adapter)
    for key in ("r", "lora_alpha", "use_dora", "use_rslora"):
        if getattr(found, key) != getattr(wanted, key):
            raise ConfigError(
                f"The adapter {source.adapter} has {key} {getattr(found, key)}, the recipe {getattr(wanted, key)}. "
                "Continue it with equal train.lora keys, or merge it first: sqltailor export RUN --to merged"
            )
    if bool(found.modules_to_save) != bool(wanted.modules_to_save):
        raise ConfigError(
            f"The adapter {source.adapter} has {'' if found.modules_to_save else 'no '}embeddings of its own. Continue "
            f"it with train.lora.embeddings={str(bool(found.modules_to_save)).lower()}."
        )
    return peft.PeftModel.from_pretrained(model, source.adapter, is_trainable=True)


def lora_config(train: Train, model: Any) -> Any:
    """Return PEFT's configuration of the recipe's adapter on a model."""
    peft = require("peft", extra="train", feature="Local training")
    lora = train.lora
    targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
    upper = None
    if lora.layers is not None:
        depth = model.config.num_hidden_layers
        if lora.layers > depth:
            raise ConfigError(f"train.lora.layers is {lora.layers}; the base model has {depth} layers.")
        upper = list(range(depth - lora.layers, depth))
        head = model.get_output_embeddings()
        targets = _linear_names(model, without=head) if isinstance(targets, str) else targets
    whole, tied = None, model.config.tie_word_embeddings
    if lora.embeddings:
        ends = [model.get_input_embeddings()] + ([] if tied else [model.get_output_embeddings()])
        whole = [name.rpartition(".")[2] for name, module in model.named_modules() if any(module is e for e in ends)]
    return peft.LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        layers_to_transform=upper,
        use_dora=lora.dora,
        use_rslora=lora.rslora,
        modules_to_save=whole,
        ensure_weight_tying=lora.embeddings and tied,
        bias="none",
        task_type="CAUSAL_LM",
    )


def check_targets(model: Any, targets: Any) -> None:
    """Raise `ConfigError` for a target module that the model lacks."""
    if isinstance(targets, str):
        return
    known = _linear_names(model)
    for target in targets:
        if target.rpartition(".")[2] not in known:
            raise ConfigError(
                f"train.lora.target_modules names '{target}', which the base model lacks."
                f"{did_you_mean(target, known)} It has: {', '.join(known)}; or use all-linear."
            )


def _linear_names(model: Any, *, without: Any = None) -> list[str]:
    """Return the names of a model's linear modules, without those of the modules around them."""
    import torch

    linear = ((n, m) for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and m is not without)
    return sorted({name.rpartition(".")[2] for name, _ in linear})


def give_template(tokenizer: Any, recipe: Recipe) -> None:
    """Set the recipe's chat template on a tokenizer, and a padding token where that lacks.

    Raises `ConfigError` for a template with control tokens that the vocabulary lacks: they would be cut into pieces.
    """
    if recipe.prompt.chat_template is not None:
        path = Path(recipe.prompt.chat_template)
        if not path.is_file():
            raise ConfigError(f"prompt.chat_template: {path} does not exist.")
        tokenizer.chat_template = path.read_text(encoding="utf-8")
        for token in re.findall(r"<\|[a-z_]+\|>|<(?:start|end)_of_turn>|\[/?INST\]", tokenizer.chat_template):
            if token not in tokenizer.get_vocab():
                raise ConfigError(f"{path} writes {token}, which the tokenizer of '{recipe.base}' does not know.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token


def as_trained(model: Any) -> None:
    """Keep quantised layers of a model that generates on the path of training.

    On CPUs the other path rounds scales and inputs to bf16, and lays the weights out anew: they cannot be trained then.
    """
    for module in model.modules():
        if type(module).__name__ == "Linear4bit":
            module.train()


def record_base(adapter: Path, reference: str, source: Source, quantization: str) -> None:
    """Write beside an adapter which base it belongs to, and which weights that base had."""
    base = {"reference": reference, "fingerprint": fingerprint(source.base), "quantization": quantization}
    write_json_atomic(adapter / "base.json", base)


def root_base(reference: str) -> str:
    """Return the base model below a reference: of a run, the one that its adapter belongs to."""
    for folder in (Path(reference) / "adapter", Path(reference)):
        if (folder / "base.json").is_file():
            return str(read_json(folder / "base.json")["reference"])
    return reference
