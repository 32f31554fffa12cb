"""Hints: the stored values that a question names, `VIPs from Lyon` → `cust.seg = 'V'`, `cust.city = 'Lyon'`.

A model cannot know what a database holds. The hints say it: what is stored, how it is spelled, and in which columns.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqltailor.database.personal import looks_personal
from sqltailor.errors import SQLError
from sqltailor.naming.columns import column_kind
from sqltailor.naming.comments import read_comment
from sqltailor.naming.forms import LITTLE, forms, is_code
from sqltailor.naming.values import Fetch
from sqltailor.naming.words import singular, split_name
from sqltailor.prompt.text import hint
from sqltailor.sql.dialect import quote_name
from sqltailor.sql.schema import qualified_name
from sqltailor.types import Cell, Column, Schema, Table

ROWS, VALUES = 100_000, 20_000
"""Rows of a table that are looked through, and distinct values of a column that are kept."""
MAX_WORDS, MAX_CHARACTERS = 6, 40
"""Longer text is prose that no question repeats, and a prompt would cut it."""
COLUMNS_EACH = 3
"""Columns shown for one value."""

_WORD = re.compile(r"\w+")
_ARTICLE = re.compile(r"(?:the|a|an|our|own|our own)\s+", re.IGNORECASE)


class Stored(NamedTuple):
    """A value in a column; `written` must stand in the question just so: short codes are also plain words."""

    table: Table
    column: str
    value: Cell
    written: str | None = None


class Linker:
    """Finds the stored values that questions name, by an index of words; made by `read_linker`."""

    def __init__(self, stored: Mapping[tuple[str, ...], Sequence[Stored]]) -> None:
        """`stored` are values by the normalised words that people write for them."""
        self._stored = stored

    def find(self, question: str) -> Iterator[Stored]:
        """Yield the values that a question names in its order, the longest name first, each in up to 3 columns."""
        raw = _split(question)
        words = [_normal(word) for word in raw]
        start = 0
        while start < len(words):
            length = min(MAX_WORDS, len(words) - start)
            for end in range(start + length, start, -1):
                found = self._stored.get(tuple(words[start:end]), ())
                said = [s for s in found if s.written is None or s.written == " ".join(raw[start:end])]
                if said:
                    yield from said[:COLUMNS_EACH]
                    start = end - 1
                    break
            start += 1

    def hints(self, question: str, limit: int) -> list[str]:
        """Return at most `limit` lines such as `cust.city = 'Lyon'` for a prompt."""
        lines = (hint(s.table, s.column, s.value) for s in self.find(question))
        return list(dict.fromkeys(lines))[:limit]


def read_linker(schema: Schema, fetch: Fetch, dialect: str = "sqlite", *, personal: bool = False) -> Linker:
    """Return a linker for the text columns and the explained codes of a schema; `fetch` runs one statement.

    Columns that look personal have none unless `personal`, nor has one that cannot be read.
    """
    index: dict[tuple[str, ...], list[Stored]] = defaultdict(list)
    for table in schema.tables:
        for column in table.columns:
            for words, stored in _of_column(table, column, fetch, dialect, personal):
                found = index[words]
                if stored not in found[-1:]:  # two forms of a value may have the same words
                    found.append(stored)
    return Linker(index)


def _of_column(
    table: Table, column: Column, fetch: Fetch, dialect: str, personal: bool
) -> Iterator[tuple[tuple[str, ...], Stored]]:
    codes = dict(read_comment(column.comment).codes)
    if not codes and column_kind(column) in ("date", "opaque"):
        return
    values = _read(table, column, fetch, dialect)
    name = f"{table.name}.{column.name}"
    if not personal and any(looks_personal(name, part) for part in (values[:200], values)):  # one, or most of a few
        return
    is_country = not {"country", "nation", "nationality"}.isdisjoint(split_name(column.name))
    for value in values:
        text = str(value)
        if len(text) > MAX_CHARACTERS or not (isinstance(value, str) or text in codes):
            continue
        for form, written in forms(value, codes):
            is_number = form != "meaning" and not isinstance(value, str)  # "one" is no flag
            if is_number or (form in ("country", "adjective") and not is_country):
                continue
            exact = text if form == "plain" and is_code(text) else None
            for said in _alternatives(written) if form == "meaning" else (written,):
                words = _words(said)
                if words and (exact or not (len(words) == 1 and words[0] in LITTLE)):
                    yield words, Stored(table, column.name, value, exact)


def _read(table: Table, column: Column, fetch: Fetch, dialect: str) -> list[Cell]:
    """Return the distinct values of a column, sorted; none where there are too many, or the table cannot be read."""
    name = quote_name(column.name, dialect)
    inner = f"SELECT {name} AS v FROM {qualified_name(table, dialect)} LIMIT {ROWS}"
    try:
        rows = list(fetch(f"SELECT DISTINCT v FROM ({inner}) AS t WHERE NOT v IS NULL LIMIT {VALUES + 1}"))
    except SQLError:
        return []
    return sorted((row[0] for row in rows), key=str) if len(rows) <= VALUES else []


def _alternatives(meaning: str) -> list[str]:
    """Return what a code's meaning may be called: `school or club` is a school, and a club."""
    parts = [_ARTICLE.sub("", part, count=1) for part in re.split(r"\s+or\s+|\s*/\s*", meaning)]
    return list(dict.fromkeys([meaning, *(part for part in parts if part)]))


def _words(text: str) -> tuple[str, ...]:
    """Return the normalised words of a name; none for what has no letters or is prose."""
    words = tuple(map(_normal, _split(text)))
    return words if len(words) <= MAX_WORDS and any(c.isalpha() for c in text) else ()


def _split(text: str) -> list[str]:
    """Return the words of a text; an accent that is a character of its own would part them."""
    return _WORD.findall(unicodedata.normalize("NFC", text))


def _normal(word: str) -> str:
    """Return a word without case, accents and plural.

    >>> _normal("Cafés")
    'cafe'
    """
    if not word.isascii():
        word = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    return singular(word.casefold())
