"""Samplers of queries that group: a number for each value, the group with the most, groups beyond a limit."""

from __future__ import annotations

import dataclasses

from sqltailor.naming.columns import ColumnInfo, Kind
from sqltailor.synth.draw import Draw, Scene
from sqltailor.synth.draw_condition import round_number
from sqltailor.synth.query import Agg, Col, Compare, Cond, Order, Part, Query
from sqltailor.synth.shapes.everyday import aggregate_of, how_many, needs_conditions, product_of, trimmed


def group_column(draw: Draw, scene: Scene) -> Col | None:
    """Return a column to group by: one of few values, of the main table or of a parent."""
    i = draw.rng.randrange(len(scene.uses))
    table, binding = scene.tables[i], scene.uses[i].binding
    kinds: tuple[Kind, ...] = ("category", "year") if i == 0 else ("category", "name")
    options: list[ColumnInfo] = table.of(*kinds)
    column = draw.one(options)
    return Col(binding, column.name) if column else None


def measure(draw: Draw, scene: Scene, *, compared: bool = False) -> Agg:
    """Return what to compute for each group, most often the number of rows; `compared` groups by no minimum."""
    measures = draw.measures.get(scene.table.key)
    if measures and scene.main == scene.table.key and draw.rng.random() < 0.4:
        return Agg("", draw.rng.choice(measures))
    if draw.rng.random() < 0.5 or not scene.table.of("number"):
        return Agg("COUNT")
    if draw.rng.random() < 0.12 and (product := product_of(scene.table, scene.main)):
        return Agg("SUM", product)
    what = aggregate_of(draw, scene.main, scene.table) or Agg("COUNT")
    return dataclasses.replace(what, function="AVG") if compared and what.function in ("MIN", "MAX") else what


def per_group(draw: Draw) -> Query | None:
    """`SELECT g, COUNT(*) FROM t WHERE … GROUP BY g`, now and then in order."""
    scene = draw.scene(lambda table: len(table.columns) > 1)
    group = group_column(draw, scene) if scene else None
    if scene is None or group is None:
        return None
    what = measure(draw, scene)
    select: tuple[Col | Agg, ...] = (group, what)
    if draw.rng.random() < 0.12 and isinstance(what.argument, Col):
        other = Agg(draw.rng.choice([f for f in ("AVG", "MIN", "MAX") if f != what.function]), what.argument)
        select = (group, what, other)
    elif draw.rng.random() < 0.12 and isinstance(what.argument, Col):
        select = (group, Agg("COUNT"), what)
    where = draw.conditions(scene, 1 if draw.rng.random() < 0.35 else 0, (group,))
    order = (Order(what, draw.rng.random() < 0.8),) if draw.rng.random() < 0.2 else ()
    return trimmed(Query("per_group", scene.uses, select, where=where, group_by=(group,), order_by=order))


def top_group(draw: Draw) -> Query | None:
    """`SELECT g FROM t WHERE … GROUP BY g ORDER BY COUNT(*) DESC LIMIT n`"""
    scene = draw.scene(lambda table: len(table.columns) > 1)
    group = group_column(draw, scene) if scene else None
    if scene is None or group is None:
        return None
    what = measure(draw, scene, compared=True)
    select = (group, what) if draw.rng.random() < 0.35 else (group,)
    where = draw.conditions(scene, 1 if draw.rng.random() < 0.25 else 0, (group,))
    order: tuple[Order, ...] = (Order(what, draw.rng.random() < 0.8),)
    order += (Order(group),) if draw.breaks_ties else ()
    limit = 1 if draw.rng.random() < 0.65 else draw.rng.choice((2, 3, 5, 10))
    return trimmed(Query("top_group", scene.uses, select, where=where, group_by=(group,), order_by=order, limit=limit))


def having(draw: Draw) -> Query | None:
    """`SELECT g FROM t WHERE … GROUP BY g HAVING COUNT(*) > n`"""
    scene = draw.scene(lambda table: len(table.columns) > 1)
    group = group_column(draw, scene) if scene else None
    if scene is None or group is None:
        return None
    what = measure(draw, scene, compared=True)
    limit = _threshold(draw, scene, what)
    if limit is None:
        return None
    select = (group, what) if draw.rng.random() < 0.3 else (group,)
    where = draw.conditions(scene, 1 if draw.rng.random() < 0.25 else 0, (group,))
    cond: Cond = Compare(what, draw.rng.choice((">", ">", ">=", ">=", "<", "<=")), limit)
    return trimmed(Query("having", scene.uses, select, where=where, group_by=(group,), having=(cond,)))


def _threshold(draw: Draw, scene: Scene, what: Agg) -> int | float | None:
    if what.argument is None:
        return draw.rng.choice((1, 2, 2, 3, 3, 4, 5, 10, 20))
    if not isinstance(what.argument, Col):
        return draw.rng.choice((10, 50, 100, 500, 1000, 5000, 10000))
    numbers = [v for v in draw.values.of(scene.table.key, what.argument.name) if isinstance(v, int | float)]
    if not numbers:
        return None
    return round_number(draw.rng.choice(numbers) * (draw.rng.choice((2, 5)) if what.function == "SUM" else 1))


def by_date(draw: Draw) -> Query | None:
    """Counts or sums for each year or month of a date."""
    scene = draw.scene(lambda table: table.of("date"))
    date = draw.one(scene.table.of("date")) if scene else None
    if scene is None or date is None:
        return None
    part = Part("year" if draw.rng.random() < 0.55 else "month", Col(scene.main, date.name))
    is_top = draw.rng.random() < 0.25
    what = measure(draw, scene, compared=is_top)
    where = draw.conditions(scene, needs_conditions(scene, how_many(draw, 1)), (part.column,))
    if is_top:
        best = (Order(what, True), Order(part)) if draw.breaks_ties else (Order(what, True),)
        query = Query("top_group", scene.uses, (part,), where=where, group_by=(part,), order_by=best, limit=1)
        return trimmed(query)
    order = (Order(part),) if draw.rng.random() < 0.4 else ()
    return trimmed(Query("per_group", scene.uses, (part, what), where=where, group_by=(part,), order_by=order))
