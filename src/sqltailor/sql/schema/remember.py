"""Cache results by schema object: hashing a large schema takes longer than most of what is asked of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from sqltailor.types import Schema

F = TypeVar("F", bound=Callable[..., Any])


def remembered(size: int) -> Callable[[F], F]:
    """Make a function of a schema, and of hashable values by position, remember up to `size` results.

    They are for this very object, not for an equal one; a schema that is remembered stays in memory.
    """

    def decorate(function: F) -> F:
        held: dict[tuple[Hashable, ...], tuple[Schema, Any]] = {}

        @functools.wraps(function)
        def remembering(schema: Schema, *more: Hashable) -> Any:
            key = (id(schema), *more)
            found = held.get(key)
            if found is None or found[0] is not schema:
                if len(held) >= size:
                    held.clear()
                found = held[key] = schema, function(schema, *more)
            return found[1]

        return cast("F", remembering)

    return decorate
