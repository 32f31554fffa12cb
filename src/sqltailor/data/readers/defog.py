"""Defog's questions: `db_name, question, query`, where one cell holds every accepted statement."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain, combinations, islice
from typing import Any

from sqltailor.data.examples import text_field
from sqltailor.data.readers import Source
from sqltailor.data.rows import RowError
from sqltailor.sql.dialect.lexer import lex
from sqltailor.types import Example

MAX_GOLDS = 64
"""Choices of many columns multiply; more accepted statements than these are not written out."""

_CHOICE = re.compile(r"\{([^{}]+)\}")


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


def accepted(cell: str, dialect: str = "sqlite") -> Iterator[str]:
    """Yield every statement that a cell accepts, those with fewest columns first.

    >>> list(accepted("SELECT {name, id} FROM t GROUP BY {}; SELECT 1"))
    ['SELECT name FROM t GROUP BY name', 'SELECT id FROM t GROUP BY id', 'SELECT name, id FROM t GROUP BY name, id', \
'SELECT 1']
    """
    for statement in _statements(cell, dialect):
        yield from _chosen(statement)


def _statements(cell: str, dialect: str) -> Iterator[str]:
    pieces = [""]
    for token in lex(cell, dialect):
        if token.raw == ";":
            pieces.append("")
        else:
            pieces[-1] += token.raw
    return (piece.strip() for piece in pieces if piece.strip())


def _chosen(statement: str) -> Iterator[str]:
    """Yield a statement with each of its choices made; `{}` stands for the columns that were chosen before it."""
    choice = _CHOICE.search(statement)
    if choice is None:
        yield statement
        return
    columns = [column.strip() for column in choice.group(1).split(",")]
    subsets = chain.from_iterable(combinations(columns, count) for count in range(1, len(columns) + 1))
    for subset in subsets:
        listed = ", ".join(subset)
        yield from _chosen(statement[: choice.start()] + listed + statement[choice.end() :].replace("{}", listed, 1))
