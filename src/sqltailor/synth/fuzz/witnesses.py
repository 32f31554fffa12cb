"""Rows that satisfy a gold query, and rows that fail just one of its conditions."""

from __future__ import annotations

from collections.abc import Mapping

from sqltailor.naming.joins import key
from sqltailor.sql.schema import find_column
from sqltailor.synth.fuzz.constants import Pattern
from sqltailor.synth.fuzz.near_misses import matching
from sqltailor.synth.fuzz.random_rows import Row, Rows
from sqltailor.types import Cell


def add_witnesses(rows: Rows, pattern: Pattern) -> None:
    """Add rows that just fail one condition of the pattern, then rows that it lets through, alone and in groups.

    The latter come last: where a value may come once only, they change the row that has it.
    """
    for test in pattern.tests:
        for value in test.misses[:3]:
            _rows_for(rows, pattern, {(test.table, test.column): value})
    for test in pattern.totals:
        for value in test.hits:
            _rows_for(rows, pattern, _new_group(rows, pattern) | {(test.table, test.column): value})
    for size in pattern.sizes:
        for number in (size - 1, size, size + 1):
            _repeat(rows, pattern, {name for name, _ in pattern.groups}, number)
    for test in pattern.tests:
        for value in test.hits[1:3]:
            _rows_for(rows, pattern, {(test.table, test.column): value})
    names = set(pattern.tables)
    for kept in dict.fromkeys(frozenset(some) for name in pattern.tables for some in ({name}, names - {name})):
        if kept and kept < names:
            _repeat(rows, pattern, set(kept), 2)
    for _ in range(2):
        _rows_for(rows, pattern, {})


def _new_group(rows: Rows, pattern: Pattern) -> dict[tuple[str, str], Cell]:
    """Return values for the columns that rows are grouped by: a group of its own."""
    found = {}
    for name, column in pattern.groups:
        known = find_column(pattern.tables[name], column)
        if known and not known.references:
            found[name, column] = rows.new(pattern.tables[name], known)
    return found


def _repeat(rows: Rows, pattern: Pattern, kept: set[str], times: int) -> None:
    """Add rows of a pattern `times`, with the same rows of the tables in `kept`, or else of the same group."""
    if times < 1:
        return
    same = _new_group(rows, pattern) if kept >= set(pattern.tables) else {}
    first = _rows_for(rows, pattern, same)
    if kept < set(pattern.tables):
        same = {(name, column): value for name in kept for column, value in first[name].items()}
        held = {name: first[name] for name in kept}
    else:
        held = {}
    for _ in range(times - 1):
        _rows_for(rows, pattern, same, held)


def _rows_for(
    rows: Rows, pattern: Pattern, fixed: Mapping[tuple[str, str], Cell], held: Mapping[str, Row] | None = None
) -> dict[str, Row]:
    """Add and return one row for each table of a pattern, joined as it says.

    `fixed` are values to use instead of what the conditions ask for; rows in `held` are there already.
    """
    given: dict[str, Row] = {name: {} for name in pattern.tables}
    for test in pattern.tests:
        value = rows.rng.choice(test.hits)
        if test.like is not None and rows.rng.random() < 0.8:
            value = matching(test.like, rows.rng)
        given[test.table][test.column] = value
    for (name, column), value in fixed.items():
        given[name][column] = value
    for group in _groups(pattern):
        shared = next((given[name][column] for name, column in group if column in given[name]), None)
        if shared is None:
            shared = _shared(rows, pattern, group)
        for name, column in group:
            given[name][column] = shared
    order = {key(table): i for i, table in enumerate(rows.parents_first())}
    found: dict[str, Row] = dict(held or {})
    for name in sorted(given, key=lambda name: order[key(pattern.tables[name])]):
        if name not in found:
            found[name] = rows.add(pattern.tables[name], given[name])
    return found


def _shared(rows: Rows, pattern: Pattern, group: list[tuple[str, str]]) -> Cell:
    """Return a value for columns that must be equal: a new key where one of them is a key."""
    pairs = [(pattern.tables[name], find_column(pattern.tables[name], column)) for name, column in group]
    for table, column in pairs:
        if column and not column.references and rows.constraints.is_unique(table, column):
            return rows.new(table, column)
    for table, column in pairs:
        if column and column.references:
            return rows.parent_key(table, column) or 1
    table, column = pairs[0]
    return rows.value(table, column) if column else 1


def _groups(pattern: Pattern) -> list[list[tuple[str, str]]]:
    """Return the sets of columns that joins make equal."""
    groups: list[list[tuple[str, str]]] = []
    for left, right in pattern.joins:
        touched = [group for group in groups if left in group or right in group]
        merged = [name for group in touched for name in group]
        merged += [name for name in (left, right) if name not in merged]
        groups = [group for group in groups if group not in touched] + [merged]
    return groups
