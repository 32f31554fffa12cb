"""Read the loose SQL of public data sets as its authors meant it, and normalise statements for comparison."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING

from sqltailor.errors import SQLError
from sqltailor.sql.dialect.lexer import Token, lex, unquoted
from sqltailor.sql.dialect.names import always_quoted, is_odd
from sqltailor.sql.dialect.statement import parse, write
from sqltailor.sql.dialect.yaml_dialects import load_dialect

if TYPE_CHECKING:
    from sqlglot.expressions import Expression


def comparable(
    sql: str, dialect: str = "sqlite", names: Collection[str] | None = None, tree: Expression | None = None
) -> str:
    """Return the form in which two statements are compared for `exact_match`.

    Canonical, with identifiers lower-cased and their quotes dropped where what is left is one word; values exact;
    aliases kept. With `names` (the tables and columns that exist) the text is read by the public sets' rule first
    (see `relex`). `tree` is the statement's without `names`, where it is at hand; it is not changed. What cannot be
    parsed is compared as collapsed text.
    """
    from sqlglot import exp

    try:
        if names is not None:
            tree = parse_loose(sql, names, dialect)
        else:
            tree = parse(sql, dialect) if tree is None else tree.copy()
        for identifier in tree.find_all(exp.Identifier):
            identifier.set("this", identifier.this.lower())
            identifier.set("quoted", re.fullmatch(r"\w+", identifier.this) is None)
        return write(tree, dialect, keep=False)
    except SQLError:
        return re.sub(r"\s+", " ", sql.translate({ord('"'): "'", ord("`"): "'"})).strip(" ;")


def relex(sql: str, names: Collection[str], dialect: str = "sqlite") -> str:
    """Return canonical SQL for text in the loose style of the public sets, or raise `SQLError`.

    A double-quoted token that is no known name, or that a one-word name is compared with, is a string. Where a name
    must stand, a known name that is reserved or a number is quoted; a bare word that begins with a digit always is.
    A backslash is text, unless the statement can only be read when it escapes a quote.

    >>> relex('SELECT 5th_place FROM t WHERE nation = "united states"', {"5th_place", "nation", "t"})
    'SELECT "5th_place" FROM t WHERE nation = \\'united states\\''
    """
    return write(parse_loose(sql, names, dialect), dialect, keep=False)


def parse_loose(sql: str, names: Collection[str], dialect: str = "sqlite") -> Expression:
    """Return the syntax tree of text in the loose style of the public sets (see `relex`), or raise `SQLError`."""
    from sqlglot import exp

    known = frozenset(name.lower() for name in names)
    base = load_dialect(dialect).base
    try:
        tree = parse(_Reader(sql, known, base, escapes=False).text(), base)
    except SQLError:
        if "\\" not in sql:
            raise
        tree = parse(_Reader(sql, known, base, escapes=True).text(), base)
    for identifier in tree.find_all(exp.Identifier):
        # sqlglot reads `SELECT order FROM t` as a column; databases do not
        if is_odd(identifier.this, base):
            identifier.set("quoted", True)
    return tree


def as_sqlite_reads(sql: str, names: Collection[str]) -> str:
    """Return SQLite's SQL with the double-quoted words that name nothing as the text that SQLite takes them for.

    `names` are the lower-case names of tables and columns. Nothing else of the text changes.

    >>> as_sqlite_reads('SELECT "city" AS "c d" FROM t WHERE city = "Rio" ORDER BY "c d"', {"t", "city"})
    'SELECT "city" AS "c d" FROM t WHERE city = \\'Rio\\' ORDER BY "c d"'
    """
    tokens = list(lex(sql, "sqlite"))
    solid = [token for token in tokens if not token.is_blank]
    words = ["", *(token.raw.upper() for token in solid), ""]
    texts = {
        token.start: unquoted(token.raw)
        for place, token in enumerate(solid, 1)
        if token.raw[0] == '"' and token.kind == "quoted" and not {".", "AS"} & {words[place - 1], words[place + 1]}
    }
    named = (token for token, before in zip(solid, words, strict=False) if before == "AS")
    aliases = {(unquoted(token.raw) if token.kind == "quoted" else token.raw).lower() for token in named}
    read = {at: text for at, text in texts.items() if text.lower() not in names and text.lower() not in aliases}
    return "".join(_string(read[t.start], "sqlite") if t.start in read else t.raw for t in tokens)


_COMPARISONS = frozenset({"=", "==", "<>", "!=", "<", ">", "<=", ">=", "LIKE", "ILIKE", "GLOB", "BETWEEN"})
_BEFORE_TABLE = frozenset({"FROM", "JOIN", "INTO", "UPDATE"})
_BEFORE_NAME = _COMPARISONS | {"SELECT", "DISTINCT", ",", "(", "WHERE", "AND", "OR", "BY", "ON", "HAVING", "+", "-",
                               "/", "||", "THEN", "ELSE", "WHEN"}  # fmt: skip
_AFTER_NAME = _COMPARISONS | {"", ";", ".", "FROM", ",", ")", "IN", "NOT", "WHERE", "GROUP", "ORDER", "AND", "OR",
                              "DESC", "ASC", "IS", "+", "-", "*", "/", "||", "AS", "HAVING", "LIMIT", "UNION",
                              "INTERSECT", "EXCEPT", "THEN", "ELSE", "END"}  # fmt: skip
# known or not, these bare words keep their meaning
_NEVER_NAMES = frozenset({"null", "true", "false", "case", "not", "distinct", "select"})
_AGGREGATES = frozenset({"MIN", "MAX", "SUM", "AVG", "COUNT", "TOTAL"})
_LITERAL_STARTS = frozenset("'\"0123456789")
_CLAUSES = frozenset({"SELECT", "FROM", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "VALUES", "SET"})


class _Reader:
    """One loose statement, cut into tokens; `text` is the statement as the dialect `base` reads it."""

    def __init__(self, sql: str, known: frozenset[str], base: str, *, escapes: bool) -> None:
        self.tokens = list(lex(sql, base, backslash=escapes or None))
        self.base = base
        self.escapes = escapes
        solid = [token for token in self.tokens if not token.is_blank]
        self.words = ["", "", "", *(token.raw.upper() for token in solid), "", ""]  # so that -3 and +2 are there
        aliases = {self._plain(token).lower() for i, token in enumerate(solid, 3) if self.words[i - 1] == "AS"}
        self.known = known | aliases
        self.clauses = [""]  # of each open parenthesis: the clause that has begun there, `IN` for a list of values

    def text(self) -> str:
        pieces, place = [], 3
        for token in self.tokens:
            if token.is_blank:
                pieces.append(token.raw)
                continue
            pieces.append(self._read(token, place))
            if pieces[-1] != token.raw:
                self.words[place] = "x"  # a name or a value now, whatever it spells
            self._follow(place)
            place += 1
        return "".join(pieces)

    def _follow(self, place: int) -> None:
        word = self.words[place]
        if word == "(":
            self.clauses.append("IN" if self.words[place - 1] == "IN" else "")
        elif word == ")" and len(self.clauses) > 1:
            self.clauses.pop()
        elif word in _CLAUSES:
            self.clauses[-1] = word

    def _read(self, token: Token, place: int) -> str:
        if token.kind == "quoted":
            text = self._plain(token)
            if token.raw[0] != '"' or self._is_quoted_name(text, place):
                return always_quoted(text, self.base)
            return token.raw if _double_is_string(self.base) else _string(text.replace("\\'", "'"), self.base)
        if token.kind == "string" and self.escapes:
            return _string(self._plain(token), self.base)
        is_name = (token.kind == "number" and self._is_number_name(token.raw, place)) or (
            token.kind == "word" and (token.raw[0] in "0123456789" or self._is_reserved_name(token.raw, place))
        )
        return always_quoted(token.raw, self.base) if is_name else token.raw

    def _plain(self, token: Token) -> str:
        return unquoted(token.raw, backslash=self.escapes) if token.kind in ("string", "quoted") else token.raw

    def _is_quoted_name(self, text: str, place: int) -> bool:
        before, after = self.words[place - 1], self.words[place + 1]
        if "." in (before, after) or before == "AS" or (after == "AS" and self.words[place + 2] == "("):
            return True
        if before in _BEFORE_TABLE and self.words[place - 2] != "DISTINCT":
            return True
        is_upper_bound = before == "AND" and self.words[place - 3] == "BETWEEN"
        is_compared = before in _COMPARISONS or is_upper_bound or self.clauses[-1] == "IN"
        if not is_compared and after in _COMPARISONS and self.words[place + 2][:1] in _LITERAL_STARTS:
            return True  # two constants are not compared with each other
        if not is_compared and self._is_where_names_stand(before, place):
            return True
        return text.lower() in self.known and not (is_compared and re.fullmatch(r"\w+", text))

    def _is_where_names_stand(self, before: str, place: int) -> bool:
        """Tell whether a word in quotes is a name, known or not: in lists of columns, and in an aggregate."""
        if before == ",":
            return self.clauses[-1] in ("SELECT", "GROUP", "ORDER")
        return before in ("SELECT", "DISTINCT", "BY") or (before == "(" and self.words[place - 2] in _AGGREGATES)

    def _is_reserved_name(self, word: str, place: int) -> bool:
        if word.lower() not in self.known or word.lower() in _NEVER_NAMES or not is_odd(word, self.base):
            return False
        before, after = self.words[place - 1], self.words[place + 1]
        if before in _BEFORE_TABLE or before == ".":
            return True
        return before in _BEFORE_NAME and after in _AFTER_NAME

    def _is_number_name(self, number: str, place: int) -> bool:
        if number not in self.known:
            return False
        before, after = self.words[place - 1], self.words[place + 1]
        if before == "(":
            return self.words[place - 2] in _AGGREGATES and after == ")"
        if before in ("WHERE", "AND", "OR", "ON", "HAVING"):
            return after in _COMPARISONS or after in ("IN", "IS", "NOT")
        is_selected = before in ("SELECT", "DISTINCT") or (before == "," and self.clauses[-1] == "SELECT")
        return before == "." or (is_selected and after in (",", "FROM", "AS", ")"))


@lru_cache
def _double_is_string(base: str) -> bool:
    from sqlglot.dialects.dialect import Dialect

    return '"' in Dialect.get_or_raise(base).tokenizer_class.QUOTES


def _string(text: str, base: str) -> str:
    from sqlglot import exp

    return exp.Literal.string(text).sql(dialect=base) if "\\" in text else "'" + text.replace("'", "''") + "'"
