"""Do two results hold the same rows? One line a trap."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqltailor.evaluate.metrics import same_result
from sqltailor.types import QueryResult

NAN = float("nan")


def table(rows: Sequence[Sequence[Any]], *, width: int | None = None, truncated: bool = False) -> QueryResult:
    width = len(rows[0]) if width is None else width
    return QueryResult(tuple(f"c{i}" for i in range(width)), [tuple(row) for row in rows], truncated)


SAME: dict[str, tuple[list[Any], list[Any]]] = {
    "order of rows": ([(1,), (2,)], [(2,), (1,)]),
    "equal duplicates": ([(1,), (1,), (2,)], [(2,), (1,), (1,)]),
    "NULL and NULL": ([(None, 1)], [(None, 1)]),
    "int and float": ([(1, 2)], [(1.0, 2.0)]),
    "bool and int": ([(True,)], [(1,)]),
    "sum in another order": ([(0.1 + 0.2,)], [(0.3,)]),
    "fraction a hair below a whole number": ([(2.9999999999996,)], [(3,)]),
    "rounding noise where a digit flips": ([(12.345649999999998,)], [(12.345650000000001,)]),
    "noise around zero": ([(0.1 + 0.2 - 0.3,)], [(0,)]),
    "noise that swaps the sort order": (
        [(0.3, 1.5), (0.30000000000000004, 2.5)],
        [(0.30000000000000004, 1.5), (0.3, 2.5)],
    ),
    "NaN and NaN": ([(NAN,)], [(float("nan"),)]),
    "infinities": ([(float("inf"),), (float("-inf"),)], [(float("-inf"),), (float("inf"),)]),
    "decimal and float": ([(Decimal("7.50"),)], [(7.5,)]),
    "whole decimal and int": ([(Decimal("7.00"),)], [(7,)]),
    "dates as text": ([(date(2024, 2, 29), datetime(2024, 2, 29, 12))], [("2024-02-29", "2024-02-29 12:00:00")]),
    "bytes in any form": ([(b"ab",)], [(memoryview(b"ab"),)]),
    "columns in another order": ([("a", 1), ("b", 2)], [(1, "a"), (2, "b")]),
    "three columns, turned": ([(1, 2, 3), (4, 5, 6)], [(3, 1, 2), (6, 4, 5)]),
    "columns with the same values": ([(1, 2), (2, 1), (1, 1)], [(2, 1), (1, 2), (1, 1)]),
    "mixed types in a column": ([(1,), ("x",), (None,), (b"x",), (1.5,)], [(1.5,), (b"x",), (None,), ("x",), (1,)]),
    "whole floats beyond 2^53": ([(1e300,)], [(10**300 * 1.0,)]),
}

DIFFERENT: dict[str, tuple[list[Any], list[Any]]] = {
    "a duplicate too few": ([(1,), (1,), (2,)], [(1,), (2,), (2,)]),
    "a row too few": ([(1,), (2,)], [(1,)]),
    "a row too many": ([(1,)], [(1,), (1,)]),
    "a column too many": ([(1,)], [(1, 1)]),
    "a column too few": ([(1, 1)], [(1,)]),
    "number and text": ([(1,)], [("1",)]),
    "text and bytes": ([("a",)], [(b"a",)]),
    "case of text": ([("a",)], [("A",)]),
    "space in text": ([("a",)], [("a ",)]),
    "NULL and 0": ([(None,)], [(0,)]),
    "NULL and empty text": ([(None,)], [("",)]),
    "another rounding": ([(1234567.89,)], [(1234567.9,)]),
    "rounded to whole": ([(1234567.89,)], [(1234568,)]),
    "next id": ([(1_000_000_000,)], [(1_000_000_001,)]),
    "next id as float": ([(1_000_000_000.0,)], [(1_000_000_001.0,)]),
    "next julian day": ([(2460000.5,)], [(2460001.5,)]),
    "tiny numbers": ([(1e-6,)], [(2e-6,)]),
    "cells paired otherwise": ([(1, "a"), (2, "b")], [(1, "b"), (2, "a")]),
    "a column twice instead of two": ([(1, 2), (3, 4)], [(1, 1), (3, 3)]),
    "names of columns do not save values": ([("a",)], [("b",)]),
}


@pytest.mark.parametrize("case", SAME)
def test_same_in_any_order(case: str) -> None:
    gold, predicted = SAME[case]
    assert same_result(table(gold), table(predicted), ordered=False)
    assert same_result(table(predicted), table(gold), ordered=False)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("case", DIFFERENT)
def test_different(case: str, ordered: bool) -> None:
    gold, predicted = DIFFERENT[case]
    assert not same_result(table(gold), table(predicted), ordered=ordered)
    assert not same_result(table(predicted), table(gold), ordered=ordered)


@pytest.mark.parametrize(
    ("gold", "predicted", "same"),
    [
        ([(1,), (2,)], [(1,), (2,)], True),
        ([(1,), (2,)], [(2,), (1,)], False),
        ([(0.1 + 0.2,), (1,)], [(0.3,), (1.0,)], True),
        ([(1, "a"), (2, "b")], [("a", 1), ("b", 2)], True),
        ([(1, "a"), (2, "b")], [("b", 2), ("a", 1)], False),
    ],
)
def test_ordered_compares_place_by_place(gold: list[Any], predicted: list[Any], same: bool) -> None:
    assert same_result(table(gold), table(predicted), ordered=True) is same


def test_empty_results_need_the_same_number_of_columns() -> None:
    assert same_result(table([], width=2), table([], width=2), ordered=False)
    assert not same_result(table([], width=2), table([], width=1), ordered=False)
    assert not same_result(table([], width=1), table([(1,)]), ordered=False)


def test_a_cut_result_is_never_the_same_and_a_cut_gold_result_is_an_error() -> None:
    assert not same_result(table([(1,)]), table([(1,)], truncated=True), ordered=False)
    with pytest.raises(ValueError, match="cut at the row limit"):
        same_result(table([(1,)], truncated=True), table([(1,)]), ordered=False)


cells = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([0.5, 1.0, 1 / 3]), st.sampled_from(["a", "b", "1"]))


@given(st.data())
def test_any_order_of_rows_and_columns_is_the_same(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 4))
    rows = data.draw(st.lists(st.tuples(*[cells] * width), max_size=8))
    columns = data.draw(st.permutations(range(width)))
    moved = [tuple(row[i] for i in columns) for row in data.draw(st.permutations(rows))]
    assert same_result(table(rows, width=width), table(moved, width=width), ordered=False)


@given(st.data())
def test_one_changed_cell_is_a_difference(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 4))
    rows = data.draw(st.lists(st.tuples(*[cells] * width), min_size=1, max_size=8))
    row, column = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(0, width - 1))
    changed = [list(r) for r in rows]
    changed[row][column] = "not there before"
    assert not same_result(table(rows), table(changed), ordered=False)


def test_wide_and_long_results_take_no_exponential_time() -> None:
    generator = random.Random(0)
    # 14 columns with equal bags of values: 14! column orders, and hardly any cell that tells two columns apart
    rows = [tuple(generator.randint(0, 1) for _ in range(14)) for _ in range(300)]
    columns = list(range(14))
    generator.shuffle(columns)
    shuffled = [tuple(row[i] for i in columns) for row in rows]
    generator.shuffle(shuffled)
    started = time.perf_counter()
    assert same_result(table(rows), table(shuffled), ordered=False)
    constant = [(0,) * 30] * 2_000
    assert same_result(table(constant), table(constant[:]), ordered=False)
    broken = [*shuffled[:-1], tuple(1 - cell for cell in shuffled[-1])]
    assert not same_result(table(rows), table(broken), ordered=False)
    assert time.perf_counter() - started < 5
