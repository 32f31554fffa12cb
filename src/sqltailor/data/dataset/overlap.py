"""Overlap of training data with a test file: exact, by SQL template, or by long runs of equal words."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from sqltailor.data.checks.example import check_example
from sqltailor.data.facts import asked_text, fold_sql, key, normalise
from sqltailor.data.readers import read_examples
from sqltailor.data.rows import Reject, RowError
from sqltailor.errors import DataError
from sqltailor.types import Example, Schema

WORDS = 8
"""Length of the word runs: shorter ones (`what is the name of the`) say nothing."""


@dataclass(frozen=True)
class Tests:
    """Keys of all examples of some test files."""

    files: tuple[str, ...]
    count: int
    pairs: frozenset[int]
    templates: frozenset[int]
    runs: frozenset[str]


def read_tests(
    paths: Iterable[str | os.PathLike[str]], *, schema: Schema | None = None, dialect: str = "sqlite"
) -> Tests:
    """Return the keys of test files in any known format. `dialect` is that of rows that name none.

    Raises `DataError` when a file has no example.
    """
    files: list[str] = []
    count = 0
    pairs: set[int] = set()
    templates: set[int] = set()
    runs: set[str] = set()
    for path in paths:
        before = count
        for example in read_examples(path, dialect=dialect):
            if isinstance(example, Reject):
                continue
            try:
                checked = check_example(example, schema=schema)
            except RowError:
                continue
            count += 1
            pairs.add(checked.facts.pair)
            templates.add(checked.facts.template)
            runs.update(word_runs(asked_text(checked.example)))
        if count == before:
            raise DataError(f"The test file {path} has no example that can be checked.")
        files.append(os.fspath(path))
    return Tests(tuple(files), count, frozenset(pairs), frozenset(templates), frozenset(runs))


def held_out_keys(examples: Iterable[Example]) -> frozenset[int]:
    """Return what `is_held_out` knows examples by."""
    return frozenset(held for example in examples for held in _keys(example))


def is_held_out(example: Example, held_out: frozenset[int]) -> bool:
    """Say whether the same is asked by an example that is held out: of the same schema, or with the same SQL."""
    return not held_out.isdisjoint(_keys(example))


def _keys(example: Example) -> tuple[int, int]:
    question = normalise(asked_text(example))
    return key(example.schema or example.db_id or "", question), key("", question, fold_sql(example.sql[0]))


def word_runs(question: str) -> list[str]:
    """Return all runs of eight words of a normalised question; a shorter question has none."""
    words = normalise(question).split()
    return [" ".join(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1)]
