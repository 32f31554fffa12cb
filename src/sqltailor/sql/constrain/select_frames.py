"""What is known of a SELECT that is still being written: its sources, and the columns that wait for one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sqltailor.sql.constrain.lexemes import Token

Columns = frozenset[str] | None
"""The columns of a source; None where they are not known, so that it has any."""


class Use(NamedTuple):
    """A column, `*` for all, its qualifier, and where it is written."""

    qualifier: str | None
    column: str
    start: int = 0


@dataclass
class Frame:
    """One SELECT: what its FROM has, and which columns still wait for a table."""

    depth: int
    role: str  # top, derived, cte or value
    phase: str = "select"  # select, from, rest
    expects: str = ""  # in FROM: table, alias, name (after AS), or nothing
    table: tuple[str, Columns] | None = None
    table_start: int = 0
    table_name: str = ""
    sources: dict[str, Columns] = field(default_factory=dict)
    waiting: list[Use] = field(default_factory=list)
    joined: set[str] = field(default_factory=set)
    is_natural: bool = False
    unknown: dict[str, int] = field(default_factory=dict)  # a column that no table has → where it is written
    outputs: list[str | None] = field(default_factory=list)
    item: list[Token] = field(default_factory=list)
    result: frozenset[str] | None = None
    with_name: str | None = None
