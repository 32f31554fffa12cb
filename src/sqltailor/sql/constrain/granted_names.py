"""What a statement may name, as the scope check needs it: tables with their columns, functions, and other words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sqltailor.sql.constrain.grammar import syntax_of
from sqltailor.sql.constrain.known_joins import Joins
from sqltailor.sql.constrain.lexemes import TO_LOWER, Lexeme, fold
from sqltailor.sql.constrain.signatures import calls
from sqltailor.sql.constrain.syntax import OPENERS, VALUES, no_alias
from sqltailor.sql.dialect import load_dialect
from sqltailor.sql.dialect.names import DEFAULT_NAMESPACES, always_quoted
from sqltailor.sql.guard.granted_views import granted_catalog, visible
from sqltailor.sql.guard.name_rules import ALIAS_CLAUSES
from sqltailor.types import Grant, Schema


class Source(NamedTuple):
    """What FROM may have: columns as they are compared, how many (None: unknown), and whether `*` may mean all of them.

    `table` is the folded name of a stored one.
    """

    columns: frozenset[str]
    width: int | None
    is_stored: bool = True
    has_star: bool = True
    table: str = ""


class Words(NamedTuple):
    """Words that an operand may begin with, and the beginnings of them."""

    words: tuple[str, ...]
    starts: frozenset[str]

    @classmethod
    def of(cls, words: Iterable[str]) -> Words:
        """Return the words with their beginnings."""
        listed = tuple(sorted(words))
        return cls(listed, frozenset(word[:i] for word in listed for i in range(1, len(word) + 1)))


class Names:
    """The names of one schema under a grant, in a dialect. `joins`: how tables may be joined; None: in any way."""

    def __init__(
        self,
        schema: Schema,
        dialect: str = "sqlite",
        grant: Grant = Grant(),  # noqa: B008
        joins: Joins | None = None,
    ) -> None:
        base = load_dialect(dialect).base
        self.joins = joins
        self.syntax = syntax_of(dialect)
        self.quotes = always_quoted("x", dialect).replace("x", "")
        self.alias_clauses = ALIAS_CLAUSES.get(base, frozenset())
        self.reserved = no_alias(base)
        self.tables: dict[str, Source] = {}
        default = DEFAULT_NAMESPACES.get(base)
        partial = {id(table) for table in granted_catalog(schema, grant, base).starless}
        partial_names = {t.name for t in schema.tables if id(t) in partial}
        for table in visible(schema, grant, base).tables:
            columns = frozenset(self._column_key(c.name) for c in table.columns)
            has_star = table.name not in partial_names and bool(columns)
            source = Source(columns, len(table.columns), has_star=has_star, table=fold(table.name))
            name, namespace = self._key(table.name), self._key(table.namespace or "")
            if table.namespace:
                self.tables[f"{namespace}.{name}"] = source
            if not table.namespace or fold(table.namespace) == default:
                self.tables[name] = source
        self.columns = frozenset[str]().union(*(s.columns for s in self.tables.values()))
        self.namespaces = frozenset(name.partition(".")[0] for name in self.tables if "." in name)
        stored = {name for t in schema.tables for name in _bare(t.name, t.columns)}
        self.written = {self._column_key(name): name.encode().decode("latin-1") for name in sorted(stored)}
        self.calls = calls(dialect)
        syntax = self.syntax
        own = {"date": syntax.date_literals, "extract": syntax.extract, "date_add": syntax.interval == "unit"}
        own |= {"date_sub": syntax.interval == "unit", "interval": bool(syntax.interval)}
        shared = {*OPENERS, *VALUES, *(word for word, is_there in own.items() if is_there)}
        plain = {name for name, call in self.calls.items() if call.kind in ("scalar", "part", "unit")}
        aggregates = {"count", *(name for name, call in self.calls.items() if call.kind == "aggregate")}
        self.words = {
            "plain": Words.of(shared | plain),
            "aggregates": Words.of(shared | plain | aggregates),
            "all": Words.of(shared | {*self.calls} | aggregates),
        }

    def _key(self, name: str) -> str:
        return name.encode().decode("latin-1") if self.syntax.exact_tables else self._column_key(name)

    def _column_key(self, name: str) -> str:
        return name.encode().decode("latin-1") if self.syntax.quotes_keep_case else fold(name)

    def compared(self, begun: str) -> str:
        """Return the beginning of a word as it is compared: folded, but not in quotes that keep the case."""
        keeps = self.syntax.quotes_keep_case and begun[:1] == self.quotes[0]
        return begun if keeps else begun.translate(TO_LOWER)

    def is_bare(self, name: str) -> bool:
        """Tell whether a name may be written without quotes: where these keep the case, not one that has capitals."""
        return not self.syntax.quotes_keep_case or name == name.translate(TO_LOWER)

    def table_key(self, lexeme: Lexeme) -> str:
        """Return a table's name or alias as it is compared."""
        return lexeme.raw if self.syntax.exact_tables else lexeme.text

    def with_columns(self, used: frozenset[str]) -> Iterator[Source]:
        """Yield every table that has all of these columns."""
        return (source for source in self.tables.values() if used <= source.columns)


def _bare(table: str, columns: Iterable[object]) -> Iterator[str]:
    yield table
    yield from (str(getattr(column, "name", "")) for column in columns)


NO_SOURCES: Mapping[str, Source] = {}
