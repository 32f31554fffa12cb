"""Compare two evaluations of the same questions: what was fixed, what broke, where, and whether it may be chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.data.examples import from_json
from sqltailor.errors import ConfigError, DataError, unknown
from sqltailor.evaluate.eval_folder import has_evaluation, no_evaluation
from sqltailor.evaluate.report.read import Contents, read_run
from sqltailor.evaluate.report.sentences import HEADLINE_METRICS
from sqltailor.evaluate.slices import Slices, slices
from sqltailor.evaluate.statistics import paired, rate
from sqltailor.evaluate.summary import pair_json
from sqltailor.types import Example

Row = Mapping[str, Any]


class Change(NamedTuple):
    """One question that a run answers wrong; `change` is `fixed`, `broken`, or `other` where both are wrong."""

    id: str
    change: str
    question: str
    gold: str
    before: Row
    after: Row

    @property
    def is_same(self) -> bool:
        """Whether both are wrong in the same way."""
        return all(self.before.get(name) == self.after.get(name) for name in ("outcome", "difference", "predicted"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs on their common questions. `a` and `b` say what they are; `pair` has the shape of `eval --json`.

    `wrong` are the questions that a run answers wrong, `members` the ids of each slice. `left_out` counts the questions
    that only one of the two was scored on, or that have other gold there.
    """

    a: str
    b: str
    metric: str
    rates: Mapping[str, Mapping[str, float]]
    pair: Mapping[str, Any]
    slices: Mapping[str, Mapping[str, Mapping[str, float]]]
    wrong: Sequence[Change]
    members: Slices
    left_out: int
    warnings: Sequence[str] = ()

    @property
    def changes(self) -> list[Change]:
        """The questions on which the two differ."""
        return [change for change in self.wrong if not change.is_same]

    @property
    def is_worse(self) -> bool:
        """Whether `b` has the lower rate."""
        return float(self.pair["difference"]["value"]) < 0

    def to_json(self) -> dict[str, Any]:
        """Return the shape of `compare --json`."""
        ids = {kind: [c.id for c in self.changes if c.change == kind] for kind in ("fixed", "broken")}
        about = {"a": self.a, "b": self.b, "metric": self.metric, "rates": self.rates, **self.pair}
        return about | {"ids": ids, "slices": self.slices, "left_out": self.left_out, "warnings": list(self.warnings)}


class Side(NamedTuple):
    """A model of a finished evaluation, as it was when it was read."""

    label: str
    run: Contents
    model: str

    @property
    def rows(self) -> Mapping[str, Row]:
        return self.run.predictions[self.model]

    @property
    def rates(self) -> Row:
        found: Row = self.run.scores["models"][self.model]
        return found

    def asked(self, ids: Sequence[str]) -> list[Example]:
        """Return the examples with these ids, as far as they were kept."""
        return [from_json(self.run.examples[i]) for i in ids if i in self.run.examples]


def read_side(path: Path, model: str | None = None) -> Side:
    """Return one side of a comparison from the folder of a run or evaluation: its last model, or the one named.

    Raises `DataError` without answers.
    """
    if path.is_dir() and not has_evaluation(path):
        raise no_evaluation(path)
    run = read_run(path)
    if not run.predictions:
        raise DataError(f"{path} holds no answers. Make some: sqltailor eval")
    if model is not None and model not in run.predictions:
        raise DataError(unknown("model", model, run.predictions))
    model = model or list(run.predictions)[-1]
    label = str(path) if model in (str(path), str(path.parent)) else f"{path} ({model})"
    return Side(label, run, model)


def compare_runs(first: Side, second: Side, metric: str | None = None) -> Comparison:
    """Compare two evaluations on the questions that both were scored on.

    Without `metric`, by execution where both have it, else by exact match. Raises `DataError` where they share no
    question, `ConfigError` for a metric that they do not share.
    """
    ids = [i for i in first.rows if i in second.rows and _gold(first.run, i) == _gold(second.run, i)]
    metric = _metric(metric, (first.rates, second.rates))
    common = [i for i in ids if all(metric in side.rows[i]["scores"] for side in (first, second))]
    a, b = ({i: float(side.rows[i]["scores"][metric]) for i in common} for side in (first, second))
    pair = paired(a, b)
    if pair is None:
        raise DataError(f"{first.label} and {second.label} share no question with the same gold, scored by {metric}.")
    examples = second.asked(common)
    members = slices(examples)
    clusters = {example.id: example.db_id for example in examples if example.db_id}
    return Comparison(
        a=first.label,
        b=second.label,
        metric=metric,
        rates={name: found.to_json() for name, each in (("a", a), ("b", b)) if (found := rate(each.values()))},
        pair=pair_json(pair, a, b, clusters=clusters),
        slices={kind: _sliced(named, a, b) for kind, named in members.items()},
        wrong=list(_wrong(common, first, second, a, b)),
        members=members,
        left_out=len(first.rows.keys() | second.rows.keys()) - len(common),
        warnings=_warnings(first.run.evaluation, second.run.evaluation),
    )


def _gold(run: Contents, id: str) -> Any:
    return run.examples.get(id, {}).get("sql")


def _metric(wanted: str | None, found: Sequence[Row]) -> str:
    shared = [name for name in found[0] if name in found[1]]
    if wanted is not None and wanted not in shared:
        raise ConfigError(unknown("metric of both runs", wanted, shared))
    headline = [name for name in HEADLINE_METRICS if name in shared]
    if wanted is None and not headline:
        raise DataError(f"The two runs share neither {' nor '.join(HEADLINE_METRICS)}. Next: --metric {shared[0]}")
    return wanted or headline[0]


def _warnings(first: Row, second: Row) -> list[str]:
    """Return what makes the two hard to compare: other databases, or other settings."""
    told = []
    for name, what in (("database", "databases"), ("stamp", "states of the database"), ("timeout_s", "time limits")):
        if first.get(name) != second.get(name) and first.get(name) and second.get(name):
            told.append(f"scored on other {what}: {first[name]} and {second[name]}")
    return told


def _sliced(named: Mapping[str, set[str]], a: Row, b: Row) -> dict[str, dict[str, float]]:
    found = {}
    for name, ids in named.items():
        pair = paired({i: a[i] for i in ids}, {i: b[i] for i in ids})
        if pair is not None:
            means = {side: round(sum(each[i] for i in ids) / len(ids), 6) for side, each in (("a", a), ("b", b))}
            found[name] = {"n": pair.n, **means, "fixed": pair.fixed, "broken": pair.broken}
    return found


def _wrong(ids: Sequence[str], first: Side, second: Side, a: Row, b: Row) -> Iterator[Change]:
    for i in ids:
        was_right, is_right = a[i] >= 1, b[i] >= 1
        if not (was_right and is_right):
            change = "fixed" if is_right else "broken" if was_right else "other"
            yield _change(i, change, first, second)


def _change(id: str, change: str, first: Side, second: Side) -> Change:
    example = second.run.examples.get(id, {})
    question = str(example.get("question") or example.get("spec") or id)
    return Change(id, change, question, (example.get("sql") or [""])[0], first.rows[id], second.rows[id])


def wrong_answers(side: Side) -> list[Change]:
    """Return the questions that one run answers wrong, by the metric that its report is about."""
    metric = _metric(None, (side.rates, side.rates))
    wrong = (i for i, row in side.rows.items() if row["scores"].get(metric, 1) < 1)
    return [_change(i, "other", side, side) for i in wrong]


def chosen(changes: Sequence[Change], *, only: str | None = None, text: str | None = None) -> list[Change]:
    """Return the changes of a kind (`fixed`, `broken`, `other`, an outcome or a difference) that hold a text.

    The text is looked for in question, gold and both predictions, whatever its case.
    """
    found = []
    for change in changes:
        sides = change.before, change.after
        kinds = {change.change, *(str(side.get(name)) for side in sides for name in ("outcome", "difference"))}
        words = "\n".join([change.question, change.gold, *(side["predicted"] for side in sides)]).casefold()
        if only in (None, *kinds) and (text is None or text.casefold() in words):
            found.append(change)
    return found
