"""Gold statements as their files write them: ours are put into one canonical form, a benchmark's script sees these."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sqltailor.data.readers import converter, open_source
from sqltailor.data.rows import Reject, RowError
from sqltailor.types import Example


def as_written(
    examples: Sequence[Example],
    files: Iterable[str | Path],
    *,
    format: str | None = None,
    mapping: Mapping[str, str] | None = None,
    dialect: str = "sqlite",
) -> list[Example]:
    """Return the examples with their gold statements as they stand in the files that they come from."""
    written = {}
    for file in files:
        if not Path(file).is_file():
            continue
        source, rows = open_source(file, format, mapping, dialect)
        convert = converter(source)
        for row in rows:
            if isinstance(row, Reject):
                continue
            try:
                example = convert(row)
            except RowError:
                continue  # no example, so that nobody asks for it
            written[example.id] = example.sql
    return [dataclasses.replace(example, sql=written.get(example.id, example.sql)) for example in examples]
