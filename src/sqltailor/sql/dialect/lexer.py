"""Cut SQL text into tokens. No input can break it: anything odd becomes a token of one character."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_MYSQL_LIKE = frozenset({"mysql", "doris", "starrocks"})
_POSTGRES_LIKE = frozenset({"postgres", "redshift", "materialize", "risingwave", "duckdb", "snowflake"})
_BACKSLASHES = _MYSQL_LIKE | {"bigquery", "hive", "spark", "spark2", "databricks", "clickhouse", "snowflake"}
_BRACKETS = frozenset({"sqlite", "tsql", "fabric"})


class Token(NamedTuple):
    """A piece of SQL: `kind` is string, quoted, word, number, space, comment or other; `raw` is its text."""

    kind: str
    raw: str
    start: int

    @property
    def is_blank(self) -> bool:
        return self.kind in ("space", "comment")


def has_backslashes(base: str) -> bool:
    """Tell whether a backslash escapes a quote in the dialect's strings."""
    return base in _BACKSLASHES


def lex(sql: str, base: str = "sqlite", *, backslash: bool | None = None) -> Iterator[Token]:
    """Yield the tokens of SQL text; their `raw` texts, joined, give it back.

    `base` is a sqlglot name. Double quotes, backticks and, where the dialect has them, brackets make a `quoted`
    token. `backslash`: it escapes a quote; None takes the dialect's own rule. `5th` is a word, `5` a number.
    """
    return Lexer(sql, base, backslash=backslash).tokens()


class Lexer:
    """The tokens of one text. What opens and never closes is looked for once only, so that time stays linear."""

    def __init__(self, sql: str, base: str = "sqlite", *, backslash: bool | None = None) -> None:
        self.sql = sql
        self._base = base
        self._backslash = has_backslashes(base) if backslash is None else backslash
        self._unclosed = frozenset[str]()
        self.unclosed_at: int | None = None
        """Where the first quote stands that never closes."""

    def tokens(self, place: int = 0) -> Iterator[Token]:
        """Yield the tokens from a place on."""
        while place < len(self.sql):
            for match in _pattern(self._base, self._backslash, self._unclosed).finditer(self.sql, place):
                if match.lastgroup == "open":
                    self._unclosed |= {match.group()[0].lower()}
                    self.unclosed_at = match.start() if self.unclosed_at is None else self.unclosed_at
                    break
                yield Token(str(match.lastgroup), match.group(), match.start())
                place = match.end()


@lru_cache
def _pattern(base: str, backslash: bool, unclosed: frozenset[str]) -> re.Pattern[str]:
    """Return the pattern of a token, without those that begin with `unclosed` characters and never close."""

    def quoted(mark: str) -> str:
        inside = rf"[^{mark}\\]|{mark}{mark}|\\." if backslash else rf"[^{mark}]|{mark}{mark}"
        return rf"{mark}(?:{inside})*+{mark}"

    is_mysql = base in _MYSQL_LIKE
    closing = {
        "/": r"/\*.*?\*/",
        "q": r"[qQ]'(?:\[.*?\]|\{.*?\}|\(.*?\)|<.*?>|(?P<q>[^\s\[{(<]).*?(?P=q))'" if base == "oracle" else "",
        "'": quoted("'"),
        "$": r"\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$" if base in _POSTGRES_LIKE else "",
        '"': quoted('"'),
        "`": r"`(?:[^`]|``)*+`",
        "[": "" if base not in _BRACKETS else r"\[[^\]]*\]" if base == "sqlite" else r"\[(?:[^\]]|\]\])*+\]",
    }
    closing = {mark: pattern for mark, pattern in closing.items() if pattern and mark not in unclosed}
    comments = [r"--(?=\s|\Z)[^\n]*" if is_mysql else r"--[^\n]*", *(closing[m] for m in "/" if m in closing)]
    comments += [r"\#[^\n]*"] * (is_mysql or base == "bigquery")
    strings = [closing[mark] for mark in "q'$" if mark in closing]
    strings += [r"[eE]'(?:[^'\\]|''|\\.)*+'"] * (base in _POSTGRES_LIKE and "'" in closing)
    openings = {"/": r"/\*", "q": r"[qQ]'", "$": r"\$(?:[^\W\d]\w*)?\$", "[": r"\["}
    groups = {
        "space": r"\s+",
        "comment": "|".join(comments),
        "string": "|".join(strings),
        "quoted": "|".join(closing[mark] for mark in '"`[' if mark in closing),
        "open": "|".join(openings.get(mark, mark) for mark in closing),
        "number": r"(?:[0-9]+(?:\.[0-9]*)?|(?<![\w\"`\]])\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w$])|0[xX][0-9a-fA-F]+\b",
        "word": r"[\w$]+",
        "other": r"<=|>=|<>|!=|==|\|\||::|.",
    }
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in groups.items() if pattern), re.DOTALL)


def trimmed(sql: str, base: str = "sqlite") -> str:
    """Return a statement without the blanks, comments and `;` around it; text that is nothing else stays as it is.

    >>> trimmed("/* app=web */ SELECT a -- b\\n FROM t; -- nightly")
    'SELECT a -- b\\n FROM t'
    """
    solid = [token for token in lex(sql, base) if not token.is_blank and token.raw != ";"]
    return sql[solid[0].start : solid[-1].start + len(solid[-1].raw)] if solid else sql.strip()


def unquoted(raw: str, *, backslash: bool = False) -> str:
    """Return the text within the quotes of a `string` or `quoted` token.

    >>> unquoted("q'[it's]'"), unquoted("E'it\\\\'s'")
    ("it's", "it's")
    >>> unquoted("'it''s'"), unquoted("[a ]]b]"), unquoted('"C:\\\\x"')
    ("it's", 'a ]b', 'C:\\\\x')
    """
    if raw[0] in "qQ":
        return raw[3:-2]
    if raw[0] in "eE":
        return unquoted(raw[1:], backslash=True)
    if raw.startswith("$"):
        return raw[raw.index("$", 1) + 1 :][: -(raw.index("$", 1) + 1)]
    close = "]" if raw[0] == "[" else raw[0]
    text = raw[1:-1].replace(close * 2, close)
    return re.sub(r"\\([\\'\"`])", r"\1", text) if backslash else text
