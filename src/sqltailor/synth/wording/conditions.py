"""Conditions in words: before the noun ("pending orders"), after it ("over 50 euros"), or as a predicate ("cost …").

A predicate is plural and begins with a verb: `[which customers] have a balance over 5`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqltailor.naming.columns import ColumnInfo
from sqltailor.naming.phrases import IS_OPERATORS, PLACES, SIGNS
from sqltailor.naming.words import article, join_words
from sqltailor.synth.query import Between, Col, Compare, Cond, During, Either, In, Like, Null, Query, Recent, Term
from sqltailor.synth.wording import amounts
from sqltailor.synth.wording.amounts import Phrase, sides
from sqltailor.synth.wording.equals import equal, flag
from sqltailor.synth.wording.phrasebook import Phrasebook

CLAUSE_STARTS = {"where", "whose", "that", "who", "which", "with"}


def ways(say: Phrasebook, cond: Cond) -> list[Phrase]:
    """Return ways to say a condition; at least one stands after the noun."""
    return _WAYS[type(cond)](say, cond)


def plainly(say: Phrasebook, cond: Cond) -> str:
    """Return a condition as a few words: `price over 5`, `status = pending`."""
    if is_plain(cond):
        assert isinstance(cond, Compare)
        column, cell = sides(cond)
        info = say.info(column)
        name, value = say.column(column), say.value(cell, info)
        if cond.operator == "=" and info.kind != "flag":
            return say.pick((f"{name} {value}", f"{name} = {value}", f"{name} is {value}", f"{name}: {value}"))
        if info.kind != "flag":
            return f"{name} {say.pick((SIGNS[cond.operator] + ' {}', *IS_OPERATORS[cond.operator])).format(value)}"
    after = [way.text for way in ways(say, cond) if way.slot == "post"]
    short = [text for text in after if text.split(" ", 1)[0] not in CLAUSE_STARTS]
    return say.pick(short or after).removeprefix("with ")


def clause(say: Phrasebook, cond: Cond) -> str:
    """Return a condition as a full clause: `the price is over 5`."""
    predicates = [way.text for way in ways(say, cond) if way.slot == "pred"]
    if not is_plain(cond):
        return f"they {say.pick(predicates)}" if predicates else plainly(say, cond)
    assert isinstance(cond, Compare)
    column, cell = sides(cond)
    info = say.info(column)
    if info.kind == "flag":
        return f"they {say.pick(predicates)}"
    value = say.value(cell, info)
    if info.kind == "date":
        return f"the {say.column(column)} is {amounts.date_words(say, cond.operator)} {value}"
    return f"the {say.column(column)} is {say.pick(IS_OPERATORS[cond.operator]).format(value)}"


def is_plain(cond: Cond) -> bool:
    """Tell whether a condition compares a column with a value."""
    return isinstance(cond, Compare) and isinstance(cond.left, Col) and not isinstance(cond.value, Query | Col)


def _compare(say: Phrasebook, cond: Compare) -> list[Phrase]:
    if isinstance(cond.left, Col) and isinstance(cond.value, Col):
        return _columns(say, cond.left, cond.operator, cond.value)
    if not is_plain(cond):
        return [Phrase("post", "")]
    assert isinstance(cond.left, Col)
    info = say.info(cond.left)
    return _BY_KIND.get(info.kind, equal)(say, cond, info)


def _columns(say: Phrasebook, left: Col, operator: str, right: Col) -> list[Phrase]:
    one, two = say.bare(left), say.column(right)
    if say.info(left).kind == "date":
        words = "after" if operator == ">" else "before"
    else:
        words = say.pick(
            ("above", "higher than", "more than") if operator == ">" else ("below", "lower than", "less than")
        )
    return [
        Phrase("post", f"whose {one} is {words} {say.pick(('the', 'their'))} {two}"),
        Phrase("post", f"where the {one} is {words} the {two}"),
        Phrase("pred", f"have {article(one)} {words} their {two}"),
    ]


def _in(say: Phrasebook, cond: In) -> list[Phrase]:
    if isinstance(cond.values, Query):
        return [Phrase("post", "")]
    info, name = say.info(cond.left), say.bare(cond.left)
    values = [say.value(value, info) for value in cond.values]
    either = join_words(values, "or")
    if cond.negated:
        neither = join_words(values, "nor") if say.chance(0.5) else either
        return [
            Phrase("post", f"whose {name} is {'neither' if ' nor ' in neither else 'not'} {neither}"),
            Phrase("post", f"with {article(name)} other than {either}"),
            Phrase("pred", f"do not have {name} {either}"),
        ]
    one_of = f"{'either ' if say.chance(0.4) else ''}{either}"
    found = [
        Phrase("post", f"with {name} {one_of}"),
        Phrase("post", f"whose {name} is {say.pick(('one of ' + join_words(values), one_of))}"),
        Phrase("pred", f"have {name} {one_of}"),
        Phrase("post", f"where {name} is {one_of}"),
    ]
    if name.split()[-1] in PLACES:
        found += [Phrase("post", f"{say.pick(('in', 'from'))} {one_of}"), Phrase("pred", f"are from {one_of}")] * 2
    return found


_LIKE_VERBS = {
    "contains": ("contains", "includes", "has"),
    "starts": ("starts with", "begins with"),
    "ends": ("ends with", "ends in"),
}
_LIKE_NOT = {"contains": "contain", "includes": "include", "has": "have", "starts with": "start with",
             "begins with": "begin with", "ends with": "end with", "ends in": "end in"}  # fmt: skip
_LIKE_ING = {"contains": "containing", "starts": "starting with", "ends": "ending with"}


def _like(say: Phrasebook, cond: Like) -> list[Phrase]:
    name, text = say.bare(cond.left), say.marked(cond.text, quote=True)
    said = say.pick(_LIKE_VERBS[cond.place])
    verb = f"does not {_LIKE_NOT[said]}" if cond.negated else said
    ing = _LIKE_ING[cond.place]
    the = say.pick(("", "", "the word ", "the text ")) if cond.place == "contains" else ""
    if cond.place != "contains" and len(cond.text) == 1:
        the = say.pick(("", "the letter ", "the letter "))
    in_it = " in it" if said == "has" else ""
    found = [
        Phrase("post", f"whose {name} {verb} {the}{text}{in_it}"),
        Phrase("post", f"where the {name} {verb} {the}{text}{in_it}"),
    ]
    if not cond.negated:
        found.append(Phrase("post", f"with {article(name)} {ing} {the}{text}"))
        if cond.place == "contains":
            found.append(Phrase("post", f"with {the}{text} in {say.pick(('the', 'their'))} {name}"))
        found.append(Phrase("pred", f"have {article(name)} {ing} {the}{text}"))
    return found


def _null(say: Phrasebook, cond: Null) -> list[Phrase]:
    info, name = say.info(cond.left), say.bare(cond.left)
    if info.empty and not cond.negated:
        are = f"are {info.empty}" if not info.empty.endswith(("office", "order")) else f"are from the {info.empty}"
        found = [Phrase("post", f"that {are}"), Phrase("pred", are), Phrase("post", f"with no {name}")]
        return [*found, Phrase("pre", info.empty.split()[0])] if len(info.empty.split()) == 2 else found
    if cond.negated:
        known = say.pick((f"whose {name} is not empty", f"where the {name} is known", f"with {name} filled in"))
        some = say.pick((f"with {article(name)}", f"that have {article(name)}", f"with a known {name}"))
        return [Phrase("post", some), Phrase("post", known), Phrase("pred", f"have {article(name)}")]
    none = say.pick((f"without {article(name)}", f"with no {name}", f"that have no {name}", f"with no {name} on file"))
    empty = say.pick((f"whose {name} is missing", f"with an unknown {name}", f"where the {name} is empty"))
    lack = say.pick((f"have no {name}", f"do not have {article(name)}", f"lack {article(name)}"))
    return [Phrase("post", none), Phrase("post", empty), Phrase("pred", lack)]


def _either(say: Phrasebook, cond: Either) -> list[Phrase]:
    options = [ways(say, part) for part in cond.conditions]
    texts = [say.pick([way.text for way in some if way.slot == "post"]) for some in options]
    found = [Phrase("post", " or ".join(texts)), Phrase("post", "either " + " or ".join(texts))]
    predicates = [[way.text for way in some if way.slot == "pred"] for some in options]
    if all(predicates):
        found.append(Phrase("pred", " or ".join([say.pick(some) for some in predicates])))
    return found


def _term(say: Phrasebook, cond: Term) -> list[Phrase]:
    return [Phrase("pre", cond.words), Phrase("post", f"that are {cond.words}"), Phrase("pred", f"are {cond.words}")]


_BY_KIND: dict[str, Callable[[Phrasebook, Compare, ColumnInfo], list[Phrase]]] = {
    "flag": flag,
    "number": amounts.number,
    "year": amounts.year,
    "date": amounts.date,
}
_WAYS: dict[type, Callable[[Phrasebook, Any], list[Phrase]]] = {
    Compare: _compare,
    Between: amounts.between,
    In: _in,
    Like: _like,
    Null: _null,
    During: amounts.during,
    Recent: amounts.recent,
    Either: _either,
    Term: _term,
}
