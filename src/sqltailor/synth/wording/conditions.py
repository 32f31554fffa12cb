"""Conditions in words: before the noun ("pending orders"), after it ("over 50 euros"), or as a predicate ("cost …").

A predicate is plural and begins with a verb: `[which customers] have a balance over 5`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqltailor.synth.columns import ColumnInfo
from sqltailor.synth.query import Between, Col, Compare, Cond, During, Either, In, Like, Null, Query, Recent, Term
from sqltailor.synth.wording import amounts
from sqltailor.synth.wording.amounts import Phrase, sides
from sqltailor.synth.wording.phrases import ADJECTIVE_COLUMNS, COUNTRIES, IS_OPERATORS, PLACES, SIGNS, THIRD_PERSON
from sqltailor.synth.wording.say import Say
from sqltailor.synth.words import article, join_words

TYPE_WORDS = {"type", "kind", "class", "category", "genre", "brand", "segment", "tier", "size", "color", "style"}
CLAUSE_STARTS = {"where", "whose", "that", "who", "which", "with"}


def ways(say: Say, cond: Cond) -> list[Phrase]:
    """Return ways to say a condition; at least one stands after the noun."""
    return _WAYS[type(cond)](say, cond)


def plainly(say: Say, cond: Cond) -> str:
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


def clause(say: Say, cond: Cond) -> str:
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


def _compare(say: Say, cond: Compare) -> list[Phrase]:
    if isinstance(cond.left, Col) and isinstance(cond.value, Col):
        return _columns(say, cond.left, cond.operator, cond.value)
    if not is_plain(cond):
        return [Phrase("post", "")]
    assert isinstance(cond.left, Col)
    info = say.info(cond.left)
    return _BY_KIND.get(info.kind, _equal)(say, cond, info)


def _columns(say: Say, left: Col, operator: str, right: Col) -> list[Phrase]:
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


def _equal(say: Say, cond: Compare, info: ColumnInfo) -> list[Phrase]:
    column, cell = sides(cond)
    name, value = say.bare(column), say.value(cell, info)
    last = name.split()[-1]
    if cond.operator == "<>":
        return [
            Phrase("post", say.pick((f"whose {name} is not {value}", f"with {article(name)} other than {value}"))),
            Phrase("post", f"with {name} not {value}"),
            Phrase("pred", say.pick((f"do not have {name} {value}", f"have {article(name)} other than {value}"))),
        ]
    having = say.pick((f"have {name} {value}", f"have {article(name)} of {value}", f"have {value} as their {name}"))
    where = say.pick((f"where the {name} is {value}", f"where {name} is {value}", f"having {name} {value}"))
    tail = say.pick((f"with {article(name)} of {value}", f"with {value} as {name}", f"with the {name} {value}"))
    found = [
        Phrase("post", f"with {name} {value}"),
        Phrase("post", f"whose {name} is {value}"),
        Phrase("post", where),
        Phrase("pred", having),
        Phrase("post", tail),
    ]
    if last in PLACES and info.kind != "key":
        found += _in_place(say, str(cell), value)
    elif last in ("name", "title") and info.kind == "name" and name in (last, f"{say.noun(column.binding)} {last}"):
        called = "titled" if last == "title" else say.pick(("named", "called"))
        found += [Phrase("post", f"{called} {value}")] * 4
        found.append(Phrase("pred", f"are {called} {value}"))
    elif (last in ADJECTIVE_COLUMNS or info.codes) and info.kind == "category":
        found += _as_adjective(say, name, value)
    return found


def _in_place(say: Say, cell: str, value: str) -> list[Phrase]:
    found = [Phrase("post", f"{word} {value}") for word in ("in", "in", "from", "from")]
    found.append(Phrase("post", f"{say.pick(('located in', 'based in'))} {value}"))
    found.append(Phrase("pred", f"{say.pick(('are in', 'are from', 'are located in', 'are based in'))} {value}"))
    if cell in COUNTRIES:
        found += [Phrase("pre", say.marked(COUNTRIES[cell][1]))] * 3
    return found


def _as_adjective(say: Say, name: str, value: str) -> list[Phrase]:
    bare = value.strip("\x02\x03'\"")
    found = []
    last = name.split()[-1]
    if bare.isalpha() and len(bare) > 2:
        found += [Phrase("pre", say.marked(bare)), Phrase("pre", say.marked(bare))]
        if last in ("status", "state"):
            found += [Phrase("pred", f"are {value}"), Phrase("post", f"that are {value}")]
    if last in TYPE_WORDS:
        found.append(
            Phrase("post", say.pick((f"of {name} {value}", f"of the {value} {name}", f"in the {value} {name}")))
        )
        found.append(Phrase("pred", say.pick((f"are of {name} {value}", f"belong to the {value} {name}"))))
    return found


def _flag(say: Say, cond: Compare, info: ColumnInfo) -> list[Phrase]:
    column, cell = sides(cond)
    is_true = str(cell).lower() in ("1", "true", "y", "yes", "t")
    codes = dict(info.codes)
    if codes:
        return _coded_flag(say, codes, str(cell), say.bare(column))
    words = info.words.split()
    name = " ".join(words[1:]) if words[0] in ("is", "was", "are") and len(words) > 1 else info.words
    name = name.removesuffix(" flag")
    if words[0] in ("has", "have") and len(words) > 1:
        thing = " ".join(words[1:])
        return [
            Phrase("post", f"{'with' if is_true else 'without'} {thing}"),
            Phrase("pred", f"{'have' if is_true else 'do not have'} {thing}"),
        ]
    truth = say.pick(("true", "yes", "1", "set")) if is_true else say.pick(("false", "no", "0", "not set"))
    if words[0] in ("is", "was", "are") or len(words) == 1:
        state = name if is_true else f"not {name}"
        found = [
            Phrase("post", f"that are {state}"),
            Phrase("pred", f"are {state}"),
            Phrase("post", f"with {name} {truth}"),
        ]
        return [*found, Phrase("pre", name if is_true else f"non-{name}")]
    return [
        Phrase("post", f"where {name} is {truth}"),
        Phrase("post", f"with {name} {truth}"),
        Phrase("pred", f"have {name} {truth}"),
    ]


def _coded_flag(say: Say, codes: dict[str, str], value: str, name: str) -> list[Phrase]:
    meaning, other = codes.get(value), next((m for code, m in codes.items() if code != value), "")
    said = meaning or other
    first, _, rest = said.partition(" ")
    verb = THIRD_PERSON.get(first)
    if verb:
        text = f"{verb} {rest}" if meaning else ("are not " if verb == "are" else f"do not {verb} ") + rest
        return [Phrase("pred", text), Phrase("post", f"that {text}")]
    state = said if meaning else f"not {said}"
    found = [Phrase("post", f"that are {state}"), Phrase("pred", f"are {state}")]
    if meaning or say.chance(0.5):
        found.append(Phrase("pre", said if meaning else name))
    return found


def _in(say: Say, cond: In) -> list[Phrase]:
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


def _like(say: Say, cond: Like) -> list[Phrase]:
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


def _null(say: Say, cond: Null) -> list[Phrase]:
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


def _either(say: Say, cond: Either) -> list[Phrase]:
    options = [ways(say, part) for part in cond.conditions]
    texts = [say.pick([way.text for way in some if way.slot == "post"]) for some in options]
    found = [Phrase("post", " or ".join(texts)), Phrase("post", "either " + " or ".join(texts))]
    predicates = [[way.text for way in some if way.slot == "pred"] for some in options]
    if all(predicates):
        found.append(Phrase("pred", " or ".join([say.pick(some) for some in predicates])))
    return found


def _term(say: Say, cond: Term) -> list[Phrase]:
    return [Phrase("pre", cond.words), Phrase("post", f"that are {cond.words}"), Phrase("pred", f"are {cond.words}")]


_BY_KIND: dict[str, Callable[[Say, Compare, ColumnInfo], list[Phrase]]] = {
    "flag": _flag,
    "number": amounts.number,
    "year": amounts.year,
    "date": amounts.date,
}
_WAYS: dict[type, Callable[[Say, Any], list[Phrase]]] = {
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
