"""Decide whether a statement may run. Generated SQL is hostile until proven otherwise.

Three layers, without a database: `text` (characters, comments and quotes that servers read differently), `parse`
(exactly one statement that sqlglot can read) and `policy` (a SELECT of known parts, allowed functions, granted tables
and columns, not through views or row ids either). All are allow-lists. What they cannot see is left to the database's
own `role` and `limits`: endless or huge queries, functions that users have redefined under an allowed name, columns
that the schema does not list, and views whose query it lacks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

from sqltailor.errors import Refused
from sqltailor.sql.dialect import Dialect, load_dialect
from sqltailor.sql.guard.calls import check_calls
from sqltailor.sql.guard.catalog import Catalog
from sqltailor.sql.guard.functions import allowed_functions
from sqltailor.sql.guard.granted_views import granted_catalog
from sqltailor.sql.guard.parsing import check_nodes, parse
from sqltailor.sql.guard.resolver import Resolver
from sqltailor.sql.guard.text_layer import read
from sqltailor.sql.schema.remember import remembered
from sqltailor.types import Grant, Schema, Verdict

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

__all__ = ["Examined", "Grant", "check", "examine"]


class Examined(NamedTuple):
    """A verdict, and the syntax tree of one statement that can be read, allowed or not; else None."""

    verdict: Verdict
    tree: Expression | None


def check(sql: str, *, dialect: str = "sqlite", schema: Schema, grant: Grant = Grant()) -> Verdict:  # noqa: B008
    """Return whether a statement may run on a database with this schema, and if not, which layer says so and why.

    Raises `ConfigError` for an unknown dialect, or a grant that names what the schema lacks; nothing else.

    >>> from sqltailor.types import Column, Table
    >>> shop = Schema((Table("orders", (Column("id"), Column("card"))),))
    >>> check("SELECT id FROM orders", schema=shop)
    Verdict(allowed=True, layer=None, reason=None)
    >>> check("SELECT card FROM orders", schema=shop, grant=Grant(deny=("orders.card",))).reason
    "The column 'card' is not granted."
    """
    return examine(sql, dialect=dialect, schema=schema, grant=grant).verdict


def examine(sql: str, *, dialect: str = "sqlite", schema: Schema, grant: Grant = Grant()) -> Examined:  # noqa: B008
    """Return the verdict as `check` does, with the syntax tree, so that nobody needs to parse the statement again."""
    house = load_dialect(dialect)
    base = house.base
    catalog = _catalog(schema, grant, base)
    functions = _functions(house)
    tree = None
    try:
        statement = parse(read(sql, base), base)
        tree = cast("Expression", statement.tree)
        check_calls(statement.nodes, statement.called, functions)
        check_nodes(statement.nodes, functions)
        Resolver(catalog, base).check(tree, statement.nodes)
    except Refused as e:
        return Examined(Verdict(False, e.layer, str(e)), tree)
    except RecursionError:
        return Examined(Verdict(False, "parse", "The statement is nested too deeply."), tree)
    return Examined(Verdict(True), tree)


@lru_cache
def _functions(dialect: Dialect) -> frozenset[str]:
    return allowed_functions(dialect.base) | {function.name.lower() for function in dialect.functions}


@remembered(64)
def _catalog(schema: Schema, grant: Grant, dialect: str) -> Catalog:
    return granted_catalog(schema, grant, dialect)
