"""Samplers of everyday queries: lists, counts, sums. Each returns a query, or None where nothing fits."""

from __future__ import annotations

from sqltailor.naming.words import split_name, word_set
from sqltailor.synth.draw import Draw, Scene
from sqltailor.synth.graph import TableInfo
from sqltailor.synth.query import Agg, Col, Order, Product, Query, binding_of

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
    return trimmed(Query("list", scene.uses, columns, where=where))


def trimmed(query: Query) -> Query | None:
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
    return trimmed(Query("distinct", scene.uses, (column,), distinct=True, where=where))


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
    return trimmed(Query("ordered", scene.uses, columns, where=where, order_by=(Order(by, draw.rng.random() < 0.5),)))


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
    return trimmed(Query("top", scene.uses, columns, where=where, order_by=order, limit=limit))


def count(draw: Draw) -> Query | None:
    """`SELECT COUNT(*) FROM t WHERE …`"""
    scene = draw.scene()
    if scene is None:
        return None
    where = draw.conditions(scene, needs_conditions(scene, how_many(draw, least=int(draw.rng.random() < 0.9))))
    return trimmed(Query("count", scene.uses, (Agg("COUNT"),), where=where))


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
    return trimmed(Query("count_distinct", scene.uses, (Agg("COUNT", shown, distinct=True),), where=where))


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
    return trimmed(Query("aggregate", scene.uses, select, where=where))


def product_of(table: TableInfo, binding: str) -> Product | None:
    """Return an amount times a price of a table, if it has both."""
    amounts = [c for c in table.of("number") if set(split_name(c.name)) & AMOUNT_WORDS]
    prices = [c for c in table.of("number") if set(split_name(c.name)) & PRICE_WORDS and c not in amounts]
    return Product(Col(binding, amounts[0].name), Col(binding, prices[0].name)) if amounts and prices else None


def total_value(draw: Draw) -> Query | None:
    """`SELECT SUM(quantity * price) FROM t WHERE …`, also by group."""
    measures = draw.measures
    scene = draw.scene(lambda table: table.key in measures or (not measures and product_of(table, "")))
    if scene is None:
        return None
    product = product_of(scene.table, scene.main)
    if scene.table.key in measures and scene.main == scene.table.key:
        what = Agg("", draw.rng.choice(measures[scene.table.key]))
    elif product is None:
        return None
    else:
        what = Agg("SUM", product)
    where = draw.conditions(scene, needs_conditions(scene, how_many(draw)))
    return trimmed(Query("total_value", scene.uses, (what,), where=where))
