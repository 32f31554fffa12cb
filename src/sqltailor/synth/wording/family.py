"""The wording of parents and their children: per parent, most children, with and without them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from sqltailor.synth.query import Agg, Col, Compare, Exists, In, Null, Query
from sqltailor.synth.wording.frame_texts import framed
from sqltailor.synth.wording.measures import (
    Filled,
    aggregate_words,
    amount,
    column_list,
    extreme_measure,
    inner_say,
    measured,
    number_words,
)
from sqltailor.synth.wording.noun_phrases import plural_words, rows
from sqltailor.synth.wording.phrasebook import Phrasebook

_ZERO_TAILS = (
    ", including those with none",
    ", also those without any",
    ", even if it is zero",
    ", don't leave out those with 0",
    ", including zero counts",
)


def _child_say(say: Phrasebook, query: Query) -> Phrasebook:
    """Return a speaker for the children alone: that they belong to their parent is understood."""
    child = query.uses[1]
    own = tuple(say.conditions(child.binding))
    alone = dataclasses.replace(query, uses=(dataclasses.replace(child, on=None),), where=own, about=child.binding)
    return inner_say(say, alone)


def _parents(say: Phrasebook, query: Query) -> str:
    """Return the parents' noun phrase, with the conditions on them."""
    parent = query.uses[0].binding
    own = say.conditions(parent)
    return rows(say, parent, own) if own else say.nouns(parent)


def _group(say: Phrasebook, query: Query) -> str:
    """Return what stands for one parent: `customer`, or `customer name`."""
    label = query.columns[0]
    noun, name = say.noun(label.binding), say.bare(label)
    if say.chance(0.45):
        return noun
    return name if name.startswith(noun) else say.pick((f"{noun} {name}", f"{noun}'s {name}", noun))


def _measure(say: Phrasebook, query: Query, what: Agg) -> str:
    """Return what is computed for each parent: `number of orders`, `total amount of their orders`."""
    told = _child_say(say, query)
    child = query.uses[1].binding
    if what.argument is None or what.function == "COUNT":
        return measured(told, Agg("COUNT"), child)
    assert isinstance(what.argument, Col)
    children = rows(told, child)
    own = aggregate_words(told if say.chance(0.4) else say, what)
    if children == say.nouns(child) and not say.is_one_of_several(child) and say.chance(0.4):
        return own
    return f"{own} of {say.pick(('their ', 'its ', '', 'the '))}{children}"


def per_parent(say: Phrasebook, query: Query) -> str:
    """Word `SELECT p.name, COUNT(*) … GROUP BY p.name`."""
    parents = _parents(say, query)
    what = next(expr for expr in query.select if isinstance(expr, Agg))
    measure = _measure(say, query, what)
    if parents != say.nouns(query.uses[0].binding):
        label = say.bare(query.columns[0])
        start = say.pick(("for each of the", "for all", "for", "for every one of the"))
        show = say.pick(("show the", "what is the", "give the", "list the"))
        text = f"{start} {parents}, {show} {label} and {measure}"
    else:
        group = _group(say, query)
        slots: Filled = {"group": group, "groups": plural_words(group), "what": measure}
        slots["np"] = lambda: rows(_child_say(say, query), query.uses[1].binding)
        is_count = what.function == "COUNT"
        text = framed(say, "per_group_count" if is_count and say.chance(0.5) else "per_group", slots)
    if query.shape == "per_parent_all":
        return _with_tail(text, say.pick(_ZERO_TAILS))
    if not query.order_by:
        return text
    down = ("highest first", "in descending order", "largest first", "most first")
    up = ("lowest first", "in ascending order", "smallest first", "fewest first")
    return _with_tail(text, f", {say.pick(down if query.order_by[0].descending else up)}")


def _with_tail(text: str, tail: str) -> str:
    return f"{text.rstrip('?')}{tail}{'?' if text.endswith('?') else ''}"


def top_parent(say: Phrasebook, query: Query) -> str:
    """Word the parent with the most children, or the largest sum over them."""
    order, parent, child = query.order_by[0], query.uses[0].binding, query.uses[1].binding
    assert isinstance(order.by, Agg)
    parents, label = _parents(say, query), say.bare(query.columns[0])
    slots: Filled = {
        "extreme_what": extreme_measure(_child_say(say, query), order, child),
        "n": lambda: number_words(say, query.limit or 1),
    }
    if (query.limit or 1) > 1:
        slots["groups"] = parents if say.chance(0.75) else f"{plural_words(label)} of {parents}"
        text = framed(say, "top_group_many", slots)
    else:
        one = parents.replace(say.nouns(parent), say.noun(parent), 1)
        slots["group"] = one if say.chance(0.75) else f"{label} of the {one}"
        text = framed(say, "top_group", slots)
    if order.by not in query.select:
        return text
    if order.by.argument is None:
        return _with_tail(text, f" and {say.pick(('how many', 'the number', 'the count'))}")
    return _with_tail(text, f" and the {aggregate_words(_child_say(say, query), order.by)}")


def having_parent(say: Phrasebook, query: Query) -> str:
    """Word the parents with at least n children."""
    cond = query.having[0]
    assert isinstance(cond, Compare)
    have = amount(_child_say(say, query), cond, query.uses[1].binding)
    parents = _parents(say, query)
    groups = parents if say.chance(0.6) else f"{plural_words(say.bare(query.columns[0]))} of {parents}"
    return framed(say, "having", {"groups": groups, "amount": have})


def with_children(say: Phrasebook, query: Query) -> str:
    """Word the parents that have, or do not have, a child of some kind."""
    test = query.where[-1]
    assert isinstance(test, In | Exists)
    inner = test.values if isinstance(test, In) else test.query
    assert isinstance(inner, Query)
    understood = [c for c in inner.where if isinstance(getattr(c, "value", None), Col)]
    understood += [c for c in inner.where[-1:] if isinstance(c, Null) and c.negated and c.left == inner.select[0]]
    told = dataclasses.replace(inner, where=tuple(c for c in inner.where if c not in understood))
    have = rows(inner_say(say, told), told.uses[0].binding)
    is_count = any(isinstance(expr, Agg) for expr in query.select)
    np = rows(say, say.about, [c for c in say.conditions(say.about) if c is not test])
    columns = query.columns
    slots: Filled = {"np": np, "have": have, "who": say.who(say.about)}
    if not is_count:
        slots["colsp"] = column_list(say, columns, many=True)
    text = framed(say, ("without" if test.negated else "with") + ("_count" if is_count else ""), slots)
    label = say.graph.tables[say.use(say.about).table].label
    if not is_count and text.startswith("which ") and not (label and columns == (Col(say.about, label.name),)):
        text += f" {say.pick(('show', 'give', 'list'))} the {column_list(say, columns, many=True)}"
    return text


def through(say: Phrasebook, query: Query) -> str:
    """Word rows that a chain of tables ties to rows far away."""
    first, last = query.uses[0].binding, query.uses[-1].binding
    own = say.conditions(last)
    other = rows(say, last, own)
    between = say.nouns(query.uses[len(query.uses) // 2].binding)
    who = say.who(first)
    ties = [f"with {between} {say.pick(('for', 'of', 'from'))}", f"{who} have {between} {say.pick(('for', 'of'))}"]
    if len(query.uses) == 3 and _bridges(say, query) == 1:
        ties += ["linked to", "connected to", "related to", "of", "for", "associated with", f"{who} belong to"]
    np = f"{say.nouns(first)} {say.pick(ties)} {other}"
    what = query.select[0]
    if isinstance(what, Agg):
        return framed(say, "count_distinct_rows", {"np": np})
    columns = column_list(say, query.columns, many=True)
    show = say.pick(("show", "list", "give me", "find", "what are", "return", "which"))
    label = say.graph.tables[say.use(first).table].label
    if show == "which":
        is_label = label and query.columns == (Col(first, label.name),)
        return f"which {np.split(' ', 1)[0]} {np.split(' ', 1)[1]}?" if is_label else f"which {columns} do {np} have?"
    different = say.pick(("", "different ", "distinct ")) if say.chance(0.4) else ""
    return f"{show} the {different}{columns} of {say.pick(('all ', 'the ', ''))}{np}{'?' if show == 'what are' else ''}"


def _bridges(say: Phrasebook, query: Query) -> int:
    """Return how many tables tie the first table of a query to the last one."""
    ends = {query.uses[0].table, query.uses[-1].table}
    return sum(ends <= {link.parent for link in links} for links in say.graph.up.values())


FAMILY: dict[str, Callable[[Phrasebook, Query], str]] = {
    "per_parent": per_parent,
    "per_parent_all": per_parent,
    "top_parent": top_parent,
    "having_parent": having_parent,
    "with": with_children,
    "without": with_children,
    "through": through,
}
