"""CREATE TABLE text in the style of the public sets: names that no database would take bare, types of one word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqltailor.errors import DataError
from sqltailor.sql.dialect.lexer import lex, unquoted
from sqltailor.sql.dialect.names import fold
from sqltailor.sql.schema.cursor import split_commas
from sqltailor.types import Column, Table

_START = re.compile(r"(?:^|[;,)\s])\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?", re.IGNORECASE)
_CONSTRAINT = re.compile(
    r"(?:CONSTRAINT\s+\S+\s+)?(?:(?:PRIMARY|FOREIGN)\s+KEY\b.*\(|CHECK\s*\(|(?:UNIQUE|KEY|INDEX)\b[^(]*\(\s*[^\d\s'])",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?<=\s)(?:PRIMARY\s+KEY|NOT\s+NULL|UNIQUE|DEFAULT|REFERENCES|AUTO_?INCREMENT|CHECK\s*\().*", re.IGNORECASE
)
_TYPE = re.compile(r"\s+((?:\w+\s+(?=PRECISION$|VARYING\b))?\w+(?:\s*\([^()]*\))?(?:\[\])*)$", re.IGNORECASE)


def loose_tables(ddl: str, base: str) -> Iterator[Table]:
    """Yield the tables of loose text; the last word of an item is its type, all before it its name."""
    matches = list(_START.finditer(ddl))
    ends = [m.start() for m in matches[1:]] + [len(ddl)] * bool(matches)
    for start, end in zip((m.end() for m in matches), ends, strict=True):
        # the separator's `)` belongs to the statement before
        yield _table(ddl[start : end + 1 if ddl[end : end + 1] == ")" else end].strip().rstrip(";,").strip(), base)


def _table(text: str, base: str) -> Table:
    tokens = list(lex(text, base))
    place = next((i for i, token in enumerate(tokens) if token.raw == "("), 0)
    name = text[: tokens[place].start].strip() if tokens else ""
    if not name:
        raise DataError(f"Not a CREATE TABLE statement: {text[:80]!r}")
    body = tokens[place + 1 :]
    if body and body[-1].raw == ")":
        body.pop()
    items = ("".join(token.raw for token in part).strip() for part in split_commas(body))
    columns = tuple(_column(item, base) for item in items if item and not _CONSTRAINT.match(item))
    return Table(_name(name, base), columns)


def _column(item: str, base: str) -> Column:
    first = next(iter(lex(item, base)))
    if first.kind == "quoted":
        name, kind = first.raw, item[len(first.raw) :].strip()
        bare = _TAIL.sub("", " " + kind).strip()
    else:
        bare = _TAIL.sub("", item).strip()
        found = _TYPE.search(bare)
        name, bare = (bare[: found.start()], found.group(1)) if found else (bare, "")
    is_key = re.search(r"\sPRIMARY\s+KEY\b", item[len(name) :], re.IGNORECASE) is not None
    return Column(_name(name, base), _type_name(bare), is_key)


def _name(raw: str, base: str) -> str:
    return unquoted(raw) if raw[0] in '"`[' and len(raw) > 1 else fold(raw, base)


def _type_name(declared: str) -> str:
    name = declared.upper() or "TEXT"
    return "INTEGER" if name == "INT" else name
