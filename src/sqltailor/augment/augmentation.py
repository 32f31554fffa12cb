"""One run of `data augment`, request by request: ask, filter, round trip, write."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqltailor.augment.journal import Journal, Model
from sqltailor.augment.question_checks import Known, check_question, check_values
from sqltailor.augment.statement_fitness import Trial
from sqltailor.augment.tasks import How, Request
from sqltailor.data.examples import atomic_writer, to_line
from sqltailor.data.facts import tables_of
from sqltailor.data.querylog.clean_log import write_reject
from sqltailor.data.rows import Reject, RowError, shown
from sqltailor.errors import DataError
from sqltailor.evaluate.metrics.outcome import outcome
from sqltailor.evaluate.scorer import Scorer
from sqltailor.generate import load
from sqltailor.prompt.text import BuildPrompt
from sqltailor.types import Completion, Example, GenerateOptions, Schema

Read = Callable[[Request, Completion], Iterator[Example | Reject]]
"""An answer → what it holds."""


@dataclass(frozen=True, slots=True)
class AugmentResult:
    """What became of what a model made: `made == kept + rejected`, `rejected == sum(reasons.values())`."""

    made: int
    kept: int
    rejected: int
    reasons: Mapping[str, int]
    out: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON shape of `data augment --json`."""
        return asdict(self)


@dataclass(frozen=True)
class RoundTrip:
    """The checker: asked a question as always, its SQL must give the result of the question's SQL.

    So it must on the further databases of `also`, where both may be empty; one on which the question's SQL does not
    run says nothing.
    """

    model: Model
    ask: BuildPrompt
    scorer: Scorer
    schema: Schema
    options: GenerateOptions
    also: Sequence[Scorer] = ()

    def faults(self, examples: Sequence[Example], journal: Journal) -> list[str | None]:
        """Return for each example None, or what the checker wrote instead."""
        prompts = [self.ask(example, self.schema) for example in examples]
        if self.model.reference == "gold":
            answers = load("gold", examples=examples)(prompts, self.options)
        else:
            answers = journal.ask(self.model, ["check"] * len(examples), prompts, self.options, seed=0)
        return [self._fault(*pair) for pair in zip(examples, answers, strict=True)]

    def _fault(self, example: Example, answer: Completion) -> str | None:
        for scorer in (self.scorer, *self.also):
            word, reason = outcome(scorer.attempt(example, answer, self.schema))
            right = ("correct",) if scorer is self.scorer else ("correct", "empty_match", "gold_error")
            if word not in right:
                return f"{word}: {reason}; it wrote: {shown(answer.text)[:300]}"
        return None


@dataclass
class AugmentRun:
    """One run: requests in, examples and rejects out. Counts are right once `results` is used up."""

    how: How
    model: Model
    journal: Journal
    known: Known
    read: Read
    options: GenerateOptions
    batch: int
    trial: Trial | None = None
    round_trip: RoundTrip | None = None
    asked: int = 0

    def results(self, requests: Iterable[Request | Reject]) -> Iterator[Example | Reject]:
        """Yield what is kept and what is not, as answers come; every answer is on disk before it is used."""
        waiting: list[Request] = []
        for item in requests:
            if isinstance(item, Reject):
                yield item
                continue
            waiting.append(item)
            if len(waiting) == self.batch:
                yield from self._answered(waiting)
                waiting = []
        yield from self._answered(waiting)

    def _answered(self, requests: list[Request]) -> Iterator[Example | Reject]:
        ids, prompts = [r.id for r in requests], [r.prompt for r in requests]
        seed = (self.options.seed or 0) * 1_000_003 + self.asked
        answers = self.journal.ask(self.model, ids, prompts, self.options, seed=seed)
        self.asked += len(requests)
        passed: list[Example] = []
        for request, answer in zip(requests, answers, strict=True):
            for item in self.read(request, answer):
                found = item if isinstance(item, Reject) else self._checked(request.origin, item)
                if isinstance(found, Reject):
                    yield found
                else:
                    passed.append(found)
        faults = self.round_trip.faults(passed, self.journal) if self.round_trip else [None] * len(passed)
        for example, fault in zip(passed, faults, strict=True):
            yield _reject(example, "round_trip", fault) if fault else example

    def _checked(self, origin: Example, made: Example) -> Example | Reject:
        """Return an example that passes all filters but the round trip, with canonical SQL, or why it does not."""
        try:
            assert made.question is not None
            check_question(made.question, tables_of(made.sql[0], made.dialect), made.dialect)
            if self.how == "rewrite":
                check_values(origin, made)
            if self.how == "propose" and self.trial is not None:
                made = dataclasses.replace(made, sql=(self.trial.passed(made.sql[0]),))
            self.known.check(made, new_sql=self.how == "propose")
        except RowError as e:
            return _reject(made, e.reason, str(e))
        return made


def _reject(made: Example, reason: str, detail: str) -> Reject:
    return Reject(made.line or 0, reason, detail, shown(f"{made.question}\n{made.sql[0]}"), made.source)


def write_results(results: Iterator[Example | Reject], out: Path, progress: Callable[[int], None]) -> AugmentResult:
    """Write examples to `out` and rejects beside it, both whole or not at all; return the counts."""
    reasons: Counter[str] = Counter()
    kept = 0
    with atomic_writer(beside(out, "rejects")) as rejects, atomic_writer(out) as file:
        for item in results:
            if isinstance(item, Reject):
                reasons[item.reason] += 1
                write_reject(rejects, item)
            else:
                kept += 1
                file.write(to_line(item))
            progress(kept + reasons.total())
    return AugmentResult(kept + reasons.total(), kept, reasons.total(), dict(reasons), str(out))


def limited(requests: Iterator[Request | Reject], limit: int | None) -> Iterator[Request | Reject]:
    """Yield requests up to a number of them, with the rejects between them."""
    left = limit
    for item in requests:
        yield item
        if left is not None and isinstance(item, Request):
            left -= 1
            if left <= 0:
                return


def beside(out: Path, what: str) -> Path:
    """Return the file that stands beside another: `data/x.jsonl` → `data/x.rejects.jsonl`."""
    return out.with_name(f"{out.name.removesuffix('.gz').removesuffix('.jsonl')}.{what}.jsonl")


def check_out(out: Path, sources: Sequence[str]) -> None:
    """Raise `DataError` when `out` is read, or is a file that no run of this command wrote."""
    if any(Path(source).resolve() == out.resolve() for source in sources):
        raise DataError(f"{out} is read and would be replaced. Next: --out another file")
    if out.exists() and not any(beside(out, what).exists() for what in ("answers", "rejects")):
        raise DataError(f"{out} exists, and this command did not make it: it is not replaced. Next: --out another")
