"""Resolve a model reference to its files, and check that they belong together; no model is loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.errors import BackendError, did_you_mean
from sqltailor.generate.bases import BASES, SOURCE, folder_of, folder_of_gguf
from sqltailor.generate.hub_access import hub_arguments
from sqltailor.prompt.text import PROMPTS
from sqltailor.runs import Run, read_json

NANO = Path(__file__).parent.parent / "nano"


class Source(NamedTuple):
    """Where weights lie: a folder or Hub id, an adapter folder or Hub id on it, and the run that made them."""

    base: str
    adapter: str | None = None
    run: Run | None = None
    quantization: str = "none"


def resolve(reference: str) -> Source:
    """Return where the weights of a reference lie: a named base, `runs/NAME`, a path, or `hf:ID_OR_PATH(+ADAPTER)`.

    A named base is downloaded on first use, and a GGUF file made dense. Raises `BackendError` when nothing is there, or
    when a run's prompt is not the one that this version writes.
    """
    if reference == "nano" and not (NANO / "config.json").is_file():
        raise BackendError(f"This installation has no nano weights in {NANO}: install the wheel, or run base/.")
    if reference in BASES:
        return Source(str(folder_of(BASES[reference])))
    check_there(reference)
    name, _, adapter = reference.removeprefix("hf:").partition("+")
    folder = Path(name).expanduser()
    if folder.suffix == ".gguf" and folder.is_file():
        return Source(str(folder_of_gguf(folder)), adapter or None)
    if not folder.is_dir():
        return Source(name, adapter or None)
    if Run(folder).job.is_file() and not Run(folder).has_weights:
        raise BackendError(f"{folder} was tuned in the cloud: its weights stay there. Only its deployment can be used.")
    if (folder / "prompt.json").is_file() and ((folder / "adapter").is_dir() or (folder / "model").is_dir()):
        return _of_run(Run(folder))
    if (folder / "adapter_config.json").is_file():
        return _of_adapter(folder)
    return Source(str(folder), adapter or None)


def check_there(reference: str) -> None:
    """Raise `BackendError` where a reference is a path and no model is there; nothing is opened or downloaded."""
    kind, _, rest = reference.partition(":")
    if kind in ("gguf", "echo") and rest:
        if not Path(rest).expanduser().is_file():
            raise BackendError(f"{rest} cannot be read: there is no such file.")
        return
    name, _, _ = reference.removeprefix("hf:").partition("+")
    folder = Path(name).expanduser()
    is_path = name.startswith(("runs/", ".", "/", "~")) or name.endswith(".gguf") or name.count("/") > 1
    if is_path and ":" not in name and not folder.exists():
        raise BackendError(f"There is no model at {name}.{other_references(name)}")
    if folder.is_dir() and reference not in BASES and not _holds_model(Run(folder)):
        raise BackendError(
            f"{folder} holds neither a model (config.json), an adapter (adapter_config.json) nor a finished run."
        )


def _holds_model(run: Run) -> bool:
    is_run = run.prompt.is_file() and run.has_weights
    files = run.job, run.deployment, run.path / "adapter_config.json", run.path / "config.json"
    return is_run or any(file.is_file() for file in files)


def other_references(name: str) -> str:
    """Return what to add to the message about a model that cannot be opened: the nearest name, and what is allowed."""
    if Path(name).is_dir():
        return ""
    runs = [str(run) for run in Path("runs").glob("*") if (run / "prompt.json").is_file()]
    near = did_you_mean(name, [*BASES, *runs])
    return (
        f"{near} A model is a named base ({', '.join(BASES)}), runs/NAME, a folder, a GGUF file, or a Hugging Face id "
        "such as Qwen/Qwen2.5-Coder-1.5B-Instruct."
    )


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
    if (folder / SOURCE).is_file():  # made from a file of known hash, by this or another version of the libraries
        return hashlib.sha256((folder / SOURCE).read_bytes()).hexdigest()[:16]
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

    return Path(cached_file(hub_id, "config.json", **hub_arguments(hub_id))).parent


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
