"""One run of the synthesiser: draw candidates, guard, run in batches, filter, word."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import SQLError
from sqltailor.sql.dialect import avoided, load_dialect
from sqltailor.sql.guard import check
from sqltailor.sql.queryspec import compile_spec
from sqltailor.synth import result_filter
from sqltailor.synth.coverage import Coverage
from sqltailor.synth.pairs import Maker
from sqltailor.synth.query import Query
from sqltailor.synth.shapes.custom_functions import without_calls
from sqltailor.synth.specs import to_spec
from sqltailor.synth.to_sql import template, to_sql
from sqltailor.types import Example, Grant, QueryResult, Schema

if TYPE_CHECKING:
    from sqltailor.database import Database

BATCH = 64
TIMEOUT_S = 10.0
HARD = {
    "with",
    "without",
    "through",
    "set",
    "rank",
    "running",
    "best_of_each",
    "case",
    "per_parent_all",
    "days_between",
}
EASY = {"list", "all", "distinct", "ordered", "count", "count_distinct", "aggregate"}


class Candidate(NamedTuple):
    """A query that is about to run."""

    shape: str
    query: Query
    sql: str
    template: str
    spec: dict[str, Any] | None


@dataclass
class SynthesisRun:
    """One synthesis under way."""

    database: Database
    maker: Maker
    schema: Schema
    grant: Grant
    kind: str
    wordings: int
    rng: random.Random
    n: int
    made: int = 0
    not_run: int = 0
    examples: list[Example] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    templates: Counter[str] = field(default_factory=Counter)
    statements: set[str] = field(default_factory=set)
    questions: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.coverage = Coverage(self.maker.graph)
        self.targets = list(self.maker.weights)
        self.most = max(2, self.n // 60)

    def go(self, progress: Callable[[int], None]) -> None:
        """Make batches until there are enough, or nothing new comes; one batch runs while the next is made."""
        stale, waiting = 0, None
        with ThreadPoolExecutor(1) as runner:
            while len(self.examples) < self.n and stale < 12:
                batch = self.batch()
                running = runner.submit(self.run_all, batch)
                if waiting:
                    before = len(self.examples)
                    self.take(waiting)
                    stale = 0 if len(self.examples) > before else stale + 1
                    progress(len(self.examples))
                waiting = batch, running
            if waiting:
                self.take(waiting)
                progress(len(self.examples))

    def batch(self) -> list[Candidate]:
        """Return the next candidates: new statements that pass the guard."""
        self.maker.weights = self.coverage.shape_weights(self.maker.names, self.targets)
        self.maker.draw.weights = self.coverage.table_weights()
        self.maker.draw.column_weights = self.coverage.column_weights()
        found: list[Candidate] = []
        for _ in range(BATCH * 4):
            if len(found) == BATCH:
                break
            candidate = self.candidate()
            self.made += 1
            if isinstance(candidate, str):
                self.drop(candidate)
            else:
                self.statements.add(candidate.sql)
                self.templates[candidate.template] += 1
                found.append(candidate)
        return found

    def candidate(self) -> Candidate | str:
        """Return a new statement that passes the guard, or why there is none this time."""
        found = self.maker.query(self.rng)
        if found is None:
            return "no query"
        shape, query = found
        masked = template(query)
        if self.templates[masked] >= self.most:
            return "enough of this template"
        spec = to_spec(query, self.rng) if self.kind == "spec" else None
        if self.kind == "spec" and spec is None:
            return "no specification"
        dialect = self.maker.dialect
        try:
            sql = compile_spec(spec, dialect, self.schema) if spec else to_sql(query, dialect)
        except SQLError:
            return "cannot be written in the dialect"
        if sql in self.statements:
            return "same statement"
        if avoided(sql, dialect):
            return "uses what the dialect avoids"
        verdict = check(sql, dialect=dialect, schema=self.schema, grant=self.grant)
        if not verdict.allowed:
            return f"refused: {verdict.layer}"
        return Candidate(shape, query, sql, masked, spec)

    def drop(self, reason: str) -> None:
        """Count a candidate that is not kept."""
        self.dropped[reason] += 1

    def run_all(self, batch: list[Candidate]) -> list[QueryResult | SQLError]:
        return self.run([candidate.sql for candidate in batch])

    def run(self, statements: list[str]) -> list[QueryResult | SQLError]:
        return self.database.run_all(statements, timeout_s=TIMEOUT_S, max_rows=result_filter.MAX_ROWS, indexed=True)

    def take(self, waiting: tuple[list[Candidate], Future[list[QueryResult | SQLError]]]) -> None:
        """Keep the candidates whose results say something."""
        for candidate, result in zip(waiting[0], waiting[1].result(), strict=True):
            if len(self.examples) >= self.n:
                self.give_back(candidate, "enough")
                continue
            is_run = not isinstance(result, SQLError)
            if isinstance(result, SQLError):
                result = self.run_without_calls(candidate) or result
            if isinstance(result, SQLError):
                self.give_back(candidate, "failed")
                continue
            fault = result_filter.fault(candidate.query, result, self.maker.values.counts)
            if fault:
                self.give_back(candidate, fault)
                continue
            examples = list(self.worded(candidate))[: self.n - len(self.examples)]
            if not examples:
                self.give_back(candidate, "same question")
                continue
            self.examples += examples
            self.not_run += not is_run
            self.coverage.add(candidate.shape, candidate.query)

    def give_back(self, candidate: Candidate, reason: str) -> None:
        """Drop a candidate, so that its template may be tried again with other values."""
        self.drop(reason)
        self.templates[candidate.template] -= 1
        if not self.templates[candidate.template]:
            del self.templates[candidate.template]

    def run_without_calls(self, candidate: Candidate) -> QueryResult | SQLError | None:
        """Run a statement with house functions that the database lacks replaced by their first arguments."""
        plain = without_calls(candidate.query)
        if plain == candidate.query:
            return None
        return self.run([to_sql(plain, load_dialect(self.maker.dialect).base)])[0]

    def worded(self, candidate: Candidate) -> Iterator[Example]:
        """Yield the examples of one statement, none with a question that is already taken."""
        difficulty = "hard" if candidate.shape in HARD else "easy" if candidate.shape in EASY else "medium"
        common: dict[str, Any] = {"sql": (candidate.sql,), "dialect": self.maker.dialect, "difficulty": difficulty}
        if candidate.spec:
            yield Example(self.next_id(0), spec=candidate.spec, source="synth", **common)
            return
        made = 0
        for _ in range(self.wordings * 3):
            if made == self.wordings:
                return
            question = self.maker.word(candidate.query, self.rng)
            if " ".join(question.lower().split()) not in self.questions:
                self.questions.add(" ".join(question.lower().split()))
                yield Example(self.next_id(made), question=question, source="synth", **common)
                made += 1

    def next_id(self, offset: int) -> str:
        return f"synth-{len(self.examples) + offset + 1:06d}"
