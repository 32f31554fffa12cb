"""Noun phrases for rows with their conditions and parents: "pending orders of customers from Paris"."""

from __future__ import annotations

from typing import NamedTuple

from sqltailor.naming.phrases import PLACES
from sqltailor.naming.words import plural, word_pairs, word_set
from sqltailor.synth.query import Col, Compare, Cond, Query, Use
from sqltailor.synth.wording.amounts import Phrase
from sqltailor.synth.wording.conditions import ways
from sqltailor.synth.wording.phrasebook import CLOSE, OPEN, Phrasebook

PLACE_NOUNS = PLACES | word_set("""
    store shop warehouse branch office airport station hotel museum building school university hospital department venue
    restaurant stadium
""")


class Parts(NamedTuple):
    """What stands before and after a noun."""

    before: str
    after: str


def parts(say: Phrasebook, binding: str, conditions: list[Cond] | None = None) -> Parts:
    """Return the conditions on a binding and on its parents as words around its noun."""
    before, after = "", []
    for cond in say.conditions(binding) if conditions is None else conditions:
        if isinstance(getattr(cond, "value", None), Query) or isinstance(getattr(cond, "values", None), Query):
            continue
        options = ways(say, cond)
        way = options[int(say.rng.random() * len(options))]
        if way.slot == "pre" and not before:
            before = way.text + " "
        elif way.slot == "pred":
            after.append(f"{say.who(binding)} {way.text}")
        else:
            after.append(way.text if way.slot == "post" else _after(say, options))
    for use in say.parents(binding):
        if phrase := parent_phrase(say, use):
            after.append(phrase)
    after.sort(key=lambda text: text.startswith(("where", "whose")))
    return Parts(before, "".join([" " + text for text in _joined(after)]))


def _after(say: Phrasebook, options: list[Phrase]) -> str:
    return say.pick([way.text for way in options if way.slot == "post"])


def _joined(texts: list[str]) -> list[str]:
    """Put `and` between modifiers that begin alike; a `where` after another becomes `and`."""
    joined: list[str] = []
    for text in texts:
        first = text.split(" ", 1)[0]
        before = joined[-1].removeprefix("and ").split(" ", 1)[0] if joined else ""
        if before and (first in ("with", "whose", "where", "who", "that", "which", "having") or first == before):
            text = "and " + (text.split(" ", 1)[1] if first == before and first in ("where", "with") else text)
        joined.append(text)
    return joined


def rows(say: Phrasebook, binding: str, conditions: list[Cond] | None = None) -> str:
    """Return the plural noun phrase for the rows of a binding."""
    around = parts(say, binding, conditions)
    return f"{around.before}{say.nouns(binding)}{around.after}"


def parent_phrase(say: Phrasebook, use: Use) -> str:
    """Return the phrase that ties rows to their parent, or nothing where no condition is on it."""
    conditions = say.conditions(use.binding)
    if not conditions and not any(parent_phrase(say, up) for up in say.parents(use.binding)):
        return ""
    noun = say.noun(use.binding)
    preposition = _preposition(say, use.binding, noun)
    only = conditions[0] if len(conditions) == 1 and not say.parents(use.binding) else None
    if (
        isinstance(only, Compare)
        and only.operator == "="
        and isinstance(only.left, Col)
        and not isinstance(only.value, Query | Col)
    ):
        info = say.info(only.left)
        if info.kind == "name":
            value = say.value(only.value, info)
            named = (f" {noun} {value}", f" the {noun} {value}", f" the {noun} named {value}")
            return preposition + say.pick(named if say.is_one_of_several(use.binding) else (*named, f" {value}"))
        name, value = say.bare(only.left), say.value(only.value, info)
        if info.kind != "flag" and say.chance(0.3):
            return f"whose {noun}{_apostrophe(noun)} {name} is {value}"
        if say.chance(0.25) and info.kind in ("category", "text"):
            return f"with {noun} {name} {value}"
    return f"{preposition} {say.pick(('', '', 'the ', 'all '))}{rows(say, use.binding)}"


def _apostrophe(noun: str) -> str:
    return "'" if noun.endswith("s") else "'s"


def _preposition(say: Phrasebook, binding: str, noun: str) -> str:
    last = noun.split()[-1]
    if last in PLACE_NOUNS:
        return say.pick(("in", "at", "of", "from"))
    if say.is_person(binding):
        return say.pick(("of", "by", "from", "for", "belonging to"))
    if last in ("category", "type", "group", "class", "genre", "country", "city", "region"):
        return say.pick(("in", "of", "from"))
    return say.pick(("of", "for", "belonging to", "related to", "that belong to"))


def predicate(say: Phrasebook, cond: Cond) -> str:
    """Return a condition as a plural predicate: `have a price over 5`."""
    options = [way.text for way in ways(say, cond) if way.slot == "pred"]
    return say.pick(options) if options else "are ones " + _after(say, ways(say, cond))


_SINGULAR_VERBS = word_pairs("""
are is|have has|were was|do does|lack lacks|belong belongs|cost costs|earn earns|make makes|weigh weighs|last lasts
take takes|get gets|receive receives|want wants|use uses|own owns|pay pays
""")


def singular_verb(text: str) -> str:
    """Return a plural predicate in the singular.

    >>> singular_verb("have a price over 5"), singular_verb("joined in 2021")
    ('has a price over 5', 'joined in 2021')
    """
    verb, _, rest = text.partition(" ")
    return f"{_SINGULAR_VERBS.get(verb, verb)} {rest}"


def strip_marks(text: str) -> str:
    """Return text without the marks around values."""
    return text.replace(OPEN, "").replace(CLOSE, "")


def plural_words(phrase: str) -> str:
    """Return the plural of a column phrase; `name of the customer` becomes `names of the customer`."""
    head, of, rest = phrase.partition(" of ")
    return plural(head) + of + rest
