"""Question or specification → SQL, the guard's verdict, and rows: what `ask` prints."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqltailor.answer_verdict import doubt, is_doubted, judged, run_judged, verdict_of
from sqltailor.errors import DataError
from sqltailor.generate import context_of, load, token_counter
from sqltailor.generate.calibration import calibration_of
from sqltailor.generate.canned import is_canned
from sqltailor.generate.guarding import guarding
from sqltailor.generate.remote import since
from sqltailor.project import Project
from sqltailor.prompt.extract import Answer, extract, is_declined
from sqltailor.prompt.known import Answered
from sqltailor.prompt.text import BuildPrompt
from sqltailor.reply import Ran, Reply
from sqltailor.sql.constrain.grammar import DECLINE
from sqltailor.sql.dialect import comparable
from sqltailor.sql.guard import check
from sqltailor.sql.queryspec import compile_spec
from sqltailor.types import Completion, Example, Generate, Message, Verdict

NOT_GRANTED = "it needs tables or columns that are not granted"
SHOWN = 4
"""Words of a question that a reason names."""


def open_asker(project: Project, model: str, *, votes: int | None = None, load_now: bool = True) -> Asker:
    """Return what asks a model about a project's database; after `project.close` the next question opens that again.

    `votes` takes the place of `generate.candidates`. Without `load_now` the model is loaded when a question needs it:
    one that is known, or cannot be answered, does not. Raises `ConfigError` or `DataError` for a project without a
    schema, `BackendError` for a model that cannot be opened.
    """
    _ = project.schema  # before a model is loaded in vain
    project.warn_of_drift(model)
    asker = Asker(project, model, votes=votes)
    if load_now:
        asker.load()
    return asker


class Asker:
    """Asks one model about one project; see `open_asker`. The model is loaded where `generate` does not bring it."""

    def __init__(
        self, project: Project, model: str, generate: Generate | None = None, *, votes: int | None = None
    ) -> None:
        project.learn_from(model)
        self._project, self._model, self._given = project, model, generate
        candidates = project.options.candidates if votes is None else votes
        self._options = dataclasses.replace(project.options, n=1, candidates=candidates)

    def load(self) -> None:
        """Load the model, unless it is loaded already."""
        _ = self._prompt

    @cached_property
    def _loaded(self) -> Generate:
        if self._given is not None:
            return self._given
        return load(self._model, batch=1, engine=self._project.recipe.generate.engine)

    @cached_property
    def _generate(self) -> Generate:
        return guarding(self._loaded)

    @cached_property
    def _prompt(self) -> BuildPrompt:
        counter, context = token_counter(self._loaded), context_of(self._loaded)
        return self._project.prompts(self._model, counter, without_same=False, context=context)

    def __call__(
        self,
        question: str | Mapping[str, Any],
        history: Sequence[Message] = (),
        *,
        run: bool = True,
        values: Sequence[str] | None = None,
    ) -> Reply:
        """Return the answer to a question or a specification, which follows the messages of `history`.

        With `run`, an allowed statement runs on the project's database, which must be there. `values` take the places
        of those that a known pair's answer has (`Reply.values`). Raises `DataError` when the question is empty, or too
        long by itself or with the schema, and for values where no known pair answers.
        """
        *_, reply = self.stream(question, history, run=run, values=values)
        return reply

    def stream(
        self,
        question: str | Mapping[str, Any],
        history: Sequence[Message] = (),
        *,
        run: bool = True,
        values: Sequence[str] | None = None,
    ) -> Iterator[Reply]:
        """Yield the answer as it grows: with the SQL and the verdict, and once more when the statement has run."""
        started = time.perf_counter()
        project = self._project
        if isinstance(question, str) and not question.strip():
            raise DataError("The question is empty. Ask in words, such as: How many orders are there?")
        database = project.database if run else None
        words, spec = (question, None) if isinstance(question, str) else (None, question)
        example = Example(question=words, spec=spec, history=tuple(history), dialect=project.dialect)
        known = self._known(example, values)
        strange = self._strange(example) if known is None else []
        if known is None and not strange:
            loading = time.perf_counter()
            self.load()
            started += time.perf_counter() - loading  # answering does not take that long
        completion = self._written(example, known, strange)
        reply, verdict = self._reply(completion, known, spec, run=run)
        yield dataclasses.replace(reply, total_ms=since(started))
        if database is not None and reply.sql is not None and reply.allowed:
            verdict, result = run_judged(database, reply.sql, verdict)
            yield dataclasses.replace(
                reply,
                reason=verdict.reason,
                allowed=verdict.allowed,
                layer=verdict.layer,
                result=result,
                total_ms=since(started),
            )

    def _written(self, example: Example, known: Answered | None, strange: Sequence[str]) -> Completion:
        """Return the text of an answer: the known one, that there is none to what is strange, or the model's."""
        if known is not None:
            return Completion(known.sql, tokens_in=0, tokens_out=0)
        if strange:
            about = " or ".join(f"'{word}'" for word in strange[:SHOWN])
            reason = f"nothing in the database, its values, the glossary or known questions is about {about}"
            return Completion(f"{DECLINE} {reason}", tokens_in=0, tokens_out=0)
        [completion] = self._choosing()([self._prompt(example, self._project.schema)], self._options)
        return completion

    def _reply(
        self, completion: Completion, known: Answered | None, spec: Mapping[str, Any] | None, *, run: bool
    ) -> tuple[Reply, Verdict]:
        """Return what a completion says, before it runs, and the verdict on it."""
        project, dialect = self._project, self._project.dialect
        is_known = known is not None and not is_declined(known.sql)
        # as it is: a value may look like what models write around SQL
        answer = Answer(completion.text) if is_known else extract(completion.text, dialect)
        sql = answer.sql
        readings = tuple(other for text in completion.others if (other := extract(text, dialect).sql) is not None)
        verdict, asks_back = verdict_of(answer, completion, project), False
        if sql is not None and verdict.allowed and is_doubted(completion, project):
            candidates = self._options.candidates
            verdict, asks_back = doubt(sql, readings, completion, project, candidates=candidates)
        allowed = verdict.allowed if sql is not None or completion.refused is not None else None
        reply = Reply(
            sql,
            verdict.reason,
            allowed,
            None,
            completion,
            self._model,
            total_ms=0.0,
            layer=verdict.layer,
            confidence=completion.confidence,
            expected=self._expected(completion),
            readings=readings,
            asks_back=asks_back,
            declined=answer.declined,
            agrees_with_compiler=self._agrees(sql, spec, run=run) if sql and allowed and spec is not None else None,
            pair=None if known is None else known.pair,
            values=() if known is None or sql is None else known.values(dialect),
        )
        return reply, verdict

    def run(self, sql: str) -> Ran:
        """Return what becomes of a statement that a person wrote: the guard judges it as it judges a model's."""
        verdict = judged(sql, self._project)
        return run_judged(self._project.database, sql, verdict) if verdict.allowed else Ran(verdict, None)

    def take(self, reply: Reply, reading: str, *, run: bool) -> Reply:
        """Return a reply that asked back with the reading that a person chose, run if wished."""
        verdict, result = self.run(reading) if run else Ran(judged(reading, self._project), None)
        said: dict[str, Any] = {
            "allowed": verdict.allowed,
            "layer": verdict.layer,
            "reason": verdict.reason,
            "result": result,
        }
        return dataclasses.replace(reply, sql=reading, confidence=None, asks_back=False, **said)

    def _choosing(self) -> Generate:
        """Return the model, with votes and repair where they are wished."""
        if self._options.candidates == 0 and self._options.repairs == 0:
            return self._generate
        from sqltailor.evaluate.votes import with_votes  # half a second of imports

        return with_votes(self._generate, self._project)

    def _agrees(self, sql: str, spec: Mapping[str, Any], *, run: bool) -> bool | None:
        """Tell whether a statement returns what the compiler's does; None where they differ and may not run."""
        from sqltailor.evaluate.votes import ballots_of

        try:
            compiled = compile_spec(spec, self._project.dialect, self._project.schema)
        except DataError:
            return None
        if not run:
            same = comparable(sql, self._project.dialect) == comparable(compiled, self._project.dialect)
            return True if same else None
        ballot_of = ballots_of(self._project)
        known = ballot_of(compiled)
        return None if known.kind == "failed" else ballot_of(sql).key == known.key

    def _strange(self, example: Example) -> list[str]:
        """Return the words of a question that say it is about something else; none of what follows other messages."""
        if not self._project.recipe.generate.decline or example.question is None or example.history:
            return []
        words = self._project.strange_words(example.question)
        return [] if words and is_canned(self._model, example.question) else words

    def _known(self, example: Example, values: Sequence[str] | None) -> Answered | None:
        """Return the answer of a pair that is known already, and granted, with other values where they are given."""
        known = self._granted_pair(example)
        if values is None:
            return known
        if known is None or is_declined(known.sql):
            raise DataError("No known pair answers this question, so that it has no values to change.")
        return known.with_values(values, self._project.dialect)

    def _granted_pair(self, example: Example) -> Answered | None:
        """Return the answer of a pair that is known already; none to what follows other messages.

        Where its statement needs what is not granted, the answer is that there is none: a model would make one up.
        """
        if not self._project.recipe.generate.known or example.question is None or example.history:
            return None
        if self._options.guardrail is not None:  # it shall see every question
            return None
        if not self._project.has_database or not len(self._project.known):
            return None
        known = self._project.known.answer(example.question, self._project.dialect)
        if known is None or is_declined(known.sql):
            return known
        verdict = judged(known.sql, self._project)
        if not verdict.allowed and check(known.sql, dialect=self._project.dialect, schema=self._project.schema).allowed:
            return dataclasses.replace(known, sql=f"{DECLINE} {NOT_GRANTED}", slots=())
        return known if verdict.allowed else None

    def _expected(self, completion: Completion) -> float | None:
        if completion.confidence is None:
            return None
        known = calibration_of(self._model, self._options.candidates)
        return None if known is None else known.expected(completion.confidence)
