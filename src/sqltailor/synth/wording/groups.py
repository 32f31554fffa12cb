"""The wording of queries that group: a number for each value, the group with the most, groups beyond a limit."""

from __future__ import annotations

from collections.abc import Callable

from sqltailor.synth.query import Agg, Col, Compare, Part, Query
from sqltailor.synth.wording.frame_texts import framed
from sqltailor.synth.wording.measures import (
    Filled,
    aggregate_words,
    amount,
    extreme_measure,
    group_words,
    measured,
    number_words,
    of_rows,
    two_aggregates,
)
from sqltailor.synth.wording.noun_phrases import plural_words, rows
from sqltailor.synth.wording.phrasebook import Phrasebook


def _group_slots(say: Phrasebook, query: Query) -> Filled:
    group = query.group_by[-1]
    words = group_words(say, group)
    return {
        "group": words,
        "groups": plural_words(words),
        "np": lambda: rows(say, say.about),
        "n": lambda: number_words(say, query.limit or 1),
    }


def _per_group(say: Phrasebook, query: Query) -> str:
    aggregates = [expr for expr in query.select if isinstance(expr, Agg)]
    what, slots = aggregates[0], _group_slots(say, query)
    if len(aggregates) > 1 and what.argument is None:
        slots["what"] = f"{measured(say, what, say.about)} and {aggregate_words(say, aggregates[1])}"
    elif len(aggregates) > 1:
        slots["what"] = of_rows(say, two_aggregates(say, *aggregates[:2]), say.about)
    else:
        slots["what"] = lambda: measured(say, what, say.about)
    is_count = what.argument is None and len(aggregates) == 1
    text = framed(say, "per_group_count" if is_count and say.chance(0.5) else "per_group", slots)
    return _with_order(say, text, query)


def _with_order(say: Phrasebook, text: str, query: Query) -> str:
    """Add the order of groups: by what is computed, or by the group itself."""
    if not query.order_by:
        return text
    order = query.order_by[0]
    mark = "?" if text.endswith("?") else ""
    if isinstance(order.by, Col | Part):
        end = say.pick(("in order", f"ordered by {group_words(say, order.by)}", "in chronological order", "sorted"))
    elif order.descending:
        end = say.pick(
            ("highest first", "in descending order", "from most to least", "largest first", "sorted descending")
        )
    else:
        end = say.pick(("lowest first", "in ascending order", "from least to most", "smallest first"))
    return f"{text.rstrip('?')}, {end}{mark}"


def _top_group(say: Phrasebook, query: Query) -> str:
    order, slots = query.order_by[0], _group_slots(say, query)
    assert isinstance(order.by, Agg)
    many = (query.limit or 1) > 1
    slots["extreme_what"] = lambda: extreme_measure(say, order, say.about)
    slots["common"] = (
        say.pick(("most common", "most frequent")) if order.descending else say.pick(("least common", "rarest"))
    )
    if not many and order.by.argument is None and say.chance(0.3):
        text = framed(say, "common", slots)
    else:
        text = framed(say, "top_group_many" if many else "top_group", slots)
    return _with_measure(say, text, query, order.by)


def _with_measure(say: Phrasebook, text: str, query: Query, what: Agg) -> str:
    """Add that the computed number is wanted too, where it is selected."""
    if what not in query.select:
        return text
    name = (
        say.pick(("the number", "the count", "how many"))
        if what.argument is None
        else f"the {aggregate_words(say, what)}"
    )
    mark = "?" if text.endswith("?") else ""
    if mark and say.chance(0.4):
        return f"{text} {say.pick(('also show', 'include', 'and', 'also give'))} {name}"
    return f"{text.rstrip('?')}{say.pick((' and', ', and', ', with', ', along with'))} {name}{mark}"


def _having(say: Phrasebook, query: Query) -> str:
    cond, slots = query.having[0], _group_slots(say, query)
    assert isinstance(cond, Compare)
    assert isinstance(cond.left, Agg)
    slots["amount"] = amount(say, cond, say.about)
    return _with_measure(say, framed(say, "having", slots), query, cond.left)


GROUPS: dict[str, Callable[[Phrasebook, Query], str]] = {
    "per_group": _per_group,
    "top_group": _top_group,
    "having": _having,
}
