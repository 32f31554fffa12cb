"""The wording of shapes that reach further: parents and children, subqueries, set operations, windows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from sqltailor.synth.conditions import clause
from sqltailor.synth.frame_texts import FRAMES
from sqltailor.synth.frames import Slots, fill
from sqltailor.synth.measures import (
    aggregate_words,
    amount,
    best,
    column_list,
    extreme_measure,
    extremes,
    inner_say,
    measured,
    number_words,
)
from sqltailor.synth.phrases import TRAITS
from sqltailor.synth.query import (
    Agg,
    Case,
    Col,
    Compare,
    CountIf,
    Exists,
    In,
    Order,
    Query,
    Share,
    Window,
)
from sqltailor.synth.rows import plural_words, predicate, rows
from sqltailor.synth.say import Say


def _framed(say: Say, name: str, slots: Slots) -> str:
    choices = FRAMES[name]
    return fill(choices[int(say.rng.random() * len(choices))], slots, say.rng)


def _columns(query: Query) -> tuple[Col, ...]:
    return tuple(expr for expr in query.select if isinstance(expr, Col))


def _family_words(say: Say, query: Query) -> tuple[str, str, str]:
    """Return the parent's noun, its plural noun, and the binding of the children."""
    parent, child = query.uses[0].binding, query.uses[1].binding
    own = rows(say, parent, say.conditions(parent)) if say.conditions(parent) else say.nouns(parent)
    return say.noun(parent), own, child


def _children(say: Say, query: Query, child: str) -> str:
    """Return the children's noun phrase; the join to their parent is understood."""
    alone = dataclasses.replace(
        query, uses=(dataclasses.replace(query.uses[1], on=None),), where=tuple(say.conditions(child))
    )
    inner = inner_say(say, alone)
    return rows(inner, child)


def _parent_label(say: Say, query: Query) -> str:
    label = next(expr for expr in query.select if isinstance(expr, Col))
    noun, name = say.noun(label.binding), say.bare(label)
    if say.chance(0.45):
        return noun
    return name if name.startswith(noun) else say.pick((f"{noun} {name}", f"{noun}'s {name}", noun))


def _per_parent(say: Say, query: Query) -> str:
    _, parents, child = _family_words(say, query)
    what = next(expr for expr in query.select if isinstance(expr, Agg))
    children = _children(say, query, child)
    group = _parent_label(say, query) if parents == say.nouns(query.uses[0].binding) else ""
    if not group:
        return f"{say.pick(('for each of the', 'for all', 'for'))} {parents}, {say.pick(('show the', 'what is the', 'give the'))} {_column_of(say, query)} and {_measure(say, what, child, children)}"
    slots: dict[str, str | Callable[[], str]] = {
        "group": group,
        "groups": plural_words(group),
        "np": children,
        "what": lambda: _measure(say, what, child, children),
    }
    name = "per_group_count" if what.argument is None and say.chance(0.5) else "per_group"
    text = _framed(say, name, slots)
    if not query.order_by:
        return text
    end = (
        say.pick(("highest first", "in descending order", "largest first"))
        if query.order_by[0].descending
        else say.pick(("lowest first", "in ascending order", "smallest first"))
    )
    return f"{text.rstrip('?')}, {end}{'?' if text.endswith('?') else ''}"


def _measure(say: Say, what: Agg, child: str, children: str) -> str:
    if what.argument is None:
        return measured(say, what, child, children)
    assert isinstance(what.argument, Col)
    alone = f"{aggregate_words(say, Agg(what.function, what.argument))}"
    own = say.bare(what.argument)
    text = alone.replace(say.column(what.argument), own) if say.chance(0.3) else alone
    return (
        f"{text} of {say.pick(('their', 'its', ''))} {children}".replace("  ", " ")
        if say.chance(0.6) or children != say.nouns(child)
        else text
    )


def _column_of(say: Say, query: Query) -> str:
    return say.bare(_columns(query)[0])


def _top_parent(say: Say, query: Query) -> str:
    noun, parents, child = _family_words(say, query)
    order, children = query.order_by[0], _children(say, query, child)
    assert isinstance(order.by, Agg)
    say_child = inner_say(
        say,
        dataclasses.replace(
            query, uses=(dataclasses.replace(query.uses[1], on=None),), where=tuple(say.conditions(child))
        ),
    )
    extreme = (
        extreme_measure(say_child, order, child)
        if order.by.argument is None or children != say.nouns(child)
        else extreme_measure(say, dataclasses.replace(order), child)
    )
    one = parents.replace(say.nouns(query.uses[0].binding), noun, 1)
    slots: dict[str, str | Callable[[], str]] = {
        "extreme_what": extreme,
        "n": lambda: number_words(say, query.limit or 1),
    }
    name = _column_of(say, query)
    if (query.limit or 1) > 1:
        slots |= {"groups": parents if say.chance(0.7) else f"{plural_words(name)} of {parents}"}
        text = _framed(say, "top_group_many", slots)
    else:
        slots |= {"group": one if say.chance(0.7) else f"{name} of the {one}"}
        text = _framed(say, "top_group", slots)
    if order.by in query.select:
        text = (
            f"{text.rstrip('?')} and {say.pick(('how many', 'the number', 'what is the count')) if order.by.argument is None else 'the ' + aggregate_words(say, order.by)}"
            + ("?" if text.endswith("?") else "")
        )
    return text


def _having_parent(say: Say, query: Query) -> str:
    _, parents, child = _family_words(say, query)
    cond = query.having[0]
    assert isinstance(cond, Compare)
    alone = dataclasses.replace(
        query, uses=(dataclasses.replace(query.uses[1], on=None),), where=tuple(say.conditions(child))
    )
    have = amount(inner_say(say, alone), cond, child)
    groups = parents if say.chance(0.6) else f"{plural_words(_column_of(say, query))} of {parents}"
    return _framed(say, "having", {"groups": groups, "amount": have})


def _with(say: Say, query: Query) -> str:
    test = query.where[-1]
    assert isinstance(test, In | Exists)
    inner = test.values if isinstance(test, In) else test.query
    assert isinstance(inner, Query)
    told = dataclasses.replace(
        inner, where=tuple(c for c in inner.where if not isinstance(getattr(c, "value", None), Col))
    )
    child = told.uses[0].binding
    have = rows(inner_say(say, told), child)
    counted = any(isinstance(expr, Agg) for expr in query.select)
    name = ("without" if test.negated else "with") + ("_count" if counted else "")
    outer = rows(say, say.about, [c for c in say.conditions(say.about) if c is not test])
    columns = _columns(query)
    slots: dict[str, str | Callable[[], str]] = {"np": outer, "have": have, "who": say.who(say.about)}
    if not counted:
        slots["colsp"] = column_list(say, columns, many=True)
    text = _framed(say, name, slots)
    label = say.graph.tables[say.use(say.about).table].label
    if not counted and text.startswith("which ") and not (label and columns == (Col(say.about, label.name),)):
        text += f" {say.pick(('show', 'give', 'list'))} the {column_list(say, columns, many=True)}"
    return text


def _through(say: Say, query: Query) -> str:
    right, bridge = query.uses[2], query.uses[1]
    other = rows(say, right.binding)
    columns = column_list(say, _columns(query), many=True)
    nouns, links = say.nouns(query.uses[0].binding), say.nouns(bridge.binding)
    tie = say.pick(
        (
            f"with {links} for",
            f"that have {links} for",
            "linked to",
            "connected to",
            "related to",
            "of",
            "for",
            "associated with",
            f"that appear in {links} of",
        )
    )
    tie = tie.replace("that", say.who(query.uses[0].binding))
    show = say.pick(("show", "list", "give me", "find", "what are", "return"))
    different = say.pick(("", "different ", "distinct ")) if say.chance(0.4) else ""
    return f"{show} the {different}{columns} of {say.pick(('all ', 'the ', ''))}{nouns} {tie} {other}" + (
        "?" if show == "what are" else ""
    )


def _above_average(say: Say, query: Query) -> str:
    test = query.where[-1]
    assert isinstance(test, Compare) and isinstance(test.left, Col)
    name, nouns, up = say.bare(test.left), say.nouns(say.about), test.operator == ">"
    over = (
        say.pick(("above", "higher than", "greater than", "over"))
        if up
        else say.pick(("below", "lower than", "less than", "under"))
    )
    ways = [f"with {'an' if name[0] in 'aeio' else 'a'} {name} {over} {say.pick(('average', 'the average', 'the mean', 'the overall average'))}",
            f"whose {name} is {over} {say.pick(('average', 'the average', f'the average {name}', f'the average of all {nouns}'))}"]  # fmt: skip
    if (trait := TRAITS.get(name.split()[-1])) and (words := trait.more if up else trait.less):
        ways += [f"{say.who(say.about)} are {say.pick(words)} {say.pick(('average', 'the average'))}"] * 2
    np = f"{nouns} {say.pick(ways)}"
    if isinstance(query.select[0], Agg):
        return _framed(say, "count", {"np": np})
    columns = _columns(query)
    return _framed(say, "list", {
        "np": np, "cols": lambda: column_list(say, columns, many=False), "colsp": lambda: column_list(say, columns, many=True),
    })  # fmt: skip


def _extreme(say: Say, query: Query) -> str:
    test = query.where[-1]
    assert isinstance(test, Compare) and isinstance(test.left, Col) and isinstance(test.value, Query)
    inner = test.value.select[0]
    assert isinstance(inner, Agg)
    order = Order(test.left, inner.function == "MAX")
    columns = column_list(say, _columns(query), many=True)
    around = dataclasses.replace(query, where=query.where[:-1])
    told = inner_say(say, around)
    top = best(told, order, say.about, many=True)
    show = say.pick(("show the", "list the", "what are the", "give me the", "find the", "return the"))
    ties = say.pick(("", "", ", including ties", ", ties included", " (all of them if there are several)"))
    return f"{show} {columns} of {say.pick(('all ', 'the ', 'all the '))}{top}{ties}" + (
        "?" if show.startswith("what") else ""
    )


def _than_other(say: Say, query: Query) -> str:
    test = query.where[0]
    assert isinstance(test, Compare) and isinstance(test.left, Col) and isinstance(test.value, Query)
    named = test.value.where[0]
    assert isinstance(named, Compare) and isinstance(named.left, Col) and not isinstance(named.value, Query | Col)
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
        ask = say.pick(
            (
                f"which {more}{nouns} have the same {name} as {other}?",
                f"list {more}{nouns} {where}",
                f"show the {plural_words(say.bare(named.left))} of {more}{nouns} {where}",
            )
        )
        return ask
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


def _set(say: Say, query: Query) -> str:
    assert query.set_operation
    word, second = query.set_operation
    one = rows(say, say.about)
    two = rows(inner_say(say, second), second.uses[0].binding)
    name = {"INTERSECT": "set_intersect", "EXCEPT": "set_except", "UNION": "set_union"}[word]
    return _framed(say, name, {"one": one, "two": two, "colsp": column_list(say, _columns(query), many=True)})


def _case(say: Say, query: Query) -> str:
    case = query.select[-1]
    assert isinstance(case, Case)
    when, high = case.whens[0]
    label = _columns(query)[0]
    return _framed(say, "case", {
        "noun": say.noun(say.about), "high": say.marked(f"'{high}'"), "low": say.marked(f"'{case.otherwise}'"),
        "test": clause(say, when), "label": say.bare(label),
    })  # fmt: skip


def _share(say: Say, query: Query) -> str:
    what = query.select[0]
    assert isinstance(what, Share)
    return _framed(
        say, "share", {"np": rows(say, say.about), "pred": predicate(say, what.condition), "who": say.who(say.about)}
    )


def _count_two(say: Say, query: Query) -> str:
    one, two = query.select
    assert isinstance(one, CountIf) and isinstance(two, CountIf)
    return _framed(say, "count_two", {
        "nouns": say.nouns(say.about), "who": say.who(say.about),
        "pred": predicate(say, one.condition), "pred_two": predicate(say, two.condition),
    })  # fmt: skip


def _rank(say: Say, query: Query) -> str:
    window = query.select[-1]
    assert isinstance(window, Window) and window.order
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
    columns = _columns(query)
    extra = column_list(say, columns, many=False)
    text = _framed(say, "rank", {
        "nouns": say.nouns(say.about), "noun": say.noun(say.about), "by": say.bare(window.order), "within": within,
        "direction": direction, "cols": extra,
    })  # fmt: skip
    if not window.descending and direction not in text:
        text += f", {direction}"
    return text if extra in text else f"{text}; show the {extra} and rank"


def _running(say: Say, query: Query) -> str:
    window = query.select[-1]
    assert isinstance(window, Window) and window.argument and window.order
    return _framed(
        say,
        "running",
        {"col": say.bare(window.argument), "date": say.bare(window.order), "nouns": say.nouns(say.about)},
    )


def _best_of_each(say: Say, query: Query) -> str:
    test = query.where[-1]
    assert isinstance(test, Compare) and isinstance(test.left, Col) and isinstance(test.value, Query)
    inner = test.value.select[0]
    assert isinstance(inner, Agg)
    group, label = _columns(query)
    order = Order(test.left, inner.function == "MAX")
    return _framed(say, "best_of_each", {
        "group": say.bare(group), "noun": say.noun(say.about), "label": say.bare(label), "by": say.bare(test.left),
        "extreme": say.pick(extremes(say, order)),
    })  # fmt: skip


DEEP: dict[str, Callable[[Say, Query], str]] = {
    "per_parent": _per_parent, "top_parent": _top_parent, "having_parent": _having_parent, "with": _with, "without": _with,
    "through": _through, "above_average": _above_average, "extreme": _extreme, "than_other": _than_other, "set": _set,
    "case": _case, "share": _share, "count_two": _count_two, "rank": _rank, "running": _running,
    "best_of_each": _best_of_each,
}  # fmt: skip
