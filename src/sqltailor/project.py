"""An opened project: a recipe's database, schema and grant, opened once, and the prompts that models see.

The guard judges by the whole schema and the grant; a model sees only what is granted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from sqltailor.data.canonical import as_meant
from sqltailor.data.readers import read_examples
from sqltailor.data.rows import Reject
from sqltailor.data.schema_file import read_schema_file
from sqltailor.database import Database, dialect_of, is_warehouse, open_database
from sqltailor.errors import ConfigError, DataError, counted
from sqltailor.generate.bases.download import cache_folder
from sqltailor.prompt.about import Subject
from sqltailor.prompt.extract import is_declined
from sqltailor.prompt.hints import VALUES, Linker, Stored, TableValues, read_values
from sqltailor.prompt.kept_values import kept_linker, values_file
from sqltailor.prompt.known import KnownPairs
from sqltailor.prompt.linking import SchemaLinker
from sqltailor.prompt.text import BuildPrompt, notes_of
from sqltailor.prompt_builder import PromptBuilder
from sqltailor.recipe import Recipe
from sqltailor.runs import Run, read_json
from sqltailor.sql.dialect import load_dialect
from sqltailor.sql.guard.granted_views import visible
from sqltailor.sql.schema import diff, from_json, without_samples
from sqltailor.types import Cell, Example, GenerateOptions, Grant, Guardrail, Schema, Table

logger = logging.getLogger(__name__)

SHOWN = 5
"""Changes of a schema that a warning names."""


class Project:
    """What a recipe names, each opened or read when it is first used, once, and held until `close`.

        with Project(recipe) as project:
            result = project.database.run("SELECT count(*) FROM customer")

    A server keeps one for days; after `close` the next use opens and reads everything again.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.grant = Grant(tuple(recipe.database.allow), tuple(recipe.database.deny))
        self._learned: list[str] = []

    @property
    def has_database(self) -> bool:
        """Whether the recipe names a database."""
        return self.recipe.database.url is not None

    @property
    def may_run(self) -> bool:
        """Whether statements may run on the recipe's database: on a warehouse only if it says so."""
        settings = self.recipe.database
        return settings.url is not None and (settings.unprotected or not is_warehouse(settings.url))

    @property
    def has_schema(self) -> bool:
        """Whether there is a schema: from a file or a database."""
        return self.recipe.database.schema_file is not None or self.has_database

    @cached_property
    def database(self) -> Database:
        """The recipe's database with its limits and the grant: SQLite itself refuses what that denies.

        Raises `ConfigError` when the recipe names none.
        """
        settings = self.recipe.database
        if settings.url is None:
            raise ConfigError(
                "No database is named. Give --database URL, or write recipe.yaml with: sqltailor init URL"
            )
        return open_database(
            settings.url,
            timeout_s=settings.timeout_s,
            max_rows=settings.max_rows,
            grant=self.grant,
            unprotected=settings.unprotected,
        )

    @property
    def runnable(self) -> Database:
        """The database, for what makes no sense unless statements run on it; `ConfigError` where they may not."""
        if self.has_database and not self.may_run:
            raise ConfigError(
                "This needs statements to run, and nothing runs on a warehouse, which has no read-only session and no "
                "limit that the server enforces. Where its role may only SELECT: database.unprotected=true"
            )
        return self.database

    @cached_property
    def schema(self) -> Schema:
        """The whole schema, as the guard needs it: from `database.schema` or else the database itself.

        Raises `ConfigError` when there is neither, `DataError` when it cannot be read.
        """
        settings = self.recipe.database
        if settings.schema_file is not None:
            return read_schema_file(settings.schema_file, self.recipe.dialect)
        return self.database.read_schema(settings.samples, settings.sample_personal, namespaces=settings.namespaces)

    @cached_property
    def granted(self) -> Schema:
        """The part of the schema that the grant lets statements name: what a model may see.

        Raises `ConfigError` when the grant names what the schema lacks.
        """
        return visible(self.schema, self.grant, load_dialect(self.dialect).base)

    @property
    def dialect(self) -> str:
        """The recipe's dialect where it is the database's or extends it, else the database's own."""
        url = self.recipe.database.url
        own = dialect_of(url) if url is not None else None
        return self.recipe.dialect if own in (None, load_dialect(self.recipe.dialect).base) else str(own)

    @property
    def options(self) -> GenerateOptions:
        """How the recipe has models generate."""
        settings, rail = self.recipe.generate, self.recipe.generate.guardrail
        return GenerateOptions(
            settings.max_tokens,
            settings.temperature,
            settings.top_p,
            seed=settings.seed,
            candidates=settings.candidates,
            repairs=settings.repairs,
            constrain=settings.constrain,
            known_joins=settings.known_joins,
            grammar_for=None if settings.send_grammar == "none" else settings.send_grammar,
            guardrail=Guardrail(rail.id, rail.version, rail.trace) if rail.id is not None else None,
        )

    def prompts(
        self,
        model: str,
        count_tokens: Callable[[str], int] | None,
        *,
        without_same: bool = True,
        context: int | None = None,
    ) -> BuildPrompt:
        """Return the function that builds a model's prompts by the recipe's settings.

        A prompt shows what is granted of the project's schema, the stored values that the question names, and the
        nearest known pairs: `without_same`, as in training and evaluation, none that asks the same. An example's own
        schema is shown whole. `count_tokens` holds `prompt.max_schema_tokens`; None, for a model whose tokenizer is not
        here, estimates. A schema for which a model's `context` has no room is linked, too. Raises `ConfigError` when
        there is no database to look the values up in.
        """
        return PromptBuilder(self, model, count_tokens, without_same=without_same, context=context)

    @cached_property
    def schema_linker(self) -> SchemaLinker:
        """What finds the tables that a question needs."""
        return SchemaLinker(self.granted)

    @cached_property
    def known(self) -> KnownPairs:
        """The pairs of `data.train` and `learn_from` about the project's schema; of a file that is not here, none."""
        names = dict.fromkeys([*self.recipe.data.train, *self._learned])
        files = [Path(name) for name in names if Path(name).is_file()]
        return KnownPairs((example for file in files for example in read_file(file, self)[0]), self._linker)

    def learn_from(self, reference: str) -> None:
        """Take the training files of a run for known pairs, too: `train --add` names some that the recipe does not."""
        learned = Run(Path(reference)).training_files()
        if learned != self._learned:
            self._learned = learned
            for name in ("known", "_subject"):
                self.__dict__.pop(name, None)

    def as_meant(self, example: Example) -> Example:
        """Return an example with text in double quotes as text, where SQLite would take it for that."""
        if example.schema is not None or not self.has_schema or not any('"' in sql for sql in example.sql):
            return example
        return as_meant(example, self.schema)

    def strange_words(self, question: str) -> list[str]:
        """Return the words that say what a question is about, if nothing here is known by any of them."""
        words = self._subject.strange(question)
        return [] if words and self.has_database and self.values_named(question) else words

    @cached_property
    def _subject(self) -> Subject:
        pairs = self.known.examples() if self.has_database else ()
        answered = (pair.question or "" for pair in pairs if not is_declined(pair.sql[0]))
        return Subject(self.granted, self.recipe.glossary, answered)

    def complete(self, example: Example) -> Example:
        """Return the example with all that a prompt says beside the question in its evidence.

        For files that are not written by `prompts`: what is trained on elsewhere is then asked in the same words.
        """
        found = self.hints(example, self.recipe.prompt.hints) if example.schema is None else []
        notes = notes_of(example, self.recipe.glossary)
        return dataclasses.replace(example, evidence="\n".join([*notes, *found]) or None)

    def values_named(self, question: str) -> list[Stored]:
        """Return the stored values that a question names, each in the columns that hold it."""
        return list(self._linker.find(question))

    def hints(self, example: Example, limit: int) -> list[str]:
        """Return at most so many hints: stored values that an example's question names."""
        return self._linker.hints(example.question, limit, self.dialect) if limit and example.question else []

    @cached_property
    def _linker(self) -> Linker:
        settings, database = self.recipe.database, self.database
        file = values_file(
            cache_folder() / "values", database.place, self.grant, settings.namespaces, settings.sample_personal
        )

        def read(table: Table, judged: Mapping[str, str]) -> TableValues:
            def fetch(sql: str) -> list[tuple[Cell, ...]]:
                return self.database.run(sql, max_rows=VALUES + 1).rows

            return read_values(table, fetch, database.dialect, personal=settings.sample_personal, judged=judged)

        return kept_linker(file, self.granted, read, lambda: self.database.table_states())

    def drift(self, reference: str) -> list[str]:
        """Return what changed in the schema since a run learned it, one sentence each; nothing for other models."""
        learned = Run(Path(reference)).schema
        if not learned.is_file() or not self.has_schema:
            return []
        return diff(from_json(read_json(learned)), without_samples(self.granted))

    def warn_of_drift(self, reference: str) -> None:
        """Log a warning where the schema is no longer what a run learned."""
        if changes := self.drift(reference):
            more = f" and {len(changes) - SHOWN} more changes" if len(changes) > SHOWN else ""
            logger.warning(
                "the schema has changed since %s learned it: %s%s. See which pairs no longer run with sqltailor data "
                "check, then train again",
                reference,
                "; ".join(changes[:SHOWN]),
                more,
            )

    def close(self) -> None:
        """End the database's process, and forget what was read."""
        if "database" in self.__dict__:
            self.database.close()
        for name in ("database", "schema", "granted", "known", "_linker", "schema_linker", "_subject"):
            self.__dict__.pop(name, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextlib.contextmanager
def opened(recipe: Recipe | Project) -> Iterator[Project]:
    """Yield a recipe's project, and close it in the end; a project is yielded as it is, and stays open."""
    if isinstance(recipe, Project):
        yield recipe
    else:
        with Project(recipe) as project:
            yield project


def read_file(path: str | Path, recipe: Recipe | Project) -> tuple[list[Example], list[Reject]]:
    """Return the examples of a file in any known format, by the recipe's mapping, and the rows that are none.

    Training and evaluation read their files through here.
    """
    with opened(recipe) as project:
        data = project.recipe.data
        rows = list(read_examples(path, data.format, data.mapping, project.dialect))
        examples = [project.as_meant(r) for r in rows if isinstance(r, Example)]
    return examples, [r for r in rows if isinstance(r, Reject)]


def read_parts(
    paths: Sequence[str | Path], recipe: Recipe | Project, *, what: str, all_of_them: bool = False
) -> list[Example]:
    """Return the examples of several files; `source` says which file each is from. Rows that are none are told.

    Raises `DataError` when none of the files exists (`all_of_them`: when one does not), or there are no examples.
    """
    existing = [p for p in paths if str(p).startswith("hf:") or Path(p).is_file()]
    if missing := [str(p) for p in paths if p not in existing]:
        if all_of_them and existing:
            raise DataError(f"No such file: {', '.join(missing)}.")
        if existing:
            logger.warning("%s: no such file, so nothing of it is among the %s examples", ", ".join(missing), what)
    if not existing:
        listed = ", ".join(map(str, paths)) or "none is named"
        raise DataError(
            f"There are no {what} examples ({listed}). Make them: sqltailor data import FILE; or, without questions of "
            f"your own: sqltailor data synth -n 100 --seed 1 --out data/{what}.jsonl"
        )
    examples = []
    for path in existing:
        if Path(path).is_file() and not Path(path).stat().st_size:
            continue
        found, rejects = read_file(path, recipe)
        examples += [dataclasses.replace(e, source=Path(path).stem) for e in found]
        if rejects:
            told = f"{counted(len(rejects), 'row')} of {path}, the first in line {rejects[0].line}: {rejects[0].detail}"
            logger.warning("left out, as no %s example: %s", what, told)
    if not examples:
        raise DataError(
            f"The {what} files {', '.join(map(str, existing))} hold no example. Divide more rows, or in another way: "
            "sqltailor data import FILE --by question --test 0.3"
        )
    return examples
