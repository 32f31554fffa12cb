"""The columns that a view's query gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqltailor.errors import SQLError
from sqltailor.sql.dialect import parse
from sqltailor.sql.dialect.lexer import Token, lex
from sqltailor.sql.dialect.names import fold
from sqltailor.sql.schema.cursor import Words, split_commas
from sqltailor.types import Column

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.expressions import Expr

Known = Callable[[list[str]], "list[Column] | None"]
"""The columns of a table by its path; None when there is no such table."""


class _Known(NamedTuple):
    """The columns of a table by its path, and the dialect of the query."""

    columns_of: Known
    base: str


_TRAILER = re.compile(
    r"\bWITH\s+(?:(?:(?:LOCAL|CASCADED)\s+)?CHECK\s+OPTION|READ\s+ONLY|(?:NO\s+)?DATA|NO\s+SCHEMA\s+BINDING)"
    r"(?:\s+CONSTRAINT\s+\S+)?\s*\Z"
    r"|(?<=\))\s*WITH\s+(?:NO\s+)?DATA\b(?!\s+AS\b).*\Z",  # of Teradata: WITH DATA PRIMARY INDEX (a)
    re.IGNORECASE | re.DOTALL,
)
QUERY_STARTS = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "FROM", "("})


def view_query(create: str, base: str) -> str | None:
    """Return the SELECT of a CREATE VIEW statement, without comments; None when there is none.

    >>> view_query("CREATE VIEW v (x) COMMENT 'AS' AS SELECT a /* the a */ FROM t WITH CHECK OPTION", "postgres")
    'SELECT a  FROM t'
    """
    words = Words(list(lex(create, base)), base)
    while words.next() is not None:
        if words.take("AS") and words.next_word() in QUERY_STARTS:
            return query_at(words) or None
        words.skip()
    return None


def query_at(words: Words) -> str:
    """Return the query that comes next, without comments and without what CREATE VIEW adds behind it."""
    bare = "".join("" if t.kind == "comment" else t.raw for t in words.tokens[words.place :])
    return _TRAILER.sub("", bare.strip(" \t\r\n;")).strip()


def selected_columns(query: str, known: Known, base: str) -> list[Column] | None:
    """Return the columns of a query, with their types where they are plain columns of known tables.

    `*` is written out; None when it stands for a table that is not known, or the query cannot be read. What has no
    name is left out.
    """
    from sqlglot import exp

    try:
        tree = parse(query, base)
    except SQLError:
        return _plainly_selected(query, base)
    return _columns(tree, _Known(known, base), {}) if isinstance(tree, (exp.Query, exp.Values)) else None


Ctes = Mapping[str, "list[Column] | None"]


def _columns(tree: Expr, known: _Known, ctes: Ctes) -> list[Column] | None:
    from sqlglot import exp

    if isinstance(tree, exp.Subquery):
        return _columns(tree.this, known, ctes)
    if with_ := tree.args.get("with_"):
        inner = dict(ctes)
        for cte in with_.expressions:
            inner[cte.alias.lower()] = _renamed(_columns(cte.this, known, inner), cte.args.get("alias"))
        ctes = inner
    if isinstance(tree, exp.SetOperation):
        first, second = (_columns(side, known, ctes) for side in (tree.this, tree.expression))
        return _once([*first, *second]) if tree.args.get("by_name") and first and second else first
    if isinstance(tree, exp.Values):
        width = len(tree.expressions[0].expressions) if tree.expressions else 0
        return [Column(f"column{i}", "") for i in range(1, width + 1)]
    if not isinstance(tree, exp.Select):
        return None
    sources = _sources(tree, known, ctes)
    columns: list[Column] = []
    for item in tree.selects:
        column = item.unalias()
        if item.is_star and not isinstance(column, exp.Func):
            all_of = _all_of(column, sources)
            if all_of is None:
                return None
            columns += all_of
        elif name := _name(item, known.base):
            columns.append(Column(name, _type(column, sources)))
    return _once(columns) if any(_joins_by_name(join) for join in tree.args.get("joins") or ()) else columns


def _joins_by_name(join: Expr) -> bool:
    return bool(join.args.get("using")) or join.args.get("method") == "NATURAL"


def _once(columns: list[Column]) -> list[Column]:
    """Return each column once: `*` gives what both tables of NATURAL and USING have, from the first."""
    found: dict[str, Column] = {}
    for column in columns:
        found.setdefault(column.name.lower(), column)
    return list(found.values())


def _all_of(item: Expr, sources: Sequence[tuple[str, list[Column] | None]]) -> list[Column] | None:
    """Return what `*` or `t.*` stands for; None where its columns are not known."""
    from sqlglot import exp

    star = item if isinstance(item, exp.Star) else item.this
    if not isinstance(star, exp.Star):  # the fields of a value: (s).*
        return None
    of = item.table.lower() if isinstance(item, exp.Column) else None
    without = {c.name.lower() for c in star.args.get("except_") or ()}
    renamed = {c.this.name.lower(): c.alias for c in star.args.get("rename") or ()}
    meant = [found for name, found in sources if of in (None, name)]
    if not meant or None in meant:
        return None
    kept = (c for found in meant for c in found or () if c.name.lower() not in without)
    return [Column(renamed.get(c.name.lower(), c.name), c.type) for c in kept]


_NAMES_FUNCTIONS = frozenset({"postgres", "redshift", "materialize", "risingwave"})
"""Where `count(*)` without an alias is a column called `count`."""


def _name(item: Expr, base: str) -> str:
    """Return the name of a selected item as the database stores it; `""` where it has none that people write."""
    from sqlglot import exp

    identifier = item.args.get("alias") or (item.this if isinstance(item, exp.Column) else None)
    if isinstance(item, exp.Dot):
        identifier = item.expression
    if isinstance(identifier, exp.Identifier):
        return identifier.name if identifier.args.get("quoted") else fold(identifier.name, base)
    if isinstance(item, exp.Paren):
        return _name(item.this, base)
    if base not in _NAMES_FUNCTIONS:
        return ""
    if isinstance(item, exp.Subquery) and isinstance(item.this, exp.Select) and item.this.selects:
        return _name(item.this.selects[0], base)
    if isinstance(item, (exp.Window, exp.Filter, exp.Cast)):
        return _name(item.this, base) or (item.to.sql(base).lower() if isinstance(item, exp.Cast) else "")
    if isinstance(item, exp.Case):
        otherwise = item.args.get("default")
        return (_name(otherwise, base) if isinstance(otherwise, exp.Column) else "") or "case"
    called = re.fullmatch(r"(\w+)(?:[(\[].*)?", item.sql(base), re.DOTALL) if isinstance(item, exp.Func) else None
    return called[1].lower() if called else ""


def _sources(tree: exp.Select, known: _Known, ctes: Ctes) -> list[tuple[str, list[Column] | None]]:
    """Return the items of FROM by the names under which columns name them."""
    from_ = tree.args.get("from_")
    joined = [join.this for join in tree.args.get("joins") or () if join.kind not in ("SEMI", "ANTI")]
    items = [*([from_.this] if from_ else []), *joined, *(tree.args.get("laterals") or ())]
    items += [join.this for item in items for join in item.args.get("joins") or ()]
    return [(item.alias_or_name.lower(), _source(item, known, ctes)) for item in items]


def _source(item: Expr, known: _Known, ctes: Ctes) -> list[Column] | None:
    from sqlglot import exp

    alias = item.args.get("alias")
    if item.args.get("pivots"):  # its columns are values of the table
        return _renamed(None, alias)
    if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier):
        cte = item.name.lower()
        own = ctes[cte] if not item.db and cte in ctes else known.columns_of([part.name for part in item.parts])
        return _renamed(own, alias)
    if isinstance(item, exp.Subquery):
        return _renamed(_columns(item.this, known, ctes), alias)
    if isinstance(item, exp.Lateral) and isinstance(item.this, exp.Subquery):
        return _renamed(_columns(item.this, known, ctes), alias)
    return _renamed(None, alias)


def _renamed(columns: list[Column] | None, alias: Expr | None) -> list[Column] | None:
    """Return the columns under the names that `AS t(a, b)` or `AS t(a int, b text)` gives them."""
    from sqlglot import exp

    given = [c for c in (alias.args.get("columns") or ()) if c.name] if alias is not None else []
    numbers = alias.parent.args.get("offset") if alias is not None and alias.parent is not None else None
    given += [numbers] if given and isinstance(numbers, exp.Identifier) else []  # WITH ORDINALITY AS t(a, n)
    if not given:
        return columns
    new = [Column(c.name, _declared(c) if isinstance(c, exp.ColumnDef) else "") for c in given]
    types = columns or []
    new = [c if c.type or i >= len(types) else Column(c.name, types[i].type) for i, c in enumerate(new)]
    return new + types[len(new) :]


def _declared(column: Expr) -> str:
    kind = column.args.get("kind")
    return kind.sql() if kind is not None else ""


def _type(item: Expr, sources: Sequence[tuple[str, list[Column] | None]]) -> str:
    from sqlglot import exp

    if not isinstance(item, exp.Column):
        return ""
    of = item.table.lower()
    named = (c for name, columns in sources if of in ("", name) for c in columns or ())
    return next((c.type for c in named if c.name.lower() == item.name.lower()), "")


def _plainly_selected(query: str, base: str) -> list[Column] | None:
    """Return the names in a select list that no parser reads; None when one of them is `*` or has no name."""
    words = Words(list(lex(query, base)), base)
    while words.next() is not None and not words.take("SELECT"):
        if words.group("") is None:
            words.skip()
    words.take("DISTINCT") or words.take("ALL")
    start = end = words.place
    while words.next() is not None and words.next_word() not in ("FROM", "UNION", "INTO"):
        if words.group("") is None:
            words.skip()
        end = words.place
    names = [_plain_name(part, base) for part in split_commas(words.tokens[start:end])]
    return [Column(name, "") for name in names] if names and all(names) else None


def _plain_name(part: list[Token], base: str) -> str:
    solid = [token for token in part if not token.is_blank]
    if len(solid) > 2 and base == "tsql" and solid[1].raw == "=":
        return Words(solid, base).name() or ""
    last = solid[-1] if solid else None
    if last is None or last.kind not in ("word", "quoted", "string"):
        return ""
    is_named = len(solid) == 1 or solid[-2].raw.upper() in ("AS", ".") or solid[-2].raw == ")"
    is_named = is_named or solid[-2].kind in ("word", "quoted")
    return (Words([last], base).name() or "") if is_named else ""
