"""Cache of shared prompt prefixes (key/value states), in memory and on disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqltailor.generate.attention import Prefix
from sqltailor.generate.batches import WORTH_SHARING, common

if TYPE_CHECKING:
    import torch

KEPT = 4
"""How many earlier prompts are kept for later ones, in memory and on disk."""
WORTH_KEEPING = 128
"""Tokens: what a shorter beginning left in the model is not worth a file."""


class PrefixCache:
    """The beginnings of recent prompts, as the model has read them; the least recently used are dropped first."""

    def __init__(self) -> None:
        self._kept: list[Prefix] = []

    def longest(self, ids: Sequence[int]) -> Prefix | None:
        """Return what is kept of the beginning of `ids`; never all of it, since the last token's logits are needed."""
        shares = [(min(common(prefix.ids, ids), len(ids) - 1), i) for i, prefix in enumerate(self._kept)]
        share, at = max(shares, default=(0, 0))
        if share < WORTH_SHARING:
            return None
        self._kept.append(self._kept.pop(at))
        return self._kept[-1].cut(share)

    def add(self, prefix: Prefix) -> None:
        """Keep a prefix, in place of those that it extends."""
        others = [kept for kept in self._kept if kept.ids != prefix.ids[: len(kept.ids)]]
        self._kept = [*others[1 - KEPT :], prefix]


class StateFolder:
    """What models have read of prompts' beginnings, as files, so that the next process need not read a schema again.

    `reader` names what wrote them, which alone understands them. The oldest files beyond `kept` are dropped.
    """

    def __init__(self, folder: Path, reader: str = "", kept: int = KEPT) -> None:
        self.folder, self._reader, self._kept = folder, reader, kept

    def read(self, ids: Sequence[int]) -> bytes | None:
        """Return what was written for these tokens, or None."""
        try:
            return self._file(ids).read_bytes()
        except OSError:
            return None

    def has(self, ids: Sequence[int]) -> bool:
        """Say whether a state is kept for these tokens."""
        return self._file(ids).is_file()

    def forget(self, ids: Sequence[int]) -> None:
        """Drop a state that cannot be used."""
        with contextlib.suppress(OSError):
            self._file(ids).unlink()

    def write(self, ids: Sequence[int], state: bytes) -> None:
        """Keep a state. A folder that cannot be written keeps none."""
        file = self._file(ids)
        partial = file.with_suffix(f".{os.getpid()}.partial")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(state)
            partial.replace(file)
            files = sorted(self.folder.glob("*.prefix"), key=lambda path: path.stat().st_mtime)
            for old in files[: -self._kept]:
                old.unlink(missing_ok=True)
        except OSError:
            partial.unlink(missing_ok=True)

    def _file(self, ids: Sequence[int]) -> Path:
        key = hashlib.sha256(array("q", ids).tobytes() + self._reader.encode()).hexdigest()
        return self.folder / f"{key[:32]}.prefix"


class PrefixFolder(StateFolder):
    """Prefixes beside the weights that read them."""

    def load(self, ids: Sequence[int], like: torch.Tensor) -> Prefix | None:
        """Return a prefix that was saved, with tensors as `like`, which has its shape (layers, G, P, D); or None."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            found = load(self.read(ids) or b"")
            prefix = Prefix(tuple(ids), found["keys"].to(like.device), found["values"].to(like.device))
        except (KeyError, SafetensorError):
            return None
        fits = all(kept.shape == like.shape and kept.dtype == like.dtype for kept in prefix[1:])
        return prefix if fits else None

    def save(self, prefix: Prefix) -> None:
        """Write a prefix. A folder that cannot be written, or whose weights are gone, keeps none."""
        from safetensors.torch import save

        if self.folder.is_dir():  # what was deleted must not come back without its weights
            self.write(prefix.ids, save({"keys": prefix.keys.contiguous(), "values": prefix.values.contiguous()}))
