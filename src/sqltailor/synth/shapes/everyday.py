"""Samplers of everyday queries: lists, counts, sums, groups. Each returns a query, or None where nothing fits."""

from __future__ import annotations

import dataclasses

from sqltailor.synth.columns import ColumnInfo, Kind
from sqltailor.synth.draw import Draw, Scene, round_number
from sqltailor.synth.graph import TableInfo
from sqltailor.synth.query import Agg, Col, Compare, Cond, Order, Part, Product, Query, binding_of
from sqltailor.synth.words import split_name, word_set

PRICE_WORDS = {"price", "cost", "rate", "fee", "fare"}
AMOUNT_WORDS = {"quantity", "units", "hours", "nights", "days", "shares", "seats"}
NOT_SUMMED = word_set("""
    age year rating stars score latitude longitude percentage discount temperature price rank ranking level grade
    position month floor number height
""")


def how_many(draw: Draw, most: int = 3, *, least: int = 0) -> int:
    """Return a small number, the smaller the likelier."""
    roll = draw.rng.random()
    return min(most, max(least, 0 if roll < 0.3 else 1 if roll < 0.75 else 2 if roll < 0.95 else 3))


def aggregate_of(draw: Draw, binding: str, table: TableInfo) -> Agg | None:
    """Return an aggregate over a numeric column of a table."""
    column = draw.one(table.of("number"))
    if column is None:
        return None
    functions = ["AVG", "AVG", "MAX", "MIN"]
    if not NOT_SUMMED & set(column.words.split()):
        functions += ["SUM", "SUM", "SUM"]
    return Agg(draw.rng.choice(functions), Col(binding, column.name))


def needs_conditions(scene: Scene, count: int) -> int:
    """Return how many conditions a scene needs so that every join is for something."""
    return max(count, len(scene.uses) - 1)


def for_list(draw: Draw, scene: Scene, count: int) -> int:
    """Return how many conditions a list of rows needs: one more where the table has too many to read."""
    rows = draw.values.counts.get(scene.table.key, 0)
    return max(needs_conditions(scene, count), 0 if rows <= 100 else 1 if rows <= 1000 else 2 if rows <= 10_000 else 3)


def listing(draw: Draw) -> Query | None:
    """`SELECT a, b FROM t WHERE …`"""
    scene = draw.scene(lambda table: len(table.columns) > 0)
    if scene is None:
        return None
    columns = draw.to_show(scene, 1 if draw.rng.random() < 0.5 else draw.rng.choice((2, 2, 2, 3, 3, 4)))
    where = draw.conditions(scene, for_list(draw, scene, how_many(draw, least=0 if len(columns) > 1 else 1)), columns)
    return _trimmed(Query("list", scene.uses, columns, where=where))


def _trimmed(query: Query) -> Query | None:
    """Return the query, or None when a joined table is neither shown nor named by a condition."""
    if len(query.uses) == 1:
        return query
    named = {column.binding for column in query.select if isinstance(column, Col)} | {
        binding_of(c) for c in query.where
    }
    named |= {e.argument.binding for e in query.select if isinstance(e, Agg) and isinstance(e.argument, Col)}
    named |= {g.binding if isinstance(g, Col) else g.column.binding for g in query.group_by}
    named |= {order.by.binding for order in query.order_by if isinstance(order.by, Col)}
    inner = {use.on[0].binding for use in query.uses if use.on}
    return query if all(use.binding in named | inner for use in query.uses[1:]) else None


def everything(draw: Draw) -> Query | None:
    """`SELECT * FROM t WHERE …`"""
    scene = draw.scene(lambda table: len(table.columns) > 1, hops=0)
    if scene is None:
        return None
    return Query("all", scene.uses, where=draw.conditions(scene, for_list(draw, scene, how_many(draw, 2))))


def distinct(draw: Draw) -> Query | None:
    """`SELECT DISTINCT a FROM t WHERE …`"""
    scene = draw.scene(lambda table: table.of("category", "text", "name", "year"))
    if scene is None:
        return None
    column = draw.shown(scene.main, scene.table, "category", "category", "text", "year")
    if column is None:
        return None
    where = draw.conditions(scene, needs_conditions(scene, how_many(draw, 2)), (column,))
    return _trimmed(Query("distinct", scene.uses, (column,), distinct=True, where=where))


def ordered(draw: Draw) -> Query | None:
    """`SELECT a, b FROM t WHERE … ORDER BY c`"""
    scene = draw.scene(lambda table: len(table.of("name", "number", "date", "year", "category")) > 1)
    if scene is None:
        return None
    by = draw.by(scene.main, scene.table, "number", "date", "year", "name")
    columns = draw.to_show(scene, draw.rng.choice((1, 2, 2, 3)))
    if by is None:
        return None
    where = draw.conditions(scene, for_list(draw, scene, how_many(draw, 2)), (by, *columns))
    return _trimmed(Query("ordered", scene.uses, columns, where=where, order_by=(Order(by, draw.rng.random() < 0.5),)))


def top(draw: Draw) -> Query | None:
    """`SELECT a FROM t WHERE … ORDER BY b DESC LIMIT n`"""
    scene = draw.scene(lambda table: table.of("number", "date", "year") and len(table.columns) > 1)
    if scene is None:
        return None
    by = draw.by(scene.main, scene.table, "number", "number", "date", "year")
    if by is None:
        return None
    columns = tuple(
        c for c in draw.to_show(scene, draw.rng.choice((1, 1, 2, 2, 3))) if c != by or draw.rng.random() < 0.3
    )
    if not columns:
        return None
    if by not in columns and draw.rng.random() < 0.2:
        columns = (*columns, by)
    where = draw.conditions(scene, needs_conditions(scene, how_many(draw, 2)), (by, *columns))
    limit = 1 if draw.rng.random() < 0.5 else draw.rng.choice((2, 3, 3, 5, 5, 5, 7, 10, 10, 20))
    order = (Order(by, draw.rng.random() < 0.68), *draw.ties(scene))
    return _trimmed(Query("top", scene.uses, columns, where=where, order_by=order, limit=limit))


def count(draw: Draw) -> Query | None:
    """`SELECT COUNT(*) FROM t WHERE …`"""
    scene = draw.scene()
    if scene is None:
        return None
    where = draw.conditions(scene, needs_conditions(scene, how_many(draw, least=int(draw.rng.random() < 0.9))))
    return _trimmed(Query("count", scene.uses, (Agg("COUNT"),), where=where))


def count_distinct(draw: Draw) -> Query | None:
    """`SELECT COUNT(DISTINCT a) FROM t WHERE …`"""
    scene = draw.scene(lambda table: table.of("category", "text", "key", "year"))
    if scene is None:
        return None
    kinds = ("key",) if draw.rng.random() < 0.12 else ("category", "text", "year")
    options = [c for c in scene.table.of(*kinds) if not c.is_primary]
    column = draw.one(options)
    if column is None:
        return None
    shown = Col(scene.main, column.name)
    where = draw.conditions(scene, needs_conditions(scene, how_many(draw, 2)), (shown,))
    return _trimmed(Query("count_distinct", scene.uses, (Agg("COUNT", shown, distinct=True),), where=where))


def aggregate(draw: Draw) -> Query | None:
    """`SELECT AVG(a) FROM t WHERE …`, or two aggregates."""
    scene = draw.scene(lambda table: table.of("number", "date"))
    if scene is None:
        return None
    first = aggregate_of(draw, scene.main, scene.table)
    if first is None or (scene.table.of("date") and draw.rng.random() < 0.08):
        date = draw.one(scene.table.of("date"))
        if date is None:
            return None
        first = Agg(draw.rng.choice(("MIN", "MAX")), Col(scene.main, date.name))
    assert isinstance(first.argument, Col)
    select: tuple[Agg, ...] = (first,)
    if draw.rng.random() < 0.2:
        functions = [f for f in ("MIN", "MAX", "AVG") if f != first.function]
        if scene.table.of("number") and first.argument.name in {c.name for c in scene.table.of("number")}:
            select = (first, Agg(draw.rng.choice(functions), first.argument))
    where = draw.conditions(scene, needs_conditions(scene, how_many(draw)), (first.argument,))
    return _trimmed(Query("aggregate", scene.uses, select, where=where))


def _product_of(table: TableInfo, binding: str) -> Product | None:
    amounts = [c for c in table.of("number") if set(split_name(c.name)) & AMOUNT_WORDS]
    prices = [c for c in table.of("number") if set(split_name(c.name)) & PRICE_WORDS and c not in amounts]
    return Product(Col(binding, amounts[0].name), Col(binding, prices[0].name)) if amounts and prices else None


def total_value(draw: Draw) -> Query | None:
    """`SELECT SUM(quantity * price) FROM t WHERE …`, also by group."""
    measures = draw.measures
    scene = draw.scene(lambda table: table.key in measures or (not measures and _product_of(table, "")))
    if scene is None:
        return None
    product = _product_of(scene.table, scene.main)
    if scene.table.key in measures and scene.main == scene.table.key:
        what = Agg("", draw.rng.choice(measures[scene.table.key]))
    elif product is None:
        return None
    else:
        what = Agg("SUM", product)
    where = draw.conditions(scene, needs_conditions(scene, how_many(draw)))
    return _trimmed(Query("total_value", scene.uses, (what,), where=where))


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
    if draw.rng.random() < 0.12 and (product := _product_of(scene.table, scene.main)):
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
    return _trimmed(Query("per_group", scene.uses, select, where=where, group_by=(group,), order_by=order))


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
    return _trimmed(Query("top_group", scene.uses, select, where=where, group_by=(group,), order_by=order, limit=limit))


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
    return _trimmed(Query("having", scene.uses, select, where=where, group_by=(group,), having=(cond,)))


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
        return _trimmed(query)
    order = (Order(part),) if draw.rng.random() < 0.4 else ()
    return _trimmed(Query("per_group", scene.uses, (part, what), where=where, group_by=(part,), order_by=order))
