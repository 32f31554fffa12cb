"""Pairs from a live database, each one guarded, executed, and kept only if its result says something."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqltailor.dialect import avoided, load_dialect
from sqltailor.errors import ConfigError, DataError, SQLError
from sqltailor.guard import Grant, check
from sqltailor.schema import qualified_name
from sqltailor.spec import compile_spec
from sqltailor.synth import worth
from sqltailor.synth.coverage import Coverage
from sqltailor.synth.pairs import SHAPES, Maker
from sqltailor.synth.query import Query
from sqltailor.synth.shapes.house import without_calls
from sqltailor.synth.specs import SPEC_SHAPES, to_spec
from sqltailor.synth.to_sql import template, to_sql
from sqltailor.synth.values import read_values
from sqltailor.types import Example, QueryResult, Schema

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


@dataclass(frozen=True, slots=True)
class Synthesis:
    """What was made. `dropped` counts candidates by reason; made = kept + dropped.

    `coverage` tells tables, columns and shapes; `not_run` counts kept pairs whose house function the database lacks:
    they ran with the function replaced by its first argument. `joins_guessed` are those that no foreign key declares.
    """

    examples: list[Example]
    made: int
    seconds: float
    dropped: Mapping[str, int]
    coverage: Mapping[str, object]
    templates: int
    not_run: int = 0
    joins_guessed: tuple[str, ...] = ()

    @property
    def kept(self) -> int:
        """How many pairs were kept."""
        return len(self.examples)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the pairs as plain values."""
        return {
            "made": self.made, "kept": self.kept, "seconds": round(self.seconds, 2), "templates": self.templates,
            "dropped": dict(self.dropped), "not_run": self.not_run,
            "joins_guessed": list(self.joins_guessed), **self.coverage,
        }  # fmt: skip


class Candidate(NamedTuple):
    """A query that is about to run."""

    shape: str
    query: Query
    sql: str
    template: str
    spec: dict[str, Any] | None


def synthesise(
    database: Database,
    n: int,
    *,
    kind: Literal["question", "spec"] = "question",
    seed: int = 0,
    schema: Schema | None = None,
    grant: Grant = Grant(),  # noqa: B008
    glossary: Mapping[str, str] | None = None,
    dialect: str | None = None,
    wordings: int = 1,
    typo_rate: float = 0.02,
    personal: bool = False,
    weights: Mapping[str, float] | None = None,
    progress: Callable[[int], None] = lambda kept: None,
) -> Synthesis:
    """Return `n` pairs over the tables and values of a database, the same ones for a seed and the same data.

    Each statement is parsed and guarded, runs within limits, and is kept when its result is not empty, not the whole
    table and not constant; no statement and no question comes twice. `wordings` questions are written for each
    statement. `schema` and `grant` narrow what is used. Values of columns that look personal are left out unless
    `personal`. `weights` (by shape, see `SHAPES`) change the mix. Fewer than `n` pairs come back when the schema and
    its values give no more. Raises `DataError` when there is nothing to ask about, `ConfigError` for a wrong `kind`,
    `wordings` or shape.
    """
    if kind not in ("question", "spec") or wordings < 1 or set(weights or {}) - set(SHAPES):
        raise ConfigError(f"`kind` is question or spec, `wordings` at least 1, shapes are: {', '.join(SHAPES)}.")
    started = time.monotonic()
    schema = schema or database.read_schema()
    known = _allowed(schema, grant, database.dialect)
    values = read_values(known, lambda sql: database.run(sql, timeout_s=30).rows, database.dialect, personal=personal)
    if kind == "spec":
        weights = {
            name: (weights or {}).get(name, w) if name in SPEC_SHAPES else 0.0 for name, (w, _) in SHAPES.items()
        }
    maker = Maker(
        known, values, glossary=glossary, dialect=dialect or database.dialect, weights=weights, typo_rate=typo_rate
    )
    run = _Run(database, maker, schema, grant, kind, wordings, random.Random(f"synthesis {seed}"), n)
    run.go(progress)
    joins = [f"{j.child}.{j.child_column} = {j.parent}.{j.parent_column}" for j in maker.graph.guessed]
    return Synthesis(
        run.examples, run.made, time.monotonic() - started, dict(run.dropped.most_common()), run.coverage.report(),
        len(run.templates), run.not_run, tuple(joins),
    )  # fmt: skip


def _allowed(schema: Schema, grant: Grant, dialect: str) -> Schema:
    """Return the tables and columns that the grant lets a statement name."""
    tables = []
    for table in schema.tables:
        columns = tuple(
            column
            for column in table.columns
            if check(_select(table, column.name, dialect), dialect=dialect, schema=schema, grant=grant).allowed
        )
        if columns:
            tables.append(type(table)(table.name, columns, table.namespace, table.comment, table.is_view))
    if not tables:
        raise DataError("There is nothing to ask about: the database has no table that the grant allows.")
    return Schema(tuple(tables))


def _select(table: Any, column: str, dialect: str) -> str:
    from sqltailor.dialect import quote_name

    return f"SELECT {quote_name(column, dialect)} FROM {qualified_name(table, dialect)}"


@dataclass
class _Run:
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
        sql = compile_spec(spec, dialect, self.schema) if spec else to_sql(query, dialect)
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
        return [self.run(candidate.sql) for candidate in batch]

    def run(self, sql: str) -> QueryResult | SQLError:
        try:
            return self.database.run(sql, timeout_s=TIMEOUT_S, max_rows=worth.MAX_ROWS)
        except SQLError as e:
            return e

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
            fault = worth.fault(candidate.query, result, self.maker.values.counts)
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
        return self.run(to_sql(plain, load_dialect(self.maker.dialect).base))

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
