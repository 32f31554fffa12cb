"""Read a statement as Spider's official parser does (taoyds/test-suite-sql-eval@e97acc5, process_sql.py).

The same subset is accepted, and the same things are misread, because the verdict depends on both: the first FROM
after a SELECT is its own, even one inside parentheses; what follows the last clause that is understood is not read;
`avg(a) * b` selects three columns; an alias is whatever stands around any `as`. `metrics/spider/to_parts.py` reads
the same subset from a syntax tree and is not misled; it serves the metric `exact_set`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqltailor.errors import SQLError
from sqltailor.evaluate.compat.spider_terms import CLAUSES, JOINS, Columns, TermReader
from sqltailor.evaluate.compat.spider_tokens import tokens
from sqltailor.evaluate.metrics.spider.parts import Condition, Conditions, Query, Selected, Term, Value

OPERATORS = frozenset({"not", "between", "=", ">", "<", ">=", "<=", "!=", "in", "like", "is", "exists"})
ENDS = CLAUSES | {")", ";"}
ENDS_OF_CONDITION = ENDS | JOINS
ENDS_OF_COLUMN = CLAUSES | JOINS | {",", ")", "and"}
SET_OPERATIONS = ("intersect", "union", "except")


class _From(NamedTuple):
    units: list[str | Query]
    on: Conditions
    near: list[str]


def read_as_spider(sql: str, columns: Columns) -> Query:
    """Return the parts of a statement; raises `SQLError` for one that the official parser refuses."""
    try:
        return _Reader(tokens(sql), columns).query()
    except IndexError as e:
        raise SQLError("The statement ends too early.") from e
    except RecursionError as e:
        raise SQLError("The statement is nested too deeply.") from e


class _Reader(TermReader):
    """Reads the clauses of a statement; each method leaves it behind what it has read."""

    def query(self) -> Query:
        start = self.at
        enclosed = self.take("(")
        selecting = self.at
        source = self.source(start)
        after_source, self.at = self.at, selecting
        distinct, selected = self.select(source.near)
        self.at = after_source
        where = self.conditions(source.near) if self.take("where") else Conditions()
        group = self.group(source.near)
        having = self.conditions(source.near) if self.take("having") else Conditions()
        order, descending = self.order(source.near)
        limited = self.take("limit")
        if limited:
            self.word()  # whatever it is
        self.semicolons()
        if enclosed:
            self.need(")")
        self.semicolons()
        combined = None
        if self.next_in(SET_OPERATIONS):
            operator = self.need_one(SET_OPERATIONS)
            combined = (operator, self.query())
        return Query(
            selected, distinct, tuple(source.units), source.on, where, group, having, order, descending, limited,
            combined,
        )  # fmt: skip

    def semicolons(self) -> None:
        while self.take(";"):
            pass

    def source(self, start: int) -> _From:
        """Read the first FROM at or after a place."""
        try:
            self.at = self.words.index("from", start) + 1
        except ValueError as e:
            raise SQLError("There is no FROM.") from e
        found = _From([], Conditions(), [])
        while self.at < len(self.words):
            enclosed = self.take("(")
            if self.next_in(("select",)):
                found.units.append(self.query())
            else:
                self.take("join")
                table = self.table()
                found.units.append(table)
                found.near.append(table)
            if self.take("on"):
                more = self.conditions(found.near)
                joined = [*found.on.connectors, *(["and"] if found.on.items else []), *more.connectors]
                found = found._replace(on=Conditions(found.on.items + more.items, tuple(joined)))
            if enclosed:
                self.need(")")
            if self.next_in(ENDS):
                break
        return found

    def table(self) -> str:
        name = self.tables.get(self.words[self.at], "")
        if name not in self.columns:
            raise SQLError(f"'{self.words[self.at]}' is no table.")
        self.at += 3 if self.words[self.at + 1 : self.at + 2] == ["as"] else 1
        return name

    def select(self, near: Sequence[str]) -> tuple[bool, tuple[Selected, ...]]:
        self.need("select")
        distinct = self.take("distinct")
        found = []
        while self.at < len(self.words) and self.words[self.at] not in CLAUSES:
            aggregate = self.aggregate()
            found.append(Selected(self.value(near), aggregate))
            self.take(",")
        return distinct, tuple(found)

    def conditions(self, near: Sequence[str]) -> Conditions:
        items: list[Condition] = []
        connectors: list[str] = []
        while self.at < len(self.words):
            value = self.value(near)
            negated = self.take("not")
            operator = self.need_one(OPERATORS)
            operands = [self.operand(near)]
            if operator == "between":
                self.need("and")
                operands.append(self.operand(near))
            condition = Condition(value, operator, tuple(operands), negated)
            if len(items) > len(connectors):
                connectors.append(repr(condition))  # every second thing is taken for a connector, whatever it is
            else:
                items.append(condition)
            if self.next_in(ENDS_OF_CONDITION):
                break
            if self.next_in(("and", "or")):
                if len(items) == len(connectors):
                    raise SQLError("AND or OR stands in the place of a condition.")
                connectors.append(self.word())
        return Conditions(tuple(items), tuple(connectors))

    def operand(self, near: Sequence[str]) -> Query | Term | float | str:
        enclosed = self.take("(")
        word = self.words[self.at]
        operand: Query | Term | float | str
        if word == "select":
            operand = self.query()
        elif '"' in word:
            operand = word
            self.at += 1
        else:
            try:
                operand = float(word)
                self.at += 1
            except ValueError:
                if enclosed:
                    raise SQLError("A column to compare with stands in parentheses.") from None
                operand = self.compared_column(near)
        if enclosed:
            self.need(")")
        return operand

    def compared_column(self, near: Sequence[str]) -> Term:
        """Read a column and step over all up to the next AND, JOIN or clause: an OR, too, and what follows it."""
        distinct = self.take("distinct")
        term = Term(self.column(near), "", distinct)
        while self.at < len(self.words) and not self.next_in(ENDS_OF_COLUMN):
            self.at += 1
        return term

    def group(self, near: Sequence[str]) -> tuple[Term, ...]:
        if not self.take("group"):
            return ()
        self.need("by")
        found = []
        while self.at < len(self.words) and not self.next_in(ENDS):
            found.append(self.term(near))
            if not self.take(","):
                break
        return tuple(found)

    def order(self, near: Sequence[str]) -> tuple[tuple[Value, ...], bool]:
        if not self.take("order"):
            return (), False
        self.need("by")
        found, direction = [], "asc"
        while self.at < len(self.words) and not self.next_in(ENDS):
            found.append(self.value(near))
            if self.next_in(("desc", "asc")):
                direction = self.word()
            if not self.take(","):
                break
        return tuple(found) or (Value(Term("")),), direction == "desc"
