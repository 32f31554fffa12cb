"""Types of GGUF weights: we write 16 and 8 bits ourselves; llama.cpp's quantiser makes fewer from 16."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqltailor.errors import BackendError, ConfigError, MissingExtra, install_command, unknown
from sqltailor.export.gguf import WRITTEN, write_gguf

TYPES = (*WRITTEN, "q6_k", "q5_k_m", "q4_k_m")
"""llama.cpp's names of the types that a GGUF file can be exported in, the largest first."""
_CYLLAMA = """
import sys, gguf
from cyllama.llama import llama_cpp
asked = llama_cpp.LlamaModelQuantizeParams()
asked.ftype = int(gguf.LlamaFileType[f"MOSTLY_{sys.argv[3]}"])
llama_cpp.model_quantize(sys.argv[1], sys.argv[2], asked)
"""
"""Does as `llama-quantize FROM TO TYPE`, in a process of its own, which may say what it likes on stderr."""


def check_types(kinds: Iterable[str]) -> None:
    """Raise `ConfigError` for a type that is not known, `MissingExtra` where one needs a quantiser that is not here."""
    for kind in kinds:
        if kind not in TYPES:
            raise ConfigError(unknown("--quantize", kind, TYPES))
        if kind not in WRITTEN:
            quantizer(kind)


def write_types(
    folder: Path, stem: str, kinds: Sequence[str], *, name: str, prompt: Mapping[str, Any] | None = None
) -> dict[str, Path]:
    """Write a model folder as `STEM-TYPE.gguf` beside its files, in each type; return type → file, as asked."""
    files = {kind: folder / f"{stem}-{kind}.gguf" for kind in kinds}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        exact = files.get("f16", Path(scratch) / "f16.gguf")
        for kind in WRITTEN:
            if kind in files:
                write_gguf(folder, files[kind], name=name, kind=kind, prompt=prompt)
        fewer = [kind for kind in files if kind not in WRITTEN]
        if fewer and "f16" not in files:
            write_gguf(folder, exact, name=name, prompt=prompt)
        for kind in fewer:
            quantize(exact, files[kind], kind)
    return files


def quantizer(kind: str) -> list[str]:
    """Return the command that takes FROM, TO and TYPE: llama.cpp's, else that of the package cyllama."""
    found = shutil.which("llama-quantize")
    if found is not None:
        return [found]
    if importlib.util.find_spec("cyllama") is not None:
        return [sys.executable, "-c", _CYLLAMA]
    raise MissingExtra(
        f"GGUF in {kind} needs llama.cpp's quantiser: {install_command('llama')} (the package cyllama), or "
        f"llama-quantize on PATH. Without it: --quantize {' or '.join(WRITTEN)}"
    )


def quantize(file: Path, out: Path, kind: str) -> None:
    """Write a GGUF file in 16 bits once more in fewer; BackendError with the quantiser's last words when it fails."""
    ran = subprocess.run(
        [*quantizer(kind), str(file), str(out), kind.upper()], capture_output=True, text=True, errors="replace"
    )
    if ran.returncode or not out.is_file():
        out.unlink(missing_ok=True)
        said = [line for line in ran.stderr.splitlines() if line.strip()] or [f"exit code {ran.returncode}"]
        raise BackendError(f"llama.cpp could not quantise {file.name} to {kind}: {said[-1].strip()}")
