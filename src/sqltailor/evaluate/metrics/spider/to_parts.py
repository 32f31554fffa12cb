"""From the text of a statement to the parts that Spider's exact-set match compares.

The subset of SQL, and how it is read, are those of the official parser (taoyds/test-suite-sql-eval@e97acc5,
process_sql.py), as far as the syntax tree shows what that parser goes by:

- An alias holds for the whole statement: the last table called T1 is T1 everywhere. No alias is the name of a table.
- A bare column belongs to the first table of its own FROM that has it.
- Conditions are a flat list with AND and OR in the order of the text, without precedence.
- After a comparison with a column nothing is read up to the next AND, JOIN or clause: neither OR and a condition, nor
  an operator, nor INNER or LEFT before JOIN. All other joins with such a word are outside the subset.
- The last direction in ORDER BY counts for all of it. ORDER BY and LIMIT belong to the last operand of a set
  operation; set operations nest to the right. OFFSET after the whole statement is not read.
- Outside the subset: column aliases, aliases of subqueries, subqueries after JOIN, common tables, windows, CASE, all
  functions but five aggregates, NULL, EXISTS, conditions in parentheses, IN with several values, UNION ALL, commas
  between tables, USING, literals that are selected or sorted by, values with more than one operator.

Where it differs, on purpose. Spelling that the tree does not show, or that means the same, is read here and refused
there: `<>`, `==`, an alias without AS, no space around an operator, quoted names, a quote inside a text, `NOT a IN …`.
What the script reads only in part is refused here: `GROUP BY a / b`, `ORDER BY count(*) >= 5`, COLLATE, a second
statement, OFFSET before a set operation, HAVING without GROUP BY after a join, an OR with parentheses that it passes
over, and `avg(a) * b`, which it takes for three columns. Two statements of Spider are of this kind, both of train.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.spider.parts import Condition, Conditions, Query, Term, Value
from sqltailor.evaluate.metrics.spider.terms import ARITHMETIC, Names, expect, literal, only
from sqltailor.sql.dialect import parse_loose
from sqltailor.sql.schema import names
from sqltailor.types import Schema

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

_COMPARISONS = {"eq": "=", "neq": "!=", "gt": ">", "lt": "<", "gte": ">=", "lte": "<=", "is": "is", "nullsafeeq": "is",
                "like": "like", "in": "in", "between": "between"}  # fmt: skip
_PLAIN = (
    {"column", "identifier", "literal", "null", "neg", "not"}
    | ARITHMETIC.keys()
    | _COMPARISONS.keys() - {"in", "between"}
)
_SET_OPERATIONS = ("union", "intersect", "except")
_SELECT = ("expressions", "distinct", "from_", "joins", "where", "group", "having", "order", "limit")


def read_query(sql: str, schema: Schema, dialect: str = "sqlite") -> Query:
    """Return the parts of a statement; raises `SQLError` for one that cannot be parsed or is outside the subset."""
    tree = parse_loose(sql, names(schema), dialect)
    columns = {t.name.lower(): [c.name.lower() for c in t.columns] for t in reversed(schema.tables)}
    aliases = {node.alias.lower(): node.name.lower() for node in tree.dfs() if node.key == "table" and node.alias}
    if tree.args.get("limit"):
        tree.set("offset", None)
    try:
        return _Reader(Names(columns, aliases)).query(tree)
    except RecursionError as e:
        raise SQLError("The statement is nested too deeply.") from e


class _Operand(NamedTuple):
    """An operand of set operations, the operator before it, and the node that holds its ORDER BY and LIMIT."""

    operator: str
    select: Expr
    ending: Expr


class _Reader:
    """Reads the clauses of one statement."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def query(self, tree: Expr) -> Query:
        """Return a SELECT with the set operations that follow it."""
        operator, query = "", None
        for operand in reversed(self._operands(tree, "")):
            query = self._select(operand, (operator, query) if query else None)
            operator = operand.operator
        assert query is not None  # there is at least one operand
        return query

    def _operands(self, tree: Expr, operator: str) -> list[_Operand]:
        if tree.key == "subquery":
            # sqlglot encloses set operations that stand before INTERSECT
            is_enclosed = tree.arg_key == "this" and tree.parent is not None and tree.parent.key == "intersect"
            tree = expect(_inside(tree), "select", *(_SET_OPERATIONS if is_enclosed else ()))
        if tree.key not in _SET_OPERATIONS:
            return [_Operand(operator, expect(tree, "select"), tree)]
        only(tree, "this", "expression", "distinct", "order", "limit")
        if not tree.args.get("distinct"):
            raise SQLError("The set operation keeps duplicates (ALL).")
        found = [*self._operands(tree.this, operator), *self._operands(tree.expression, tree.key)]
        if tree.args.get("order") or tree.args.get("limit"):
            expect(tree.expression, "select")
            found[-1] = found[-1]._replace(ending=tree)
        return found

    def _select(self, operand: _Operand, combined: tuple[str, Query] | None) -> Query:
        select, args = operand.select, operand.select.args
        only(select, *_SELECT)
        if args.get("distinct"):
            only(args["distinct"])
        if args.get("group"):
            only(args["group"], "expressions")
        elif args.get("having"):
            raise SQLError("There is HAVING without GROUP BY.")
        tables, on = self._from(select)
        near = _plain_tables(tables)
        order, descending = self._order(operand.ending.args.get("order"), near)
        return Query(
            selected=tuple(self.names.selected(node, near) for node in select.expressions),
            distinct=bool(args.get("distinct")),
            tables=tuple(tables),
            on=on,
            where=self._conditions(args.get("where"), near),
            group=tuple(self.names.term(node, near) for node in args["group"].expressions) if args.get("group") else (),
            having=self._conditions(args.get("having"), near),
            order=order,
            descending=descending,
            limited=bool(operand.ending.args.get("limit")),
            combined=combined,
        )

    def _from(self, select: Expr) -> tuple[list[str | Query], Conditions]:
        if select.args.get("from_") is None:
            raise SQLError("There is no FROM.")
        first = select.args["from_"].this
        if first.key == "subquery":
            first = _inside(first)
        tables: list[str | Query] = [self.names.table(first) if first.key == "table" else self.query(first)]
        items: list[Condition] = []
        connectors: list[str] = []
        for join in select.args.get("joins") or ():
            ends_with_column = bool(items) and isinstance(items[-1].operands[-1], Term)
            only(join, "this", "on", *(("method", "side", "kind") if ends_with_column else ()))
            tables.append(self.names.table(join.this))
            if join.args.get("on") and join.args["on"].key != "boolean":  # sqlglot writes TRUE where there is no ON
                found = self._flat(join.args["on"], _plain_tables(tables))
                connectors += [*(["and"] if items else []), *found.connectors]
                items += found.items
        return tables, Conditions(tuple(items), tuple(connectors))

    def _conditions(self, clause: Expr | None, near: Sequence[str]) -> Conditions:
        return Conditions() if clause is None else self._flat(clause.this, near)

    def _flat(self, tree: Expr, near: Sequence[str]) -> Conditions:
        items: list[Condition] = []
        connectors: list[str] = []
        for connector, node in _in_order(tree):
            if connector == "or" and isinstance(items[-1].operands[-1], Term):
                _expect_plain(node)  # and not read
                continue
            connectors += [connector] if connector else []
            items.append(self._condition(node, near))
        return Conditions(tuple(items), tuple(connectors))

    def _condition(self, node: Expr, near: Sequence[str]) -> Condition:
        negated = node.key == "not" or bool(node.args.get("negate"))
        if node.key == "not":
            node = expect(node.this, "in", "like", "between")
        only(expect(node, *_COMPARISONS), "this", "expression", "expressions", "query", "low", "high", "negate")
        operands: Sequence[Expr] = [node.expression]
        if node.key == "between":
            operands = [node.args["low"], node.args["high"]]
        elif node.key == "in":
            operands = [node.args["query"]] if node.args.get("query") else node.expressions
            if len(operands) != 1 or (operands[0].key == "column" and not self.names.is_text(operands[0], near)):
                raise SQLError("IN takes a subquery or one value.")
        read = tuple(self._operand(operand, near) for operand in operands)
        return Condition(self.names.value(node.this, near), _COMPARISONS[node.key], read, negated)

    def _operand(self, node: Expr, near: Sequence[str]) -> Query | Term | float | str:
        if node.key == "subquery":
            return self.query(_inside(node))
        inner = node.this if node.key == "paren" else node
        if inner.key in ("literal", "neg"):
            return literal(inner)
        if self.names.is_text(node, near):
            return node.name
        _expect_plain(node)
        while node.key in ARITHMETIC:
            node = node.this  # what follows it is not read
        return Term(self.names.column(node, near))

    def _order(self, order: Expr | None, near: Sequence[str]) -> tuple[tuple[Value, ...], bool]:
        if order is None:
            return (), False
        directions = [node.args["desc"] for node in order.expressions if node.args.get("desc") is not None]
        return tuple(self.names.value(node.this, near) for node in order.expressions), bool(directions[-1:] == [True])


def _in_order(tree: Expr) -> Iterator[tuple[str, Expr]]:
    """Yield the conditions of a tree in the order of the text, each with the connector before it."""
    waiting = [("", tree)]
    while waiting:
        connector, node = waiting.pop()
        if node.key in ("and", "or"):
            waiting += [(node.key, node.expression), (connector, node.this)]
        else:
            yield connector, node


def _plain_tables(tables: Sequence[str | Query]) -> list[str]:
    return [table for table in tables if isinstance(table, str)]


def _inside(subquery: Expr) -> Expr:
    only(subquery, "this")
    return expect(subquery.this, "select", "table", *_SET_OPERATIONS)


def _expect_plain(tree: Expr) -> None:
    for node in tree.dfs():
        expect(node, *_PLAIN)
