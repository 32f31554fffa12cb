"""Gold SQL that runs and may still be wrong: patterns worth a look, each with a short name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sqltailor.data.facts import asked_text
from sqltailor.sql.schema import find_column
from sqltailor.types import Column, Example, Schema

if TYPE_CHECKING:
    from sqlglot.expressions import Binary, Expr, Expression, Join, Literal, Select

NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()  # noqa: SIM905
    )
} | {"once": "1", "twice": "2", "single": "1", "both": "2", "dozen": "12", "hundred": "100", "thousand": "1000"}
NUMERIC = re.compile(r"INT|REAL|FLOA|DOUB|NUM|DEC|MONEY|SERIAL", re.IGNORECASE)
NUMBER_NAME = re.compile(
    r"(^|_)(price|cost|amount|total|count|number|num|qty|quantity|year|age|size|weight|height|salary|population"
    r"|points?|score|rank|percent|percentage|rate|budget)(_|$)",
    re.IGNORECASE,
)


def smells(example: Example, nodes: Sequence[Expr], schema: Schema | None) -> list[str]:
    """Return the names of the smells of an example's gold SQL, given as all nodes of its tree; see `check.WARNINGS`."""
    from sqlglot import exp

    found = []
    for select in nodes:
        if isinstance(select, exp.Select):
            found += [*_order_smells(select, schema), *_join_smells(select)]
    if any(_compares_text_as_number(node, schema) for node in nodes if isinstance(node, exp.Binary)):
        found.append("text_order")
    if any(True for _ in unasked_values(example, [node for node in nodes if isinstance(node, exp.Literal)])):
        found.append("value_not_asked")
    return list(dict.fromkeys(found))


def _order_smells(select: Select, schema: Schema | None) -> Iterator[str]:
    from sqlglot import exp

    order, limit = select.args.get("order"), select.args.get("limit")
    if order is None:
        return
    keys = [ordered.this for ordered in order.expressions]
    if limit is not None and limit.expression is not None:
        unique = len(keys) > 1 or any(_is_key(k, schema) for k in keys)  # a second key says which of the ties
        if limit.expression.name == "1" and not unique:
            yield "limit_ties"
        first = order.expressions[0]
        if (
            not first.args.get("desc")
            and isinstance(first.this, exp.Column)
            and _may_be_null(first.this, select, schema)
        ):
            yield "null_order"
    for sorted_by in keys:
        column = _lookup(sorted_by, schema)
        if column is not None and NUMBER_NAME.search(column.name) and not NUMERIC.search(column.type):
            yield "text_order"


def _join_smells(select: Select) -> Iterator[str]:
    from sqlglot import exp

    bare = [j.this for j in select.args.get("joins") or [] if _has_no_condition(j) and not _is_one_row(j.this)]
    where = select.args.get("where")
    compares = where.find_all(exp.EQ) if where is not None else iter(())
    linking = sum(isinstance(c.left, exp.Column) and isinstance(c.right, exp.Column) for c in compares)
    if len(bare) > linking:
        yield "cross_join"


def _has_no_condition(join: Join) -> bool:
    """Tell whether a join of a table or subquery (not of a table function) has no condition."""
    from sqlglot import exp

    on, source = join.args.get("on"), join.this
    named = join.args.get("using") or join.args.get("method") == "NATURAL"
    is_table = isinstance(source, exp.Subquery) or isinstance(source.this, exp.Identifier)
    return is_table and not named and (on is None or isinstance(on, exp.Boolean))


def _is_one_row(source: Expression) -> bool:
    from sqlglot import exp

    inner = source.this if isinstance(source, exp.Subquery) else None
    is_plain_aggregate = isinstance(inner, exp.Select) and not inner.args.get("group")
    return is_plain_aggregate and all(s.find(exp.AggFunc) is not None for s in inner.selects)  # type: ignore[union-attr]


def _lookup(expression: Expr, schema: Schema | None) -> Column | None:
    """Return the schema's column that an expression names, when only one can be meant."""
    from sqlglot import exp

    if schema is None or not isinstance(expression, exp.Column):
        return None
    found = [c for table in schema.tables if (c := find_column(table, expression.name))]
    return found[0] if len({c.type for c in found}) == 1 else None


def _is_key(expression: Expression, schema: Schema | None) -> bool:
    column = _lookup(expression, schema)
    return column is not None and column.primary_key


def _may_be_null(column: Expression, select: Select, schema: Schema | None) -> bool:
    from sqlglot import exp

    where = select.args.get("where")
    if where is not None and any(c.name.lower() == column.name.lower() for c in where.find_all(exp.Column)):
        return False
    known = _lookup(column, schema)
    return known is not None and not known.primary_key


def _compares_text_as_number(compare: Binary, schema: Schema | None) -> bool:
    """Tell whether a text column is compared by size with digits in quotes: '9' > '10' as text."""
    from sqlglot import exp

    value = compare.right
    if not isinstance(compare, (exp.GT, exp.GTE, exp.LT, exp.LTE)) or not isinstance(value, exp.Literal):
        return False
    # four digits are mostly a year, which sorts the same either way
    if not value.is_string or len(value.name) == 4 or not re.fullmatch(r"-?\d+(\.\d+)?", value.name):
        return False
    known = _lookup(compare.left, schema)
    return known is not None and not NUMERIC.search(known.type)


_DATE = re.compile(r"(\d{4})-\d\d(?:-\d\d)?(?:[ t][\d:.]+)?$")
_DATE_WORDS = re.compile(
    r"(?:%[A-Za-z][-/:. T]?)+|now|localtime|utc|start of (?:day|month|year)|weekday \d"
    r"|[+-]?\d+ (?:second|minute|hour|day|week|month|year)s?"
)
"""What date functions understand."""


def unasked_values(example: Example, literals: list[Literal]) -> Iterator[str]:
    """Yield the text values and numbers that nothing in question, spec or evidence mentions.

    0, 1 and LIMIT's number are never told; `%` of LIKE, case, plural and number words are forgiven. Of a date the
    year must be mentioned, of what date functions understand (`%Y-%m`, `-30 days`) the number.
    """
    from sqlglot import exp

    if not literals:
        return
    asked = asked_text(example).casefold()
    plain = re.sub(r"(?<=\d),(?=\d)", "", asked)  # 1,000
    words = set(re.findall(r"\w+", plain))
    words |= {NUMBER_WORDS[w] for w in words if w in NUMBER_WORDS}
    letters = re.sub(r"[\W_]+", "", asked)
    for literal in literals:
        if isinstance(literal.parent, (exp.Limit, exp.Offset, exp.Ordered, exp.Group, exp.Order)):
            continue
        value = literal.name.strip("%").casefold()
        if not literal.is_string:
            number = value.removesuffix(".0")
            told = number in ("0", "1", "100") or number in words or number in plain
        elif isinstance(literal.parent, exp.Func) and _DATE_WORDS.fullmatch(literal.name):
            told = all(number in words for number in re.findall(r"\d{2,}", value))
        elif dated := _DATE.match(value):
            told = dated.group(1) in words
        elif len(value) <= 3:
            told = not value or re.search(rf"(?<!\w){re.escape(value)}(?!\w)", asked) is not None
        else:
            told = value in asked or _stem(re.sub(r"[\W_]+", "", value)) in letters
        if not told:
            yield literal.name


def _stem(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word
