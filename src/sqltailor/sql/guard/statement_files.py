"""Files of statements to check: one a line, or tab-separated with the id first and the statement last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqltailor.errors import DataError


class Statement(NamedTuple):
    """A statement and its id; without one, the number of its line."""

    id: str
    sql: str


_ESCAPE = re.compile(r"\\(n|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|\\)")


def read_statements(path: Path) -> Iterator[Statement]:
    r"""Yield the statements of a file; of its escapes only `\n`, `\xNN`, `\uNNNN` and `\\` are read.

    Empty lines, lines that begin with `#`, and fences of backticks are passed over. Raises `DataError` when the file
    cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as e:
        raise DataError(f"The file of statements '{path}' cannot be read: {(e.strerror or str(e)).lower()}.") from e
    except UnicodeDecodeError as e:
        raise DataError(f"'{path}' is not UTF-8 text: byte {e.start} is none of it.") from e
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.startswith(("#", "```")):
            continue
        first, tab, rest = line.partition("\t")
        yield Statement(first if tab else str(number), unescape((rest if tab else first).rpartition("\t")[2]))


def unescape(text: str) -> str:
    r"""Return the text with its escapes read.

    >>> unescape(r"a\nb\x41\\n \d")
    'a\nbA\\n \\d'
    """
    return _ESCAPE.sub(lambda m: {"n": "\n", "\\": "\\"}.get(m[1]) or chr(int(m[1][1:], 16)), text)
