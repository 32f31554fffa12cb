"""Convert GGUF weights once into a folder that transformers can load."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqltailor.errors import BackendError, require
from sqltailor.generate.bases.download import (
    cache_folder,
    disk_errors_name,
    one_process,
    sha256_of,
)
from sqltailor.generate.quiet import quiet_libraries
from sqltailor.runs import read_json, write_json_atomic
from sqltailor.types import OnProgress

SOURCE = "source.json"
"""File beside dense weights that says what they were made from."""
VERSION = 1
"""Of this conversion: weights that an earlier one made are made again."""
SAME = 0.15
"""Input and output embeddings whose mean difference is a smaller share of their mean size are one matrix, tied."""


def dense_gguf(name: str, sha256: str, file: Callable[[], Path], on_progress: OnProgress) -> Path:
    """Return the folder with a GGUF file's weights, tokenizer and chat template, made on first use.

    `file` is called for it only then. Raises `BackendError` for a file that is no GGUF or of an architecture that
    transformers does not train.
    """

    def convert(target: Path) -> None:
        source = file()
        on_progress(f"converting {source.name}", 0, 1)
        model, tokenizer = _read(source)
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
        on_progress(f"converting {source.name}", 1, 1)

    return made_folder(dense_folder(name, sha256), {"gguf": sha256, "version": VERSION}, convert)


def dense_folder(name: str, sha256: str) -> Path:
    """Return where the dense weights of a GGUF file lie once they are made."""
    return cache_folder() / "dense" / f"{name}-{sha256[:12]}"


def made_folder(folder: Path, source: dict[str, Any], make: Callable[[Path], None]) -> Path:
    """Return a folder that `make` writes, whole or not at all, and that is made again for another source.

    What it was made from is kept beside it. Raises `BackendError` when the disk is full.
    """
    if _is_made(folder, source):
        return folder
    with one_process(folder), disk_errors_name(folder.parent), quiet_libraries():
        if _is_made(folder, source):
            return folder
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            make(partial)
            write_json_atomic(partial / SOURCE, source)
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def _is_made(folder: Path, source: dict[str, Any]) -> bool:
    return (folder / SOURCE).is_file() and read_json(folder / SOURCE) == source


def _read(file: Path) -> tuple[Any, Any]:
    """Return the model, in bf16, and the tokenizer that a GGUF file holds."""
    import torch

    require("gguf", extra="local", feature="A GGUF model")
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, modeling_gguf_pytorch_utils

    # its bar does not heed transformers' own switch
    modeling_gguf_pytorch_utils.tqdm = functools.partial(modeling_gguf_pytorch_utils.tqdm, disable=True)
    where: dict[str, Any] = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name}
    try:
        model = AutoModelForCausalLM.from_pretrained(
            **where, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
        )
        tokenizer = AutoTokenizer.from_pretrained(**where)
    except (ValueError, OSError, KeyError, NotImplementedError) as e:
        raise BackendError(_why_unread(file, e)) from e
    _tie(model)
    return model, tokenizer


def _tie(model: Any) -> None:
    """Let input and output embeddings that differ by quantisation only be one matrix again, the output's."""
    embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
    if head is None or embeddings.weight is head.weight or embeddings.weight.shape != head.weight.shape:
        return
    sample = slice(None, None, 97)  # rows enough to tell, without a copy of both matrices in fp32
    one, other = embeddings.weight[sample].float(), head.weight[sample].float()
    if (one - other).abs().mean() < SAME * other.abs().mean():
        embeddings.weight.data = head.weight.data
        model.config.tie_word_embeddings = True
        model.tie_weights()


def _why_unread(file: Path, error: Exception) -> str:
    from gguf import GGUFReader
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    try:
        found = GGUFReader(file).fields["general.architecture"].contents()
    except (ValueError, OSError, KeyError, IndexError):
        return f"{file} is not a GGUF model, or only a part of one: {str(error).splitlines()[0]}"
    if found not in GGUF_SUPPORTED_ARCHITECTURES:
        known = ", ".join(sorted(GGUF_SUPPORTED_ARCHITECTURES))
        return f"{file} is of architecture '{found}', which cannot be trained from GGUF. Known: {known}."
    return f"{file} cannot be read: {str(error).splitlines()[0]}"


def remembered_sha256(file: Path) -> str:
    """Return the SHA-256 of a file, computed anew only when its size or time has changed."""
    stat = file.stat()
    key = f"{file.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
    memory = cache_folder() / "hashes.json"
    try:
        known: dict[str, str] = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    if key not in known:
        known = {**known, key: sha256_of(file)}
        write_json_atomic(memory, known)
    return known[key]
