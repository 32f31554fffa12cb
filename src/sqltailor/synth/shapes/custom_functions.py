"""The house functions of a YAML dialect in synthetic pairs, on columns of their argument types."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from sqltailor.naming.columns import ColumnInfo, Kind
from sqltailor.naming.words import split_name
from sqltailor.sql.dialect import Function
from sqltailor.synth.draw import Draw, Scene
from sqltailor.synth.query import Agg, Call, Col, Expr, Order, Query
from sqltailor.types import Cell

_KINDS: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    (r"date|time", ("date",)),
    (r"bool|flag", ("flag",)),
    (r"int|num|dec|real|double|float|money", ("number", "year")),
    (r"id|key", ("key",)),
    (r"text|char|string", ("name", "category", "text")),
)
_COUNTED = {"n", "count", "days", "digits", "decimals", "places", "months", "years", "limit", "length", "size"}
_TRUTH = ("whether", "if ", "is ", "true", "has ")


def house_call(draw: Draw, scene: Scene) -> Call | None:
    """Return a call of a house function that the main table has columns for."""
    functions = list(draw.functions)
    draw.rng.shuffle(functions)
    for function in functions:
        arguments: list[Col | Cell] = []
        words = function.meaning.strip().rstrip(".")
        words = (words[:1].lower() + words[1:]) or " ".join(split_name(function.name))
        mentioned = False
        for declared in function.arguments:
            name, _, type_ = declared.partition(" ")
            argument, said = _argument(draw, scene, name, type_ or name, arguments)
            if argument is None:
                break
            arguments.append(argument)
            pattern = re.compile(rf"\b{re.escape(' '.join(split_name(name)))}\b", re.IGNORECASE)
            if said and pattern.search(words):
                words, mentioned = pattern.sub(said, words, count=1), True
        if len(arguments) == len(function.arguments):
            return Call(function.name, tuple(arguments), words if mentioned else _with_columns(words, arguments, scene))
    return None


def _with_columns(words: str, arguments: list[Col | Cell], scene: Scene) -> str:
    said = [_info(scene, argument).words for argument in arguments if isinstance(argument, Col)]
    return f"{words} of the {' and '.join(said)}" if said else words


def _info(scene: Scene, column: Col) -> ColumnInfo:
    return next(c for c in scene.table.columns if c.name == column.name)


def _argument(
    draw: Draw, scene: Scene, name: str, type_: str, taken: list[Col | Cell]
) -> tuple[Col | Cell, str | None]:
    """Return an argument and its words: a column of the type, one that shares the argument's name before others."""
    if choices := re.findall(r"'([^']*)'", type_):
        choice = draw.rng.choice(choices)
        return choice, choice
    kinds = next((kinds for pattern, kinds in _KINDS if re.search(pattern, type_, re.IGNORECASE)), ())
    if kinds and kinds[0] == "number" and set(split_name(name)) & _COUNTED:
        number = draw.rng.choice((1, 2, 3, 5, 7, 10, 30))
        return number, str(number)
    columns = [
        c for c in scene.table.columns if (c.kind in kinds or not kinds) and Col(scene.main, c.name) not in taken
    ]
    alike = [c for c in columns if set(c.words.split()) & set(split_name(name))]
    column = draw.one(alike or columns)
    return (Col(scene.main, column.name), column.words) if column else (None, None)


def house_function(draw: Draw) -> Query | None:
    """A house function shown, averaged, or ordered by."""
    if not draw.functions:
        return None
    scene = draw.scene(hops=0)
    call = house_call(draw, scene) if scene else None
    if scene is None or call is None:
        return None
    taken = tuple(argument for argument in call.arguments if isinstance(argument, Col))
    roll = draw.rng.random()
    is_number = not call.meaning.startswith(_TRUTH) and _is_numeric(call, draw.functions)
    if roll < 0.4 and is_number:
        function = draw.rng.choice(("AVG", "SUM", "MAX", "MIN"))
        where = draw.conditions(scene, draw.rng.choice((0, 1, 1)), taken)
        return Query("house_aggregate", scene.uses, (Agg(function, call),), where=where)
    label = scene.table.label or scene.table.identifier
    if label is None:
        return None
    shown = Col(scene.main, label.name)
    if roll < 0.65 and is_number:
        order = (Order(call, draw.rng.random() < 0.6), *draw.ties(scene))
        return Query("house_top", scene.uses, (shown,), order_by=order, limit=draw.rng.choice((1, 3, 5, 10)))
    where = draw.conditions(scene, draw.rng.choice((0, 1, 1, 2)), (shown,))
    return Query("house_list", scene.uses, (shown, call), where=where)


def _is_numeric(call: Call, functions: Sequence[Function]) -> bool:
    """Tell whether a function gives a number to compute with: by its type, else by its meaning or first argument."""
    function = next(f for f in functions if f.name == call.name)
    if function.returns:
        return re.search(r"num|int|real|dec|double|float|money", function.returns, re.IGNORECASE) is not None
    says = re.search(
        r"\b(number|days|amount|price|count|percent|rate|ratio|total|years|margin|net|gross)", function.meaning
    )
    first = function.arguments[0].partition(" ")[2] if function.arguments else ""
    return bool(says) or bool(re.search(r"int|num|dec|real|double|float|money", first))


def without_calls(query: Query) -> Query:
    """Return a query with each house function replaced by its first column argument."""

    def plain(expr: Expr) -> Expr:
        if isinstance(expr, Call):
            columns = [argument for argument in expr.arguments if isinstance(argument, Col)]
            return columns[0] if columns else Agg("COUNT")
        if isinstance(expr, Agg) and isinstance(expr.argument, Call):
            inner = plain(expr.argument)
            return dataclasses.replace(expr, argument=inner) if isinstance(inner, Col) else inner
        return expr

    orders = tuple(dataclasses.replace(order, by=plain(order.by)) for order in query.order_by)
    return dataclasses.replace(query, select=tuple(plain(expr) for expr in query.select), order_by=orders)
