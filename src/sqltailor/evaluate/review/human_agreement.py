"""How far reviewers agree with each other, and with execution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from sqltailor.evaluate.review.reviews import Reviews
from sqltailor.evaluate.statistics import fleiss_kappa, kappa, rate


class Pair(NamedTuple):
    """Two judges of the same answers, how many both marked, and Cohen's kappa of their marks."""

    a: str
    b: str
    n: int
    kappa: float | None


def summary(reviews: Reviews) -> dict[str, Any]:
    """Return what reviewers say of a model's answers: counts, rates, agreement, and where they differ.

    A rate is the share of right among right and wrong. Agreement of two is Cohen's kappa over all three marks;
    `fleiss` that of all reviewers together, on the answers that all of them marked, from three reviewers on. With
    execution, answers that are unclear, or that execution does not judge, count nowhere.
    """
    marks = {by: _marks(reviews, by) for by in reviews.reviewers}
    execution = _execution(reviews)
    told = {}
    for by, given in marks.items():
        clear = {i: mark == "right" for i, mark in given.items() if mark != "unclear"}
        share, beside = rate(map(float, clear.values())), _pair(by, "execution", clear, execution)
        told[by] = {
            "marks": dict(Counter(given.values())),
            "right": share and share.to_json(),
            "with_execution": beside._asdict(),
            "passes_what_execution_fails": [i for i, right in clear.items() if right and execution.get(i) is False],
            "fails_what_execution_passes": [i for i, right in clear.items() if not right and execution.get(i)],
        }
    by_all = [i for i in reviews.place if len(reviews.of(i)) == len(marks) > 2]
    fleiss = fleiss_kappa([[given[i] for given in marks.values()] for i in by_all])
    return {
        "model": reviews.model,
        "answers": len(reviews.answers),
        "reviewed": sum(bool(reviews.of(i)) for i in reviews.place),
        "reviewers": told,
        "pairs": [_pair(a, b, marks[a], marks[b])._asdict() for a, b in combinations(marks, 2)],
        "fleiss": {"kappa": fleiss, "n": len(by_all)} if len(marks) > 2 else None,
        "disputed": list(disputed(reviews)),
        "stale": reviews.stale,
    }


def disputed(reviews: Reviews) -> Iterator[str]:
    """Yield the ids of answers that reviewers mark differently."""
    return (i for i in reviews.place if len({review.mark for review in reviews.of(i).values()}) > 1)


def summary_lines(found: dict[str, Any]) -> Sequence[tuple[str, str, str, str]]:
    """Return a line for each reviewer: name, marks, the share that is right, and kappa with execution."""
    lines = []
    for by, told in found["reviewers"].items():
        marks = ", ".join(f"{count:,} {mark}" for mark, count in told["marks"].items())
        right, beside = told["right"], told["with_execution"]["kappa"]
        share = "—" if right is None else f"{right['value']:.1%} [{right['low']:.1%}, {right['high']:.1%}]"
        lines.append((by, marks, share, "—" if beside is None else f"{beside:.2f}"))
    return lines


def _marks(reviews: Reviews, by: str) -> dict[str, str]:
    return {i: said[by].mark for i in reviews.place if by in (said := reviews.of(i))}


def _execution(reviews: Reviews) -> dict[str, bool]:
    """Return example id → whether execution calls the answer right, for those that it judges."""
    scores = ((a.example.id, a.row["scores"].get("execution")) for a in reviews.answers)
    return {i: score == 1 for i, score in scores if score is not None}


def _pair(a: str, b: str, first: dict[str, Any], second: dict[str, Any]) -> Pair:
    both = [(first[i], second[i]) for i in first if i in second]
    found = kappa(both)
    return Pair(a, b, len(both), None if found is None else round(found, 4))
