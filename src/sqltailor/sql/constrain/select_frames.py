"""The state of a statement that is being written: its SELECTs, what waits for their FROM, and why text is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqltailor.sql.constrain.granted_names import NO_SOURCES, Source
from sqltailor.sql.constrain.known_joins import Place

MAX_SOURCES = 8
DONE = frozenset(
    {"operand", "interval", "alias", "named", "windowed"}
)  # of `State.last`: what may be followed by an operator
FREE = frozenset({"as", "::", "qualifier", "top", "infix", "order", "group", "partition", "set"})  # before no name
CLAUSES = frozenset({"where", "group", "having", "order", "limit", "offset", "union", "intersect", "except"})
OPENERS_BEHIND = {
    "case": ("when",),
    "select": ("distinct", "top"),
    "order": ("by",),
    "group": ("by",),
    "partition": ("by",),
    "set": ("select", "all", "distinct"),
}
"""Words that may come next behind others, besides operands."""
BRACKET_OPENERS = {"aggregate": ("distinct",), "over": ("partition", "order"), "filter": ("where",)}
NO_NOT = frozenset({"not", "operator", "like", "ilike", "glob", "between", "typed interval"})
JOINING = frozenset({"join", "inner", "left", "right", "full", "outer", "cross", "natural"})


class Refusal(Exception):
    """No continuation of the text names only what exists.

    `back`: where the name begins that had better be another, as an offset in the text; None where another token here
    may help. `level` and `hint`: the frame whose FROM showed it, and what that has. `is_open`: a join might help, too.
    """

    def __init__(
        self, reason: str, back: int | None = None, level: int = 0, hint: Hint | None = None, *, is_open: bool = False
    ) -> None:
        super().__init__(reason)
        self.back, self.level, self.hint, self.is_open = back, level, hint, is_open


class Hint(NamedTuple):
    """What a FROM turned out to have, for the second try of its SELECT."""

    sources: Mapping[str, Source]
    merged: frozenset[str]


class Use(NamedTuple):
    """A column, or `*`, that waits for its table: with its qualifier, and where both begin."""

    qualifier: str | None
    column: str
    start: int
    column_start: int


class Key(NamedTuple):
    """The equality of two keys that ON begins with: what comes next, and its left side as alias and column."""

    next: str = "left"  # left, equals or right
    alias: str = ""
    place: Place = Place("", "")


class Frame(NamedTuple):
    """One SELECT that is being written, from its bracket to its end."""

    role: str  # top, cte, derived, exists or value
    clause: str = "start"  # with, select, from, on, using, where, group, having, order, whole, tail, limit, offset
    brackets: tuple[str, ...] = ()
    sources: Mapping[str, Source] = NO_SOURCES
    merged: frozenset[str] = frozenset()
    waiting: tuple[Use, ...] = ()
    outputs: tuple[str | None, ...] = ()  # `*` and `q.*` until FROM is whole
    aliases: frozenset[str] = frozenset()
    item: str = ""  # of the SELECT list: empty, `=column` alone, `@alias`, `*`, or `?`
    width: int | None = None  # how many columns it must have
    result: tuple[str | None, ...] | None = None  # columns of the first SELECT of several
    ctes: Mapping[str, Source] = NO_SOURCES
    cte: str = ""
    cte_columns: tuple[str, ...] = ()
    expects: str = ""  # in FROM: table, alias?, alias
    table: tuple[str, Source] | None = None
    is_natural: bool = False
    has_table: bool = False  # a query within it, or a SELECT before it, reads one
    is_aggregated: bool = False  # it has GROUP BY, or an aggregate in its SELECT list
    is_joined: bool = False  # the last table may have a condition
    key: Key | None = None
    qualifier: str = ""
    qualifier_start: int = 0
    call: str = ""  # what the next bracket belongs to
    hint: Hint | None = None  # what its FROM had when a column was refused: the next try keeps to that
    is_strict: bool = False  # after a refusal: only names that some stored table has


class State(NamedTuple):
    """What is written so far: frames from the outermost in, the kind of the last lexeme, and text that may go on."""

    frames: tuple[Frame, ...] = (Frame("top"),)
    last: str = "start"
    rest: str = ""
    at: int = 0  # where the rest begins

    @property
    def end(self) -> int:
        """Where the next character goes."""
        return self.at + len(self.rest)


def alone(hint: Hint) -> list[str]:
    """Return the columns that can stand without a qualifier: those of one table, or that a join has merged."""
    if len(hint.sources) == 1:
        return list(next(iter(hint.sources.values())).columns)
    counts: dict[str, int] = {}
    for source in hint.sources.values():
        for column in source.columns:
            counts[column] = counts.get(column, 0) + 1
    return [column for column, count in counts.items() if count == 1 or column in hint.merged]


def source_of(outputs: Iterable[str | None]) -> Source:
    """Return the source that the columns of a query make."""
    listed = list(outputs)
    return Source(frozenset(name for name in listed if name), len(listed), is_stored=False)


def expanded(output: str | None, sources: Mapping[str, Source]) -> list[str | None]:
    """Return the columns that one item of a SELECT list gives."""
    if output is None or not output.endswith("*"):
        return [output]
    qualifier = output[:-2] if output != "*" else None
    found: list[str | None] = []
    for name, source in sources.items():
        if qualifier in (None, name):
            found += [*source.columns, *[None] * ((source.width or len(source.columns)) - len(source.columns))]
    return found
