"""Clean a query log into a file, for continued pretraining and for questions to its statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from sqltailor.data.examples import atomic_writer, json_line
from sqltailor.data.querylog.entries import is_log
from sqltailor.data.querylog.reader import LogReader
from sqltailor.data.rows import Reject
from sqltailor.errors import DataError


@dataclass(frozen=True, slots=True)
class LogSummary:
    """What became of a log: `read == kept + merged + rejected`.

    `calls` sums the calls of the kept statements; `runnable` of them can run: the others keep a placeholder, or were
    not tried because no database was there.
    """

    read: int
    kept: int
    merged: int
    rejected: int
    reasons: Mapping[str, int]
    calls: int
    runnable: int
    out: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON shape of `data log --json`."""
        return asdict(self)


def import_log(
    sources: Sequence[str], out: str | Path, reader: LogReader, *, progress: Callable[[int], None] = lambda read: None
) -> LogSummary:
    """Write the queries of logs to `out`, one JSON object a line, the rest to `NAME.rejects.jsonl` beside it.

    Both are whole or absent. Raises `DataError` for a source that cannot be read, and when `out` is a file that no
    import of a log made.
    """
    out = Path(out)
    _refuse_other(out, sources)
    reasons: Counter[str] = Counter()
    kept = calls = runnable = 0
    with atomic_writer(out.with_suffix(".rejects.jsonl")) as rejects, atomic_writer(out) as file:
        for item in reader.statements(sources, progress):
            if isinstance(item, Reject):
                reasons[item.reason] += 1
                write_reject(rejects, item)
                continue
            kept += 1
            calls += item.calls
            runnable += bool(item.runs)
            row = {"id": f"log-{kept}", "dialect": reader.dialect, **asdict(item)}
            file.write(json_line({name: value for name, value in row.items() if value is not None}))
    rejected = sum(reasons.values())
    return LogSummary(reader.read, kept, reader.merged, rejected, dict(reasons), calls, runnable, str(out))


def write_reject(file: TextIO, reject: Reject) -> None:
    """Write one line about a row that is not taken."""
    file.write(json_line(asdict(reject)))


def _refuse_other(out: Path, sources: Sequence[str]) -> None:
    if any(Path(source).resolve() == out.resolve() for source in sources):
        raise DataError(f"{out} is read and would be replaced. Next: --out another file")
    if out.is_file() and not is_log(out):
        raise DataError(f"{out} exists, and no import of a log made it: it is not replaced. Next: --out another file")
