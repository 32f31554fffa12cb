"""Defog's questions: `db_name, question, query`, where one cell holds every accepted statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, combinations, islice
from typing import Any, NamedTuple

from sqltailor.data.examples import text_field
from sqltailor.data.readers import Source
from sqltailor.data.rows import RowError
from sqltailor.sql.dialect import load_dialect
from sqltailor.sql.dialect.lexer import Token, lex
from sqltailor.types import Example

MAX_GOLDS = 64
"""Choices of many columns multiply; more accepted statements than these are not written out."""


def read_defog(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of a Defog row: statements apart by `;`, each with `{a, b}` for any of some columns.

    `instructions` and `glossary` are its evidence, `query_category` its difficulty.
    """
    cell, question = text_field(row, "query"), text_field(row, "question")
    if not cell or not question:
        raise RowError("missing_field", "`question` and `query` must not be empty")
    golds = tuple(dict.fromkeys(islice(accepted(cell, source.dialect), MAX_GOLDS)))
    if not golds:
        raise RowError("missing_field", "no SQL")
    hints = (text_field(row, key) for key in ("instructions", "glossary"))
    return Example(
        id="",
        question=question,
        sql=golds,
        evidence="\n".join(hint.strip() for hint in hints if hint and hint.strip()) or None,
        db_id=text_field(row, "db_name"),
        dialect=source.dialect,
        difficulty=text_field(row, "query_category"),
    )


class Choice(NamedTuple):
    """`{a, b}` in a statement: `sql[start:end]` stands for any of some columns; `{}`, without any, for those again."""

    start: int
    end: int
    columns: tuple[str, ...]


def accepted(cell: str, dialect: str = "sqlite") -> Iterator[str]:
    """Yield every statement that a cell accepts, those with fewest columns first.

    Braces in a text value or a comment are no choice, nor are
    other notations: `{'key': 1}`, `{d '2024-01-01'}`.

    >>> list(accepted("SELECT {name, id} FROM t GROUP BY {}; SELECT '{a,b}'"))
    ['SELECT name FROM t GROUP BY name', 'SELECT id FROM t GROUP BY id', 'SELECT name, id FROM t GROUP BY name, id', \
"SELECT '{a,b}'"]
    """
    base = load_dialect(dialect).base
    for statement in _statements(cell, base):
        yield from _chosen(statement, base)


def _statements(cell: str, base: str) -> Iterator[str]:
    pieces: list[list[Token]] = [[]]
    for token in lex(cell, base):
        if token.raw == ";":
            pieces.append([])
        else:
            pieces[-1].append(token)
    yield from ("".join(t.raw for t in piece).strip() for piece in pieces if not all(t.is_blank for t in piece))


def _chosen(statement: str, base: str) -> Iterator[str]:
    """Yield a statement with each of its choices made; `{}` stands for the columns that were chosen before it."""
    choice = _choice(statement, base, empty=False)
    if choice is None:
        yield statement
        return
    columns = choice.columns
    subsets = chain.from_iterable(combinations(columns, count) for count in range(1, len(columns) + 1))
    for subset in subsets:
        listed = ", ".join(subset)
        before, rest = statement[: choice.start] + listed, statement[choice.end :]
        if (again := _choice(rest, base, empty=True)) is not None:
            rest = rest[: again.start] + listed + rest[again.end :]
        yield from _chosen(before + rest, base)


def _choice(sql: str, base: str, *, empty: bool) -> Choice | None:
    """Return the first choice, or with `empty` the first `{}`, that stands outside quotes and comments."""
    tokens = list(lex(sql, base))
    for i, token in enumerate(tokens):
        if token.raw != "{" or (i and tokens[i - 1].raw[-1] in "{$#@%"):
            continue
        close = next((j for j in range(i + 1, len(tokens)) if tokens[j].raw in ("}", "{")), None)
        if close is None or tokens[close].raw == "{":
            continue
        columns = _columns(tokens[i + 1 : close])
        if columns is not None and bool(columns) != empty:
            return Choice(token.start, tokens[close].start + 1, columns)
    return None


def _columns(inside: list[Token]) -> tuple[str, ...] | None:
    """Return the columns between braces; None for text that is not a list of columns."""
    solid = [token for token in inside if not token.is_blank]
    if not solid:
        return ()
    is_escape = (
        len(solid) > 1
        and solid[0].kind == "word"
        and solid[1].kind in ("string", "word")
        and solid[1].raw.upper() != "AS"
    )
    if is_escape or solid[0].kind not in ("word", "quoted") or any(token.raw == ":" for token in solid):
        return None
    columns, depth = [""], 0
    for token in inside:
        depth += (token.raw == "(") - (token.raw == ")")
        if token.raw == "," and depth == 0:
            columns.append("")
        else:
            columns[-1] += token.raw
    return tuple(column.strip() for column in columns if column.strip())
