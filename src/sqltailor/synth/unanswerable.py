"""Questions that a schema cannot answer: about what its tables do not store, with the reason as their gold."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from sqltailor.naming.words import plural
from sqltailor.prompt.about import Subject
from sqltailor.prompt.extract import declined
from sqltailor.synth.graph import Graph
from sqltailor.types import Example

_ATTRIBUTES = """
shoe size|blood type|eye colour|favourite song|nickname|star sign|passport number|marital status|hobby|religion|allergy
carbon footprint|barcode|opening hours|wifi password|parking permit|noise level|battery charge|humidity|horsepower
fuel consumption|insurance number|licence plate|mother tongue|military rank|university degree|vaccination|voltage
elevation|wingspan|calorie count|shelf life|serial port|copyright|patent number|chess rating|fitness score|heart rate
bedtime|ringtone|mascot|motto|national anthem|coat of arms|dress code|tattoo|haircut|waist size|lucky number
screen resolution|ink colour|thread count|water depth|flight altitude|tyre pressure|signal strength|melting point
"""
_THINGS = """
weather forecast|football match|lottery ticket|parking fine|concert|earthquake|election|volcano|satellite|dinosaur
recipe for soup|poem|joke|horoscope|traffic jam|tax return|job interview|dental appointment|gym membership|hotel booking
library card|museum exhibition|solar eclipse|chess opening|bus timetable|crossword|petition|podcast|scholarship|vineyard
lawsuit|wedding|marathon|thunderstorm|tide table|pollen count|power cut|jury verdict|archaeological find|bird nest
"""
_ABOUT_ATTRIBUTES = (
    "What is the {it} of each {noun}?",
    "Show the {it} of every {noun}",
    "Which {noun} has the highest {it}?",
    "How many {nouns} have no {it}?",
    "List all {nouns} with their {it}",
    "Which {nouns} have the same {it}?",
    "Sort the {nouns} by {it}",
    "do we know the {it} of our {nouns}?",
)
_ABOUT_THINGS = (
    "How many {them} are there?",
    "When was the last {it}?",
    "Which {them} do we know of?",
    "List all {them} of this year",
    "What does a {it} cost?",
    "is there a {it} tomorrow?",
)
OF_THINGS = 0.25
"""Share of questions that are about a thing of its own, not about what a table might hold of its rows."""
TRIES = 20
"""Questions drawn for each that is wanted, at most."""


def unanswerable(graph: Graph, subject: Subject, n: int, seed: int, dialect: str) -> list[Example]:
    """Return up to `n` questions with a gold that declines; nothing of what they ask for is known to `subject`."""
    rng = random.Random(f"unanswerable {seed}")
    attributes, things = (_lacking(text, subject) for text in (_ATTRIBUTES, _THINGS))
    nouns = [table.noun for table in graph.tables.values()]
    found: dict[str, str] = {}
    for question, reason in _drawn(rng, attributes, things, nouns, n * TRIES):
        found.setdefault(question, reason)
        if len(found) >= n:
            break
    return [
        Example(f"unanswerable-{number:06d}", (declined(reason),), question, dialect=dialect, source="synth")
        for number, (question, reason) in enumerate(list(found.items())[:n], 1)
    ]


def _drawn(
    rng: random.Random, attributes: Sequence[str], things: Sequence[str], nouns: Sequence[str], tries: int
) -> Iterator[tuple[str, str]]:
    for _ in range(tries):
        if things and (rng.random() < OF_THINGS or not attributes):
            it = rng.choice(things)
            them = plural(it)
            yield rng.choice(_ABOUT_THINGS).format(it=it, them=them), f"nothing is stored about {them}"
        elif attributes:
            it, noun = rng.choice(attributes), rng.choice(nouns)
            question = rng.choice(_ABOUT_ATTRIBUTES).format(it=it, noun=noun, nouns=plural(noun))
            yield question, f"no {it} is stored for {plural(noun)}"


def _lacking(text: str, subject: Subject) -> list[str]:
    phrases = (phrase for line in text.strip().splitlines() for phrase in line.split("|"))
    return [phrase for phrase in phrases if not subject.knows(phrase)]
