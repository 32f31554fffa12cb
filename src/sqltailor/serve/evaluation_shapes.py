"""The shapes in which the evaluation pages get what was compared: sentences, rates, questions, statements in pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqltailor.errors import counted
from sqltailor.evaluate.comparison import Change, Comparison, Side
from sqltailor.evaluate.report.cases import RIGHT, WITHOUT_SQL, why
from sqltailor.evaluate.report.meanings import DIFFERENCES, OUTCOMES, SLICES
from sqltailor.evaluate.report.sentences import changed, headline_metric, hits, interval, percent
from sqltailor.evaluate.report.sql import Piece, pieces
from sqltailor.evaluate.slices import Slices


class Pair(NamedTuple):
    """What a view is about: one or two sides, A before B, and the questions that one of them answers wrong."""

    sides: Sequence[Side]
    comparison: Comparison | None
    wrong: Sequence[Change]
    members: Slices


def model_json(ref: str, model: str, rates: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line of the list of runs: a model, and the rate that its report is about."""
    metric = headline_metric({"models": {model: rates}})
    return {
        "ref": ref,
        "model": model,
        "metric": metric,
        "rate": _rate(rates[metric]) if metric else None,
    }


def _rate(rate: Mapping[str, Any]) -> dict[str, Any]:
    return {**rate, "shown": percent(rate["value"]), "interval": interval(rate)}


def side_json(ref: str, side: Side) -> dict[str, Any]:
    """Return one side of a view: which evaluation, which model, its rates."""
    return {
        "ref": ref,
        "model": side.model,
        "rates": {metric: _rate(rate) for metric, rate in side.rates.items()},
    }


def about_json(pair: Pair) -> dict[str, Any]:
    """Return what a view says in words: of two sides what changed, of one how many answers are right."""
    found = pair.comparison
    if found is None:
        [side] = pair.sides
        metric = headline_metric({"models": {side.model: side.rates}})
        rate = side.rates.get(metric) if metric else None
        told = f"{hits(rate):,} of {counted(rate['n'], 'question')} answered right." if rate else ""
        return {"metric": metric, "sentence": told, "common": None, "notes": []}
    notes = [f"The two were {warning}." for warning in found.warnings]
    if found.left_out:
        notes.append(
            f"{counted(found.left_out, 'question')} left out: in one of the two only, or with another gold statement."
        )
    return {
        "metric": found.metric,
        "sentence": changed(found.pair, "A", "B"),
        "common": {name: _rate(rate) for name, rate in found.rates.items()},
        "notes": notes,
    }


def outcomes_json(wrong: Sequence[Change]) -> list[dict[str, Any]]:
    """Return the outcomes and differences of wrong answers, with how many questions have each in either answer."""
    counts: Counter[str] = Counter()
    for change in wrong:
        sides = [side for side in (change.before, change.after) if side["outcome"] not in RIGHT]
        counts.update({str(side[name]) for side in sides for name in ("outcome", "difference") if side.get(name)})
    meanings = OUTCOMES | DIFFERENCES
    return [{"name": name, "count": counts[name], "means": meanings[name]} for name in meanings if name in counts]


def parts_json(pair: Pair) -> list[dict[str, Any]]:
    """Return the slices of the questions, with how many of each are answered wrong."""
    wrong = {change.id for change in pair.wrong}
    return [
        {
            "kind": kind,
            "label": SLICES.get(kind, "test part"),
            "names": [{"name": name, "count": len(ids & wrong)} for name, ids in named.items() if ids & wrong],
        }
        for kind, named in pair.members.items()
    ]


def row_json(pair: Pair, change: Change) -> dict[str, Any]:
    """Return a line of the list of questions."""
    rows = [change.before, change.after] if pair.comparison is not None else [change.after]
    return {
        "id": change.id,
        "question": change.question,
        "change": change.change if pair.comparison is not None else None,
        "answers": [_outcome(row) for row in rows],
    }


def _outcome(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"outcome": row["outcome"], "difference": row.get("difference"), "is_right": row["outcome"] in RIGHT}


def answers_json(example: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], against: str) -> dict[str, Any]:
    """Return gold and answers in pieces, with what differs marked: from the gold, or between the two answers.

    `against` is None where that is no choice: for one answer, two that are the same, or one without SQL.
    """
    golds, texts = example.get("sql") or [""], [str(row["predicted"]) for row in rows]
    has_sql = [row["outcome"] not in WITHOUT_SQL for row in rows]
    is_choice = len(rows) == 2 and all(has_sql) and texts[0] != texts[1]
    between = is_choice and against == "other"
    others = texts[::-1] if between else [golds[0]] * len(rows)
    last = texts[-1] if has_sql[-1] and rows[-1]["outcome"] not in RIGHT and not between else None
    results = [row.get("results") or {} for row in rows]
    return {
        "against": against if is_choice else None,
        "gold": [pieces(sql, None if i else last) for i, sql in enumerate(golds)],
        "gold_result": next((found["gold"] for found in results[::-1] if found.get("gold")), None),
        "answers": [
            {
                **_outcome(row),
                "means": OUTCOMES[row["outcome"]],
                "predicted": _marked(row, other if between or row["outcome"] not in RIGHT else None),
                "reasons": why(row, golds, example.get("dialect", "sqlite")),
                "result": found.get("predicted"),
            }
            for row, other, found in zip(rows, others, results, strict=True)
        ],
    }


def _marked(row: Mapping[str, Any], other: str | None) -> list[Piece]:
    return pieces(str(row["predicted"]), None if row["outcome"] in WITHOUT_SQL else other)
