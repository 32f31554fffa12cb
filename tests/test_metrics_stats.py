"""Intervals and the paired test, against published values."""

from __future__ import annotations

import pytest

from sqltailor.evaluate.statistics import mcnemar, paired, rate


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [  # Newcombe 1998, table I (method 3)
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_interval(right: int, n: int, low: float, high: float) -> None:
    found = rate([1.0] * right + [0.0] * (n - right))
    assert found is not None
    assert found.n == n
    assert found.value == pytest.approx(right / n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_no_scores_is_absent_not_zero() -> None:
    assert rate([]) is None
    assert paired({}, {"1": 1.0}) is None
    assert paired({"a": 1.0}, {"b": 1.0}) is None


@pytest.mark.parametrize(
    ("fixed", "broken", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (0, 6, 0.03125), (9, 3, 0.14599609375), (3, 3, 1.0)],
)
def test_mcnemar_is_the_two_sided_binomial(fixed: int, broken: int, p: float) -> None:
    assert mcnemar(fixed, broken) == pytest.approx(p, rel=1e-12)


def test_mcnemar_of_many_rows_neither_overflows_nor_takes_long() -> None:
    assert mcnemar(6_000, 4_000) < 1e-80
    assert mcnemar(5_050, 4_950) == pytest.approx(0.322, abs=1e-3)


def test_paired_counts_rows_that_both_answered() -> None:
    base = {"1": 0.0, "2": 1.0, "3": 0.0, "4": 1.0, "only base": 1.0}
    tuned = {"1": 1.0, "2": 0.0, "3": 1.0, "4": 1.0, "only tuned": 1.0}
    found = paired(base, tuned)
    assert found == (2, 1, 1.0, 4)


def test_fractions_count_as_wrong_in_pairs() -> None:
    found = paired({"1": 0.5}, {"1": 1.0})
    assert found is not None
    assert (found.fixed, found.broken) == (1, 0)
