"""Look up known question–SQL pairs: the nearest as examples, an exact match as the answer.

A question is compared by its words with stored values and numbers taken out: `customers in Lyon` and `customers in
Kassel` are one question about other values.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqltailor.errors import SQLError
from sqltailor.prompt.extract import is_declined
from sqltailor.prompt.hints import Linker, Stored
from sqltailor.sql.dialect import parse, write
from sqltailor.types import Cell, Example

if TYPE_CHECKING:
    from sqlglot.expressions import Expression, Literal

K1, B = 1.2, 0.75
"""Of BM25 (Robertson and Zaragoza 2009, §3): how fast a repeated word stops counting, and how much length does."""
LEAST_WORDS = 2
"""Words besides values that a question needs to be taken for a known one."""
VALUE, NUMBER = "‹value›", "‹number›"


class Part(NamedTuple):
    """A word of a question, or the stored value or number that stands in its place."""

    text: str
    stored: tuple[Stored, ...] = ()
    number: int | None = None


class Answered(NamedTuple):
    """The statement that answers a question, and the id of the known pair that it comes from."""

    sql: str
    pair: str


class _Pair(NamedTuple):
    example: Example
    parts: tuple[Part, ...]
    words: Counter[str]


class KnownPairs:
    """An index of pairs about one schema. `linker` finds the stored values that questions name."""

    def __init__(self, examples: Iterable[Example], linker: Linker) -> None:
        self._linker = linker
        self._pairs = [self._pair(e, e.question) for e in examples if e.question and e.sql and e.schema is None]
        self._by_words: dict[tuple[str, ...], list[int]] = defaultdict(list)
        found: Counter[str] = Counter()
        for number, pair in enumerate(self._pairs):
            self._by_words[_masked(pair.parts)].append(number)
            found.update(pair.words.keys())
        count = max(len(self._pairs), 1)
        self._rarity = {word: math.log(1 + (count - n + 0.5) / (n + 0.5)) for word, n in found.items()}
        self._mean = sum(pair.words.total() for pair in self._pairs) / count

    def __len__(self) -> int:
        return len(self._pairs)

    def examples(self) -> Iterator[Example]:
        """Yield the pairs."""
        return (pair.example for pair in self._pairs)

    def nearest(self, question: str, count: int, *, is_lesson: bool = False) -> list[Example]:
        """Return the pairs whose questions are nearest, the nearest first.

        `is_lesson`: without the question itself and those that differ from it in values only, as in training and
        evaluation, where the answer must not stand in the prompt.
        """
        asked = self._parts(question)
        same = set(self._by_words.get(_masked(asked), ())) if is_lesson else set()
        words = set(_masked(asked))
        scored = [
            (score, number)
            for number, pair in enumerate(self._pairs)
            if number not in same and (score := self._score(words, pair.words)) > 0
        ]
        best = sorted(scored, key=lambda found: (-found[0], found[1]))
        taken: dict[tuple[str, ...], Example] = {}
        for _, number in best:  # one of each question: its variants say the same
            taken.setdefault(_masked(self._pairs[number].parts), self._pairs[number].example)
            if len(taken) == count:
                break
        return list(taken.values())

    def answer(self, question: str, dialect: str) -> Answered | None:
        """Return the statement of the known pair that asks the same, about the values of this question.

        None where no pair does, or pairs that do would answer differently. Only the values that a pair's SQL holds
        may differ, each stored in the column that the SQL compares it with.
        """
        asked = self._parts(question)
        if sum(part.text not in (VALUE, NUMBER) for part in asked) < LEAST_WORDS:
            return None
        answers: dict[str, Answered] = {}
        for number in self._by_words.get(_masked(asked), ()):
            pair = self._pairs[number]
            sql = _filled(pair, asked, dialect)
            if sql is not None:
                answers.setdefault(sql, Answered(sql, pair.example.id))
        return next(iter(answers.values())) if len(answers) == 1 else None

    def _pair(self, example: Example, question: str) -> _Pair:
        parts = self._parts(question)
        return _Pair(example, parts, Counter(_masked(parts)))

    def _parts(self, question: str) -> tuple[Part, ...]:
        return tuple(self._linker.parts(question, _part))

    def _score(self, words: set[str], of_pair: Counter[str]) -> float:
        length = 1 - B + B * of_pair.total() / self._mean
        return sum(
            self._rarity.get(word, 0.0) * of_pair[word] * (K1 + 1) / (of_pair[word] + K1 * length)
            for word in words
            if word in of_pair
        )


def _part(word: str, stored: Sequence[Stored]) -> Part:
    if stored:
        return Part(VALUE, tuple(stored))
    return Part(NUMBER, number=int(word)) if re.fullmatch(r"\d{1,9}", word) else Part(word)


def _masked(parts: Iterable[Part]) -> tuple[str, ...]:
    return tuple(part.text for part in parts)


def _filled(pair: _Pair, asked: Sequence[Part], dialect: str) -> str | None:
    """Return the pair's SQL with the values of another question, or None where a value has no place in it."""
    if is_declined(pair.example.sql[0]):
        same = all((a.number, _names(a)) == (b.number, _names(b)) for a, b in zip(pair.parts, asked, strict=True))
        return pair.example.sql[0] if same else None
    try:
        tree = parse(pair.example.sql[0], dialect)
    except SQLError:
        return None
    literals = _literals(tree)
    for old, new in zip(pair.parts, asked, strict=True):
        if old.text not in (VALUE, NUMBER):
            continue
        found = list(_values(old, new, literals))
        if old.text == NUMBER and old.number == new.number:
            continue
        if len(found) != 1 and not (old.stored and _names(old) == _names(new)):
            return None
        for nodes, value in found[:1]:
            for node in nodes:
                _set(node, value)
    return write(tree, dialect)


def _names(part: Part) -> set[tuple[str, str, Cell]]:
    return {(stored.table.name, stored.column, stored.value) for stored in part.stored}


def _values(
    old: Part, new: Part, literals: dict[tuple[str, str], list[Literal]]
) -> Iterator[tuple[list[Literal], Cell]]:
    """Yield the literals of a statement that hold a question's value, with what they hold for another question."""
    if old.number is not None:
        nodes = [node for (_, text), found in literals.items() if text == str(old.number) for node in found]
        if nodes:
            yield nodes, new.number
        return
    for stored in old.stored:
        nodes = literals.get((stored.column.casefold(), str(stored.value)), [])
        others = [other for other in new.stored if (other.table, other.column) == (stored.table, stored.column)]
        if nodes and len(others) == 1:
            yield nodes, others[0].value
            return


def _literals(tree: Expression) -> dict[tuple[str, str], list[Literal]]:
    """Return the literals of a statement by the column that they are compared with, and by what they say."""
    from sqlglot import exp

    found: dict[tuple[str, str], list[Literal]] = defaultdict(list)
    for node in tree.find_all(exp.Literal):
        above = node.parent
        column = ""
        if isinstance(above, (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between)):
            other = above.expression if node.arg_key == "this" and not isinstance(above, exp.In) else above.this
            column = other.name.casefold() if isinstance(other, exp.Column) else ""
        found[column, str(node.name)].append(node)
    return found


def _set(node: Literal, value: Cell) -> None:
    node.set("this", str(value))
