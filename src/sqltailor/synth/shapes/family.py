"""Samplers of queries on parents and their children: numbers of orders of each customer, customers without orders."""

from __future__ import annotations

import dataclasses

from sqltailor.synth.draw import Draw, Scene, make_scene
from sqltailor.synth.graph import Link, TableInfo
from sqltailor.synth.query import Agg, Col, Compare, Cond, Exists, In, Null, Order, Query, Use
from sqltailor.synth.shapes.everyday import aggregate_of


def _family(draw: Draw) -> tuple[TableInfo, TableInfo, Link] | None:
    """Return a parent that has a label, one of its child tables, and their link."""
    links = [link for link in draw.graph.links if link.child != link.parent and draw.graph.tables[link.parent].label]
    if not links:
        return None
    weights = [draw.weights.get(link.child, 1.0) + draw.weights.get(link.parent, 1.0) for link in links]
    link = draw.rng.choices(links, weights)[0]
    return draw.graph.tables[link.parent], draw.graph.tables[link.child], link


def _children(draw: Draw, shape: str) -> tuple[Query, Agg] | None:
    """Return FROM parent JOIN child grouped by the parent's label, and what to compute for each parent."""
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
    on = (Col(parent.key, link.parent_column), Col(child.key, link.child_column))
    uses = (Use(parent.key, parent.key, parent.noun), Use(child.key, child.key, draw.graph.child_noun(link), on))
    return Query(shape, uses, (label,), where=where, group_by=groups, about=parent.key), what


def _is_unique(draw: Draw, table: TableInfo) -> bool:
    """Tell whether the label names one row only, as far as the stored values tell."""
    assert table.label
    rows = draw.values.counts.get(table.key)
    return rows is None or len(draw.values.of(table.key, table.label.name)) >= min(rows, draw.values.limit)


def per_parent(draw: Draw) -> Query | None:
    """`SELECT p.name, COUNT(*) FROM p JOIN c … GROUP BY p.name`"""
    found = _children(draw, "per_parent")
    if found is None:
        return None
    query, what = found
    order = (Order(what, draw.rng.random() < 0.8),) if draw.rng.random() < 0.2 else ()
    return dataclasses.replace(query, select=(*query.select, what), order_by=order)


def per_parent_all(draw: Draw) -> Query | None:
    """`SELECT p.name, COUNT(c.id) FROM p LEFT JOIN c … GROUP BY p.name`: parents without children count 0."""
    found = _children(draw, "per_parent_all")
    if found is None:
        return None
    query, _ = found
    child = dataclasses.replace(query.uses[1], kind="LEFT JOIN")
    assert child.on
    counted = draw.graph.tables[child.table].identifier
    column = Col(child.binding, counted.name) if counted else child.on[1]
    where = tuple(c for c in query.where if getattr(getattr(c, "left", None), "binding", "") == query.about)
    select = (*query.select, Agg("COUNT", column))
    return dataclasses.replace(query, uses=(query.uses[0], child), select=select, where=where)


def top_parent(draw: Draw) -> Query | None:
    """The parent with the most children, or whose children have the largest sum."""
    found = _children(draw, "top_parent")
    if found is None:
        return None
    query, what = found
    if what.function in ("MIN", "MAX"):
        what = dataclasses.replace(what, function="AVG")
    select = (*query.select, what) if draw.rng.random() < 0.3 else query.select
    limit = 1 if draw.rng.random() < 0.6 else draw.rng.choice((3, 5, 10))
    order: tuple[Order, ...] = (Order(what, draw.rng.random() < 0.82),)
    order += (Order(query.group_by[-1]),) if draw.breaks_ties else ()
    return dataclasses.replace(query, select=select, order_by=order, limit=limit)


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
    linking, linked = Col(child.key, link.child_column), Col(parent.key, link.parent_column)
    where: tuple[Cond, ...] = (cond,) if cond else ()
    inner = Query("inner", (Use(child.key, child.key, draw.graph.child_noun(link)),), (linking,), where=where)
    scene = make_scene([parent], [])
    if draw.rng.random() < 0.75:
        if negated and draw.values.may_be_null(child.key, link.child_column):
            # NOT IN a list that holds a NULL is never true
            inner = dataclasses.replace(inner, where=(*where, Null(linking, negated=True)))
        test: Cond = In(linked, inner, negated=negated)
    else:
        inner = dataclasses.replace(inner, where=(Compare(linking, "=", linked), *where), is_inner=True)
        test = Exists(inner, negated=negated)
    is_count = draw.rng.random() < 0.2
    columns = () if is_count else draw.to_show(scene, draw.rng.choice((1, 1, 2)))
    more = draw.conditions(scene, 1, columns) if draw.rng.random() < 0.2 else ()
    shape = "without" if negated else "with"
    return Query(shape, scene.uses, (Agg("COUNT"),) if is_count else columns, where=(*more, test))


def with_children(draw: Draw) -> Query | None:
    """Parents that have a child of some kind."""
    return _parents_where(draw, negated=False)


def without_children(draw: Draw) -> Query | None:
    """Parents that have no child, or none of some kind."""
    return _parents_where(draw, negated=True)


def through(draw: Draw) -> Query | None:
    """Rows of one table that other tables tie to a row far away: customers who bought items of a brand."""
    bottoms = [t for t in draw.graph.tables.values() if draw.graph.up.get(t.key)]
    if not bottoms:
        return None
    bottom = draw.rng.choice(bottoms)
    left = _way_up(draw, bottom, set())
    right = _way_up(draw, bottom, {link.parent for link in left} | {link.child_column for link in left[:1]})
    if not left or not right:
        return None
    tables = [left[-1].parent, *[link.child for link in reversed(left)], *[link.parent for link in right]]
    if len(set(tables)) < len(tables):
        return None
    steps = [(Col(x.parent, x.parent_column), Col(x.child, x.child_column), x.child) for x in reversed(left)]
    steps += [(Col(x.child, x.child_column), Col(x.parent, x.parent_column), x.parent) for x in right]
    nouns = draw.graph.tables
    first, last = nouns[tables[0]], nouns[tables[-1]]
    uses = [Use(first.key, first.key, first.noun)]
    uses += [Use(key, key, nouns[key].noun, (one, two)) for one, two, key in steps]
    cond = draw.condition(last.key, last, is_main=False)
    if cond is None:
        return None
    alone = Scene((uses[0],), (first,))
    if draw.rng.random() < 0.25 and first.identifier:
        select: tuple[Agg | Col, ...] = (Agg("COUNT", Col(first.key, first.identifier.name), distinct=True),)
        return Query("through", tuple(uses), select, where=(cond,), about=first.key)
    columns = draw.to_show(alone, draw.rng.choice((1, 1, 2)))
    return Query("through", tuple(uses), columns, distinct=True, where=(cond,), about=first.key)


def _way_up(draw: Draw, table: TableInfo, without: set[str]) -> list[Link]:
    """Return one or two links from a table to parents of parents, away from some tables and columns."""
    way: list[Link] = []
    for _ in range(draw.rng.choice((1, 1, 1, 2))):
        links = [
            link
            for link in draw.graph.up.get(table.key, ())
            if not {link.parent, link.child_column} & without
            and link.parent != link.child
            and draw.graph.child_noun(link) == table.noun
        ]
        if not links:
            break
        way.append(draw.rng.choice(links))
        table = draw.graph.tables[way[-1].parent]
    return way
