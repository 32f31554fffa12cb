"""Which engine answers for a model reference: llama.cpp from which GGUF file, or torch."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import Any, Literal

from sqltailor.errors import BackendError, ConfigError
from sqltailor.generate.bases import BASES, log_progress
from sqltailor.generate.bases.download import fetch
from sqltailor.generate.references import check_prompt
from sqltailor.runs import Run, read_json

logger = logging.getLogger(__name__)

EngineName = Literal["auto", "torch", "llama"]
PREFIX = "gguf:"
"""What a reference begins with that llama.cpp is to answer for, whatever the recipe says."""
_EXACT = "q8_0"
_TYPES = (_EXACT, "f16", "q6_k", "q5_k_m", "q4_k_m")
"""Types of weights, by what is taken first where a run was exported in several."""


def llama_file(reference: str, engine: EngineName) -> Path | None:
    """Return the GGUF file by which llama.cpp answers for a reference; None: it is answered otherwise.

    `auto` takes llama.cpp for a run that was exported in 8 bits, where cyllama is installed and no GPU of NVIDIA is.
    Raises `ConfigError` where llama.cpp shall answer and there is no file.
    """
    if reference.startswith(PREFIX) and reference != PREFIX:
        file = Path(reference.removeprefix(PREFIX)).expanduser()
        if not file.is_file():
            raise BackendError(
                f"There is no GGUF file {file}. Write one: sqltailor export --to gguf --quantize {_EXACT}"
            )
        check_prompt_of(file)
        return file
    run = Run(Path(reference))
    if engine == "auto":
        found = _exported(run, (_EXACT,)) if run.prompt.is_file() and llama_is_fit() else None
    elif engine == "llama":
        found = _exported(run, _TYPES) or _of_other(reference)
    else:
        return None
    if found is not None:
        logger.warning("answers come from %s by llama.cpp (generate.engine: %s)", found, engine)
        check_prompt_of(found)
    return found


def prompt_of(file: Path) -> dict[str, Any]:
    """Return what is recorded of the prompt that a GGUF file was taught with: by its run, else in the file itself."""
    run = run_of(file)
    if run is not None:
        return dict(read_json(run.prompt))
    from sqltailor.generate.gguf_tokens import metadata

    name, version = metadata(file, "sqltailor.prompt.name", "sqltailor.prompt.version")
    return {} if name is None or version is None else {"name": name, "version": int(version)}


def check_prompt_of(file: Path) -> None:
    """Raise `BackendError` when a file was taught with a prompt that this version does not write."""
    recorded = prompt_of(file)
    if recorded:
        check_prompt(recorded, str(file))


def run_of(file: Path) -> Run | None:
    """Return the run in whose `export/gguf` a file lies."""
    folders = file.resolve().parents
    run = Run(folders[2]) if len(folders) > 2 and folders[1].name == "export" else None
    return run if run is not None and run.prompt.is_file() else None


def _exported(run: Run, kinds: tuple[str, ...]) -> Path | None:
    files = {file.stem.rpartition("-")[2]: file for file in (run.path / "export" / "gguf").glob("*.gguf")}
    return next((files[kind] for kind in kinds if kind in files), None)


def _of_other(reference: str) -> Path:
    """Return the file of a reference that is no exported run: a file itself, or a named base's."""
    if reference.endswith(".gguf") and Path(reference).expanduser().is_file():
        return Path(reference).expanduser()
    if reference in BASES and BASES[reference].file is not None:
        return fetch(BASES[reference], log_progress)
    raise ConfigError(
        f"generate.engine is llama, and there is no GGUF file of {reference}. Write one: "
        f"sqltailor export {reference} --to gguf --quantize {_EXACT}"
    )


def llama_is_fit() -> bool:
    """Say whether llama.cpp is installed, and this machine's CPU is the best that it has."""
    return importlib.util.find_spec("cyllama") is not None and not Path("/dev/nvidiactl").exists()
