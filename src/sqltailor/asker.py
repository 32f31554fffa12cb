"""Question or specification → SQL, the guard's verdict, and rows: what `ask` prints."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqltailor.database import Database
from sqltailor.errors import DataError, Refused, SQLError, Timeout
from sqltailor.generate import context_of, load, token_counter
from sqltailor.generate.calibration import calibration_of
from sqltailor.generate.canned import is_canned
from sqltailor.generate.guarding import guarding
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
        return self._project.prompts(self._model, counter, is_lesson=False, context=context)

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
        of those that a known pair's answer has (`Reply.values`). Raises `DataError` when the question, or the schema
        with it, is too long, and for values where no known pair answers.
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
        started = time.monotonic()
        project = self._project
        database = project.database if run else None
        words, spec = (question, None) if isinstance(question, str) else (None, question)
        example = Example(question=words, spec=spec, history=tuple(history), dialect=project.dialect)
        known = self._known(example)
        if values is not None:
            if known is None:
                raise DataError("No known pair answers this question, so that it has no values to change.")
            known = known.with_values(values, project.dialect)
        if known is not None:
            completion = Completion(known.sql, tokens_in=0, tokens_out=0)
        elif strange := self._strange(example):
            about = " or ".join(f"'{word}'" for word in strange[:SHOWN])
            reason = f"nothing in the database, its values, the glossary or known questions is about {about}"
            completion = Completion(f"{DECLINE} {reason}", tokens_in=0, tokens_out=0)
        else:
            loading = time.monotonic()
            self.load()
            started += time.monotonic() - loading  # answering does not take that long
            [completion] = self._choosing()([self._prompt(example, project.schema)], self._options)
        is_known = known is not None and not is_declined(known.sql)
        # as it is: a value may look like what models write around SQL
        sql, declined = Answer(completion.text) if is_known else extract(completion.text, project.dialect)
        readings = tuple(
            other for text in completion.others if (other := extract(text, project.dialect).sql) is not None
        )
        verdict = self._checked(sql, declined, completion)
        asks_back = False
        if sql is not None and verdict.allowed and self._is_split(completion):
            agreeing = self._agreeing(completion)
            asks_back = bool(readings) and agreeing > 1
            verdict = _split(sql, readings, completion, project) if asks_back else self._scattered(agreeing)
        allowed = verdict.allowed if sql is not None or completion.refused is not None else None
        reply = Reply(
            sql,
            verdict.reason,
            allowed,
            None,
            completion,
            self._model,
            _since(started),
            verdict.layer,
            completion.confidence,
            self._expected(completion),
            readings=readings,
            asks_back=asks_back,
            declined=declined,
            agrees_with_compiler=self._agrees(sql, spec, run=run)
            if sql is not None and allowed and spec is not None
            else None,
            pair=None if known is None else known.pair,
            values=known.values(project.dialect) if known is not None and sql is not None else (),
        )
        yield reply
        if database is not None and sql is not None and allowed:
            verdict, result = run_judged(database, sql, verdict)
            yield dataclasses.replace(
                reply,
                reason=verdict.reason,
                allowed=verdict.allowed,
                layer=verdict.layer,
                result=result,
                total_ms=_since(started),
            )

    def run(self, sql: str) -> Ran:
        """Return what becomes of a statement that a person wrote: the guard judges it as it judges a model's."""
        verdict = self._judged(sql)
        return run_judged(self._project.database, sql, verdict) if verdict.allowed else Ran(verdict, None)

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

    def _known(self, example: Example) -> Answered | None:
        """Return the answer of a pair that is known already, and granted; none to what follows other messages."""
        if not self._project.recipe.generate.known or example.question is None or example.history:
            return None
        if self._options.guardrail is not None:  # it shall see every question
            return None
        if not self._project.has_database or not len(self._project.known):
            return None
        known = self._project.known.answer(example.question, self._project.dialect)
        if known is None or not (is_declined(known.sql) or self._judged(known.sql).allowed):
            return None
        return known

    def _checked(self, sql: str | None, declined: str | None, completion: Completion) -> Verdict:
        if completion.refused is not None:
            return Verdict(False, None, completion.refused)
        if declined is not None:
            return Verdict(False, None, f"cannot answer: {declined}")
        if sql is None and completion.stop == "length" and completion.tokens_out == 0:
            return Verdict(
                False,
                "limits",
                f"the prompt has {completion.tokens_in:,} tokens, more than the model reads. "
                "Name the tables that questions are about in database.allow",
            )
        if sql is None:
            return Verdict(False, None, "the model wrote no SQL")
        if completion.stop == "length":
            return Verdict(False, "limits", "the answer was cut at generate.max_tokens")
        return self._judged(sql)

    def _is_split(self, completion: Completion) -> bool:
        least = self._project.recipe.generate.min_confidence
        return completion.confidence is not None and completion.confidence < least

    def _agreeing(self, completion: Completion) -> int:
        """Return how many candidates agree with an answer, itself among them."""
        return round((completion.confidence or 0.0) * (self._options.candidates + 1))

    def _scattered(self, agreeing: int) -> Verdict:
        """Return that there is no second reading to choose from, and what to do."""
        answers = f"of the model's {self._options.candidates + 1} answers agree"
        least = f"fewer than generate.min_confidence ({self._project.recipe.generate.min_confidence:.0%})"
        how_few = f"no two {answers}" if agreeing <= 1 else f"only {agreeing} {answers}, {least}"
        what_next = "Ask in other words: name what is counted or listed, values and dates"
        return Verdict(False, None, f"{how_few}, so that this SQL is a guess. {what_next}")

    def _expected(self, completion: Completion) -> float | None:
        if completion.confidence is None:
            return None
        known = calibration_of(self._model, self._options.candidates)
        return None if known is None else known.expected(completion.confidence)

    def _judged(self, sql: str) -> Verdict:
        return check(sql, dialect=self._project.dialect, schema=self._project.schema, grant=self._project.grant)


def _split(sql: str, readings: Sequence[str], completion: Completion, project: Project) -> Verdict:
    """Return why an answer that too few candidates agree with does not run, and in what the two readings differ."""
    from sqltailor.evaluate.mistakes.taxonomy import mistakes_in

    parts = mistakes_in(sql, readings, outcome="wrong", results=None, dialect=project.dialect)
    named = ", ".join(f"the {part}" for part in parts if part != "other")
    reason = f"the candidates are split: {completion.confidence:.0%} agree with the first reading"
    return Verdict(False, None, f"{reason}{f'; the second differs in {named}' if named else ''}. Which is meant?")


def run_judged(database: Database, sql: str, verdict: Verdict) -> Ran:
    """Return what becomes of a statement that the guard allows; the database may still refuse it, or stop it."""
    try:
        return Ran(verdict, database.run(sql))
    except Refused as e:
        return Ran(Verdict(False, e.layer, str(e)), None)
    except Timeout as e:
        return Ran(Verdict(True, "limits", str(e)), None)
    except SQLError as e:
        return Ran(Verdict(True, None, f"the database says: {e}"), None)


def _since(started: float) -> float:
    """Return the milliseconds since a time of the monotonic clock."""
    return (time.monotonic() - started) * 1000
