"""Hints: the stored values that a question names, `VIPs from Lyon` → `cust.seg = 'V'`, `cust.city = 'Lyon'`.

A model cannot know what a database holds. The hints say it: what is stored, how it is spelled, and in which columns.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

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
from sqltailor.types import Cell, Column, Table

ROWS, VALUES = 100_000, 20_000
"""Rows of a table that are looked through, and distinct values of a column that are kept."""
MAX_WORDS, MAX_CHARACTERS = 6, 40
"""Longer text is prose that no question repeats, and a prompt would cut it."""
COLUMNS_EACH = 3
"""Columns shown for one value."""

Part = TypeVar("Part")

_WORD = re.compile(r"\w+")
_ARTICLE = re.compile(r"(?:the|a|an|our|own|our own)\s+", re.IGNORECASE)


class Stored(NamedTuple):
    """A value in a column; `written` must stand in the question just so: short codes are also plain words."""

    table: Table
    column: str
    value: Cell
    written: str | None = None


Words = tuple[str, ...]
"""What people write for a value, normalised, word by word."""
Named = tuple[Words, Stored]
LookUp = Callable[[Iterable[Words]], Mapping[Words, Sequence[Stored]]]
"""Which of some words name stored values, and which."""


class Linker:
    """Finds the stored values that questions name, by an index of words: in memory, or on disk (`kept_values`)."""

    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up

    def find(self, question: str) -> Iterator[Stored]:
        """Yield the values that a question names in its order, the longest name first, each in up to 3 columns."""
        for _, stored in self._read(question):
            yield from stored[:COLUMNS_EACH]

    def parts(self, question: str, part: Callable[[str, Sequence[Stored]], Part]) -> Iterator[Part]:
        """Yield a question's words, normalised, and in the place of those that name a value what is stored so."""
        for word, stored in self._read(question):
            yield part(word, stored)

    def _read(self, question: str) -> Iterator[tuple[str, Sequence[Stored]]]:
        """Yield each word with nothing, or the words of a value, the longest first, with where it is stored."""
        raw = _split(question)
        words = [_normal(word) for word in raw]
        spans = (tuple(words[i:end]) for i in range(len(words)) for end in range(i + 1, i + 1 + MAX_WORDS))
        stored = self._look_up(dict.fromkeys(spans))
        start = 0
        while start < len(words):
            length = min(MAX_WORDS, len(words) - start)
            for end in range(start + length, start, -1):
                found = stored.get(tuple(words[start:end]), ())
                said = [s for s in found if s.written is None or s.written == " ".join(raw[start:end])]
                if said or end == start + 1:
                    yield " ".join(words[start:end]), said
                    start = end
                    break

    def hints(self, question: str, limit: int, dialect: str = "sqlite") -> list[str]:
        """Return at most `limit` lines such as `cust.city = 'Lyon'` for a prompt."""
        lines = (hint(s.table, s.column, s.value, dialect) for s in self.find(question))
        return list(dict.fromkeys(lines))[:limit]


def in_memory(named: Iterable[Named]) -> LookUp:
    """Return what looks words up among values, which keep their order."""
    index: dict[Words, list[Stored]] = defaultdict(list)
    for words, stored in named:
        index[words].append(stored)
    return lambda spans: {words: index[words] for words in spans if words in index}


class TableValues(NamedTuple):
    """The values of a table that may be shown, and a hash of them, by column; not `is_whole` if one cannot be read."""

    table: Table
    columns: dict[str, list[Cell]]
    hashes: dict[str, str]
    is_whole: bool

    def named(self) -> Iterator[Named]:
        """Yield the values, each with every one of its names, by column and value."""
        for column in self.table.columns:
            yield from _of_column(self.table, column, self.columns.get(column.name, ()))


def read_values(
    table: Table, fetch: Fetch, dialect: str, *, personal: bool, judged: Mapping[str, str] | None = None
) -> TableValues:
    """Return the values of the text columns and of the explained codes of a table; `fetch` runs one statement.

    Columns that look personal have none unless `personal`. `judged` are hashes of columns that did not look so before:
    most of the time goes into that judgement.
    """
    columns, hashes, is_whole = {}, {}, True
    for column in table.columns:
        if column_kind(column) in ("date", "opaque") and not read_comment(column.comment).codes:
            continue
        try:
            values = _read(table, column, fetch, dialect)
        except SQLError:
            is_whole = False
            continue
        hashed = hashlib.sha256(json.dumps(values, default=repr).encode()).hexdigest()[:32]
        if personal or (judged or {}).get(column.name) == hashed or not _looks_personal(table, column, values):
            columns[column.name], hashes[column.name] = values, hashed
    return TableValues(table, columns, hashes, is_whole)


def _looks_personal(table: Table, column: Column, values: Sequence[Cell]) -> bool:
    name = f"{table.name}.{column.name}"
    return any(looks_personal(name, part) for part in (values[:200], values))  # one value, or most of a few


def _of_column(table: Table, column: Column, values: Iterable[Cell]) -> Iterator[Named]:
    codes = dict(read_comment(column.comment).codes)
    is_country = not {"country", "nation", "nationality"}.isdisjoint(split_name(column.name))
    for value in values:
        text = str(value)
        if len(text) > MAX_CHARACTERS or not (isinstance(value, str) or text in codes):
            continue
        names = {}  # two forms of a value may have the same words
        for form, written in forms(value, codes):
            is_number = form != "meaning" and not isinstance(value, str)  # "one" is no flag
            if is_number or (form in ("country", "adjective") and not is_country):
                continue
            exact = text if form == "plain" and is_code(text) else None
            for said in _alternatives(written) if form == "meaning" else (written,):
                words = _words(said)
                if words and (exact or not (len(words) == 1 and words[0] in LITTLE)):
                    names[words, exact] = Stored(table, column.name, value, exact)
        yield from ((words, stored) for (words, _), stored in names.items())


def _read(table: Table, column: Column, fetch: Fetch, dialect: str) -> list[Cell]:
    """Return the distinct values of a column, sorted; none where there are too many."""
    name = quote_name(column.name, dialect)
    inner = f"SELECT {name} AS v FROM {qualified_name(table, dialect)} LIMIT {ROWS}"
    rows = list(fetch(f"SELECT DISTINCT v FROM ({inner}) AS t WHERE NOT v IS NULL LIMIT {VALUES + 1}"))
    return sorted((row[0] for row in rows), key=str) if len(rows) <= VALUES else []


def _alternatives(meaning: str) -> list[str]:
    """Return what a code's meaning may be called: `school or club` is a school, and a club."""
    parts = [_ARTICLE.sub("", part, count=1) for part in re.split(r"\s+or\s+|\s*/\s*", meaning)]
    return list(dict.fromkeys([meaning, *(part for part in parts if part)]))


def _words(text: str) -> tuple[str, ...]:
    """Return the normalised words of a name; none for what has no letters or is prose."""
    words = tuple(map(_normal, _split(text)))
    return words if len(words) <= MAX_WORDS and any(c.isalpha() for c in text) else ()


def normal_words(text: str) -> Iterator[str]:
    """Yield the words of a text without case, accents and plural."""
    yield from map(_normal, _split(text))


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
