"""Rewrite safetensors files with some tensors changed, one tensor in memory at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sqltailor.errors import BackendError, ConfigError

if TYPE_CHECKING:
    import torch

Change = Callable[["torch.Tensor"], "torch.Tensor"]
"""Given a tensor in fp32, returns what takes its place."""
Entry = dict[str, Any]
"""Where a tensor lies in its file: `dtype, shape, data_offsets`."""

FLOATS = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""Types that can be changed: their names in a file, and torch's."""


def rewrite(source: Path, target: Path, change: Callable[[str], Change | None], *, widen: bool = False) -> list[str]:
    """Copy a file with the weights of some modules changed; return the names of those modules.

    `widen` writes all floating-point tensors as fp32; else each keeps its type, and the file its order and size.
    """
    found = []
    with source.open("rb") as data, target.open("wb") as out:
        header = json.loads(data.read(int.from_bytes(data.read(8), "little")))
        written = _widened(header) if widen else header
        _write_header(out, written)
        for name, entry in _in_order(header):
            begin, end = entry["data_offsets"]
            module = name.removesuffix(".weight")
            changed = change(module) if name.endswith(".weight") else None
            if changed is None and written[name]["dtype"] == entry["dtype"]:
                _copy(data, out, end - begin)
                continue
            out.write(_changed_bytes(data.read(end - begin), entry, changed, name, written[name]["dtype"]))
            if changed is not None:
                found.append(module)
    return found


def _in_order(header: Mapping[str, Entry]) -> list[tuple[str, Entry]]:
    tensors = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
    return sorted(tensors, key=lambda item: item[1]["data_offsets"][0])


def _widened(header: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return a file's header with all floating-point tensors as fp32, one after the other."""
    at, wide = 0, {name: entry for name, entry in header.items() if name == "__metadata__"}
    for name, entry in _in_order(header):
        begin, end = entry["data_offsets"]
        is_float = entry["dtype"] in FLOATS
        size = 4 * math.prod(entry["shape"]) if is_float else end - begin
        wide[name] = entry | {"dtype": "F32" if is_float else entry["dtype"], "data_offsets": [at, at + size]}
        at += size
    return wide


def _write_header(out: BinaryIO, header: Mapping[str, Entry]) -> None:
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of eight bytes
    out.write(len(text).to_bytes(8, "little") + text)


def _copy(data: BinaryIO, out: BinaryIO, size: int) -> None:
    while size:
        piece = data.read(min(size, 1 << 24))
        if not piece:
            raise BackendError(f"{data.name} ends too early: fetch the base model again.")
        out.write(piece)
        size -= len(piece)


def _changed_bytes(raw: bytes, entry: Entry, changed: Change | None, name: str, dtype: str) -> bytes:
    import torch

    if entry["dtype"] not in FLOATS:
        raise ConfigError(f"{name} is stored as {entry['dtype']}; merging takes {', '.join(FLOATS)}.")
    held: torch.dtype = getattr(torch, FLOATS[entry["dtype"]])
    weight = torch.frombuffer(bytearray(raw), dtype=held).reshape(entry["shape"]).float()
    new = (changed(weight) if changed else weight).to(getattr(torch, FLOATS[dtype])).contiguous()
    if tuple(new.shape) != tuple(entry["shape"]) or not torch.isfinite(new).all():
        raise BackendError(f"{name} cannot be merged: the sum does not fit {dtype} {entry['shape']}.")
    return new.view(torch.uint8).numpy().tobytes()
