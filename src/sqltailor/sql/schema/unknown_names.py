"""Names in a statement that the schema lacks: a quick look by scopes that prefers silence to a false alarm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqltailor.errors import did_you_mean
from sqltailor.sql.schema.remember import remembered
from sqltailor.types import Schema

if TYPE_CHECKING:
    from sqlglot.expressions import Column, Expr, Expression, Select, Table
    from sqlglot.optimizer.scope import Scope

ROW_IDS = frozenset({"rowid", "oid", "_rowid_", "ctid"})

Known = frozenset[str] | None
"""Lower-cased column names of one source; None when they cannot be known."""

Written = Mapping[str, str]
"""Lower-cased name → the name as the schema writes it."""


class Unknown(NamedTuple):
    """A name that the schema does not have: `kind` is `unknown_table` or `unknown_column`."""

    kind: str
    name: str
    detail: str


class KnownNames(NamedTuple):
    """A schema's names in lower case: table → columns (under its bare and qualified name), and all of them.

    `written` gives each name as the schema writes it.
    """

    tables: Mapping[str, frozenset[str]]
    all: frozenset[str]
    written: Mapping[str, str]


@remembered(4096)
def known_names(schema: Schema) -> KnownNames:
    """Return the names of a schema."""
    found: dict[str, frozenset[str]] = {}
    for table in schema.tables:
        columns = frozenset(c.name.lower() for c in table.columns)
        name = table.name.lower()
        # two namespaces may hold a table of the same name: a bare mention could mean either
        found[name] = found.get(name, frozenset()) | columns
        if table.namespace:
            found[f"{table.namespace.lower()}.{name}"] = columns
    written = {name.lower(): name for t in schema.tables for name in (*(c.name for c in t.columns), t.name)}
    return KnownNames(found, frozenset(t.name.lower() for t in schema.tables).union(*found.values()), written)


def unknown_names(tree: Expression, schema: Schema, nodes: Sequence[Expr] = ()) -> list[Unknown]:
    """Return the tables and columns that a statement names and the schema lacks, each once, in reading order.

    Case does not count. Common table expressions, subqueries, aliases and outer columns are resolved; where the
    columns of a source cannot be known (a table function, a struct), nothing is reported for it. `nodes` are all of the
    tree, where they are at hand.
    """
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    known, _, written = known_names(schema)
    nodes = nodes or list(tree.walk())
    if isinstance(tree, exp.Select) and not any(isinstance(n, (exp.Query, exp.CTE, exp.UDTF)) for n in nodes[1:]):
        return _unknown_in_plain(tree, nodes, known, written)
    if isinstance(tree, exp.Query):
        scopes = traverse_scope(tree)
    else:  # INSERT, UPDATE, DELETE: the queries inside them, and the tables by name
        scopes = [s for query in tree.find_all(exp.Query) if query.parent_select is None for s in traverse_scope(query)]
    local = {n.alias.lower() for n in nodes if isinstance(n, exp.CTE)}
    columns = (u for s in scopes for u in _unknown_columns(s, known, written))
    found = [*_unknown_tables(nodes, known, written, local), *columns]
    return list(dict.fromkeys(found))


def _unknown_in_plain(
    tree: Select, nodes: Sequence[Expr], known: Mapping[str, frozenset[str]], written: Written
) -> list[Unknown]:
    """Do the same for one SELECT from tables alone, where scopes need not be worked out."""
    from sqlglot import exp

    tables = [n for n in nodes if isinstance(n, exp.Table)]
    visible = {t.alias_or_name.lower(): _columns_of(t, "", known) for t in tables}
    columns = (n for n in nodes if isinstance(n, exp.Column))
    aliases = {s.alias.lower() for s in tree.selects if s.alias}
    unknown = _unknown_of(columns, visible, aliases, written)
    return list(dict.fromkeys([*_unknown_tables(nodes, known, written, set()), *unknown]))


def _unknown_tables(
    nodes: Iterable[Expr], known: Mapping[str, frozenset[str]], written: Written, local: set[str]
) -> Iterator[Unknown]:
    from sqlglot import exp

    for table in nodes:
        if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier):
            continue
        if table.name.lower() in local:
            continue
        if _columns_of_table(table, known) is None:
            near = did_you_mean(table.name, [written.get(name, name) for name in known if "." not in name])
            yield Unknown("unknown_table", table.name, f"no table '{_dotted(table)}' in the schema.{near}")


def _dotted(table: Table) -> str:
    return f"{table.db}.{table.name}" if table.db else table.name


def _columns_of_table(table: Table, known: Mapping[str, frozenset[str]]) -> Known:
    name = table.name.lower()
    exact = known.get(f"{table.db.lower()}.{name}") if table.db else None
    # SQLite's `main.t`, DuckDB's `memory.t`: a namespace that the schema does not use
    return exact if exact is not None else known.get(name)


def _unknown_columns(scope: Scope, known: Mapping[str, frozenset[str]], written: Written) -> Iterator[Unknown]:
    from sqlglot import exp

    if scope.is_udtf or not isinstance(scope.expression, exp.Select):
        return
    aliases = {s.alias.lower() for s in scope.expression.selects if s.alias}
    # not the columns of the queries inside it
    yield from _unknown_of(scope.find_all(exp.Column), dict(_visible(scope, known)), aliases, written)


def _unknown_of(
    columns: Iterable[Column], visible: Mapping[str, Known], aliases: set[str], written: Written
) -> Iterator[Unknown]:
    for column in columns:
        name, source = column.name.lower(), column.table.lower()
        if not name or name == "*" or name in ROW_IDS or (not source and name in aliases):
            continue
        detail = _why_unknown(column, name, source, visible, written)
        if detail:
            yield Unknown("unknown_column", column.name, detail)


def _why_unknown(column: Column, name: str, source: str, visible: Mapping[str, Known], written: Written) -> str | None:
    # a derived table without an alias has the name '', which no column can be qualified by
    is_known = bool(source) and source in visible
    if not is_known and None in visible.values():
        return None
    if is_known:
        columns = visible[source]
        if columns is None or name in columns:
            return None
        return f"no column '{column.name}' in '{column.table}'.{_nearest(name, columns, written)}"
    everything = frozenset[str]().union(*(columns or () for columns in visible.values()))
    if source:
        # `s.field` of a struct column reads like a column of a table
        return (
            None
            if source in everything
            else f"'{column.table}' in '{column.sql()}' is not a table or alias of this query."
        )
    if name in everything:
        return None
    places = ", ".join(written.get(place, place) for place in visible if place) or "the query"
    return f"no column '{column.name}' in {places}.{_nearest(name, everything, written)}"


def _nearest(name: str, columns: Iterable[str], written: Written) -> str:
    return did_you_mean(name, [written.get(column, column) for column in columns])


def _visible(scope: Scope, known: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, Known]]:
    """Yield each source that the scope's columns can name, outer ones first so that inner ones replace them."""
    outer = scope.parent
    if outer is not None and (scope.is_subquery or scope.is_udtf):
        yield from _visible(outer, known)
    elif outer is not None and _is_in_subquery(outer):
        # a derived table or union branch inside a correlated subquery sees what the subquery sees
        yield from _visible(outer, known)
    for name, source in scope.sources.items():
        yield name.lower(), _columns_of(source, name, known)
    if sum(not derived.alias for derived in scope.derived_tables) > 1:
        yield "", None  # of several without an alias, only the last is among the sources


def _is_in_subquery(scope: Scope | None) -> bool:
    while scope is not None and not scope.is_subquery:
        scope = scope.parent
    return scope is not None


def _columns_of(source: Table | Scope, name: str, known: Mapping[str, frozenset[str]]) -> Known:
    from sqlglot import exp

    if isinstance(source, exp.Table):
        if not isinstance(source.this, exp.Identifier):
            return None
        columns = _columns_of_table(source, known)
        renamed = source.args.get("alias")
        return None if renamed is not None and renamed.args.get("columns") else columns
    expression = source.expression
    if named := _named_by_alias(expression, name):
        return named
    if isinstance(expression, exp.Lateral) and source.subquery_scopes:
        return _columns_of(source.subquery_scopes[0], name, known)
    if source.is_udtf or not isinstance(expression, exp.Query):
        return None
    columns = frozenset(name.lower() for name in expression.named_selects if name and name != "*")
    if not expression.is_star:
        return columns
    stars = [_columns_of(inner, n, known) for n, inner in source.sources.items()] or [None]
    return None if None in stars else columns.union(*(s for s in stars if s is not None))


def _named_by_alias(expression: Expr, name: str) -> Known:
    """Return the columns that `WITH name(a, b) AS (...)` or `[LATERAL] (...) AS name(a, b)` gives, or None."""
    from sqlglot import exp

    kinds = exp.CTE, exp.Subquery, exp.Lateral
    owner = expression if isinstance(expression, exp.Lateral) else expression.find_ancestor(*kinds)
    while owner is not None and owner.alias != name:
        owner = owner.find_ancestor(*kinds)
    alias = owner.args.get("alias") if owner is not None else None
    return frozenset(c.name.lower() for c in alias.columns) or None if isinstance(alias, exp.TableAlias) else None
