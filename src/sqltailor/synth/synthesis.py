"""Pairs from a live database, each one guarded, executed, and kept only if its result is informative."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqltailor.errors import ConfigError, DataError
from sqltailor.naming.values import read_values
from sqltailor.prompt.about import Subject
from sqltailor.sql.guard import check
from sqltailor.sql.schema import qualified_name
from sqltailor.synth.pairs import SHAPES, Maker
from sqltailor.synth.specs import SPEC_SHAPES
from sqltailor.synth.synthesis_run import SynthesisRun
from sqltailor.synth.unanswerable import unanswerable
from sqltailor.types import Example, Grant, Schema

if TYPE_CHECKING:
    from sqltailor.database import Database


@dataclass(frozen=True, slots=True)
class SynthesisResult:
    """What was made. `dropped` counts candidates by reason; made = kept + dropped.

    `coverage` tells tables, columns and shapes; `not_run` counts kept pairs whose house function the database lacks:
    they ran with the function replaced by its first argument. `joins_guessed` are those that no foreign key declares;
    `declines` counts the questions that cannot be answered.
    """

    examples: list[Example]
    made: int
    seconds: float
    dropped: Mapping[str, int]
    coverage: Mapping[str, object]
    templates: int
    not_run: int = 0
    joins_guessed: tuple[str, ...] = ()
    declines: int = 0

    @property
    def kept(self) -> int:
        """How many pairs were kept."""
        return len(self.examples)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the pairs as plain values."""
        return {
            "made": self.made, "kept": self.kept, "seconds": round(self.seconds, 2), "templates": self.templates,
            "dropped": dict(self.dropped), "not_run": self.not_run,
            "declines": self.declines,
            "joins_guessed": list(self.joins_guessed), **self.coverage,
        }  # fmt: skip


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
    declines: float = 0.0,
    progress: Callable[[int], None] = lambda kept: None,
) -> SynthesisResult:
    """Return `n` pairs over the tables and values of a database, the same ones for a seed and the same data.

    Each statement is parsed and guarded, runs within limits, and is kept when its result is not empty, not the whole
    table and not constant; no statement and no question comes twice. `wordings` questions are written for each
    statement. `schema` and `grant` narrow what is used. Values of columns that look personal are left out unless
    `personal`. `weights` (by shape, see `SHAPES`) change the mix. `declines` is the share of questions about what the
    schema lacks, whose gold says that they cannot be answered. Fewer than `n` pairs come back when the schema and
    its values give no more. Raises `DataError` when there is nothing to ask about, `ConfigError` for a wrong `kind`,
    `wordings`, shape or share.
    """
    if kind not in ("question", "spec") or wordings < 1 or set(weights or {}) - set(SHAPES):
        raise ConfigError(f"`kind` is question or spec, `wordings` at least 1, shapes are: {', '.join(SHAPES)}.")
    if not 0 <= declines < 1 or (declines and kind == "spec"):
        raise ConfigError(f"`declines` is a share of questions from 0 to below 1, not {declines:g} of kind '{kind}'.")
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
    subject = Subject(schema, glossary or {})  # what is denied is stored, too
    declining = unanswerable(maker.graph, subject, round(n * declines), seed, maker.dialect)
    rng = random.Random(f"synthesis {seed}")
    making = SynthesisRun(database, maker, schema, grant, kind, wordings, rng, n - len(declining))
    making.go(progress)
    joins = [f"{j.child}.{j.child_column} = {j.parent}.{j.parent_column}" for j in maker.graph.guessed]
    return SynthesisResult(
        [*making.examples, *declining], making.made + len(declining), time.monotonic() - started,
        dict(making.dropped.most_common()),
        making.coverage.report(), len(making.templates), making.not_run, tuple(joins), len(declining),
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
    from sqltailor.sql.dialect import quote_name

    return f"SELECT {quote_name(column, dialect)} FROM {qualified_name(table, dialect)}"
