"""The wording of shapes that reach further: subqueries, set operations, labels, shares, windows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from sqltailor.naming.phrases import TRAITS
from sqltailor.naming.words import article
from sqltailor.synth.query import Agg, Case, Col, Compare, CountIf, Order, Query, Share, Window
from sqltailor.synth.wording.conditions import clause
from sqltailor.synth.wording.frame_texts import framed
from sqltailor.synth.wording.measures import aggregate_words, best, column_list, extremes, inner_say, list_slots
from sqltailor.synth.wording.noun_phrases import plural_words, predicate, rows
from sqltailor.synth.wording.phrasebook import Phrasebook


def _above_average(say: Phrasebook, query: Query) -> str:
    test = query.where[-1]
    assert isinstance(test, Compare)
    assert isinstance(test.left, Col)
    name, nouns, up = say.bare(test.left), say.nouns(say.about), test.operator == ">"
    over = (
        say.pick(("above", "higher than", "greater than", "over"))
        if up
        else say.pick(("below", "lower than", "less than", "under"))
    )
    mean = say.pick(("average", "the average", "the mean", "the overall average"))
    of_all = say.pick(("average", "the average", f"the average {name}", f"the average of all {nouns}"))
    ways = [f"with {article(name)} {over} {mean}", f"whose {name} is {over} {of_all}"]
    if (trait := TRAITS.get(name.split()[-1])) and (words := trait.more if up else trait.less):
        ways += [f"{say.who(say.about)} are {say.pick(words)} {say.pick(('average', 'the average'))}"] * 2
    np = f"{nouns} {say.pick(ways)}"
    if isinstance(query.select[0], Agg):
        return framed(say, "count", {"np": np})
    return framed(say, "list", list_slots(say, query.columns, lambda: np))


def _extreme(say: Phrasebook, query: Query) -> str:
    test = query.where[-1]
    assert isinstance(test, Compare)
    assert isinstance(test.left, Col)
    assert isinstance(test.value, Query)
    inner = test.value.select[0]
    assert isinstance(inner, Agg)
    order = Order(test.left, inner.function == "MAX")
    columns = column_list(say, query.columns, many=True)
    around = dataclasses.replace(query, where=query.where[:-1])
    told = inner_say(say, around)
    top = best(told, order, say.about, many=True)
    show = say.pick(("show the", "list the", "what are the", "give me the", "find the", "return the"))
    ties = say.pick(("", "", ", including ties", ", ties included", " (all of them if there are several)"))
    return f"{show} {columns} of {say.pick(('all ', 'the ', 'all the '))}{top}{ties}" + (
        "?" if show.startswith("what") else ""
    )


def _days_per_group(say: Phrasebook, query: Query) -> str:
    group, what = query.select
    assert isinstance(group, Col)
    assert isinstance(what, Agg)
    words = say.column(group)
    return framed(say, "per_group", {"group": words, "groups": plural_words(words), "what": aggregate_words(say, what)})


def _than_other(say: Phrasebook, query: Query) -> str:
    test = query.where[0]
    assert isinstance(test, Compare)
    assert isinstance(test.left, Col)
    assert isinstance(test.value, Query)
    named = test.value.where[0]
    assert isinstance(named, Compare)
    assert isinstance(named.left, Col)
    assert not isinstance(named.value, Query | Col)
    other, name, nouns = say.value(named.value, say.info(named.left)), say.bare(test.left), say.nouns(say.about)
    if test.operator == "=":
        more = "other " if len(query.where) > 1 else ""
        where = say.pick(
            (
                f"with the same {name} as {other}",
                f"that have the same {name} as {other}",
                f"{say.who(say.about)} share {other}'s {name}",
            )
        )
        return say.pick(
            (
                f"which {more}{nouns} have the same {name} as {other}?",
                f"list {more}{nouns} {where}",
                f"show the {plural_words(say.bare(named.left))} of {more}{nouns} {where}",
            )
        )
    up = test.operator == ">"
    trait = TRAITS.get(name.split()[-1])
    words = (trait.more if up else trait.less) if trait else ()
    if words and say.chance(0.6):
        than = f"{say.pick(words)} {other}"
        return say.pick(
            (
                f"which {nouns} are {than}?",
                f"list {nouns} {than}",
                f"show the {plural_words(say.bare(named.left))} of {nouns} {than}",
            )
        )
    than = f"a {say.pick(('higher', 'larger', 'greater') if up else ('lower', 'smaller'))} {name} than {other}"
    return say.pick(
        (
            f"which {nouns} have {than}?",
            f"list {nouns} with {than}",
            f"give me the {plural_words(say.bare(named.left))} of {nouns} with {than}",
        )
    )


def _set(say: Phrasebook, query: Query) -> str:
    assert query.set_operation
    word, second = query.set_operation
    one = rows(say, say.about)
    two = rows(inner_say(say, second), second.uses[0].binding)
    name = {"INTERSECT": "set_intersect", "EXCEPT": "set_except", "UNION": "set_union"}[word]
    return framed(say, name, {"one": one, "two": two, "colsp": column_list(say, query.columns, many=True)})


def _case(say: Phrasebook, query: Query) -> str:
    case = query.select[-1]
    assert isinstance(case, Case)
    when, high = case.whens[0]
    label = query.columns[0]
    return framed(say, "case", {
        "noun": say.noun(say.about), "high": say.marked(f"'{high}'"), "low": say.marked(f"'{case.otherwise}'"),
        "test": clause(say, when), "label": say.bare(label),
    })  # fmt: skip


def _share(say: Phrasebook, query: Query) -> str:
    what = query.select[0]
    assert isinstance(what, Share)
    return framed(
        say, "share", {"np": rows(say, say.about), "pred": predicate(say, what.condition), "who": say.who(say.about)}
    )


def _count_two(say: Phrasebook, query: Query) -> str:
    one, two = query.select
    assert isinstance(one, CountIf)
    assert isinstance(two, CountIf)
    return framed(say, "count_two", {
        "nouns": say.nouns(say.about), "who": say.who(say.about),
        "pred": predicate(say, one.condition), "pred_two": predicate(say, two.condition),
    })  # fmt: skip


def _rank(say: Phrasebook, query: Query) -> str:
    window = query.select[-1]
    assert isinstance(window, Window)
    assert window.order
    within = (
        f" {say.pick(('within each', 'in each', 'inside every', 'per'))} {say.bare(window.partition)}"
        if window.partition
        else ""
    )
    direction = (
        say.pick(("highest first", "from high to low", "highest is rank 1"))
        if window.descending
        else say.pick(("lowest first", "from low to high", "lowest is rank 1"))
    )
    columns = query.columns
    extra = column_list(say, columns, many=False)
    text = framed(say, "rank", {
        "nouns": say.nouns(say.about), "noun": say.noun(say.about), "by": say.bare(window.order), "within": within,
        "direction": direction, "cols": extra,
    })  # fmt: skip
    if not window.descending and direction not in text:
        text += f", {direction}"
    return text if extra in text else f"{text}; show the {extra} and rank"


def _running(say: Phrasebook, query: Query) -> str:
    window = query.select[-1]
    assert isinstance(window, Window)
    assert window.argument
    assert window.order
    return framed(
        say,
        "running",
        {"col": say.bare(window.argument), "date": say.bare(window.order), "nouns": say.nouns(say.about)},
    )


def _best_of_each(say: Phrasebook, query: Query) -> str:
    test = query.where[-1]
    assert isinstance(test, Compare)
    assert isinstance(test.left, Col)
    assert isinstance(test.value, Query)
    inner = test.value.select[0]
    assert isinstance(inner, Agg)
    group, label = query.columns
    order = Order(test.left, inner.function == "MAX")
    return framed(say, "best_of_each", {
        "group": say.bare(group), "noun": say.noun(say.about), "label": say.bare(label), "by": say.bare(test.left),
        "extreme": say.pick(extremes(say, order)),
    })  # fmt: skip


ADVANCED: dict[str, Callable[[Phrasebook, Query], str]] = {
    "above_average": _above_average,
    "extreme": _extreme,
    "than_other": _than_other,
    "days_per_group": _days_per_group,
    "set": _set,
    "case": _case,
    "share": _share,
    "count_two": _count_two,
    "rank": _rank,
    "running": _running,
    "best_of_each": _best_of_each,
}
