"""Conditions in words: before the noun ("pending orders"), after it ("over 50 euros"), or as a predicate ("cost …").

A predicate is plural and begins with a verb: `[which customers] have a balance over 5`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from sqltailor.synth.graph import ColumnInfo
from sqltailor.synth.phrases import (
    ACTIVE,
    ADJECTIVE_COLUMNS,
    HAVE_OPERATORS,
    IS_OPERATORS,
    OPERATORS,
    PARTICIPLES,
    PLACES,
    SIGNS,
    THIRD_PERSON,
    TRAITS,
    Trait,
)
from sqltailor.synth.query import (
    Between,
    Col,
    Compare,
    Cond,
    During,
    Either,
    In,
    Like,
    Null,
    Query,
    Recent,
    Term,
)
from sqltailor.synth.say import Say
from sqltailor.synth.words import article, join_words, plural

Slot = Literal["pre", "post", "pred"]


class Phrase(NamedTuple):
    """One way to say a condition, and where in the noun phrase it stands."""

    slot: Slot
    text: str


def ways(say: Say, cond: Cond) -> list[Phrase]:
    """Return ways to say a condition; at least one stands after the noun."""
    return _WAYS[type(cond)](say, cond)


def plainly(say: Say, cond: Cond) -> str:
    """Return a condition as a short clause: `price over 5`, `status = pending`."""
    if isinstance(cond, Compare) and isinstance(cond.left, Col) and not isinstance(cond.value, Query | Col):
        info = say.info(cond.left)
        name, value = say.column(cond.left), say.value(cond.value, info)
        if cond.operator == "=" and info.kind != "flag":
            return say.pick((f"{name} {value}", f"{name} = {value}", f"{name} is {value}", f"{name}: {value}"))
        if info.kind != "flag":
            return f"{name} {say.pick((SIGNS[cond.operator] + ' {}', *IS_OPERATORS[cond.operator])).format(value)}"
    after = [way.text for way in ways(say, cond) if way.slot == "post"]
    short = [text for text in after if text.split(" ", 1)[0] not in ("where", "whose", "that", "who", "which", "with")]
    return say.pick(short or after).removeprefix("with ")


def clause(say: Say, cond: Cond) -> str:
    """Return a condition as a full clause: `the price is over 5`."""
    if isinstance(cond, Compare) and isinstance(cond.left, Col) and not isinstance(cond.value, Query | Col):
        info = say.info(cond.left)
        value = say.value(cond.value, info)
        if info.kind == "flag":
            return f"they {say.pick([way.text for way in ways(say, cond) if way.slot == 'pred'])}"
        if info.kind == "date":
            when = {">": "after", "<": "before", ">=": "on or after", "<=": "on or before", "=": "on", "<>": "not on"}
            return f"the {say.column(cond.left)} is {when[cond.operator]} {value}"
        return f"the {say.column(cond.left)} is {say.pick(IS_OPERATORS[cond.operator]).format(value)}"
    predicates = [way.text for way in ways(say, cond) if way.slot == "pred"]
    if predicates:
        return f"they {say.pick(predicates)}"
    return plainly(say, cond)


def _compare(say: Say, cond: Compare) -> list[Phrase]:
    if not isinstance(cond.left, Col) or isinstance(cond.value, Query | Col):
        return [Phrase("post", "")]
    info = say.info(cond.left)
    makers: dict[str, Callable[[Say, Compare, ColumnInfo], list[Phrase]]] = {
        "flag": _flag, "number": _number, "year": _year, "date": _date,
    }  # fmt: skip
    if info.kind in makers:
        return makers[info.kind](say, cond, info)
    return _equal(say, cond, info)


def _equal(say: Say, cond: Compare, info: ColumnInfo) -> list[Phrase]:
    assert isinstance(cond.left, Col) and not isinstance(cond.value, Query | Col)
    name, value = say.bare(cond.left), say.value(cond.value, info)
    last, noun = name.split()[-1], say.noun(cond.left.binding)
    if cond.operator == "<>":
        return [
            Phrase("post", say.pick((f"whose {name} is not {value}", f"with {article(name)} other than {value}"))),
            Phrase("post", f"with {name} not {value}"),
            Phrase("pred", say.pick((f"do not have {name} {value}", f"have {article(name)} other than {value}"))),
        ]
    found = [
        Phrase("post", f"with {name} {value}"),
        Phrase("post", f"whose {name} is {value}"),
        Phrase("post", say.pick((f"where the {name} is {value}", f"where {name} is {value}", f"having {name} {value}"))),
        Phrase("pred", say.pick((f"have {name} {value}", f"have {article(name)} of {value}", f"have {value} as their {name}"))),
        Phrase("post", say.pick((f"with {article(name)} of {value}", f"with {value} as {name}", f"with the {name} {value}"))),
    ]  # fmt: skip
    if last in PLACES and info.kind != "key":
        found += [Phrase("post", f"{word} {value}") for word in ("in", "from", say.pick(("located in", "based in")))]
        found += [Phrase("post", f"{word} {value}") for word in ("in", "from")]
        found.append(Phrase("pred", f"{say.pick(('are in', 'are from', 'are located in', 'are based in'))} {value}"))
    elif last in ("name", "title") and info.kind == "name" and name in (last, f"{noun} {last}"):
        called = "titled" if last == "title" else say.pick(("named", "called"))
        found += [Phrase("post", f"{called} {value}")] * 4
        found.append(Phrase("pred", f"are {called} {value}"))
    elif (last in ADJECTIVE_COLUMNS or info.codes) and info.kind == "category":
        found += _as_adjective(say, name, value)
    return found


def _as_adjective(say: Say, name: str, value: str) -> list[Phrase]:
    bare = value.strip("\x02\x03'\"")
    found = []
    if bare.isalpha() and len(bare) > 2:
        found += [Phrase("pre", say.marked(bare)), Phrase("pre", say.marked(bare))]
        if name.split()[-1] in ("status", "state"):
            found += [Phrase("pred", f"are {value}"), Phrase("post", f"that are {value}")]
    last = name.split()[-1]
    if last in ("type", "kind", "class", "category", "genre", "brand", "segment", "tier", "size", "color", "style"):
        found.append(
            Phrase("post", say.pick((f"of {name} {value}", f"of the {value} {name}", f"in the {value} {name}")))
        )
        found.append(Phrase("pred", say.pick((f"are of {name} {value}", f"belong to the {value} {name}"))))
    return found


def _flag(say: Say, cond: Compare, info: ColumnInfo) -> list[Phrase]:
    assert isinstance(cond.left, Col)
    is_true = str(cond.value).lower() in ("1", "true", "y", "yes", "t")
    codes = dict(info.codes)
    if codes:
        return _coded_flag(say, codes, str(cond.value), say.bare(cond.left))
    words = info.words.split()
    name = " ".join(words[1:]) if words[0] in ("is", "was", "are") else info.words
    name = name.removesuffix(" flag")
    if words[0] in ("has", "have"):
        thing = " ".join(words[1:])
        return [
            Phrase("post", f"{'with' if is_true else 'without'} {thing}"),
            Phrase("pred", f"{'have' if is_true else 'do not have'} {thing}"),
        ]
    truth = say.pick(("true", "yes", "1", "set")) if is_true else say.pick(("false", "no", "0", "not set"))
    if words[0] in ("is", "was", "are") or len(words) == 1:
        found = [Phrase("post", f"that are {name if is_true else 'not ' + name}")]
        found.append(Phrase("pred", f"are {name if is_true else 'not ' + name}"))
        return [*found, Phrase("pre", name if is_true else f"non-{name}"), Phrase("post", f"with {name} {truth}")]
    return [
        Phrase("post", f"where {name} is {truth}"),
        Phrase("post", f"with {name} {truth}"),
        Phrase("pred", f"have {name} {truth}"),
    ]


def _coded_flag(say: Say, codes: dict[str, str], value: str, name: str) -> list[Phrase]:
    meaning, other = codes.get(value), next((m for code, m in codes.items() if code != value), "")
    said = meaning or other
    verb = THIRD_PERSON.get(said.split()[0])
    if verb:
        rest = said.split(" ", 1)[1] if " " in said else ""
        text = f"{verb} {rest}" if meaning else ("are not " if verb == "are" else f"do not {verb} ") + rest
        return [Phrase("pred", text), Phrase("post", f"that {text}")]
    found = [Phrase("post", f"that are {said if meaning else 'not ' + said}")]
    found.append(Phrase("pred", f"are {said if meaning else 'not ' + said}"))
    if meaning or say.chance(0.5):
        found.append(Phrase("pre", said if meaning else name))
    return found


def _trait(name: str) -> Trait | None:
    return TRAITS.get(name.split()[-1])


def _number(say: Say, cond: Compare, info: ColumnInfo) -> list[Phrase]:
    assert isinstance(cond.left, Col) and not isinstance(cond.value, Query | Col)
    name, amount = say.bare(cond.left), say.value(cond.value, info)
    if info.unit and len(info.unit) < 12 and say.chance(0.3):
        amount += f" {info.unit}"
    operator = cond.operator
    over = say.pick(OPERATORS[operator]).format(amount)
    found = [
        Phrase("post", f"with {article(name)} {over}"),
        Phrase("post", say.pick((f"with {name} {over}", f"having {name} {over}", f"with the {name} {over}"))),
        Phrase("post", f"whose {name} is {say.pick(IS_OPERATORS[operator]).format(amount)}"),
        Phrase("post", f"where the {name} is {say.pick(IS_OPERATORS[operator]).format(amount)}"),
        Phrase("pred", f"have {article(name)} {over}"),
    ]
    if plural(name) == name and info.is_whole and name.endswith("s"):
        many = say.pick(HAVE_OPERATORS[operator]).format(amount)
        found += [Phrase("post", f"with {many} {name}"), Phrase("pred", f"have {many} {name}")] * 2
    if trait := _trait(name):
        found += _by_trait(say, trait, operator, amount) * 2
    return found


def _by_trait(say: Say, trait: Trait, operator: str, amount: str) -> list[Phrase]:
    found = []
    if operator in "><" and (words := trait.more if operator == ">" else trait.less):
        text = f"{say.pick(words)} {amount}"
        found += [Phrase("post", text), Phrase("pred", f"are {text}")]
    if trait.verbs:
        many = say.pick(HAVE_OPERATORS[operator]).format(amount).replace("fewer", "less")
        found.append(Phrase("pred", f"{say.pick(trait.verbs)} {many}"))
        if operator != "<>":
            found.append(Phrase("post", f"{say.pick(trait.participles)} {many}"))
    return found


def _year(say: Say, cond: Compare, info: ColumnInfo) -> list[Phrase]:
    assert isinstance(cond.left, Col) and not isinstance(cond.value, Query | Col)
    when = {">": "after", "<": "before", ">=": "since", "<=": "up to", "=": "in", "<>": "not in"}[cond.operator]
    if cond.operator == ">=":
        when = say.pick(("in or after", "since", "from"))
    return _when(say, cond.left, info, [f"{when} {say.value(cond.value, info)}"])


def _date(say: Say, cond: Compare, info: ColumnInfo) -> list[Phrase]:
    assert isinstance(cond.left, Col) and not isinstance(cond.value, Query | Col)
    words = {
        ">": ("after", "later than"), "<": ("before", "earlier than", "prior to"), ">=": ("since", "on or after", "from"),
        "<=": ("on or before", "up to", "until"), "=": ("on",), "<>": ("not on",),
    }[cond.operator]  # fmt: skip
    return _when(say, cond.left, info, [f"{say.pick(words)} {say.value(cond.value, info)}"])


def _when(say: Say, column: Col, info: ColumnInfo, times: list[str]) -> list[Phrase]:
    """Return ways to say when; each of `times` is a phrase such as `in 2021`."""
    time, name = say.pick(times), say.bare(column)
    words = name.split()
    found = [
        Phrase("post", f"with {article(name)} {time}"),
        Phrase("post", f"whose {name} is {time}"),
        Phrase("pred", f"have {article(name)} {time}"),
    ]
    done = next((PARTICIPLES[word] for word in words if word in PARTICIPLES), None)
    active = next((ACTIVE[word] for word in words if word in ACTIVE), None)
    if done:
        found += [Phrase("post", f"{done} {time}"), Phrase("pred", f"were {done} {time}")] * 3
    elif active:
        found += [Phrase("post", f"{say.who(column.binding)} {active} {time}"), Phrase("pred", f"{active} {time}")] * 3
    elif words[-1] in ("date", "day", "year", "time", "month") and len(words) < 3:
        found += [Phrase("post", time), Phrase("post", say.pick((f"dated {time}", time)))]
        found.append(Phrase("pred", f"are {time}" if not time.startswith("in ") else f"are from {time[3:]}"))
    return found


def _during(say: Say, cond: During) -> list[Phrase]:
    info = say.info(cond.left)
    if cond.unit == "year":
        times = [
            f"in {say.marked(cond.value)}",
            f"in {say.marked(cond.value)}",
            f"during {say.marked(cond.value)}",
            f"in the year {say.marked(cond.value)}",
        ]
    elif cond.unit == "month":
        times = [f"{say.pick(('in', 'during', 'in the month of'))} {say.date(cond.value)}"]
    else:
        times = [f"on {say.date(cond.value)}"]
    return _when(say, cond.left, info, times)


def _recent(say: Say, cond: Recent) -> list[Phrase]:
    unit = cond.unit if cond.count == 1 else plural(cond.unit)
    span = unit if cond.count == 1 else f"{say.marked(str(cond.count))} {unit}"
    times = [f"{start} {span}" for start in ("in the last", "in the past", "within the last", "during the last")]
    return _when(say, cond.left, say.info(cond.left), times)


def _between(say: Say, cond: Between) -> list[Phrase]:
    assert isinstance(cond.left, Col)
    info, name = say.info(cond.left), say.bare(cond.left)
    low, high = say.value(cond.low, info), say.value(cond.high, info)
    span = say.pick((f"between {low} and {high}", f"between {low} and {high}", f"from {low} to {high}"))
    if info.kind in ("date", "year"):
        return _when(say, cond.left, info, [span])
    found = [
        Phrase("post", f"with {article(name)} {span}"),
        Phrase("post", f"whose {name} is between {low} and {high}"),
        Phrase("post", f"with {name} {span}"),
        Phrase("pred", f"have {article(name)} {span}"),
    ]
    if (trait := _trait(name)) and trait.verbs:
        found += [Phrase("pred", f"{say.pick(trait.verbs)} between {low} and {high}")] * 2
        found.append(Phrase("post", f"{trait.participles[0].removesuffix(' at')} between {low} and {high}"))
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


def _like(say: Say, cond: Like) -> list[Phrase]:
    name, text = say.bare(cond.left), say.marked(cond.text, quote=True)
    words = {
        "contains": ("contains", "includes", "has"), "starts": ("starts with", "begins with"), "ends": ("ends with", "ends in"),
    }[cond.place]  # fmt: skip
    verb = say.pick(words)
    if cond.negated:
        verb = "does not " + {"contains": "contain", "includes": "include", "has": "have"}.get(
            verb, verb.replace("s ", " ", 1)
        )
    ing = {"contains": "containing", "starts": "starting with", "ends": "ending with"}[cond.place]
    the = say.pick(("", "", "the word ", "the text ")) if cond.place == "contains" else ""
    if cond.place != "contains" and len(cond.text) == 1:
        the = say.pick(("", "the letter ", "the letter "))
    in_it = f" {say.pick(('in it', 'in its name'))}" if verb == "has" else ""
    found = [Phrase("post", f"whose {name} {verb} {the}{text}{' in it' if in_it else ''}")]
    found.append(Phrase("post", f"where the {name} {verb} {the}{text}{' in it' if in_it else ''}"))
    if not cond.negated:
        found.append(Phrase("post", f"with {article(name)} {ing} {the}{text}"))
        if cond.place == "contains":
            found.append(Phrase("post", f"with {the}{text} in {say.pick(('the', 'their'))} {name}"))
        found.append(Phrase("pred", f"have {article(name)} {ing} {the}{text}"))
    return found


def _null(say: Say, cond: Null) -> list[Phrase]:
    info, name = say.info(cond.left), say.bare(cond.left)
    if info.empty and not cond.negated:
        return [
            Phrase("post", f"that are {info.empty}"),
            Phrase("pred", f"are {info.empty}"),
            Phrase("post", f"with no {name}"),
        ]
    if cond.negated:
        return [
            Phrase("post", say.pick((f"with {article(name)}", f"that have {article(name)}", f"with a known {name}"))),
            Phrase(
                "post", say.pick((f"whose {name} is not empty", f"where the {name} is known", f"with {name} filled in"))
            ),
            Phrase("pred", f"have {article(name)}"),
        ]
    return [
        Phrase("post", say.pick((f"without {article(name)}", f"with no {name}", f"that have no {name}"))),
        Phrase("post", say.pick((f"whose {name} is missing", f"with an unknown {name}", f"where the {name} is empty"))),
        Phrase("pred", say.pick((f"have no {name}", f"do not have {article(name)}"))),
    ]


def _either(say: Say, cond: Either) -> list[Phrase]:
    texts = []
    for part in cond.conditions:
        texts.append(say.pick([way.text for way in ways(say, part) if way.slot == "post"]))
    return [Phrase("post", " or ".join(texts)), Phrase("post", "either " + " or ".join(texts))]


def _term(say: Say, cond: Term) -> list[Phrase]:
    return [Phrase("pre", cond.words), Phrase("post", f"that are {cond.words}"), Phrase("pred", f"are {cond.words}")]


def _nothing(say: Say, cond: Any) -> list[Phrase]:
    return [Phrase("post", "")]


_WAYS: dict[type, Callable[[Say, Any], list[Phrase]]] = {
    Compare: _compare, Between: _between, In: _in, Like: _like, Null: _null, During: _during, Recent: _recent,
    Either: _either, Term: _term,
}  # fmt: skip
