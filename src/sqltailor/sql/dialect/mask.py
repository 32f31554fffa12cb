"""Mask what belongs to one question only: values, aliases and, if wanted, names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqltailor.sql.dialect.statement import parse, write

if TYPE_CHECKING:
    from sqlglot.expressions import Expr, Expression


def template(sql: str, dialect: str = "sqlite") -> str:
    """Return the statement with values masked and aliases numbered; table and column names stay.

    >>> template("SELECT x.a FROM t AS x WHERE x.b IN (1, 2) LIMIT 3")
    'SELECT t1.a FROM t AS t1 WHERE t1.b IN (?) LIMIT ?'
    """
    return write(mask_values(parse(sql, dialect)), dialect, keep=False)


def shape(sql: str, dialect: str = "sqlite") -> str:
    """Return the statement with values, table names and column names masked: its structure alone.

    >>> shape("SELECT a FROM t WHERE b = 'x'") == shape("SELECT name FROM city WHERE pop = 3")
    True
    """
    return write(mask_names(mask_values(parse(sql, dialect))), dialect, keep=False)


def mask_names(tree: Expression) -> Expression:
    """Give every table and every column of a tree one name, in place; return the tree."""
    from sqlglot import exp

    for node in tree.walk():
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            node.set("this", exp.to_identifier("t"))
            node.set("db", None)
            node.set("catalog", None)
        elif isinstance(node, exp.Column):
            if not isinstance(node.this, exp.Star):
                node.set("this", exp.to_identifier("c"))
            for part in ("table", "db", "catalog"):
                node.set(part, None)
        elif isinstance(node, exp.Identifier) and isinstance(node.parent, exp.Join):
            node.set("this", "c")  # USING (…)
            node.set("quoted", False)
    return tree


def mask_values(tree: Expression) -> Expression:
    """Replace every value of a tree by a placeholder and number its aliases, in place; return the tree.

    Tables, subqueries and common tables become t1, t2…, and columns with an alias c1, c2…; a bare column that is
    called like an alias is taken for it. A sign, TRUE and FALSE belong to the value; `ORDER BY 2` names no value.
    """
    from sqlglot import exp

    nodes = list(tree.walk())
    aliases = _Aliases(nodes)
    listed: set[int] = set()
    for node in nodes:
        if isinstance(node, exp.Identifier):
            if new := aliases.new_name(node):
                node.set("this", new)
                node.set("quoted", False)
        elif isinstance(node, exp.In):
            if node.expressions and all(map(_is_value, node.expressions)):
                node.set("expressions", [exp.Placeholder()])
                listed.add(id(node))
        elif _is_value(node) and not _is_kept(node, listed):
            node.replace(exp.Placeholder())
    return tree


class _Aliases:
    """The aliases of a statement, whatever their scope, and the names that take their place."""

    def __init__(self, nodes: list[Expr]) -> None:
        from sqlglot import exp

        self.tables: dict[str, str] = {}
        self.columns: dict[str, str] = {}
        self.derived: set[str] = set()
        for node in nodes:
            if isinstance(node, exp.Alias):
                self.columns.setdefault(node.alias.lower(), f"c{len(self.columns) + 1}")
            elif isinstance(node.args.get("alias"), exp.TableAlias) and node.alias:
                self.tables.setdefault(node.alias.lower(), f"t{len(self.tables) + 1}")
                if not isinstance(node, exp.Table):
                    self.derived.add(node.alias.lower())

    def new_name(self, identifier: Expr) -> str | None:
        """Return what an identifier becomes when it is an alias or stands for one, else None."""
        from sqlglot import exp

        name, parent, place = identifier.name.lower(), identifier.parent, identifier.arg_key
        if isinstance(parent, exp.TableAlias) or (isinstance(parent, exp.Column) and place == "table"):
            return self.tables.get(name) if place != "columns" else None
        if isinstance(parent, exp.Alias):
            return self.columns.get(name) if place == "alias" else None
        if isinstance(parent, exp.Table):
            return self.tables.get(name) if place == "this" and name in self.derived and not parent.db else None
        if isinstance(parent, exp.Column) and place == "this":
            is_bare = not parent.table or parent.table.lower() in self.derived
            return self.columns.get(name) if is_bare else None
        return None


def _is_value(node: Expr) -> bool:
    from sqlglot import exp

    if isinstance(node, exp.Neg):
        return isinstance(node.this, exp.Literal)
    return isinstance(node, (exp.Literal, exp.Boolean, exp.HexString, exp.BitString, exp.National))


def _is_kept(node: Expr, listed: set[int]) -> bool:
    """Tell whether a value is in a masked list or sign, is a column's place or a type's size, or follows `IS`."""
    from sqlglot import exp

    parent = node.parent
    if isinstance(parent, (exp.Ordered, exp.Group)):
        return isinstance(node, exp.Literal) and not node.is_string
    is_listed = isinstance(parent, exp.In) and node.arg_key == "expressions" and id(parent) in listed
    is_signed = isinstance(parent, exp.Neg) and parent.parent is None
    return is_listed or is_signed or isinstance(parent, (exp.DataTypeParam, exp.Is))
