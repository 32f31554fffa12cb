"""The text layer: cut a statement into code, quoted text and comments, and refuse text that servers read differently.

It has its own small reader, apart from sqlglot's, so that the two can be compared (`parsing.py`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from sqltailor.errors import Refused
from sqltailor.sql.dialect import MAX_SQL_CHARACTERS

MAX_NESTING = 40
"""Brackets within brackets. sqlglot's parser meets Python's recursion limit soon after."""

_POSTGRES_LIKE = frozenset({"postgres", "redshift", "materialize", "risingwave", "duckdb"})
_MYSQL_LIKE = frozenset({"mysql", "doris", "starrocks"})
# In these a backslash in '…' is always an ordinary character. In all others it may escape the quote, by the
# dialect, the server's settings or the string's prefix: there both readings must agree.
_NO_BACKSLASH = frozenset(
    {"sqlite", "postgres", "materialize", "risingwave", "duckdb", "tsql", "fabric", "oracle", "trino", "presto", "dune"}
)
_BACKTICKS = frozenset({"sqlite", "bigquery", "spark", "spark2", "databricks", "hive", "athena", "clickhouse", "drill"})
_BRACKETS = frozenset({"sqlite", "tsql", "fabric", "exasol"})
_DOLLARS = _POSTGRES_LIKE | {"snowflake", "databricks", "clickhouse"}
_NO_DOUBLING = frozenset({"bigquery", "spark", "spark2", "databricks", "hive"})

_BACKSLASH = "Servers disagree about a backslash before a quote; to include a quote, double it ('')."
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


class Piece(NamedTuple):
    """Quoted text, a quoted name or a comment: `sql[start:end]`."""

    kind: str
    start: int
    end: int


class Text(NamedTuple):
    """A statement cut into pieces. `code` is the text with every quoted piece as `''` and every comment as a blank."""

    sql: str
    pieces: list[Piece]
    code: str


def read(sql: str, dialect: str = "sqlite") -> Text:
    """Return the statement's pieces and code.

    Raises `Refused` (layer `text`) for text that is empty, too long, deeply nested, unclosed, holds control
    characters, carries instructions in comments, or that a server could cut into tokens in another way.
    """
    if not sql.strip(" \t\r\n;"):
        raise Refused("The statement is empty.", "text")
    if len(sql) > MAX_SQL_CHARACTERS:
        raise Refused(f"The statement has {len(sql):,} characters; at most {MAX_SQL_CHARACTERS:,} are allowed.", "text")
    if found := _FORBIDDEN.search(sql):
        raise Refused(f"The character U+{ord(found[0]):04X} is not allowed in a statement.", "text")
    text = cut(sql, dialect)
    if dialect not in _NO_BACKSLASH and "\\" in sql and _cut(sql, dialect, backslash=True) != text.pieces:
        raise Refused(_BACKSLASH, "text")
    _check_quoted(text, dialect)
    _check_code(text)
    return text


def cut(sql: str, dialect: str = "sqlite") -> Text:
    """Return the statement's pieces and code, without judging them.

    Raises `Refused` for a quote or comment that is never closed.
    """
    pieces = _cut(sql, dialect, backslash=False)
    return Text(sql, pieces, _code(sql, pieces))


@lru_cache
def _pattern(dialect: str, backslash: bool) -> re.Pattern[str]:
    def quoted(quote: str, *, escapes: bool = backslash) -> str:
        doubled = "" if dialect in _NO_DOUBLING else f"|{quote}{quote}"
        ordinary = rf"[^{quote}\\]|\\[\s\S]" if escapes else f"[^{quote}]"
        return f"{quote}(?:{ordinary}{doubled})*+{quote}"

    escaped = [f"(?:[eE]{quoted(chr(39), escapes=True)})"] if dialect in _POSTGRES_LIKE else []
    strings = [*escaped, quoted("'")]
    names = [quoted('"', escapes=backslash and dialect not in _POSTGRES_LIKE)]
    has_backticks = dialect in _BACKTICKS | _MYSQL_LIKE
    if has_backticks:
        names.append("`(?:[^`]|``)*+`")
    if dialect in _BRACKETS:
        names.append(r"\[(?:[^\]]|\]\])*+\]" if dialect != "sqlite" else r"\[[^\]]*+\]")
    if dialect in _DOLLARS:
        strings.append(r"\$(?P<tag>(?:[^\W\d][\w\x80-\U0010ffff]*+)?)\$[\s\S]*?\$(?P=tag)\$")
    lines = ["--"]
    if dialect in _MYSQL_LIKE or dialect in {"bigquery", "clickhouse"}:
        lines.append("#")
    if dialect in {"snowflake", "dremio"}:
        lines.append("//")
    comments = [rf"(?:{'|'.join(lines)})[^\n]*+", r"/\*[\s\S]*?\*/"]
    return re.compile(
        f"(?P<comment>{'|'.join(comments)})|(?P<string>{'|'.join(strings)})|(?P<name>{'|'.join(names)})"
        r"|(?P<word>[^\W\d][\w$\x80-\U0010ffff]*+|\d[\w.]*+)|"
        rf"(?P<open>['\"{'`' if has_backticks else ''}]|/\*)"
    )


def _cut(sql: str, dialect: str, *, backslash: bool) -> list[Piece]:
    pieces = []
    for match in _pattern(dialect, backslash).finditer(sql):
        if match.lastgroup == "open":
            what = "comment" if match[0] == "/*" else "quote"
            raise Refused(f"A {what} that opens at character {match.start() + 1} is never closed.", "text")
        if match.lastgroup in ("comment", "string", "name"):
            pieces.append(Piece(match.lastgroup, match.start(), match.end()))
    return pieces


def _code(sql: str, pieces: list[Piece]) -> str:
    parts, end = [], 0
    for piece in pieces:
        parts += [sql[end : piece.start], " " if piece.kind == "comment" else " '' "]
        end = piece.end
    return "".join([*parts, sql[end:]])


def _check_quoted(text: Text, dialect: str) -> None:
    for kind, start, end in text.pieces:
        piece = text.sql[start:end]
        if kind == "comment":
            _check_comment(piece, dialect)
        elif piece[0] in "eE" and re.search(r"(?<!\\)(\\\\)*\\'", piece):
            raise Refused(_BACKSLASH, "text")
        elif re.search(r"(?i)\bu&$", text.sql[max(0, start - 3) : start]):
            raise Refused("Unicode escapes (U&'…') are not allowed; write the characters themselves.", "text")
        elif dialect == "oracle" and start and text.sql[start - 1] in "qQ":
            raise Refused("Oracle's q'…' quoting is not allowed; write '…'.", "text")


def _check_comment(comment: str, dialect: str) -> None:
    if re.match(r"/\*\s*(!|M!|\+)", comment):
        raise Refused(
            "Comments that begin with /*!, /*M! or /*+ are instructions to the server and are not allowed.", "text"
        )
    if comment.startswith("/*") and "/*" in comment[2:]:
        raise Refused("Nested comments are not allowed: servers read them differently.", "text")
    if dialect in _MYSQL_LIKE and comment.startswith("--") and len(comment) > 2 and not comment[2].isspace():
        raise Refused(
            "Put a space after `--`: without one, MySQL reads two minus signs and other servers a comment.", "text"
        )


def _check_code(text: Text) -> None:
    outside = _outside_quotes(text)
    for c in set() if outside.isascii() else set(outside):
        if not c.isascii() and unicodedata.category(c)[0] in "ZC":
            raise Refused(f"The invisible character U+{ord(c):04X} is allowed only inside quotes.", "text")
    if re.search(r"\r(?!\n)", text.sql):
        raise Refused("A lone carriage return is not allowed: only some servers end a comment at it.", "text")
    depth = deepest = 0
    for bracket in re.findall(r"[()\[\]{}]", text.code):
        depth += 1 if bracket in "([{" else -1
        deepest = max(deepest, depth)
    if deepest > MAX_NESTING:
        raise Refused(f"Brackets are nested {deepest} deep; at most {MAX_NESTING} are allowed.", "text")


def _outside_quotes(text: Text) -> str:
    comments = [text.sql[p.start : p.end] for p in text.pieces if p.kind == "comment"]
    return "".join([text.code, *comments])
