"""Model reference → files → a transformers model and its tokenizer, with checks that they belong together."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from sqltailor.errors import BackendError, ConfigError, require
from sqltailor.prompt import PROMPTS
from sqltailor.runs import Run, read_json

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

NANO = Path(__file__).parent.parent / "nano"
SMALL = 2_000_000_000
"""Parameters below which an adapter is merged in fp32 to generate faster; above, memory counts more."""


PLAIN_TEMPLATE = (
    "{% for m in messages %}### {{ m.role }}\n{{ m.content }}"
    "{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}### assistant\n{% endif %}"
)
"""Chat template of base models that have none: ordinary words and the end token, nothing that was never trained."""


class Source(NamedTuple):
    """Where weights lie: a folder or Hub id, an adapter folder or Hub id on it, and the run that made them."""

    base: str
    adapter: str | None = None
    run: Run | None = None
    quantization: str = "none"


class Opened(NamedTuple):
    """A model ready for use, its tokenizer, and where both came from."""

    model: Any
    tokenizer: Any
    source: Source


def resolve(reference: str) -> Source:
    """Return where the weights of a reference lie: `nano`, `runs/NAME`, a path, or `hf:ID_OR_PATH(+ADAPTER)`.

    Raises `BackendError` when nothing is there, or when a run's prompt is not the one that this version writes.
    """
    if reference == "nano":
        if not (NANO / "config.json").is_file():
            raise BackendError(f"This installation has no nano weights in {NANO}: install the wheel, or run base/.")
        return Source(str(NANO))
    name, _, adapter = reference.removeprefix("hf:").partition("+")
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if name.startswith(("runs/", ".", "/", "~")) or name.count("/") > 1:
            raise BackendError(f"There is no model at {name}.")
        return Source(name, adapter or None)
    if (folder / "prompt.json").is_file() and ((folder / "adapter").is_dir() or (folder / "model").is_dir()):
        return _of_run(Run(folder))
    if (folder / "adapter_config.json").is_file():
        return _of_adapter(folder)
    if not (folder / "config.json").is_file():
        raise BackendError(
            f"{folder} holds neither a model (config.json), an adapter (adapter_config.json) nor a finished run."
        )
    return Source(str(folder), adapter or None)


def _of_run(run: Run) -> Source:
    prompt = read_json(run.prompt)
    check_prompt(prompt, str(run.path))
    if run.model.is_dir():
        return Source(str(run.model), None, run)
    source = _of_adapter(run.adapter)
    return source._replace(run=run)


def _of_adapter(folder: Path) -> Source:
    base = folder / "base.json"
    if base.is_file():
        recorded = read_json(base)
        below = resolve(recorded["reference"])
        return Source(below.base, str(folder), below.run, recorded.get("quantization", "none"))
    return Source(read_json(folder / "adapter_config.json")["base_model_name_or_path"], str(folder))


def check_prompt(recorded: Mapping[str, Any], where: str) -> None:
    """Raise `BackendError` when what a run recorded of its prompt is not what this version writes."""
    name, version = recorded["name"], recorded["version"]
    if PROMPTS.get(name) != version:
        here = f"version {PROMPTS[name]} of it" if name in PROMPTS else f"only {', '.join(PROMPTS)}"
        raise BackendError(
            f"{where} was trained with prompt '{name}' version {version}; this SQLTailor writes {here}. "
            "Train it again, or install the version that its environment.json names."
        )


def fingerprint(base: str) -> str:
    """Return a hash that differs between base models: configuration, and name, shape and first bytes of each tensor."""
    folder = Path(base) if Path(base).is_dir() else _cached(base)
    digest = hashlib.sha256()
    config = read_json(folder / "config.json")
    for noise in ("transformers_version", "_name_or_path", "dtype", "torch_dtype"):
        config.pop(noise, None)
    digest.update(json.dumps(config, sort_keys=True).encode())
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as data:
            header_size = int.from_bytes(data.read(8), "little")
            header = json.loads(data.read(header_size))
            header.pop("__metadata__", None)
            digest.update(json.dumps(header, sort_keys=True).encode())
            for tensor in header.values():
                data.seek(8 + header_size + tensor["data_offsets"][0])
                digest.update(data.read(min(4096, tensor["data_offsets"][1] - tensor["data_offsets"][0])))
    return digest.hexdigest()[:16]


def _cached(hub_id: str) -> Path:
    from transformers.utils import cached_file

    return Path(cached_file(hub_id, "config.json", **reach(hub_id))).parent


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep transformers and datasets from drawing bars and repeating deprecations of their own on standard error."""
    import warnings

    from transformers.utils import logging as transformers_logging

    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it misses a download that CPUs do not need
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    datasets = sys.modules.get("datasets")
    if datasets is not None:
        datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            for module in ("transformers", "trl", "peft", "bitsandbytes", "torch"):
                warnings.filterwarnings("ignore", module=module)
            warnings.filterwarnings("ignore", message=".*'rollout_func'")  # TRL blames the caller
            yield
    finally:
        if bars:
            transformers_logging.enable_progress_bar()


def best_dtype(device: str) -> torch.dtype:
    """Return bf16 where the hardware multiplies it, else fp16 on a GPU and fp32 on a CPU.

    Measured on an EPYC with avx512_bf16: bf16 trains 1.6 times and generates 2 to 3 times as fast as fp32.
    """
    import torch

    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    able = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return torch.bfloat16 if able.get("amx_bf16") or able.get("avx512_bf16") else torch.float32


def best_device() -> str:
    """Return `cuda` when torch sees a GPU, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def open_tokenizer(source: Source) -> Any:
    """Return the tokenizer saved with the adapter, else the base's; one without chat template gets a plain one."""
    transformers = require("transformers", extra="local", feature="A local model")
    own = source.adapter and (Path(source.adapter) / "tokenizer_config.json").is_file()
    where = str(source.adapter if own else source.base)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **reach(where))
    except (OSError, ValueError) as e:
        raise BackendError(f"The tokenizer of '{where}' cannot be opened: {_first_line(e)}") from e
    if tokenizer.eos_token_id is None:
        raise BackendError(f"The tokenizer of '{where}' has no end token, so that no answer could end.")
    if not tokenizer.chat_template:
        logger.warning("'%s' has no chat template: its prompts are written in plain words", where)
        tokenizer.chat_template = PLAIN_TEMPLATE
    return tokenizer


def reach(base: str) -> dict[str, bool]:
    """Return the arguments that keep transformers from retrying for minutes when a Hub id cannot be reached."""
    return {"local_files_only": not Path(base).is_dir() and not _hub_is_there()}


@functools.cache
def _hub_is_there() -> bool:
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return False
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True  # the proxy resolves names
    hub = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    try:
        with socket.create_connection((hub.hostname or "", hub.port or 443), timeout=5):
            return True
    except OSError:
        return False


def open_weights(base: str, dtype: torch.dtype, device: str, quantization: str = "none", **settings: Any) -> Any:
    """Return a base model on a device; `quantization` none, nf4 (with double quantisation) or int8."""
    transformers = require("transformers", extra="local", feature="A local model")
    if quantization != "none":
        settings["quantization_config"] = quantization_config(quantization, dtype)
        settings["device_map"] = {"": device}
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=dtype, **reach(base), **settings)
    except (OSError, ValueError) as e:
        raise BackendError(
            f"The model '{base}' cannot be opened: {_first_line(e)} A gated one needs HF_TOKEN and its licence."
        ) from e
    return model if quantization != "none" else model.to(device)


def as_dtype(model: Any, dtype: torch.dtype) -> Any:
    """Return a model with its weights in another precision.

    Unlike `model.to(dtype)` this leaves buffers alone: rotary frequencies in bf16 would misplace tokens by whole turns.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)
    model.config.dtype = dtype
    return model


def quantization_config(quantization: str, dtype: torch.dtype) -> Any:
    """Return how bitsandbytes holds a frozen base model."""
    require("bitsandbytes", extra="gpu", feature=f"Quantisation {quantization}")
    from transformers import BitsAndBytesConfig

    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    if quantization != "nf4":
        raise ConfigError(f"Unknown quantization '{quantization}'. Known: none, nf4, int8.")
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def check_base(source: Source) -> None:
    """Raise `BackendError` when an adapter was trained on other weights than those that its base now has."""
    record = Path(source.adapter or "") / "base.json"
    if source.adapter is None or not record.is_file():
        return
    recorded = read_json(record)
    found = fingerprint(source.base)
    if recorded["fingerprint"] != found:
        raise BackendError(
            f"The adapter {source.adapter} was trained on another base model than '{recorded['reference']}' is now "
            f"(fingerprint {recorded['fingerprint']}, here {found}). Use the base it was trained on, or train again."
        )


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") + "."
