"""A cursor over the tokens of one DDL statement."""

from __future__ import annotations

import re

from sqltailor.errors import DataError
from sqltailor.sql.dialect.lexer import Token, has_backslashes, unquoted
from sqltailor.sql.dialect.names import fold

_UNSET_VARIABLE = re.compile(r"(?:\$\{[\w:]+\}|\$\(\w+\)|[@:]\"?\w+\"?|&&?\w+\.?|\{\{[^{}]*\}\})\.(?=[\w\"`\[])")
_GENERIC_TYPES = frozenset({"ARRAY", "STRUCT", "MAP", "UNIONTYPE", "RECORD", "NESTED", "NULLABLE", "LOWCARDINALITY"})


class Words:
    """The tokens of a statement or of a part of one, and the place up to which they are read."""

    def __init__(self, tokens: list[Token], base: str) -> None:
        self.tokens = tokens
        self.base = base
        self.place = 0

    def next(self) -> Token | None:
        """Return the next token that is not a space or comment, and stay before it; None at the end."""
        while self.place < len(self.tokens) and self.tokens[self.place].is_blank:
            self.place += 1
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def next_word(self) -> str:
        """Return the next token in upper case; a quoted name stays in its quotes; `""` at the end."""
        token = self.next()
        return token.raw.upper() if token else ""

    def skip(self) -> None:
        """Pass over the next token."""
        self.next()
        self.place += 1

    def take(self, *words: str) -> bool:
        """Pass over these words if they come next, all of them."""
        start = self.place
        for word in words:
            if self.next_word() != word:
                self.place = start
                return False
            self.skip()
        return True

    def name(self) -> str | None:
        """Read one name as the database stores it; None when something else comes next."""
        token = self.next()
        if token is None or token.kind in ("other", "space", "comment"):
            return None
        self.skip()
        return unquoted(token.raw) if token.kind in ("quoted", "string") else fold(token.raw, self.base)

    def path(self) -> list[str]:
        """Read a name with what qualifies it: `catalog.namespace.table`; BigQuery and Hive may quote it as a whole."""
        parts: list[str] = []
        self._pass_over_variable()
        while (part := self._part(is_first=not parts)) is not None:
            parts += part.split(".") if self.base in ("bigquery", "hive") else [part]
            if not self.take("."):
                break
            while parts and self.take("."):  # `catalog..table` of T-SQL: the namespace is its default
                pass
        return parts

    def _pass_over_variable(self) -> None:
        """Pass over a qualifier that is a variable which nothing sets: `${place}.t`, `@place.t`, `&place..t`."""
        token = self.next()
        if token is not None and token.raw in ("$", "@", ":", "&", "{"):
            found = _UNSET_VARIABLE.match("".join(t.raw for t in self.tokens[self.place : self.place + 16]))
            end = token.start + found.end() if found else 0
            while self.place < len(self.tokens) and self.tokens[self.place].start < end:
                self.place += 1

    def _part(self, *, is_first: bool) -> str | None:
        name = self.name()
        if name is None or self.base != "bigquery" or not is_first:
            return name
        while self.place + 1 < len(self.tokens) and self.tokens[self.place].raw == "-":  # the project my-project-1
            name += "-" + self.tokens[self.place + 1].raw
            self.place += 2
        return name

    def string(self) -> str | None:
        """Read a string; None when something else comes next, NULL for one."""
        token = self.next()
        if token is None or (token.kind != "string" and token.raw[0] != '"'):
            return None
        self.skip()
        return unquoted(token.raw, backslash=has_backslashes(self.base))

    def group(self, place: str) -> list[Token] | None:
        """Read the tokens between parentheses; None when there are none, `DataError` when they are not closed."""
        if self.next_word() != "(":
            return None
        start, depth = self.place + 1, 0
        for i in range(self.place, len(self.tokens)):
            depth += {"(": 1, ")": -1}.get(self.tokens[i].raw, 0)
            if depth == 0:
                self.place = i + 1
                return self.tokens[start:i]
        raise DataError(f"{place} cannot be read: a parenthesis, quote or comment is never closed.")

    def notes(self) -> list[str]:
        """Read the comments that come next."""
        start = self.place
        self.next()
        return [note_text(t.raw) for t in self.tokens[start : self.place] if t.kind == "comment"]

    def ahead(self) -> Words:
        """Return a cursor of its own at the same place."""
        other = Words(self.tokens, self.base)
        other.place = self.place
        return other

    def option(self, name: str) -> str | None:
        """Return the text of an option in what is left: `COMMENT = 'x'` or `COMMENT 'x'`."""
        rest = Words(self.tokens[self.place :], self.base)
        while rest.next() and rest.next_word() != "AS":
            if rest.take(name):
                rest.take("=")
                return rest.string()
            if rest.group(f"The option {name}") is None:
                rest.skip()
        return None

    def rest(self) -> str:
        """Return the text of all that is left."""
        return "".join(token.raw for token in self.tokens[self.place :]).strip()


def split_commas(tokens: list[Token]) -> list[list[Token]]:
    """Return the parts between the commas that stand in no parentheses and no `STRUCT<…>`."""
    parts: list[list[Token]] = [[]]
    depth, angles, before = 0, 0, ""
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.raw, 0)
        if token.raw == "<" and (before in _GENERIC_TYPES or angles):
            angles += 1
        elif angles and token.raw == ">":
            angles -= 1
        if token.raw == "," and depth == 0 and angles == 0:
            parts.append([])
        else:
            parts[-1].append(token)
        if not token.is_blank:
            before = token.raw.upper()
    return parts


def note_text(comment: str) -> str:
    """Return the text of an SQL comment on one line.

    >>> note_text("-- the city "), note_text("/* a\\n * b */")
    ('the city', 'a b')
    """
    if comment.startswith("/*!"):
        return ""  # MySQL runs it
    if comment.startswith("/*"):
        inside = comment[2:-2]
        return " ".join(re.sub(r"\n[ \t]*\*", "\n", inside[1:] if inside.startswith("*\n") else inside).split())
    return " ".join(comment[1 if comment[0] == "#" else 2 :].split())
