"""Look up known question–SQL pairs: the nearest as examples, an exact match as the answer.

A question is compared by its words with stored values and numbers taken out: `customers in Lyon` and `customers in
Kassel` are one question about other values.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from sqltailor.errors import DataError, SQLError, counted
from sqltailor.prompt.extract import is_declined
from sqltailor.prompt.hints import Linker, Stored
from sqltailor.sql.dialect import mask_values, parse, template, write
from sqltailor.types import Cell, Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sqlglot.expressions import Expression, Literal

K1, B = 1.2, 0.75
"""Of BM25 (Robertson and Zaragoza 2009, §3): how fast a repeated word stops counting, and how much length does."""
LEAST_WORDS = 2
"""Words besides values that a question needs to be taken for a known one."""
VALUE, NUMBER = "‹value›", "‹number›"
_PLAIN_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")


Embed = Callable[[Sequence[str]], "NDArray[np.float32]"]
"""Texts → a vector of length 1 for each: (B, D)."""


class Part(NamedTuple):
    """A word of a question, or the stored value or number that stands in its place."""

    text: str
    stored: tuple[Stored, ...] = ()
    number: int | None = None


class Value(NamedTuple):
    """A value of a question in the statement that answers it: the column that it is about, if any, and what it says."""

    column: str
    text: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """The statement that answers a question, and the id of the known pair that it comes from.

    `slots` are the places of the question's values among the statement's literals; a value may stand in several.
    """

    sql: str
    pair: str
    slots: tuple[tuple[int, ...], ...] = ()

    def values(self, dialect: str) -> tuple[Value, ...]:
        """Return the values that the question names, in its order."""
        if not self.slots:
            return ()
        literals = _all_literals(parse(self.sql, dialect))
        first = (literals[places[0]] for places in self.slots)
        return tuple(Value(_about(node), str(node.name), not node.is_string) for node in first)

    def with_values(self, texts: Sequence[str], dialect: str) -> Answered:
        """Return the same statement about other values; each is set in the tree as a literal, and nothing else changes.

        Raises `DataError` for another number of values, one that is no number in the place of one, and one that does
        not read back from the written statement as it was given.
        """
        if len(texts) != len(self.slots):
            had = counted(len(self.slots), "value")
            raise DataError(f"The known pair '{self.pair}' has {had} to change here, and {len(texts)} came.")
        tree = parse(self.sql, dialect)
        literals = _all_literals(tree)
        for places, text in zip(self.slots, texts, strict=True):
            for place in places:
                if not literals[place].is_string and not _PLAIN_NUMBER.fullmatch(text):
                    raise DataError(f"'{text}' is no number: give digits, such as {literals[place].name}.")
                _set(literals[place], text)
        sql = write(tree, dialect)
        if not _reads_back(sql, tree, self.sql, dialect):
            raise DataError("The value cannot be written as a literal of this database. Give it without special signs.")
        return replace(self, sql=sql)


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
        self._statements: dict[int, str] = {}
        self._vectors: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self._pairs)

    def examples(self) -> Iterator[Example]:
        """Yield the pairs."""
        return (pair.example for pair in self._pairs)

    def nearest(
        self, question: str, count: int, *, without_same: bool = False, embed: Embed | None = None
    ) -> list[Example]:
        """Return the pairs whose questions are nearest, the nearest first, one for each statement but for its values.

        They are near by their words (BM25), or with `embed` by what they mean. `without_same`: without the question
        itself and those that differ from it in values only, as in training and evaluation, where the answer must not
        stand in the prompt. Half of the questions that are learned from see no pair with their own statement either,
        so that a model learns both to follow the nearest pair and to do without.
        """
        asked = self._parts(question)
        same = set(self._by_words.get(_masked(asked), ())) if without_same else set()
        itself = next((number for number in same if self._pairs[number].example.question == question), None)
        own = None if itself is None or not _is_withheld(question) else self._statement(itself)
        taken: dict[str, Example] = {}
        for number in self._by_bm25(asked) if embed is None else self._by_meaning(question, embed):
            if number in same or (statement := self._statement(number)) == own:
                continue
            taken.setdefault(statement, self._pairs[number].example)
            if len(taken) == count:
                break
        return list(taken.values())

    def _by_bm25(self, asked: Sequence[Part]) -> list[int]:
        """Return the numbers of the pairs that share a word, the nearest first."""
        words = set(_masked(asked))
        scores = ((self._score(words, pair.words), number) for number, pair in enumerate(self._pairs))
        return [number for score, number in sorted(scores, key=lambda found: (-found[0], found[1])) if score > 0]

    def _by_meaning(self, question: str, embed: Embed) -> list[int]:
        """Return the numbers of all pairs, the nearest first."""
        import numpy as np

        if not self._pairs:
            return []
        if self._vectors is None:
            self._vectors = embed([pair.example.question or "" for pair in self._pairs])
        return [int(number) for number in np.argsort(-(self._vectors @ embed([question])[0]), kind="stable")]

    def _statement(self, number: int) -> str:
        """Return a pair's statement with its values masked; one that does not parse as it is."""
        example = self._pairs[number].example
        if number not in self._statements:
            try:
                self._statements[number] = template(example.sql[0], example.dialect)
            except SQLError:
                self._statements[number] = example.sql[0]
        return self._statements[number]

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
            found = _filled(self._pairs[number], asked, dialect)
            if found is not None:
                answers.setdefault(found.sql, found)
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


def _is_withheld(question: str) -> bool:
    return hashlib.sha256(question.encode()).digest()[0] % 2 == 1


def _part(word: str, stored: Sequence[Stored]) -> Part:
    if stored:
        return Part(VALUE, tuple(stored))
    return Part(NUMBER, number=int(word)) if re.fullmatch(r"\d{1,9}", word) else Part(word)


def _masked(parts: Iterable[Part]) -> tuple[str, ...]:
    return tuple(part.text for part in parts)


def _filled(pair: _Pair, asked: Sequence[Part], dialect: str) -> Answered | None:
    """Return the pair's SQL with the values of another question, or None where a value has no place in it."""
    if is_declined(pair.example.sql[0]):
        same = all((a.number, _names(a)) == (b.number, _names(b)) for a, b in zip(pair.parts, asked, strict=True))
        return Answered(pair.example.sql[0], pair.example.id) if same else None
    try:
        tree = parse(pair.example.sql[0], dialect)
    except SQLError:
        return None
    literals = _literals(tree)
    changeable: list[list[Literal]] = []
    for old, new in zip(pair.parts, asked, strict=True):
        if old.text not in (VALUE, NUMBER):
            continue
        found = list(_values(old, new, literals))
        changeable += [nodes for nodes, _ in found]
        if old.text == NUMBER and old.number == new.number:
            continue
        if len(found) != 1 and not (old.stored and _names(old) == _names(new)):
            return None
        for nodes, value in found[:1]:
            for node in nodes:
                _set(node, value)
    sql = write(tree, dialect)
    places = {id(node): place for place, node in enumerate(_all_literals(tree))}
    slots = tuple(dict.fromkeys(tuple(places[id(node)] for node in nodes) for nodes in changeable))
    return Answered(sql, pair.example.id, slots if _reads_back(sql, tree, sql, dialect) else ())


def _all_literals(tree: Expression) -> list[Literal]:
    """Return the literals of a statement, in an order that depends on its form only."""
    from sqlglot import exp

    return list(tree.find_all(exp.Literal))


def _reads_back(sql: str, tree: Expression, pattern: str, dialect: str) -> bool:
    """Whether a written statement says what its tree says, and differs from the pattern in values only."""
    try:
        read = parse(sql, dialect)
    except SQLError:
        return False
    said, meant = ([(node.is_string, node.name) for node in _all_literals(one)] for one in (read, tree))
    return said == meant and bool(mask_values(read) == mask_values(parse(pattern, dialect)))


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
    found: dict[tuple[str, str], list[Literal]] = defaultdict(list)
    for node in _all_literals(tree):
        found[_compared_with(node).casefold(), str(node.name)].append(node)
    return found


def _compared_with(node: Literal) -> str:
    """Return the name of the column that a literal is compared with; empty where there is none."""
    from sqlglot import exp

    other = _other_side(node)
    return str(other.name) if isinstance(other, exp.Column) else ""


def _about(node: Literal) -> str:
    """Return the name of the column that a literal is compared with, be it within a function such as a year's."""
    from sqlglot import exp

    other = _other_side(node)
    column = None if other is None else other.find(exp.Column)
    return "" if column is None else str(column.name)


def _other_side(node: Literal) -> Expression | None:
    """Return what a literal is compared with."""
    from sqlglot import exp

    above = node.parent
    if not isinstance(above, (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between)):
        return None
    other: Expression | None = (
        above.expression if node.arg_key == "this" and not isinstance(above, exp.In) else above.this
    )
    return other


def _set(node: Literal, value: Cell) -> None:
    node.set("this", str(value))
