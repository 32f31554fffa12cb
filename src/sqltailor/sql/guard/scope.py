"""Resolve a column name among the sources of a query and of the queries around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from sqltailor.errors import Refused, did_you_mean
from sqltailor.sql.guard.parsing import shown

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.expressions import Expr

# Dialects in which `column.field` reads a field of a nested value.
_FIELDS = frozenset({"bigquery", "duckdb", "spark", "databricks", "snowflake", "trino", "presto", "athena",
                     "clickhouse", "redshift", "hive"})  # fmt: skip
_NAMED_BY_TEXT = frozenset({"sqlite", "mysql", "duckdb"})
_ROW_IDS = {"sqlite": ("rowid", "oid", "_rowid_"), "duckdb": ("rowid",), "oracle": ("rowid",)}
_NO_ROW_ID = "{} is an alias of the table's INTEGER PRIMARY KEY, which is not granted."
_ROW_NUMBERS = {"oracle": ("rownum", "level"), "snowflake": ("level",)}


def _no_table(qualifier: str | None) -> str:
    if not qualifier:
        return "There is no FROM for `*` to refer to."
    return f"There is no table or alias {shown(qualifier)} in FROM for {shown(qualifier + '.*')} to refer to."


class Output(NamedTuple):
    """The columns that a query gives, lower-case; not `is_complete` when one has no name that we know."""

    names: tuple[str, ...]
    is_complete: bool = True

    def renamed(self, names: Iterable[str]) -> Output:
        """Return the output with its first columns renamed: `WITH x(a, b) AS (…)`."""
        new = tuple(names)
        return Output(new + self.names[len(new) :], self.is_complete)


class Source(NamedTuple):
    """One item of FROM: its columns by lower-case name, and whether each is granted.

    Not `is_whole` where a stored table may have columns that nobody granted or denied.
    """

    name: str
    columns: Mapping[str, bool]
    is_stored: bool = False
    is_complete: bool = True
    qualifiers: tuple[str, ...] = ()
    is_pivot: bool = False
    has_row_ids: bool = True
    is_whole: bool = True

    def may_have(self, column: str, dialect: str) -> bool:
        """Tell whether a column that is not listed may exist: after PIVOT, or named after an expression (`count(*)`).

        Where such names are the expression's text, a plain word is not one of them; SQLite would take it for a string.
        """
        return self.is_pivot or (not self.is_complete and (dialect not in _NAMED_BY_TEXT or not column.isidentifier()))


class Scope:
    """The sources and aliases of one SELECT; `outer` is the query around it."""

    def __init__(self, outer: Scope | None, dialect: str) -> None:
        self.outer = outer
        self.dialect = dialect
        self.sources: list[Source] = []
        self.calls: list[tuple[list[Expr], Source]] = []
        self.aliases: frozenset[str] = frozenset()

    def outwards(self) -> Iterator[Scope]:
        """Yield this scope, then the ones around it."""
        scope: Scope | None = self
        while scope:
            yield scope
            scope = scope.outer

    def is_of_tables(self) -> bool:
        """Tell whether a table of the database is among the sources."""
        return any(source.is_stored for source in self.sources)

    def check_column(self, node: exp.Column, *, aliases_count: bool = False, aliases_first: bool = False) -> None:
        """Refuse a column that no source has, or that is not granted.

        Names of the select list may stand for it after (`aliases_count`) or before (`aliases_first`) the columns.
        """
        parts = [part.name.lower() for part in node.parts]
        if len(parts) == 1:
            if not (aliases_first and parts[0] in self.aliases):
                self.check_name(parts[0], aliases_count)
        elif not self._has_qualified(parts):
            fields = self.dialect in _FIELDS and any(parts[0] in s.columns for o in self.outwards() for s in o.sources)
            if not fields:
                known = [s.name for o in self.outwards() for s in o.sources if s.name]
                shown_name = shown(".".join(p.name for p in node.parts[:-1]))
                raise Refused(
                    f"There is no table or alias {shown_name} in FROM.{did_you_mean(parts[0], known)}", "policy"
                )
            self.check_name(parts[0], aliases_count)

    def check_name(self, name: str, aliases_count: bool = False) -> None:
        """Refuse a column without a table before it, in lower case, that means nothing or is not granted."""
        passed_tables = False
        for scope in self.outwards():
            if found := [source for source in scope.sources if name in source.columns]:
                if not all(source.columns[name] for source in found):
                    raise Refused(f"The column {shown(name)} is not granted.", "policy")
                if passed_tables and not any(source.is_stored for source in found):
                    raise Refused(
                        f"{shown(name)} belongs to an outer query; qualify it with its table (table.{name}).", "policy"
                    )
                return
            if scope._has_unlisted(name) or (scope is self and aliases_count and name in scope.aliases):
                return
            if found := [source for source in scope.sources if source.name == name]:
                if any(source.is_stored for source in found):
                    raise Refused(
                        f"{shown(name)} is a table, so here it means whole rows; name the columns you need.", "policy"
                    )
                return
            passed_tables = passed_tables or scope.is_of_tables()
        self._unknown(name)

    def _has_unlisted(self, name: str) -> bool:
        """Whether a name is a row number, or a column of a derived table that we do not know by name."""
        if name in _ROW_NUMBERS.get(self.dialect, ()):
            return True
        if self.is_of_tables():
            is_row_id = name in _ROW_IDS.get(self.dialect, ())
            if is_row_id and not all(source.has_row_ids for source in self.sources):
                raise Refused(_NO_ROW_ID.format(shown(name)), "policy")
            return is_row_id
        return any(source.may_have(name, self.dialect) for source in self.sources)

    def _has_qualified(self, parts: list[str]) -> bool:
        for scope in self.outwards():
            for source in scope.sources:
                for i in range(len(source.qualifiers), -1, -1):
                    own = [*source.qualifiers[i:], source.name]
                    if parts[: len(own)] == own and len(parts) > len(own):
                        scope._check_qualified(own, parts[len(own)], parts)
                        return True
        return False

    def _check_qualified(self, own: list[str], column: str, parts: list[str]) -> None:
        for source in self.sources:
            if source.name != own[-1]:
                continue
            if not source.columns.get(column, True):
                raise Refused(f"The column {shown('.'.join(parts))} is not granted.", "policy")
            is_known = column in source.columns or source.may_have(column, self.dialect)
            is_row_id = not is_known and source.is_stored and column in _ROW_IDS.get(self.dialect, ())
            if is_row_id and not source.has_row_ids:
                raise Refused(_NO_ROW_ID.format(shown(".".join(parts))), "policy")
            if not is_known and not is_row_id:
                nearest = did_you_mean(column, [c for c, granted in source.columns.items() if granted])
                raise Refused(f"{shown(source.name)} has no column {shown(column)}.{nearest}", "policy")

    def starred(self, qualifier: str | None, excluded: Iterable[str] = ()) -> list[str]:
        """Return the columns that `*` or `qualifier.*` stands for; refuse when one of them is not granted."""
        without = {name.lower() for name in excluded}
        for scope in self.outwards():
            found = [source for source in scope.sources if qualifier in (None, source.name)]
            if not found and qualifier and scope.outer:
                continue
            if not found:
                break
            for source in found:
                if denied := [c for c, granted in source.columns.items() if not granted and c not in without]:
                    raise Refused(
                        f"`*` would include {shown(denied[0])} of {shown(source.name)}, which is not granted; "
                        "name the columns.",
                        "policy",
                    )
                if not source.is_whole:
                    raise Refused(
                        f"`*` means all columns of {shown(source.name)}, of which only some are granted; name the "
                        "columns.",
                        "policy",
                    )
            return [name for source in found for name in source.columns if name not in without]
        raise Refused(_no_table(qualifier), "policy")

    def check_whole_rows(self, qualifier: str | None) -> None:
        """Refuse a star inside an expression (`row(u.*)`) over a table of the database."""
        self.starred(qualifier)
        for scope in self.outwards():
            for source in scope.sources:
                if source.is_stored and qualifier in (None, source.name):
                    raise Refused(
                        f"`*` means whole rows of {shown(source.name)} here; name the columns you need.", "policy"
                    )

    def check_shared(self, name: str, right: list[Source]) -> None:
        """Refuse a column of USING that either side lacks or that is not granted."""
        left = [source for source in self.sources if source not in right]
        for side in (left, right):
            found = [source for source in side if name in source.columns]
            if not found and all(source.is_complete for source in side):
                self._unknown(name)
            if not all(source.columns[name] for source in found):
                raise Refused(f"The column {shown(name)} is not granted.", "policy")

    def _unknown(self, name: str) -> NoReturn:
        known = [c for o in self.outwards() for s in o.sources for c, granted in s.columns.items() if granted and c]
        raise Refused(
            f"There is no column {shown(name)} in the tables of this query.{did_you_mean(name, known)}", "policy"
        )
