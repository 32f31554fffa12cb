"""A query in words: many ways for each shape, then the small unevenness of what people type."""

from __future__ import annotations

import random
from collections.abc import Callable

from sqltailor.synth.query import Agg, Col, Compare, Part, Query
from sqltailor.synth.wording.conditions import clause, plainly
from sqltailor.synth.wording.deep import DEEP
from sqltailor.synth.wording.family import FAMILY
from sqltailor.synth.wording.finish import finish
from sqltailor.synth.wording.frame_texts import framed
from sqltailor.synth.wording.measures import (
    Filled,
    aggregate_words,
    amount,
    best,
    column_list,
    extreme_measure,
    extremes,
    group_words,
    list_slots,
    measured,
    number_words,
    of_rows,
    ordering,
    superlatives,
    two_aggregates,
)
from sqltailor.synth.wording.noun_phrases import plural_words, predicate, rows, singular_verb
from sqltailor.synth.wording.say import Lexicon, Say


def word(
    query: Query, lexicon: Lexicon, rng: random.Random, *, typo_rate: float = 0.02, lower_rate: float = 0.03
) -> str:
    """Return one question that asks for the query.

    `typo_rate` is the share of questions that get a typing error, `lower_rate` of those that spell text values in
    lower case. Values are never misspelt.
    """
    say = Say(query, lexicon, rng, lower_rate=lower_rate)
    text = SHAPE_WORDS[query.shape](say, query)
    return finish(text, rng, typo_rate=typo_rate)


def _columns(say: Say, query: Query) -> tuple[Col, ...]:
    return tuple(expr for expr in query.select if isinstance(expr, Col))


def _list(say: Say, query: Query) -> str:
    columns, binding = _columns(say, query), say.about
    own = say.conditions(binding)
    slots = list_slots(say, columns, lambda: rows(say, binding))
    has_label = say.graph.tables[say.use(binding).table].label is not None
    if (named := _named(say, query, binding)) and say.chance(0.55):
        return framed(say, "list_named", slots | {"value": named, "noun": say.noun(binding)})
    if len(query.where) == 1 and own and say.chance(0.3):
        return _which(say, columns, predicate(say, own[0]), slots)
    if len(columns) == 1 and query.where and len(own) == len(query.where) and say.chance(0.25 if has_label else 0.5):
        slots["plain"] = lambda: " and ".join(plainly(say, cond) for cond in own)
        slots["clauses"] = lambda: " and ".join(clause(say, cond) for cond in own)
        return framed(say, "list_wiki", slots)
    return framed(say, "list", slots)


def _which(say: Say, columns: tuple[Col, ...], pred: str, slots: Filled) -> str:
    """Return "which customers are from Paris?", with the columns wanted where they are not just the name."""
    binding = say.about
    label = say.graph.tables[say.use(binding).table].label
    if label and columns == (Col(binding, label.name),) and say.chance(0.4):
        if say.is_person(binding) and say.chance(0.5):
            return f"who {singular_verb(pred)}?"
        return f"{say.pick(('which', 'which', 'what'))} {say.nouns(binding)} {pred}?"
    text = framed(say, "list_which", slots | {"nouns": say.nouns(binding), "who": say.who(binding), "pred": pred})
    if text.endswith("?") and not _mentions(text, say, columns):
        text += f" {say.pick(('show', 'give', 'list'))} the {column_list(say, columns, many=False)}"
    return text


def _named(say: Say, query: Query, binding: str) -> str | None:
    """Return the name that is the only condition, where it names a row of this binding."""
    cond = query.where[0] if len(query.where) == 1 else None
    label = say.graph.tables[say.use(binding).table].label
    if label is None or not isinstance(cond, Compare) or cond.left != Col(binding, label.name) or cond.operator != "=":
        return None
    return None if isinstance(cond.value, Query | Col) else say.value(cond.value, label)


def _mentions(text: str, say: Say, columns: tuple[Col, ...]) -> bool:
    words = f" {text} "
    for mark in "?,.;:":
        words = words.replace(mark, " ")
    return all(f" {name} " in words or f" {plural_words(name)} " in words for name in map(say.bare, columns))


def _all(say: Say, query: Query) -> str:
    return framed(say, "all", {"np": rows(say, say.about)})


def _distinct(say: Say, query: Query) -> str:
    return framed(say, "distinct", list_slots(say, _columns(say, query), lambda: rows(say, say.about)))


def _ordered(say: Say, query: Query) -> str:
    text = framed(say, "list", list_slots(say, _columns(say, query), lambda: rows(say, say.about)))
    mark = "?" if text.endswith("?") else ""
    comma = say.pick(("", ","))
    return f"{text.rstrip('?')}{comma} {ordering(say, query.order_by[0])}{mark}"


def _top(say: Say, query: Query) -> str:
    columns, order, binding = _columns(say, query), query.order_by[0], say.about
    by = order.by
    assert isinstance(by, Col)
    label = say.graph.tables[say.use(binding).table].label
    by_label = bool(label) and columns == (Col(binding, label.name if label else ""),) and say.chance(0.6)
    slots = list_slots(say, columns, lambda: rows(say, binding)) | {
        "best": lambda: best(say, order, binding, many=False),
        "bests": lambda: best(say, order, binding, many=True),
        "extreme": lambda: say.pick(extremes(say, order)),
        "by": lambda: say.column(by),
        "n": lambda: number_words(say, query.limit or 1),
        "one": lambda: rows(say, binding).replace(say.nouns(binding), say.noun(binding), 1),
        "many": lambda: rows(say, binding),
        "best_short": lambda: say.pick(
            superlatives(say, order) or (f"one with the {say.pick(extremes(say, order))} {say.column(by)}",)
        ),
    }
    if query.limit == 1:
        return framed(say, "top_one_label" if by_label else "top_one", slots)
    if order.descending and say.info(by).kind == "number" and say.chance(0.25):
        return framed(say, "ranked_by", slots)
    return framed(say, "top_many_label" if by_label else "top_many", slots)


def _count(say: Say, query: Query) -> str:
    own, parent = say.conditions(say.about), query.uses[-1].binding
    is_owned = len(query.uses) == 2 and not say.is_one_of_several(parent)
    if is_owned and (named := _named(say, query, parent)) and say.chance(0.6):
        owned: Filled = {"value": named, "noun": say.noun(parent), "nouns": say.nouns(say.about)}
        return framed(say, "count_of", owned)
    if len(query.where) == 1 and own and say.chance(0.3):
        return framed(say, "count_which", {
            "nouns": say.nouns(say.about), "who": say.who(say.about), "pred": predicate(say, own[0]),
        })  # fmt: skip
    return framed(say, "count", {"np": rows(say, say.about)})


def _count_distinct(say: Say, query: Query) -> str:
    what = query.select[0]
    assert isinstance(what, Agg)
    assert isinstance(what.argument, Col)
    links = say.graph.up.get(say.use(say.about).table, ())
    link = next((link for link in links if link.child_column == what.argument.name), None)
    if link and what.argument.binding == say.about:
        return framed(say, "count_linked", {"parents": plural_words(link.role), "np": rows(say, say.about)})
    return framed(say, "count_distinct", {"colsp": plural_words(say.column(what.argument)), "np": rows(say, say.about)})


def _aggregate(say: Say, query: Query) -> str:
    first = query.select[0]
    assert isinstance(first, Agg)
    np = rows(say, say.about)
    if len(query.select) == 2:
        second = query.select[1]
        assert isinstance(second, Agg)
        return framed(say, "aggregate_two", {"what": two_aggregates(say, first, second), "np": np})
    return framed(say, "aggregate", {"what": aggregate_words(say, first), "np": np})


def _group_slots(say: Say, query: Query) -> Filled:
    group = query.group_by[-1]
    words = group_words(say, group)
    return {
        "group": words,
        "groups": plural_words(words),
        "np": lambda: rows(say, say.about),
        "n": lambda: number_words(say, query.limit or 1),
    }


def _per_group(say: Say, query: Query) -> str:
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


def _with_order(say: Say, text: str, query: Query) -> str:
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


def _top_group(say: Say, query: Query) -> str:
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


def _with_measure(say: Say, text: str, query: Query, what: Agg) -> str:
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


def _having(say: Say, query: Query) -> str:
    cond, slots = query.having[0], _group_slots(say, query)
    assert isinstance(cond, Compare)
    assert isinstance(cond.left, Agg)
    slots["amount"] = amount(say, cond, say.about)
    return _with_measure(say, framed(say, "having", slots), query, cond.left)


SHAPE_WORDS: dict[str, Callable[[Say, Query], str]] = {
    "list": _list,
    "all": _all,
    "distinct": _distinct,
    "ordered": _ordered,
    "top": _top,
    "count": _count,
    "count_distinct": _count_distinct,
    "aggregate": _aggregate,
    "total_value": _aggregate,
    "per_group": _per_group,
    "top_group": _top_group,
    "having": _having,
    **FAMILY,
    **DEEP,
}
