"""Intervals and the paired test, against published values; percentiles."""

from __future__ import annotations

import random

import pytest

from sqltailor.evaluate.statistics import bootstrap, clustered_rate, detectable, mcnemar, paired, percentile, rate


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


def test_equal_differences_leave_room_for_others() -> None:
    none = bootstrap({str(n): 0.0 for n in range(5)}, {})
    assert (none.value, round(none.high, 3)) == (0.0, 0.434)  # Wilson's upper limit of 0 of 5
    assert none.low == -none.high
    assert bootstrap({str(n): 0.0 for n in range(500)}, {}).high < 0.01
    fixed = bootstrap({str(n): 1.0 for n in range(5)}, {})
    assert (fixed.value, round(fixed.low, 3), fixed.high) == (1.0, 0.566, 1.0)


def test_a_bootstrap_interval_covers_as_often_as_it_says() -> None:
    draw, covered = random.Random(1), 0
    for trial in range(200):
        values = {str(i): float(draw.random() < 0.3) - float(draw.random() < 0.2) for i in range(120)}
        found = bootstrap(values, {}, seed=trial)
        covered += found.low <= 0.1 <= found.high
    assert 180 <= covered <= 199


def test_rows_of_one_database_count_less_than_independent_ones() -> None:
    # ten databases, each right or wrong as a whole
    scores = {f"db{d}": [float(d % 2)] * 20 for d in range(10)}
    plain, whole = rate(s for values in scores.values() for s in values), clustered_rate(scores)
    assert plain is not None
    assert whole is not None
    assert (whole.value, whole.n) == (plain.value, plain.n) == (0.5, 200)
    assert whole.high - whole.low > 3 * (plain.high - plain.low)
    mixed = {name: [1.0, 0.0] * 10 for name in scores}
    assert clustered_rate(mixed) == plain  # nothing is shared: as good as independent
    assert clustered_rate({f"db{d}": [1.0] for d in range(4)}) is None


def test_databases_are_drawn_as_a_whole() -> None:
    rows = {f"{d}-{i}": float(d % 2) for d in range(10) for i in range(20)}
    clusters = {row: row.partition("-")[0] for row in rows}
    by_row, by_database = bootstrap(rows, {}), bootstrap(rows, clusters)
    assert by_row.value == by_database.value == 0.5
    assert by_database.high - by_database.low > 3 * (by_row.high - by_row.low)
    assert bootstrap(rows, clusters) == by_database


@pytest.mark.parametrize(("n", "changed"), [(100, 0.1), (400, 0.2), (1000, 0.3)])
def test_the_detectable_difference_is_detected_four_times_in_five(n: int, changed: float) -> None:
    difference = detectable(n, changed)
    fixed = (changed + difference) / 2
    draw, found = random.Random(2), 0
    for _ in range(300):
        ups = downs = 0
        for _ in range(n):
            place = draw.random()
            ups += place < fixed
            downs += fixed <= place < changed
        found += mcnemar(ups, downs) < 0.05
    assert 0.68 < found / 300 < 0.9


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([5.0], 50, 5.0),
        ([4.0, 1.0, 3.0, 2.0], 50, 2.0),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 95, 5.0),
        ([float(n) for n in range(1, 51)], 95, 48.0),  # ⌈47.5⌉
        ([float(n) for n in range(1, 51)], 99, 50.0),
        ([float(n) for n in range(1, 101)], 95, 95.0),  # not the 96th, as a rounded product would have it
        ([float(n) for n in range(1, 201)], 99, 198.0),
    ],
)
def test_a_percentile_is_the_nearest_rank(values: list[float], percent: int, expected: float) -> None:
    assert percentile(values, percent) == expected
