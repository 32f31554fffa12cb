"""Named bases and GGUF files as folders of weights: downloaded and converted once, then taken from the cache."""

from __future__ import annotations

import logging
from pathlib import Path

from sqltailor.generate.bases.dense import SOURCE, dense_folder, dense_gguf, remembered_sha256
from sqltailor.generate.bases.download import cache_folder, cached_file, fetch
from sqltailor.generate.bases.table import BASES, DEFAULT, Base
from sqltailor.types import OnProgress

logger = logging.getLogger(__name__)

PACKAGE = Path(__file__).parent.parent.parent


def log_progress(what: str, done: int, total: int) -> None:
    """Say in the log what is under way, at its beginning."""
    if done == 0:
        logger.warning("%s%s", what, f" ({total / 1e6:.0f} MB)" if total > 1 else "")


def folder_of(base: Base, on_progress: OnProgress = log_progress) -> Path:
    """Return the folder with a named base's weights, downloaded and converted on first use.

    Raises `BackendError` when it cannot be had, or does not fit the disk.
    """
    if base.sha256 is None:
        return PACKAGE / base.name
    return dense_gguf(base.stem, base.sha256, lambda: fetch(base, on_progress), on_progress)


def folder_of_gguf(file: Path, on_progress: OnProgress = log_progress) -> Path:
    """Return the folder with a GGUF file's weights, converted on first use."""
    return dense_gguf(file.stem, remembered_sha256(file), lambda: file, on_progress)


def is_here(base: Base) -> bool:
    """Say whether a base needs no download."""
    if base.sha256 is None or (dense_folder(base.stem, base.sha256) / SOURCE).is_file():
        return True
    return cached_file(base).is_file() and cached_file(base).stat().st_size == base.bytes


def bytes_to_download(reference: str) -> int:
    """Return how much is downloaded before a model can be opened, as far as it is a named base; else 0."""
    named = BASES.get(reference)
    return 0 if named is None or is_here(named) else named.bytes


__all__ = [
    "BASES",
    "DEFAULT",
    "SOURCE",
    "Base",
    "bytes_to_download",
    "cache_folder",
    "folder_of",
    "folder_of_gguf",
    "is_here",
]
