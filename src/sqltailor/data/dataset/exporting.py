"""Examples to files for a trainer, with every rule checked before anything is uploaded."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqltailor.data.checks.rules import LIMITS, USUAL_MODEL, Limits, Violation, check_files, check_line
from sqltailor.data.examples import atomic_writer, json_line, stem
from sqltailor.data.readers import read_examples
from sqltailor.data.rows import Reject, RowError
from sqltailor.data.writers import writer
from sqltailor.errors import ConfigError, DataError
from sqltailor.types import Example, Schema

FilePath = str | os.PathLike[str]


@dataclass(frozen=True)
class ExportSummary:
    """Rows by file written, and every rule that they break (`violations` is empty when all is well)."""

    written: Mapping[str, int]
    violations: Sequence[Violation]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON shape of `data export --json`."""
        return {"written": dict(self.written), "violations": [v.to_json() for v in self.violations]}


def export(
    train: FilePath | Sequence[FilePath],
    format: str,
    out: FilePath,
    *,
    validation: FilePath | None = None,
    schema: Schema | None = None,
    dialect: str = "sqlite",
    model: str | None = None,
    skip_bad: bool = False,
    complete: Callable[[Example], Example] = lambda example: example,
) -> ExportSummary:
    """Write examples in a training format (`WRITERS`) and return what was written and which rules it breaks.

    `out` is a folder (one `.jsonl` a file read, by its name) or, for a single file, a path with an ending. `schema` is
    shown for examples that have none of their own; `dialect` is that of rows that name none. `model` chooses the rules:
    nova, nova-2-lite, llama, claude-3-haiku; default Nova for `bedrock`. `skip_bad` leaves out rows that break a rule
    by themselves. `complete` adds to an example what its prompt would say (`Project.complete`). Rows that cannot be
    read or written are violations too. Raises `ConfigError`, and `DataError` for unreadable files.
    """
    write = writer(format)
    sources = [Path(train)] if isinstance(train, (str, os.PathLike)) else [Path(path) for path in train]
    held_out = [Path(validation)] if validation else []
    targets = _targets([*sources, *held_out], Path(out))

    def to_row(example: Example) -> Any:
        return write(complete(example), schema)

    limits = LIMITS.get(model or USUAL_MODEL.get(format, "")) if skip_bad else None
    found: list[Violation] = []
    written = {}
    for source, target in targets.items():
        with atomic_writer(target) as file:
            rows = read_examples(source, dialect=dialect)
            lines = _rows(source, rows, format, to_row, limits, found)
            written[str(target)] = sum(file.write(line) > 0 for line in lines)
    paths = list(targets.values())
    found += check_files(format, paths[: len(sources)], paths[len(sources) :], model=model)
    return ExportSummary(written, found)


def _targets(sources: list[Path], out: Path) -> dict[Path, Path]:
    if out.suffix and not out.is_dir():
        if len(sources) > 1:
            raise ConfigError(f"{len(sources)} files cannot be written to the one file {out}: name a folder.")
        return {sources[0]: out}
    targets = {source: out / f"{re.sub(r'[^A-Za-z0-9_.-]', '-', stem(source))}.jsonl" for source in sources}
    if len(set(targets.values())) < len(sources):
        raise ConfigError(f"Several files would be written to one in {out}: {', '.join(map(str, sources))}.")
    return targets


def _rows(
    source: Path,
    rows: Iterable[Example | Reject],
    format: str,
    to_row: Callable[[Example], Any],
    limits: Limits | None,
    found: list[Violation],
) -> Iterator[str]:
    """Yield the rows of a file in a format; those that cannot be read or written are added to `found`."""
    for position, example in enumerate(rows, 1):
        if isinstance(example, Reject):
            found.append(Violation(str(source), example.line, example.reason, example.detail))
            continue
        try:
            line = json_line(to_row(example))
        except DataError as e:
            reason = e.reason if isinstance(e, RowError) else "no_prompt"
            found.append(Violation(str(source), position, reason, str(e)))
            continue
        if example.history and format == "prompt-completion":
            found.append(
                Violation(str(source), position, "history_dropped", "one text has no earlier turns", "warning")
            )
        broken = [fault for fault in check_line(format, line.encode(), limits) if fault[2] == "error"] if limits else []
        if broken:
            rule, detail, _ = broken[0]
            found.append(Violation(str(source), position, rule, f"left out: {detail}", "warning"))
        else:
            yield line
