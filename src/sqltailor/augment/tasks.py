"""The three tasks of `data augment`: what to ask the model, in which order, and how to read its answers."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from sqltailor.augment.answers import MAX_ANSWER, pairs, questions
from sqltailor.augment.prompts import KINDS, back_translate_prompt, propose_prompt, rewrite_prompt
from sqltailor.augment.question_checks import Known
from sqltailor.augment.statement_fitness import Trial
from sqltailor.data.facts import key as hashed
from sqltailor.data.facts import tables_of
from sqltailor.data.querylog.reader import Logged, LogReader
from sqltailor.data.readers import read_examples
from sqltailor.data.rows import Reject, RowError, shown
from sqltailor.naming.joins import key
from sqltailor.naming.values import Values
from sqltailor.sql.schema import find_target
from sqltailor.types import Completion, Example, Prompt, Schema, Table

if TYPE_CHECKING:
    from sqltailor.recipe import Recipe

How = Literal["rewrite", "back-translate", "propose", "values", "follow"]

WITHOUT_MODEL = ("values", "follow")
USUAL_N: dict[How, int] = {"rewrite": 3, "back-translate": 1, "propose": 4, "values": 4, "follow": 1}
"""What one request asks for: wordings, questions, pairs; variants of an example."""
TOKENS: dict[How, int] = {"rewrite": 64, "back-translate": 96, "propose": 200}
"""Longest answer for each of them."""

LIKE = 2
SAMPLES = 3


class Request(NamedTuple):
    """One thing to ask the model, with an id of its own. `origin`: what to reword, or what waits for its question."""

    id: str
    prompt: Prompt
    origin: Example


def rewrites(sources: Sequence[str], recipe: Recipe, known: Known, n: int) -> Iterator[Request | Reject]:
    """Yield a request for each question of files of examples; all of them are known before the first is asked."""
    for row in read_sources(sources, recipe):
        if isinstance(row, Example):
            known.add(row)
    for row in read_sources(sources, recipe):
        if isinstance(row, Reject):
            yield row
        elif row.question is None:
            yield Reject(row.line or 0, "no_question", "the row has a specification", shown(row.id), row.source)
        else:
            yield Request(f"{row.source}:{row.line}:{row.id}", rewrite_prompt(row, n), row)


def back_translations(sources: Sequence[str], reader: LogReader, trial: Trial, n: int) -> Iterator[Request | Reject]:
    """Yield a request for each query of logs that says something; the one that ran most often first."""
    for item in reader.statements(sources):
        if isinstance(item, Reject):
            yield item
            continue
        try:
            sql = _runnable(item, trial)
        except RowError as e:
            yield Reject(item.line, e.reason, str(e), shown(item.sql), item.source)
            continue
        named = tables_of(sql, trial.dialect)
        shown_tables = tuple(table for table in trial.schema.tables if table.name.lower() in named)
        origin = Example(
            f"back-{hashed(sql):016x}", (sql,), "", dialect=trial.dialect, source=item.source, line=item.line
        )
        yield Request(origin.id, back_translate_prompt(sql, Schema(shown_tables), trial.dialect, n), origin)


def _runnable(statement: Logged, trial: Trial) -> str:
    if not statement.runs:
        raise RowError("cannot_run", "a placeholder has no stored value, or the query runs too long")
    return trial.passed(statement.sql)


def proposals(
    sources: Sequence[str], recipe: Recipe, known: Known, trial: Trial, visible: Schema, n: int, seed: int
) -> Iterator[Request | Reject]:
    """Yield requests without end, each about a few joined tables and one kind of question, the same for a seed.

    The examples of `sources` are known: two are shown with each request, and none may come again.
    """
    like: list[Example] = []
    for row in read_sources(sources, recipe):
        if isinstance(row, Reject):
            yield row
            continue
        known.add(row)
        like += [row] if row.question is not None else []
    number = 0
    while True:
        number += 1
        rng = random.Random(f"{seed} proposal {number}")
        tables = tuple(_sampled(table, trial.values) for table in _joined(visible, rng))
        shown_pairs = rng.sample(like, min(LIKE, len(like)))
        kind = KINDS[(seed + number - 1) % len(KINDS)]
        prompt = propose_prompt(Schema(tables), trial.dialect, n, kind=kind, like=shown_pairs)
        origin = Example(f"propose-{seed}-{number}", ("",), "", dialect=trial.dialect)
        yield Request(origin.id, prompt, origin)


def _joined(schema: Schema, rng: random.Random) -> list[Table]:
    """Return one to four tables that foreign keys link, the first one drawn."""
    chosen = [rng.choice(schema.tables)]
    wanted = rng.choice((1, 2, 2, 3, 4))
    while len(chosen) < wanted:
        near = [
            table for table in schema.tables if table not in chosen and any(_linked(schema, table, c) for c in chosen)
        ]
        if not near:
            break
        chosen.append(rng.choice(near))
    return chosen


def _linked(schema: Schema, a: Table, b: Table) -> bool:
    def refers(child: Table, parent: Table) -> bool:
        return any(c.references and find_target(schema, child, c.references) == parent for c in child.columns)

    return refers(a, b) or refers(b, a)


def _sampled(table: Table, values: Values) -> Table:
    """Return a table with a few stored values a column; columns that look personal have none."""
    columns = [
        dataclasses.replace(c, samples=tuple(v for v in values.of(key(table), c.name) if len(str(v)) <= 40)[:SAMPLES])
        for c in table.columns
    ]
    return dataclasses.replace(table, columns=tuple(columns))


def read_sources(sources: Sequence[str], recipe: Recipe) -> Iterator[Example | Reject]:
    """Yield the examples of files, in any known format, and the rows that are none."""
    for source in sources:
        yield from read_examples(source, recipe.data.format, recipe.data.mapping, recipe.dialect)


def worded(request: Request, completion: Completion, n: int, made: str) -> Iterator[Example | Reject]:
    """Yield the origin with each question that an answer holds, at most `n`; `made` says how and by whom."""
    origin = request.origin
    found = questions(completion.text) if len(completion.text) <= MAX_ANSWER else []
    if not found:
        yield _unread(request, completion, "empty", "the answer does not hold a question")
    for number, question in enumerate(found[:n], 1):
        if completion.stop == "length" and number == len(found):
            yield _unread(request, completion, "cut", f"the answer ends with {question[-80:]!r}")
        else:
            source = f"{origin.source}, {made}"
            yield dataclasses.replace(origin, id=f"{origin.id}~{number}", question=question, source=source)


def proposed(request: Request, completion: Completion, n: int, made: str) -> Iterator[Example | Reject]:
    """Yield an example for each pair that an answer holds, at most `n`."""
    origin = request.origin
    found = pairs(completion.text) if len(completion.text) <= MAX_ANSWER else []
    if not found:
        reason = "unreadable" if completion.text.strip() else "empty"
        yield _unread(request, completion, reason, "the answer does not hold a question with its SQL")
    for number, pair in enumerate(found[:n], 1):
        yield dataclasses.replace(
            origin, id=f"{origin.id}-{number}", question=pair.question, sql=(pair.sql,), source=made
        )


def _unread(request: Request, completion: Completion, reason: str, detail: str) -> Reject:
    if len(completion.text) > MAX_ANSWER:
        reason, detail = "too_long", f"the answer has more than {MAX_ANSWER:,} characters"
    return Reject(request.origin.line or 0, reason, detail, shown(completion.text), request.origin.source)
