"""Reports of pt-query-digest: a section for each query, with how often it ran and one of its statements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqltailor.data.querylog.exports import Entry
from sqltailor.data.rows import Reject

_SECTION = re.compile(r"^# Query \d+: .*\bID 0x[0-9A-F]+", re.MULTILINE)
_COUNT = re.compile(r"# Count\s+[\d.]+\s+([\d.]+)([kM]?)\s")
_TIMES = {"": 1, "k": 1_000, "M": 1_000_000}


def is_digest(head: str) -> bool:
    """Tell whether a text is such a report, by its beginning."""
    return _SECTION.search(head) is not None


def digested(lines: Iterator[Entry | Reject]) -> Iterator[Entry | Reject]:
    """Yield the statement of each section with its calls; `\\G` ends it, and what is around it begins with `#`."""
    calls, begun = 1, None
    for line in lines:
        if isinstance(line, Reject):
            yield line
        elif _SECTION.match(line.sql):
            calls = 1
        elif counted := _COUNT.match(line.sql + " "):
            calls = max(round(float(counted[1]) * _TIMES[counted[2]]), 1)
        elif not line.sql.startswith("#"):
            begun = line if begun is None else begun._replace(sql=f"{begun.sql}\n{line.sql}")
            if begun.sql.endswith("\\G"):
                yield Entry(begun.line, begun.sql.removesuffix("\\G"), calls)
                begun = None
    if begun is not None:
        yield begun._replace(calls=calls)
