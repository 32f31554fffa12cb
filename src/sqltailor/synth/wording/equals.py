"""Equality in words: a value that a column has, a place, an adjective, a flag that is set."""

from __future__ import annotations

from sqltailor.naming.columns import ColumnInfo
from sqltailor.naming.phrases import ADJECTIVE_COLUMNS, COUNTRIES, PLACES, THIRD_PERSON
from sqltailor.naming.words import article
from sqltailor.synth.query import Compare
from sqltailor.synth.wording.amounts import Phrase, sides
from sqltailor.synth.wording.phrasebook import Phrasebook

TYPE_WORDS = {"type", "kind", "class", "category", "genre", "brand", "segment", "tier", "size", "color", "style"}


def equal(say: Phrasebook, cond: Compare, info: ColumnInfo) -> list[Phrase]:
    """Return ways to say that a column has a value, or another one."""
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


def _in_place(say: Phrasebook, cell: str, value: str) -> list[Phrase]:
    found = [Phrase("post", f"{word} {value}") for word in ("in", "in", "from", "from")]
    found.append(Phrase("post", f"{say.pick(('located in', 'based in'))} {value}"))
    found.append(Phrase("pred", f"{say.pick(('are in', 'are from', 'are located in', 'are based in'))} {value}"))
    if cell in COUNTRIES:
        found += [Phrase("pre", say.marked(COUNTRIES[cell][1]))] * 3
    return found


def _as_adjective(say: Phrasebook, name: str, value: str) -> list[Phrase]:
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


def flag(say: Phrasebook, cond: Compare, info: ColumnInfo) -> list[Phrase]:
    """Return ways to say that a flag is set or not."""
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


def _coded_flag(say: Phrasebook, codes: dict[str, str], value: str, name: str) -> list[Phrase]:
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
