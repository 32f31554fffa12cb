"""A statement so far as tokens, and the names that it may use."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqltailor.sql.constrain.sql_words import KEYWORDS, OPERATORS, UNITS
from sqltailor.sql.guard.functions import allowed_functions
from sqltailor.types import Schema


class Token(NamedTuple):
    """A lexical unit; `kind` is word, name (quoted), string, number or the sign itself, `start` where it begins."""

    kind: str
    text: str
    is_open: bool = False
    start: int = 0


_LEXER = {
    quotes: re.compile(
        r"(?P<space>\s+)|--[^\n]*|(?P<string>"
        + "|".join(rf"{q}(?:[^{q}]|{q}{q})*(?:{q}|\Z)" for q in strings)
        + r")|(?P<name>"
        + "|".join(rf"{re.escape(a)}(?:[^{re.escape(b)}]|{re.escape(b * 2)})*(?:{re.escape(b)}|\Z)" for a, b in quoted)
        + r")|(?P<word>[^\W\d][\w$]*)|(?P<number>\d[\w.]*)|(?P<sign>::|<>|!=|<=|>=|\|\||.)",
        re.DOTALL,
    )
    for quotes, strings, quoted in (
        ("ansi", "'", (('"', '"'), ("`", "`"), ("[", "]"))),
        ("backtick", "'\"", (("`", "`"),)),
        ("array", "'", (('"', '"'),)),
    )
}
_QUOTES = {"mysql": "backtick", "bigquery": "backtick", "spark": "backtick", "databricks": "backtick",
           "hive": "backtick", "sqlite": "ansi", "tsql": "ansi"}  # fmt: skip


_NUMBER = re.compile(r"\d+(?:\.\d*)?(?:[eE][+-]?\d*)?")
MAX_SPACE = 40
"""Longest run of blanks, so that a statement of blanks ends."""


def lex(text: str, dialect: str) -> list[Token]:
    """Return the tokens of a statement in a base dialect; one that reaches its end and may go on is open.

    Raises `Violation` for what is none.
    """
    found = []
    for match in _LEXER[_QUOTES.get(dialect, "array")].finditer(text):
        kind = match.lastgroup
        raw = match[0]
        if kind == "space" and len(raw) > MAX_SPACE:
            raise Violation("a long gap")
        if kind == "number" and not _NUMBER.fullmatch(raw):
            raise Violation(f"{raw} is no number")
        if kind in (None, "space"):
            continue
        at_end = match.end() == len(text)
        if kind == "sign":
            found.append(Token(raw, raw, start=match.start()))
        elif kind == "name":
            closed = len(raw) > 1 and raw[-1] in '"`]' and not _is_doubled(raw)
            inner = raw[1:-1] if closed else raw[1:]
            close = {"[": "]"}.get(raw[0], raw[0])
            found.append(
                Token("name", inner.replace(close * 2, close).casefold(), at_end and not closed, match.start())
            )
        elif kind == "word":
            found.append(Token("word", raw.casefold(), at_end, match.start()))
        else:
            found.append(Token(kind, raw, at_end, match.start()))
    return found


def _is_doubled(raw: str) -> bool:
    """Tell whether what looks like a closing quote is the first half of one that is written twice."""
    close = {"[": "]"}.get(raw[0], raw[0])
    run = len(raw) - len(raw.rstrip(close))
    return run % 2 == 0 and len(raw) > run + 1


class Violation(Exception):
    """No continuation of the text names only what exists.

    `blame`: the name that had better be another, and where it begins. `is_sure`: no other token can help.
    """

    def __init__(self, reason: str, blame: tuple[int, str] | None = None, *, is_sure: bool = False) -> None:
        super().__init__(reason)
        self.blame, self.is_sure = blame, is_sure


class Names:
    """The tables and columns that statements may name, folded to lower case, and the prefixes of other words."""

    def __init__(self, schema: Schema, dialect: str = "sqlite") -> None:
        self.tables: dict[str, frozenset[str]] = {}
        for table in schema.tables:
            columns = frozenset(column.name.casefold() for column in table.columns)
            self.tables[table.name.casefold()] = columns
            if table.namespace:
                self.tables[f"{table.namespace}.{table.name}".casefold()] = columns
        self.columns = frozenset().union(*self.tables.values())
        self.namespaces = frozenset(t.namespace.casefold() for t in schema.tables if t.namespace)
        self.keywords = KEYWORDS | (OPERATORS - self.columns - frozenset(self.tables))
        self.quotes_strings = dialect == "sqlite"
        words = {*KEYWORDS, *OPERATORS, *UNITS, *allowed_functions(dialect)}
        self.starts = frozenset(word[:i] for word in words for i in range(1, len(word) + 1))

    def knows(self, quoted: Token) -> bool:
        """Tell whether a quoted name is one."""
        return not self.quotes_strings or quoted.is_open or quoted.text in self.columns or quoted.text in self.tables
