"""A benchmark's verdicts beside ours: in the same table of rates, and row by row in a file of their own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqltailor.evaluate.compat import Sources, benchmark_called
from sqltailor.evaluate.compat.raw_runs import Case, Verdicts
from sqltailor.evaluate.run import Evaluation
from sqltailor.evaluate.summary import summarise
from sqltailor.runs import Run, file_name, write_json_atomic, write_text_atomic
from sqltailor.types import Example, Prediction

RATES = ("models", "clustered", "detectable", "paired", "breakdowns")
"""The parts of scores.json that a further metric changes."""
MAX_NAMED = 20
"""Rows about which both disagree that are named in scores.json; the file of verdicts has all."""


def with_verdicts(
    evaluation: Evaluation,
    examples: Sequence[Example],
    benchmark: str,
    sources: Sources,
    *,
    answers: Mapping[str, Mapping[str, str]],
) -> Evaluation:
    """Return the evaluation with the benchmark's scores among its own, and write both to its folder.

    The benchmark goes by the gold statements of `examples`, and `answers`: model → example id → the text as it was
    handed in; where there is none, the SQL that was read from a model's answer. The verdicts on each row go to
    `BENCHMARK-REF.jsonl`.
    """
    give_verdicts, folder = benchmark_called(benchmark), Run(evaluation.run)
    by_id = {example.id: example for example in examples}
    extended: dict[str, list[Prediction]] = {}
    told: dict[str, Any] = {}
    metrics = dict.fromkeys(name for rates in evaluation.scores["models"].values() for name in rates)
    for model, predictions in evaluation.predictions.items():
        texts = answers.get(model, {})
        verdicts = give_verdicts([Case(by_id[p.id], texts.get(p.id, p.predicted)) for p in predictions], sources)
        pairs = list(zip(predictions, verdicts.scores, strict=True))
        extended[model] = [dataclasses.replace(p, scores={**p.scores, **scores}) for p, scores in pairs]
        metrics |= dict.fromkeys(name for scores in verdicts.scores for name in scores)
        told[model] = verdicts.totals | {"disagreement": _disagreement(extended[model], verdicts)}
        lines = [json.dumps(row, ensure_ascii=False) for row in _rows(extended[model], verdicts)]
        write_text_atomic(folder.path / f"{benchmark}-{file_name(model)}.jsonl", "".join(f"{line}\n" for line in lines))
    new = summarise(examples, extended, list(metrics))
    scores = {**evaluation.scores, **{part: new[part] for part in RATES}}
    scores["compat"] = {**evaluation.scores.get("compat", {}), benchmark: told}
    write_json_atomic(folder.scores, scores)
    return Evaluation(evaluation.run, extended, scores)


def _rows(predictions: Sequence[Prediction], verdicts: Verdicts) -> list[dict[str, Any]]:
    return [
        {"id": p.id, **scores, **notes, "execution": p.scores.get("execution"), "outcome": p.outcome}
        for p, scores, notes in zip(predictions, verdicts.scores, verdicts.notes, strict=True)
    ]


def _disagreement(predictions: Sequence[Prediction], verdicts: Verdicts) -> dict[str, Any]:
    """Return for each of the benchmark's metrics the rows that only it, or only our execution, takes for right."""
    found: dict[str, Any] = {}
    for metric in dict.fromkeys(name for scores in verdicts.scores for name in scores):
        both = [(p, scores) for p, scores in zip(predictions, verdicts.scores, strict=True) if metric in scores]
        both = [(p, scores) for p, scores in both if "execution" in p.scores]
        theirs = [p.id for p, scores in both if scores[metric] == 1 > p.scores["execution"]]
        ours = [p.id for p, scores in both if scores[metric] < 1 == p.scores["execution"]]
        found[metric] = {
            "only_benchmark": len(theirs),
            "only_execution": len(ours),
            "rows": {"only_benchmark": theirs[:MAX_NAMED], "only_execution": ours[:MAX_NAMED]},
        }
    return found
