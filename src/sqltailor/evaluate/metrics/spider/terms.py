"""From a syntax tree to the columns and values that exact-set match compares; see `to_parts.py` for the rules.

Nodes are told apart by sqlglot's `key`, the lower-case name of their class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.spider.parts import Selected, Term, Value

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

AGGREGATES = frozenset({"max", "min", "count", "sum", "avg"})
ARITHMETIC = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


class Names:
    """What names mean in one statement: `columns` of each table, and the table of each alias and table name.

    All lower case. In the methods `near` are the tables of the FROM, in which bare columns are looked for.
    """

    def __init__(self, columns: Mapping[str, Sequence[str]], aliases: Mapping[str, str]) -> None:
        if shared := aliases.keys() & columns.keys():
            raise SQLError(f"The alias '{min(shared)}' is the name of a table.")
        self.columns = columns
        self.tables = {name: name for name in columns} | dict(aliases)

    def table(self, node: Expr) -> str:
        """Return the name of a table in FROM."""
        only(expect(node, "table"), "this", "alias")
        name = node.name.lower()
        if name not in self.columns:
            raise SQLError(f"The schema has no table '{name}'.")
        return name

    def selected(self, node: Expr, near: Sequence[str]) -> Selected:
        """Return what one place of the SELECT list selects."""
        if node.key not in AGGREGATES:
            if node.key in ARITHMETIC and node.this.key in AGGREGATES:
                raise SQLError("A selected value begins with an aggregate and goes on after it.")
            return Selected(self.value(node, near))
        argument, distinct = _argument(node)
        value = self.value(argument, near, enclosed=True)
        if distinct:
            expect(argument.this if argument.key in ARITHMETIC else argument, "column", "star")
            value = value._replace(left=value.left._replace(distinct=True))
        return Selected(value, node.key)

    def value(self, node: Expr, near: Sequence[str], *, enclosed: bool = False) -> Value:
        """Return a term or two; `enclosed`: it stands in parentheses, and so may begin with one more."""
        if node.key == "paren" and not enclosed:
            return self.value(node.this, near, enclosed=True)
        if node.key not in ARITHMETIC:
            return Value(self.term(node, near))
        if node.this.key == "paren" and not enclosed:
            raise SQLError("A value begins with a parenthesis and goes on after it.")
        return Value(self.term(node.this, near), ARITHMETIC[node.key], self.term(node.expression, near))

    def term(self, node: Expr, near: Sequence[str]) -> Term:
        """Return a column, perhaps in parentheses, or the aggregate of one."""
        if node.key in AGGREGATES:
            argument, distinct = _argument(node)
            return Term(self.column(argument, near), node.key, distinct)
        return Term(self.column(node.this if node.key == "paren" else node, near))

    def column(self, node: Expr, near: Sequence[str]) -> str:
        """Return `table.column`, or `*`."""
        if node.key == "star":
            only(node)
            return "*"
        only(expect(node, "column"), "this", "table")
        name = node.name.lower()
        tables = [self.tables.get(node.text("table").lower(), "")] if node.args.get("table") else near
        for table in tables:
            if name in self.columns.get(table, ()):
                return f"{table}.{name}"
        raise SQLError(f"No table here has the column '{name}'.")

    def is_text(self, node: Expr, near: Sequence[str]) -> bool:
        """Tell whether what follows an operator is a text in double quotes, or the word that stands for any value."""
        if node.key != "column" or node.args.get("table"):
            return False
        is_column = any("value" in self.columns[table] for table in near)
        return bool(node.this.args.get("quoted")) or (node.name.lower() == "value" and not is_column)


def literal(node: Expr) -> float | str:
    """Return the value of a text or a number with its sign."""
    signed = node.key == "neg"
    found = expect(node.this if signed else node, "literal")
    if found.args["is_string"] and not signed:
        return str(found.this)
    try:
        return float(found.this) * (-1 if signed else 1)
    except ValueError as e:
        raise SQLError(f"'{found.this}' is not a number.") from e


def _argument(aggregate: Expr) -> tuple[Expr, bool]:
    """Return what is inside an aggregate, and whether DISTINCT stands before it."""
    only(aggregate, "this", "big_int")
    inner: Expr = aggregate.this
    if inner.key != "distinct":
        return inner, False
    only(inner, "expressions")
    if len(inner.expressions) != 1:
        raise SQLError("An aggregate takes one value.")
    return inner.expressions[0], True


def expect(node: Expr, *kinds: str) -> Expr:
    """Return the node; raises `SQLError` when it is none of these kinds."""
    if node.key not in kinds:
        raise SQLError(f"Exact-set match has no place for this {node.key}.")
    return node


def only(node: Expr, *parts: str) -> None:
    """Raise `SQLError` when a node has other parts than these."""
    for part, content in node.args.items():
        if content and part not in parts:
            raise SQLError(f"Exact-set match has no place for the {part.strip('_')} of this {node.key}.")
