"""Strict check of a request against the service's own model: also pattern, enum and maximum, which botocore skips."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

_JAVA = {
    r"\p{L}": "A-Za-z\u00c0-\uffff",
    r"\p{Z}": " ",
    r"\p{N}": "0-9",
    r"\p{Alnum}": "A-Za-z0-9",
    r"\p{Print}+": ".+",
    r"\p{ASCII}*": ".*",
}
"""Classes of Java's patterns → nearest of Python's."""
SHOWN = 60
"""Characters of a value that a message shows."""


def check_request(shape: Any, params: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the parameters of an operation, each with its path; nothing when they are right.

    `shape` is botocore's input shape: `client.meta.service_model.operation_model(NAME).input_shape`.
    """
    return list(_faults(shape, params, ""))


def _faults(shape: Any, value: Any, path: str) -> Iterator[str]:
    check = _CHECKS.get(shape.type_name)
    if check is not None:
        yield from check(shape, value, path)


def _structure(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path or 'the request'} is not an object"
        return
    if getattr(shape, "is_document_type", False):
        return  # any JSON
    inside = f"{path}." if path else ""
    if shape.is_tagged_union and len(value) != 1:
        yield f"{path} takes exactly one of {', '.join(shape.members)}"
    for name in shape.required_members:
        if name not in value:
            yield f"{inside}{name} is missing"
    for name, member in value.items():
        if name not in shape.members:
            yield f"{inside}{name} is unknown"
        else:
            yield from _faults(shape.members[name], member, f"{inside}{name}")


def _list(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, (list, tuple)):
        yield f"{path} is not a list"
        return
    yield from _within(shape, len(value), f"{path} has {len(value)} entries")
    for i, item in enumerate(value):
        yield from _faults(shape.member, item, f"{path}[{i}]")


def _map(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path} is not a map"
        return
    yield from _within(shape, len(value), f"{path} has {len(value)} entries")
    for name, item in value.items():
        yield from _faults(shape.key, name, f"{path} key {name!r}")
        yield from _faults(shape.value, item, f"{path}.{name}")


def _string(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{path} is {value!r}, not text"
        return
    shown = repr(value if len(value) <= SHOWN else value[:SHOWN] + "…")
    yield from _within(shape, len(value), f"{path} has {len(value)} characters")
    if shape.enum and value not in shape.enum:
        yield f"{path} is {shown}, not one of {', '.join(shape.enum)}"
    pattern = shape.metadata.get("pattern")
    if pattern and not _pattern(pattern).fullmatch(value):
        yield f"{path} is {shown}, which does not match {pattern[:100]}"


def _number(shape: Any, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield f"{path} is {value!r}, not a number"
        return
    yield from _within(shape, value, f"{path} is {value:g}")


def _boolean(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"{path} is {value!r}, not true or false"


_CHECKS = {"structure": _structure, "list": _list, "map": _map, "string": _string, "boolean": _boolean}
_CHECKS |= dict.fromkeys(("integer", "long", "float", "double"), _number)


def _within(shape: Any, size: float, what: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and size < low) or (high is not None and size > high):
        limits = f"from {low} to {high}" if None not in (low, high) else f"at least {low}" if high is None else high
        yield f"{what}; allowed: {limits}"


@lru_cache
def _pattern(java: str) -> re.Pattern[str]:
    """Return a pattern of the service's model, which is in Java's words, as one of Python; too foreign: anything."""
    if r"\uD800" in java:
        return re.compile("(?s).*")
    for word, python in _JAVA.items():
        java = java.replace(word, python)
    try:
        return re.compile(java)
    except re.error:
        return re.compile("(?s).*")
