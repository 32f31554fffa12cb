"""Which tables a question is about, in a schema that is too large for a prompt.

Tables are found by the words of their names, comments, samples and stored values, and by what the glossary says; then
come the tables that join them. What is shown is a part of the schema that fits the room.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sqltailor.naming.words import split_name
from sqltailor.prompt.hints import Stored, normal_words
from sqltailor.prompt.text import used_terms
from sqltailor.types import Column, Schema, Table

STEM = 5
"""Letters: longer words that begin with the same ones are taken for one word, at a part of its weight."""
NAME, COLUMN, COMMENT, VALUE = 3.0, 1.0, 0.7, 4.0
"""What a word counts in a table's name, a column's name, a comment or sample, and as a stored value."""
COMPANY = 0.3
"""What a table gains of the best score among those that join it."""
HOPS = 3
"""Joins between two tables of which both are shown, at most."""


class SchemaLinker:
    """Finds the part of a schema that a question needs; made once a schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._words = [_weights(table) for table in schema.tables]
        found = Counter(word for weights in self._words for word in weights)
        self._rarity = {word: math.log(1 + len(self._words) / n) for word, n in found.items()}
        self._near = _neighbours(schema)

    def link(
        self,
        question: str,
        room: int,
        size: Callable[[Schema], int],
        glossary: Mapping[str, str] | None = None,
        stored: Iterable[Stored] = (),
    ) -> Schema:
        """Return the tables that a question needs, in the schema's order, of at most `room` by `size`.

        The likeliest come first, each with the tables that join it to those before; one that is too large for what is
        left comes with its keys and the columns that the question names.
        """
        asked = [*normal_words(question)]
        for meaning in used_terms(question, dict(glossary or {})).values():
            asked += normal_words(meaning)
        scores = self._scores(asked, stored)
        chosen: dict[int, Table] = {}
        left = room
        for number in sorted(range(len(scores)), key=lambda i: -scores[i]):
            if scores[number] <= 0 and chosen:
                break
            for needed in [number, *self._between(number, chosen)]:
                if needed not in chosen:
                    table = self._fitting(self._schema.tables[needed], set(asked), left, size)
                    if table is not None:
                        chosen[needed] = table
                        left -= size(Schema((table,)))
        for number in list(chosen):
            for other in self._near[number]:
                cost = size(Schema((self._schema.tables[other],)))
                if other not in chosen and cost <= left:
                    chosen[other] = self._schema.tables[other]
                    left -= cost
        return Schema(tuple(chosen[number] for number in sorted(chosen)))

    def _scores(self, asked: Sequence[str], stored: Iterable[Stored]) -> list[float]:
        scores = []
        words = dict.fromkeys(asked)
        for weights in self._words:
            stems: dict[str, float] = {}
            for word, weight in weights.items():
                stems[word[:STEM]] = max(stems.get(word[:STEM], 0.0), weight)
            score = 0.0
            for word in words:
                if word in weights:
                    score += weights[word] * self._rarity[word]
                elif len(word) >= STEM and word[:STEM] in stems:
                    score += 0.5 * stems[word[:STEM]]
            # many columns meet many words by chance
            scores.append(score / math.sqrt(1 + 0.02 * len(weights)))
        places = {(table.namespace, table.name): i for i, table in enumerate(self._schema.tables)}
        for found in stored:
            place = places.get((found.table.namespace, found.table.name))
            if place is not None:
                scores[place] += VALUE
        # a table among others that the question names is likelier than one that stands alone
        return [
            own + COMPANY * max((scores[other] for other in self._near[i]), default=0.0)
            if own or self._near[i]
            else own
            for i, own in enumerate(scores)
        ]

    def _between(self, number: int, chosen: Mapping[int, Table]) -> list[int]:
        """Return the tables on the shortest way of joins from a table to those that are chosen."""
        if not chosen or number in chosen:
            return []
        before: dict[int, int] = {number: number}
        queue = deque([(number, 0)])
        while queue:
            at, hops = queue.popleft()
            if at in chosen:
                way = []
                while at != number:
                    at = before[at]
                    way.append(at)
                return way
            if hops < HOPS:
                for other in self._near[at]:
                    if other not in before:
                        before[other] = at
                        queue.append((other, hops + 1))
        return []

    def _fitting(self, table: Table, asked: set[str], left: int, size: Callable[[Schema], int]) -> Table | None:
        """Return a table, or as much of it as fits: without comments and samples, then with keys and named columns."""
        bare = replace(table, comment=None, columns=tuple(replace(c, comment=None, samples=()) for c in table.columns))
        for candidate in (table, bare):
            if size(Schema((candidate,))) <= left:
                return candidate
        kept: list[Column] = []
        for column in sorted(bare.columns, key=lambda c: (not c.primary_key, -len(asked.intersection(_name(c))))):
            if not (column.primary_key or column.references or asked.intersection(_name(column))):
                continue
            candidate = replace(bare, columns=tuple(c for c in bare.columns if c in kept or c is column))
            if size(Schema((candidate,))) > left:
                break
            kept.append(column)
        return replace(bare, columns=tuple(c for c in bare.columns if c in kept)) if kept else None


def _weights(table: Table) -> dict[str, float]:
    """Return the words of a table with what each counts."""
    found: dict[str, float] = defaultdict(float)

    def add(words: Iterable[str], weight: float) -> None:
        for word in words:
            found[word] = max(found[word], weight)

    add(normal_words(" ".join(split_name(table.name))), NAME)
    add(normal_words(table.comment or ""), COMMENT)
    for column in table.columns:
        add(_name(column), COLUMN)
        add(normal_words(column.comment or ""), COMMENT)
        add((word for value in column.samples for word in normal_words(str(value))), COMMENT)
    return dict(found)


def _name(column: Column) -> list[str]:
    return list(normal_words(" ".join(split_name(column.name))))


def _neighbours(schema: Schema) -> list[list[int]]:
    """Return for each table those that a foreign key joins it with."""
    places: dict[tuple[str, str], int] = {}
    for i, table in enumerate(schema.tables):
        places.setdefault(("", table.name.casefold()), i)
        places[(table.namespace or "").casefold(), table.name.casefold()] = i
    near: list[set[int]] = [set() for _ in schema.tables]
    for i, table in enumerate(schema.tables):
        for column in table.columns:
            if column.references is None:
                continue
            name = column.references.table.casefold()
            other = places.get(((table.namespace or "").casefold(), name), places.get(("", name)))
            if other is not None and other != i:
                near[i].add(other)
                near[other].add(i)
    return [sorted(found) for found in near]
