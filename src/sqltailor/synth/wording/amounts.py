"""Conditions on numbers and dates in words."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sqltailor.naming.columns import ColumnInfo
from sqltailor.naming.phrases import (
    ACTIVE,
    HAVE_OPERATORS,
    IS_OPERATORS,
    OPERATORS,
    PARTICIPLES,
    QUARTERS,
    TRAITS,
    Trait,
)
from sqltailor.naming.words import article, plural
from sqltailor.synth.query import Between, Col, Compare, During, Query, Recent
from sqltailor.synth.wording.phrasebook import Phrasebook


class Phrase(NamedTuple):
    """One way to say a condition, and where it stands: before the noun, after it, or as a plural predicate."""

    slot: Literal["pre", "post", "pred"]
    text: str


def sides(cond: Compare) -> tuple[Col, str | int | float | bytes | bool | None]:
    """Return the column and the value of a plain comparison."""
    assert isinstance(cond.left, Col)
    assert not isinstance(cond.value, Query | Col)
    return cond.left, cond.value


def number(say: Phrasebook, cond: Compare, info: ColumnInfo) -> list[Phrase]:
    """Return ways to compare a number: `with a price over 5`, `cheaper than 5 euros`."""
    column, value = sides(cond)
    name, amount = say.bare(column), say.value(value, info)
    if info.unit and len(info.unit) < 12 and say.chance(0.3):
        amount += f" {info.unit}"
    operator = cond.operator
    over = say.pick(OPERATORS[operator]).format(amount)
    is_over = say.pick(IS_OPERATORS[operator]).format(amount)
    found = [
        Phrase("post", f"with {article(name)} {over}"),
        Phrase("post", say.pick((f"with {name} {over}", f"having {name} {over}", f"with the {name} {over}"))),
        Phrase("post", f"whose {name} is {is_over}"),
        Phrase("post", f"where the {name} is {is_over}"),
        Phrase("pred", f"have {article(name)} {over}"),
    ]
    if plural(name) == name and info.is_whole and name.endswith("s"):
        many = say.pick(HAVE_OPERATORS[operator]).format(amount)
        found += [Phrase("post", f"with {many} {name}"), Phrase("pred", f"have {many} {name}")] * 2
    if trait := TRAITS.get(name.split()[-1]):
        found += _by_trait(say, trait, operator, amount) * 2
    return found


def _by_trait(say: Phrasebook, trait: Trait, operator: str, amount: str) -> list[Phrase]:
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


_YEAR_WORDS = {
    ">": ("after", "later than"),
    "<": ("before", "earlier than"),
    ">=": ("in or after", "since", "from"),
    "<=": ("up to", "in or before"),
    "=": ("in", "in", "of"),
    "<>": ("not in",),
}
_DATE_WORDS = {
    ">": ("after", "later than"),
    "<": ("before", "earlier than", "prior to"),
    ">=": ("since", "on or after", "from"),
    "<=": ("on or before", "up to", "until"),
    "=": ("on",),
    "<>": ("not on",),
}


def year(say: Phrasebook, cond: Compare, info: ColumnInfo) -> list[Phrase]:
    """Return ways to compare a year: `founded after 1990`."""
    column, value = sides(cond)
    return when(say, column, f"{say.pick(_YEAR_WORDS[cond.operator])} {say.value(value, info)}")


def date(say: Phrasebook, cond: Compare, info: ColumnInfo) -> list[Phrase]:
    """Return ways to compare a date: `ordered since 3 March 2021`."""
    column, value = sides(cond)
    return when(say, column, f"{say.pick(_DATE_WORDS[cond.operator])} {say.value(value, info)}")


def date_words(say: Phrasebook, operator: str) -> str:
    """Return the preposition of a comparison with a date."""
    return say.pick(_DATE_WORDS[operator])


def when(say: Phrasebook, column: Col, time: str) -> list[Phrase]:
    """Return ways to say when; `time` is a phrase such as `in 2021`."""
    name = say.bare(column)
    words = name.split()
    found = [
        Phrase("post", f"with {article(name)} {time}"),
        Phrase("post", f"whose {name} is {time}"),
        Phrase("pred", f"have {article(name)} {time}"),
    ]
    active = next((ACTIVE[word] for word in words if word in ACTIVE), None)
    done = next((PARTICIPLES[word] for word in words if word in PARTICIPLES), None)
    if not done and not active and words[0].endswith("ed") and len(words[0]) > 4:
        done = words[0]
    if done:
        found += [Phrase("post", f"{done} {time}"), Phrase("pred", f"were {done} {time}")] * 3
    elif active:
        found += [Phrase("post", f"{say.who(column.binding)} {active} {time}"), Phrase("pred", f"{active} {time}")] * 3
    elif words[-1] in ("date", "day", "year", "time", "month") and len(words) < 3:
        found += [Phrase("post", time), Phrase("post", say.pick((f"dated {time}", time)))]
        found.append(Phrase("pred", f"are {time}" if not time.startswith("in ") else f"are from {time[3:]}"))
    return found


def during(say: Phrasebook, cond: During) -> list[Phrase]:
    """Return ways to say that a date is within a year, a month or a day."""
    if cond.unit == "year":
        time = f"{say.pick(('in', 'in', 'during', 'in the year'))} {say.marked(cond.value)}"
    elif cond.unit == "month":
        time = f"{say.pick(('in', 'during', 'in the month of'))} {say.date(cond.value)}"
    else:
        time = f"on {say.date(cond.value)}"
    return when(say, cond.left, time)


def recent(say: Phrasebook, cond: Recent) -> list[Phrase]:
    """Return ways to say that a date is not long ago."""
    unit = cond.unit if cond.count == 1 else plural(cond.unit)
    span = unit if cond.count == 1 else f"{say.marked(str(cond.count))} {unit}"
    return when(
        say, cond.left, f"{say.pick(('in the last', 'in the past', 'within the last', 'during the last'))} {span}"
    )


def between(say: Phrasebook, cond: Between) -> list[Phrase]:
    """Return ways to say that a number or a date is within a range."""
    assert isinstance(cond.left, Col)
    info, name = say.info(cond.left), say.bare(cond.left)
    if quarter := _quarter(str(cond.low), str(cond.high)):
        number_, year_ = quarter
        the = f"the {say.pick(QUARTERS[number_])} quarter of {year_}"
        return when(say, cond.left, f"in {say.marked(say.pick((the, the, f'Q{number_ + 1} {year_}')))}")
    low, high = say.value(cond.low, info), say.value(cond.high, info)
    span = say.pick((f"between {low} and {high}", f"between {low} and {high}", f"from {low} to {high}"))
    if info.kind in ("date", "year"):
        return when(say, cond.left, span)
    found = [
        Phrase("post", f"with {article(name)} {span}"),
        Phrase("post", f"whose {name} is between {low} and {high}"),
        Phrase("post", f"with {name} {span}"),
        Phrase("pred", f"have {article(name)} {span}"),
    ]
    if (trait := TRAITS.get(name.split()[-1])) and trait.verbs:
        found += [Phrase("pred", f"{say.pick(trait.verbs)} between {low} and {high}")] * 2
        found.append(Phrase("post", f"{trait.participles[0].removesuffix(' at')} between {low} and {high}"))
    return found


def _quarter(low: str, high: str) -> tuple[int, str] | None:
    ends = ("03-31", "06-30", "09-30", "12-31")
    starts = ("01-01", "04-01", "07-01", "10-01")
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if low[:4] == high[:4] and low[5:] == start and high[5:] == end:
            return i, low[:4]
    return None
