"""Every table and column name of a statement, looked up the way a server does it.

Common table expressions, aliases, derived tables, LATERAL and correlated queries make names; the others must be
granted tables and columns. Where the schema lacks a column that the database has, three ways to it stay open: `*`,
NATURAL JOIN, and an alias of the same name in GROUP BY or HAVING. Give the whole schema and deny the column instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqltailor.errors import Refused
from sqltailor.sql.guard.catalog import Catalog
from sqltailor.sql.guard.from_items import COLUMN_LIST, check_parts, derived, function, merged, pivoted, stored
from sqltailor.sql.guard.name_rules import (
    ALIAS_CLAUSES,
    LATERAL_UNASKED,
    RECURSIVE_ANYWHERE,
    RECURSIVE_UNASKED,
    folded,
    is_whole_item,
    makes_names,
)
from sqltailor.sql.guard.parsing import in_sql, shown
from sqltailor.sql.guard.scope import Output, Scope, Source

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.expressions import Expr

Ctes = Mapping[str, Output]


class Resolver:
    """Looks up the names of one statement; `check` raises `Refused` for one that is unknown or not granted."""

    def __init__(self, catalog: Catalog, dialect: str) -> None:
        self.catalog = catalog
        self.dialect = dialect
        self._seen: set[int] = set()

    def check(self, tree: Expr, nodes: Sequence[Expr]) -> None:
        """Refuse the statement, a tree with all its nodes, when a name in it is unknown or not granted."""
        from sqlglot import exp

        self._query(tree, None, {})
        for node in nodes:
            is_checked = not isinstance(node, (exp.Column, exp.Table, exp.Select)) or id(node) in self._seen
            if not is_checked:  # fail closed: a part of the tree that this class does not know
                raise Refused(f"{shown(node.name)} cannot be checked in this position, so it is refused.", "policy")

    def _query(self, node: Expr, outer: Scope | None, ctes: Ctes, *, counts_rows: bool = False) -> Output:
        """Check a query and return its columns; `counts_rows` (EXISTS) lets a star pass, since nothing is read."""
        from sqlglot import exp

        ctes = self._with(node, outer, ctes)
        if isinstance(node, exp.Select):
            return self._select(node, outer, ctes, counts_rows)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, outer, ctes)
        if isinstance(node, exp.Values):
            return self._values(node, outer, ctes)
        if isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Table):
            output = self._query(node.this, outer, ctes, counts_rows=counts_rows)
            self._tail(node, output, outer, ctes)
            return output
        raise Refused(f"{in_sql(node)} is not allowed here; a query is expected.", "policy")

    def _values(self, node: Expr, outer: Scope | None, ctes: Ctes) -> Output:
        self._expressions(node.expressions, Scope(outer, self.dialect), ctes)
        width = len(node.expressions[0].expressions) if node.expressions else 0
        names = [f"{base}{i}" for i in range(width + 1) for base in ("column", "col", "column_")]
        output = Output(tuple(names))
        self._tail(node, output, outer, ctes)
        return output

    def _with(self, node: Expr, outer: Scope | None, ctes: Ctes) -> Ctes:
        from sqlglot import exp

        with_: Any = node.args.get("with_")
        if not with_:
            return ctes
        known = dict(ctes)
        for cte in with_.expressions:
            alias: Any = cte.args["alias"]
            key, declared = folded(alias.this, self.dialect), [c.name.lower() for c in alias.args.get("columns") or ()]
            is_recursive = with_.args.get("recursive") or self.dialect in RECURSIVE_UNASKED
            if is_recursive and isinstance(cte.this, exp.SetOperation):
                output = self._set_operation(cte.this, outer, self._with(cte.this, outer, known), key, declared)
            else:
                output = self._query(cte.this, outer, known)
            known[key] = output.renamed(declared)
        return known

    def _set_operation(
        self, node: Expr, outer: Scope | None, ctes: Ctes, itself: str = "", declared: Iterable[str] = ()
    ) -> Output:
        """Check the branches. Those of a recursive expression named `itself` see it, except the first."""
        from sqlglot import exp

        first, later = node, []
        while isinstance(first, exp.SetOperation):  # a loop: thousands of branches must not exhaust the stack
            ctes = ctes if first is node else self._with(first, outer, ctes)
            later.append(first.expression)
            first = first.this
        output = self._query(first, outer, ctes)
        for i, branch in enumerate(reversed(later), start=1):
            sees_itself = itself and (self.dialect in RECURSIVE_ANYWHERE or i == len(later))
            inner = {**ctes, itself: output.renamed(declared)} if sees_itself else ctes
            other = self._query(branch, outer, inner)
            if node.args.get("by_name"):
                output = Output(tuple(dict.fromkeys(output.names + other.names)), output.is_complete)
        self._tail(node, output, outer, ctes)
        return output

    def _tail(self, node: Expr, output: Output, outer: Scope | None, ctes: Ctes) -> None:
        """Check ORDER BY and LIMIT after a set operation or a bracket: they see the output's columns only."""
        scope = Scope(outer, self.dialect)
        scope.sources = [Source("", dict.fromkeys(output.names, True), is_complete=output.is_complete)]
        self._expressions([node.args[k] for k in ("order", "limit", "offset") if node.args.get(k)], scope, ctes)

    def _select(self, node: Expr, outer: Scope | None, ctes: Ctes, counts_rows: bool) -> Output:
        from sqlglot import exp

        self._seen.add(id(node))
        scope = Scope(outer, self.dialect)
        from_ = node.args.get("from_")
        items = [*([from_.this] if from_ else []), *(node.args.get("joins") or []), *(node.args.get("laterals") or [])]
        later = [expression for item in items for expression in self._from(item, scope, ctes)]
        output = self._projections(node, scope, counts_rows)
        scope.aliases = frozenset(
            name.lower()
            for p in node.expressions
            for name in (p.alias, p.sql_name() if isinstance(p, exp.Func) else "")
        )
        self._expressions(later, scope, ctes)
        self._arguments(scope, ctes)
        for key, value in node.args.items():
            if value and key not in ("with_", "from_", "joins", "laterals"):
                self._expressions(value if isinstance(value, list) else [value], scope, ctes, key)
        return output

    def _projections(self, node: Expr, scope: Scope, counts_rows: bool) -> Output:
        from sqlglot import exp

        names: list[str] = []
        is_complete = True
        for item in node.expressions:
            if item.is_star and isinstance(item, (exp.Star, exp.Column)):
                star = item if isinstance(item, exp.Star) else item.this
                excluded = [c.name for c in star.args.get("except_") or ()]
                self._seen.update(id(c) for c in (item, *(star.args.get("except_") or ())))
                qualifier = item.args["table"].name.lower() if isinstance(item, exp.Column) else None
                if not counts_rows:
                    names += scope.starred(qualifier, excluded)
                is_complete = is_complete and all(source.is_complete for source in scope.sources)
                names += [c.alias.lower() for c in star.args.get("rename") or ()]
            else:
                names.append((item.alias_or_name or (item.sql_name() if isinstance(item, exp.Func) else "")).lower())
                is_complete = is_complete and bool(item.alias_or_name)
        return Output(tuple(names), is_complete)

    # FROM

    def _from(self, item: Expr, scope: Scope, ctes: Ctes) -> list[Any]:
        """Add one item of FROM to the scope. Returns the expressions in it that may name later items too."""
        from sqlglot import exp

        if not isinstance(item, exp.Join):
            return self._source(item, scope, ctes)
        before = len(scope.sources)
        later = [*self._source(item.this, scope, ctes), item.args.get("on")]
        right = scope.sources[before:]
        if item.args.get("method") == "NATURAL":
            scope.starred(None)
        for shared in item.args.get("using") or ():
            scope.check_shared(shared.name.lower(), right)
        return later

    def _source(self, node: Expr, scope: Scope, ctes: Ctes) -> list[Any]:
        from sqlglot import exp

        later: list[Any] = [node.args.get("sample")]
        self._seen.add(id(node))
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            source = self._table(node, ctes)
        elif _is_bracket(node):
            return self._bracketed(node, scope, ctes)
        elif isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            source = derived(node, self._query(node.this, scope, ctes))
        elif isinstance(node, (exp.Subquery, exp.Values)):
            outer = scope if self.dialect in LATERAL_UNASKED else scope.outer
            source = derived(node, self._query(node, outer, ctes))
        elif isinstance(node, (exp.Table, exp.Lateral, exp.Unnest, exp.TableFromRows)):
            source = function(node)
            scope.calls.append((node.expressions if isinstance(node, exp.Unnest) else [node.this], source))
        else:
            raise Refused(f"{in_sql(node)} is not allowed in FROM.", "policy")
        if node.args.get("pivots"):
            source = pivoted(node, source)
            self._seen.update(id(c) for pivot in node.args["pivots"] for c in pivot.find_all(exp.Column))
        scope.sources.append(source)
        return later + [e for join in node.args.get("joins") or () for e in self._from(join, scope, ctes)]

    def _table(self, node: exp.Table, ctes: Ctes) -> Source:
        self._seen.add(id(node))
        check_parts(node)
        cte = None if node.args.get("db") else ctes.get(folded(node.this, self.dialect))
        if cte:
            return derived(node, cte)
        if node.name.lower() == "dual" and not node.args.get("db"):
            return Source("dual", {})
        return stored(node, self.catalog.find(node), self.dialect)

    def _bracketed(self, node: Expr, scope: Scope, ctes: Ctes) -> list[Any]:
        """`(t JOIN s ON …)`: the tables are seen outside, or as one under an alias."""
        if not node.alias:
            later = self._source(node.this, scope, ctes)
            return later + [e for join in node.args.get("joins") or () for e in self._from(join, scope, ctes)]
        inner = Scope(scope.outer, self.dialect)
        self._expressions(self._source(node.this, inner, ctes), inner, ctes)
        self._arguments(inner, ctes)
        if node.args["alias"].args.get("columns") and inner.is_of_tables():
            raise Refused(COLUMN_LIST, "policy")
        columns = merged(source.columns for source in inner.sources)
        scope.sources.append(Source(node.alias.lower(), columns, is_stored=inner.is_of_tables()))
        return [e for join in node.args.get("joins") or () for e in self._from(join, scope, ctes)]

    # expressions

    def _arguments(self, scope: Scope, ctes: Ctes) -> None:
        """Check the arguments of functions in FROM: a function's own result, whatever its name, is not a source."""
        sources = scope.sources
        for expressions, result in scope.calls:
            scope.sources = [source for source in sources if source is not result]
            self._expressions(expressions, scope, ctes)
        scope.sources = sources

    def _expressions(self, roots: Iterable[Any], scope: Scope, ctes: Ctes, key: str = "") -> None:
        """Check every name in expressions; `key` is their clause."""
        from sqlglot import exp

        stack = [root for root in roots if isinstance(root, exp.Expr)]
        while stack:
            node = stack.pop()
            if isinstance(node, (exp.Query, exp.Values)):
                self._query(node, scope, ctes, counts_rows=isinstance(node.parent, exp.Exists))
            elif isinstance(node, exp.Star):
                self._star(node, scope, key)
                stack += [e for part in ("replace", "rename") for e in node.args.get(part) or ()]
            elif isinstance(node, exp.Columns):
                scope.starred(None)
                if not isinstance(node.this, exp.Star) and scope.is_of_tables():
                    raise Refused("COLUMNS(…) with a pattern is not allowed; name the columns.", "policy")
                self._seen.update(id(column) for column in node.find_all(exp.Column))
            elif isinstance(node, exp.Column) and node.is_star:
                self._seen.add(id(node))
                self._star(node, scope, key)
            elif isinstance(node, exp.Lambda):
                if not makes_names(node, self.dialect):
                    for parameter in node.expressions:
                        scope.check_name(parameter.name.lower())
                stack += node.iter_expressions()
            elif isinstance(node, exp.ToMap):  # it evaluates its keys, unlike a struct
                for entry in node.find_all(exp.PropertyEQ):
                    if isinstance(entry.this, exp.Identifier):
                        scope.check_name(entry.this.name.lower())
                stack += node.iter_expressions()
            elif isinstance(node, exp.Column):
                self._seen.add(id(node))
                is_whole = is_whole_item(node, key)
                counts = is_whole or key in ALIAS_CLAUSES.get(self.dialect, ())
                scope.check_column(node, aliases_count=counts, aliases_first=is_whole and key == "order")
            else:
                stack += node.iter_expressions()

    def _star(self, node: Expr, scope: Scope, key: str) -> None:
        from sqlglot import exp

        if key == "expressions" and isinstance(node.parent, exp.Select):
            return  # `_projections` has seen to it
        counted = node.parent.parent if isinstance(node.parent, exp.Distinct) else node.parent
        if isinstance(counted, exp.Count):
            if isinstance(node, exp.Column):
                scope.starred(node.args["table"].name.lower())
            return
        scope.check_whole_rows(node.args["table"].name.lower() if isinstance(node, exp.Column) else None)


def _is_bracket(node: Expr) -> bool:
    """Tell whether brackets in FROM hold items of FROM, not a query: `((t JOIN s …) JOIN u …)`, `((SELECT 1) x)`."""
    from sqlglot import exp

    inner = node.this
    if not isinstance(node, exp.Subquery) or not isinstance(inner, (exp.Table, exp.Subquery)):
        return False
    return isinstance(inner, exp.Table) or bool(inner.alias or inner.args.get("joins")) or _is_bracket(inner)
