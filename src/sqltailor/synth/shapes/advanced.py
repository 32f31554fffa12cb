"""Samplers of queries that reach further: subqueries, set operations, labels, shares, windows, days between dates."""

from __future__ import annotations

from sqltailor.naming.columns import ColumnInfo
from sqltailor.synth.draw import Draw
from sqltailor.synth.draw_condition import round_number
from sqltailor.synth.query import Agg, Case, Col, Compare, Cond, CountIf, Days, Either, Query, Share, Use, Window
from sqltailor.synth.shapes.everyday import how_many
from sqltailor.types import Cell


def above_average(draw: Draw) -> Query | None:
    """Rows whose number is above (or below) the average of all."""
    scene = draw.scene(lambda table: table.of("number") and len(table.columns) > 1, hops=0)
    column = draw.one(scene.table.of("number")) if scene else None
    if scene is None or column is None:
        return None
    left = Col(scene.main, column.name)
    inner = Query("inner", scene.uses, (Agg("AVG", left),))
    test = Compare(left, draw.rng.choice((">", ">", "<")), inner)
    select = (
        (Agg("COUNT"),) if draw.rng.random() < 0.25 else tuple(c for c in draw.to_show(scene, draw.rng.choice((1, 2))))
    )
    return Query("above_average", scene.uses, select, where=(test,))


def extreme(draw: Draw) -> Query | None:
    """Rows whose number equals the largest (or smallest), ties included."""
    scene = draw.scene(lambda table: table.of("number", "date") and len(table.columns) > 1, hops=0)
    left = draw.by(scene.main, scene.table, "number", "date") if scene else None
    if scene is None or left is None:
        return None
    where = draw.conditions(scene, 1, (left,)) if draw.rng.random() < 0.25 else ()
    inner = Query("inner", scene.uses, (Agg(draw.rng.choice(("MAX", "MAX", "MIN")), left),), where=where)
    select = tuple(c for c in draw.to_show(scene, draw.rng.choice((1, 2))) if c != left)
    return Query("extreme", scene.uses, select, where=(*where, Compare(left, "=", inner))) if select else None


def than_other(draw: Draw) -> Query | None:
    """Rows that beat, or share something with, the row of a given name."""
    scene = draw.scene(lambda table: table.label and table.of("number", "category"), hops=0)
    if scene is None or scene.table.label is None:
        return None
    label = Col(scene.main, scene.table.label.name)
    names = [v for v in draw.values.of(scene.table.key, label.name) if isinstance(v, str)]
    column = draw.one([c for c in scene.table.of("number", "category") if c.name != label.name])
    if not names or column is None:
        return None
    name: Cell = draw.rng.choice(names)
    inner = Query("inner", scene.uses, (Col(scene.main, column.name),), where=(Compare(label, "=", name),))
    left = Col(scene.main, column.name)
    if column.kind == "number":
        return Query("than_other", scene.uses, (label,), where=(Compare(left, draw.rng.choice((">", "<")), inner),))
    others: tuple[Cond, ...] = (Compare(left, "=", inner), Compare(label, "<>", name))
    return Query("than_other", scene.uses, (label,), where=others if draw.rng.random() < 0.5 else others[:1])


def set_operation(draw: Draw) -> Query | None:
    """Values that fit both, either, or one but not the other of two conditions."""
    scene = draw.scene(lambda table: len(table.columns) > 2, hops=0)
    if scene is None:
        return None
    columns = draw.to_show(scene, 1)
    shown = columns[0]
    one, two = (draw.condition(scene.main, scene.table) for _ in range(2))
    if one is None or two is None or one == two or shown in (getattr(one, "left", None), getattr(two, "left", None)):
        return None
    word = draw.rng.choice(("INTERSECT", "INTERSECT", "EXCEPT", "EXCEPT", "UNION"))
    second = Query("inner", scene.uses, (shown,), where=(two,))
    return Query("set", scene.uses, (shown,), where=(one,), set_operation=(word, second))


def either_or(draw: Draw) -> Query | None:
    """Rows for which one of two conditions holds."""
    scene = draw.scene(lambda table: len(table.columns) > 2, hops=0)
    if scene is None:
        return None
    one, two = (draw.condition(scene.main, scene.table) for _ in range(2))
    if one is None or two is None or one == two or getattr(one, "left", None) == getattr(two, "left", ""):
        return None
    taken = tuple(c.left for c in (one, two) if isinstance(getattr(c, "left", None), Col))  # type: ignore[union-attr]
    counted = draw.rng.random() < 0.4
    select = (Agg("COUNT"),) if counted else tuple(c for c in draw.to_show(scene, 2) if c not in taken)
    return Query("count" if counted else "list", scene.uses, select, where=(Either((one, two)),)) if select else None


def labelled(draw: Draw) -> Query | None:
    """A label for each row: `CASE WHEN a > n THEN 'high' ELSE 'low' END`."""
    scene = draw.scene(lambda table: table.label and table.of("number"), hops=0)
    column = draw.one(scene.table.of("number")) if scene else None
    if scene is None or column is None or scene.table.label is None:
        return None
    seen = [v for v in draw.values.of(column.table, column.name) if isinstance(v, int | float)]
    if not seen:
        return None
    high, low = draw.rng.choice(
        (("high", "low"), ("big", "small"), ("above", "below"), ("yes", "no"), ("large", "small"))
    )
    left = Col(scene.main, column.name)
    case = Case(((Compare(left, draw.rng.choice((">", ">=")), round_number(draw.rng.choice(seen))), high),), low)
    return Query("case", scene.uses, (Col(scene.main, scene.table.label.name), case))


def share(draw: Draw) -> Query | None:
    """What percentage of rows a condition holds for, or how many rows fit each of two conditions."""
    scene = draw.scene(lambda table: table.of("category", "flag", "number"), hops=0)
    cond = draw.condition(scene.main, scene.table) if scene else None
    if scene is None or cond is None:
        return None
    if draw.rng.random() < 0.6:
        where = draw.conditions(scene, 1) if draw.rng.random() < 0.2 else ()
        return Query("share", scene.uses, (Share(cond),), where=where if where != (cond,) else ())
    other = draw.condition(scene.main, scene.table)
    return Query("count_two", scene.uses, (CountIf(cond), CountIf(other))) if other and other != cond else None


def ranked(draw: Draw) -> Query | None:
    """Each row with its rank, overall or within a group."""
    scene = draw.scene(lambda table: table.label and table.of("number"), hops=0)
    column = draw.one(scene.table.of("number")) if scene else None
    if scene is None or column is None or scene.table.label is None:
        return None
    group = draw.one(scene.table.of("category")) if draw.rng.random() < 0.5 else None
    partition = Col(scene.main, group.name) if group else None
    by = Col(scene.main, column.name)
    window = Window("RANK", None, partition, by, draw.rng.random() < 0.8)
    label = Col(scene.main, scene.table.label.name)
    shown = (label, partition) if partition else (label, by)
    return Query("rank", scene.uses, (*shown, window))


def running_total(draw: Draw) -> Query | None:
    """A running total of a number by date."""
    scene = draw.scene(lambda table: table.of("date") and table.of("number"), hops=0)
    date = draw.one(scene.table.of("date")) if scene else None
    number = draw.one(scene.table.of("number")) if scene else None
    if scene is None or date is None or number is None:
        return None
    when = Col(scene.main, date.name)
    return Query("running", scene.uses, (when, Window("SUM", Col(scene.main, number.name), None, when)))


def best_of_each(draw: Draw) -> Query | None:
    """The row with the largest number within each group."""
    table = draw.pick_table(lambda table: table.label and table.of("number") and table.of("category"))
    number, group = (draw.one(table.of("number")), draw.one(table.of("category"))) if table else (None, None)
    if table is None or number is None or group is None or table.label is None:
        return None
    outer, inner = Use("T1", table.key, table.noun), Use("T2", table.key, table.noun)
    best = Query(
        "inner", (inner,), (Agg(draw.rng.choice(("MAX", "MAX", "MIN")), Col("T2", number.name)),),
        where=(Compare(Col("T2", group.name), "=", Col("T1", group.name)),), is_inner=True,
    )  # fmt: skip
    select = (Col("T1", group.name), Col("T1", table.label.name))
    return Query("best_of_each", (outer,), select, where=(Compare(Col("T1", number.name), "=", best),), is_inner=True)


def days_between(draw: Draw) -> Query | None:
    """The average, largest or smallest number of days between two dates of a row."""
    scene = draw.scene(lambda table: len(table.of("date")) > 1, hops=0)
    if scene is None:
        return None
    dates = sorted(draw.rng.sample(scene.table.of("date"), 2), key=lambda c: _later(draw, c))
    span = Days(*(Col(scene.main, column.name) for column in dates))
    what = Agg(draw.rng.choice(("AVG", "AVG", "MAX", "MIN")), span)
    taken = (span.start, span.end)
    group = draw.one(scene.table.of("category")) if draw.rng.random() < 0.4 else None
    if group:
        by = Col(scene.main, group.name)
        return Query("days_per_group", scene.uses, (by, what), group_by=(by,))
    return Query("aggregate", scene.uses, (what,), where=draw.conditions(scene, how_many(draw, 1), taken))


def _later(draw: Draw, column: ColumnInfo) -> str:
    seen = sorted(str(value) for value in draw.values.of(column.table, column.name))
    is_end = {"end", "arrival", "delivered", "got", "returned", "closed", "due", "finish"} & set(column.words.split())
    return ("2" if is_end else "1") + (seen[len(seen) // 2] if seen else "")


def two_columns(draw: Draw) -> Query | None:
    """Rows in which one number is below another that it can be compared with: stock below reorder level."""
    scene = draw.scene(lambda table: len(table.of("number")) > 1 or len(table.of("date")) > 1, hops=0)
    if scene is None:
        return None
    columns_of = [columns for columns in (scene.table.of("number"), scene.table.of("date")) if len(columns) > 1]
    one, two = draw.rng.sample(draw.rng.choice(columns_of), 2)
    if one.kind == "number" and not _alike(draw, one, two):
        return None
    test = Compare(Col(scene.main, one.name), draw.rng.choice("<>"), Col(scene.main, two.name))
    counted = draw.rng.random() < 0.4
    columns = () if counted else draw.to_show(scene, draw.rng.choice((1, 2)))
    return Query("count" if counted else "list", scene.uses, (Agg("COUNT"),) if counted else columns, where=(test,))


def _alike(draw: Draw, one: ColumnInfo, two: ColumnInfo) -> bool:
    """Tell whether two numeric columns have values of the same size."""
    tops = []
    for column in (one, two):
        numbers = [abs(v) for v in draw.values.of(column.table, column.name) if isinstance(v, int | float)]
        tops.append(max(numbers, default=0))
    return min(tops) > 0 and max(tops) < 4 * min(tops) and one.is_whole == two.is_whole
