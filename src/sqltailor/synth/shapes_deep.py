"""Samplers of queries that reach further: parents and their children, subqueries, set operations, windows."""

from __future__ import annotations

import dataclasses

from sqltailor.synth.draw import Draw, Scene, make_scene
from sqltailor.synth.graph import Link, TableInfo
from sqltailor.synth.query import (
    Agg,
    Case,
    Col,
    Compare,
    Cond,
    CountIf,
    Either,
    Exists,
    In,
    Order,
    Query,
    Share,
    Use,
    Window,
)
from sqltailor.synth.shapes import aggregate_of
from sqltailor.types import Cell


def _family(draw: Draw) -> tuple[TableInfo, TableInfo, Link] | None:
    """Return a parent that has a label, one of its child tables, and their link."""
    links = [link for link in draw.graph.links if link.child != link.parent and draw.graph.tables[link.parent].label]
    if not links:
        return None
    if draw.weights:
        link = draw.rng.choices(links, [draw.weights.get(l.child, 1) + draw.weights.get(l.parent, 1) for l in links])[0]
    else:
        link = draw.rng.choice(links)
    return draw.graph.tables[link.parent], draw.graph.tables[link.child], link


def _joined(parent: TableInfo, child: TableInfo, link: Link) -> tuple[Use, Use]:
    """Return FROM parent JOIN child."""
    on = (Col(parent.key, link.parent_column), Col(child.key, link.child_column))
    return Use(parent.key, parent.key, parent.noun), Use(child.key, child.key, child.noun, on)


def _children(draw: Draw, shape: str) -> tuple[Query, Agg] | None:
    family = _family(draw)
    if family is None:
        return None
    parent, child, link = family
    assert parent.label
    label = Col(parent.key, parent.label.name)
    what = Agg("COUNT")
    if draw.rng.random() < 0.4:
        what = aggregate_of(draw, child.key, child) or what
    where: tuple[Cond, ...] = ()
    if draw.rng.random() < 0.3:
        side = draw.rng.choice((parent, child))
        cond = draw.condition(side.key, side)
        where = (cond,) if cond and getattr(cond, "left", None) not in (label, what.argument) else ()
    groups: tuple[Col, ...] = (label,)
    if parent.identifier and parent.identifier.name != parent.label.name and not _is_unique(draw, parent):
        groups = (Col(parent.key, parent.identifier.name), label)
    query = Query(shape, _joined(parent, child, link), (label,), where=where, group_by=groups, about=parent.key)
    return query, what


def _is_unique(draw: Draw, table: TableInfo) -> bool:
    assert table.label
    rows = draw.values.counts.get(table.key)
    return rows is None or len(draw.values.of(table.key, table.label.name)) >= min(rows, 200)


def per_parent(draw: Draw) -> Query | None:
    """`SELECT p.name, COUNT(*) FROM p JOIN c … GROUP BY p.name`"""
    found = _children(draw, "per_parent")
    if found is None:
        return None
    query, what = found
    order = (Order(what, draw.rng.random() < 0.8),) if draw.rng.random() < 0.2 else ()
    return dataclasses.replace(query, select=(*query.select, what), order_by=order)


def top_parent(draw: Draw) -> Query | None:
    """The parent with the most children, or whose children have the largest sum."""
    found = _children(draw, "top_parent")
    if found is None:
        return None
    query, what = found
    select = (*query.select, what) if draw.rng.random() < 0.3 else query.select
    limit = 1 if draw.rng.random() < 0.6 else draw.rng.choice((3, 5, 10))
    return dataclasses.replace(query, select=select, order_by=(Order(what, draw.rng.random() < 0.82),), limit=limit)


def having_parent(draw: Draw) -> Query | None:
    """Parents with at least n children."""
    found = _children(draw, "having_parent")
    if found is None:
        return None
    query, _ = found
    operator = draw.rng.choice((">", ">=", ">=", "<", "="))
    cond = Compare(Agg("COUNT"), operator, draw.rng.choice((1, 2, 2, 3, 3, 4, 5, 10)))
    return dataclasses.replace(query, having=(cond,))


def _parents_where(draw: Draw, *, negated: bool) -> Query | None:
    family = _family(draw)
    if family is None:
        return None
    parent, child, link = family
    cond = draw.condition(child.key, child) if draw.rng.random() < (0.4 if negated else 0.85) else None
    inner = Query(
        "inner",
        (Use(child.key, child.key, child.noun),),
        (Col(child.key, link.child_column),),
        where=(cond,) if cond else (),
    )
    scene = make_scene([parent], [])
    linked = Col(parent.key, link.parent_column)
    if draw.rng.random() < 0.7 or (child.key in {u.table for u in scene.uses}):
        test: Cond = In(linked, inner, negated=negated)
    else:
        on: Cond = Compare(Col(child.key, link.child_column), "=", linked)
        test = Exists(dataclasses.replace(inner, where=(on, *inner.where), is_inner=True), negated=negated)
    counted = draw.rng.random() < 0.2
    select = (Agg("COUNT"),) if counted else draw.to_show(scene, draw.rng.choice((1, 1, 2)))
    more = draw.conditions(scene, 1, select if not counted else ()) if draw.rng.random() < 0.2 else ()  # type: ignore[arg-type]
    return Query("without" if negated else "with", scene.uses, select, where=(*more, test))


def with_children(draw: Draw) -> Query | None:
    """Parents that have a child of some kind."""
    return _parents_where(draw, negated=False)


def without_children(draw: Draw) -> Query | None:
    """Parents that have no child, or none of some kind."""
    return _parents_where(draw, negated=True)


def through(draw: Draw) -> Query | None:
    """Rows of one table that a bridge table ties to a row of another."""
    bridges = [
        t for t in draw.graph.tables.values() if len({x.parent for x in draw.graph.up.get(t.key, ())} - {t.key}) > 1
    ]
    if not bridges:
        return None
    bridge = draw.rng.choice(bridges)
    ups = [x for x in draw.graph.up[bridge.key] if x.parent != bridge.key]
    here, there = draw.rng.sample(ups, 2)
    if here.parent == there.parent:
        return None
    left, right = draw.graph.tables[here.parent], draw.graph.tables[there.parent]
    cond = draw.condition(right.key, right)
    if cond is None:
        return None
    uses = (
        Use(left.key, left.key, left.noun),
        Use(
            bridge.key, bridge.key, bridge.noun, (Col(left.key, here.parent_column), Col(bridge.key, here.child_column))
        ),
        Use(
            right.key, right.key, there.role, (Col(bridge.key, there.child_column), Col(right.key, there.parent_column))
        ),
    )
    select = draw.to_show(Scene(uses[:1], (left,)), draw.rng.choice((1, 1, 2)))
    return Query("through", uses, select, distinct=True, where=(cond,), about=left.key)


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
    column = draw.one(scene.table.of("number", "date")) if scene else None
    if scene is None or column is None:
        return None
    left = Col(scene.main, column.name)
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
    if one is None or two is None or one == two:
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
    case = Case(((Compare(left, draw.rng.choice((">", ">=")), draw.rng.choice(seen)), high),), low)
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
