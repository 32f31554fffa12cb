"""Word a query: many ways for each shape, then the small unevenness of what people type."""

from __future__ import annotations

import random
from collections.abc import Callable

from sqltailor.synth.query import Agg, Col, Compare, Query
from sqltailor.synth.wording.advanced import ADVANCED
from sqltailor.synth.wording.conditions import clause, plainly
from sqltailor.synth.wording.custom_functions import CUSTOM_FUNCTIONS
from sqltailor.synth.wording.family import FAMILY
from sqltailor.synth.wording.finish import finish
from sqltailor.synth.wording.frame_texts import framed
from sqltailor.synth.wording.groups import GROUPS
from sqltailor.synth.wording.measures import (
    Filled,
    aggregate_words,
    best,
    column_list,
    extremes,
    list_slots,
    number_words,
    ordering,
    superlatives,
    two_aggregates,
)
from sqltailor.synth.wording.noun_phrases import plural_words, predicate, rows, singular_verb
from sqltailor.synth.wording.phrasebook import Lexicon, Phrasebook


def word(
    query: Query, lexicon: Lexicon, rng: random.Random, *, typo_rate: float = 0.02, lower_rate: float = 0.03
) -> str:
    """Return one question that asks for the query.

    `typo_rate` is the share of questions that get a typing error, `lower_rate` of those that spell text values in
    lower case. Values are never misspelt.
    """
    say = Phrasebook(query, lexicon, rng, lower_rate=lower_rate)
    text = SHAPE_WORDS[query.shape](say, query)
    return finish(text, rng, typo_rate=typo_rate)


def _list(say: Phrasebook, query: Query) -> str:
    columns, binding = query.columns, say.about
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


def _which(say: Phrasebook, columns: tuple[Col, ...], pred: str, slots: Filled) -> str:
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


def _named(say: Phrasebook, query: Query, binding: str) -> str | None:
    """Return the name that is the only condition, where it names a row of this binding."""
    cond = query.where[0] if len(query.where) == 1 else None
    label = say.graph.tables[say.use(binding).table].label
    if label is None or not isinstance(cond, Compare) or cond.left != Col(binding, label.name) or cond.operator != "=":
        return None
    return None if isinstance(cond.value, Query | Col) else say.value(cond.value, label)


def _mentions(text: str, say: Phrasebook, columns: tuple[Col, ...]) -> bool:
    words = f" {text} "
    for mark in "?,.;:":
        words = words.replace(mark, " ")
    return all(f" {name} " in words or f" {plural_words(name)} " in words for name in map(say.bare, columns))


def _all(say: Phrasebook, query: Query) -> str:
    return framed(say, "all", {"np": rows(say, say.about)})


def _distinct(say: Phrasebook, query: Query) -> str:
    return framed(say, "distinct", list_slots(say, query.columns, lambda: rows(say, say.about)))


def _ordered(say: Phrasebook, query: Query) -> str:
    text = framed(say, "list", list_slots(say, query.columns, lambda: rows(say, say.about)))
    mark = "?" if text.endswith("?") else ""
    comma = say.pick(("", ","))
    return f"{text.rstrip('?')}{comma} {ordering(say, query.order_by[0])}{mark}"


def _top(say: Phrasebook, query: Query) -> str:
    columns, order, binding = query.columns, query.order_by[0], say.about
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


def _count(say: Phrasebook, query: Query) -> str:
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


def _count_distinct(say: Phrasebook, query: Query) -> str:
    what = query.select[0]
    assert isinstance(what, Agg)
    assert isinstance(what.argument, Col)
    links = say.graph.up.get(say.use(say.about).table, ())
    link = next((link for link in links if link.child_column == what.argument.name), None)
    if link and what.argument.binding == say.about:
        return framed(say, "count_linked", {"parents": plural_words(link.role), "np": rows(say, say.about)})
    return framed(say, "count_distinct", {"colsp": plural_words(say.column(what.argument)), "np": rows(say, say.about)})


def _aggregate(say: Phrasebook, query: Query) -> str:
    first = query.select[0]
    assert isinstance(first, Agg)
    np = rows(say, say.about)
    if len(query.select) == 2:
        second = query.select[1]
        assert isinstance(second, Agg)
        return framed(say, "aggregate_two", {"what": two_aggregates(say, first, second), "np": np})
    return framed(say, "aggregate", {"what": aggregate_words(say, first), "np": np})


SHAPE_WORDS: dict[str, Callable[[Phrasebook, Query], str]] = {
    "list": _list,
    "all": _all,
    "distinct": _distinct,
    "ordered": _ordered,
    "top": _top,
    "count": _count,
    "count_distinct": _count_distinct,
    "aggregate": _aggregate,
    "total_value": _aggregate,
    **GROUPS,
    **FAMILY,
    **ADVANCED,
    **CUSTOM_FUNCTIONS,
}
