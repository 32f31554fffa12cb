"""What a recipe names, opened: its database, schema and grant, the prompts that models see, and examples.

The guard judges by the whole schema and the grant; a model sees only what is granted.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqltailor.data.examples import load_examples
from sqltailor.database import Database, dialect_of, open_database
from sqltailor.errors import ConfigError, DataError
from sqltailor.generate.bases import BASES
from sqltailor.prompt.hints import VALUES, Linker, read_linker
from sqltailor.prompt.text import build_prompt, notes_of
from sqltailor.recipe import Recipe
from sqltailor.runs import Run, read_json
from sqltailor.sql.dialect import load_dialect
from sqltailor.sql.guard.views import visible
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Example, Grant, Prompt, Schema

BuildPrompt = Callable[[Example, Schema], Prompt]


def open_recipe_database(recipe: Recipe, grant: Grant = Grant()) -> Database:  # noqa: B008
    """Open the recipe's database with its limits. Raises `ConfigError` when the recipe names none.

    With a `grant`, SQLite itself refuses what that denies.
    """
    settings = recipe.database
    if settings.url is None:
        raise ConfigError("No database is named. Give --database URL, or write recipe.yaml with: sqltailor init URL")
    return open_database(
        settings.url, timeout_s=settings.timeout_s, max_rows=settings.max_rows, allow=grant.allow, deny=grant.deny
    )


def grant_of(recipe: Recipe) -> Grant:
    """Return what statements may name."""
    return Grant(tuple(recipe.database.allow), tuple(recipe.database.deny))


def dialect_for(recipe: Recipe, database: Database) -> str:
    """Return the recipe's dialect where it is the database's or extends it, else the database's own."""
    return recipe.dialect if load_dialect(recipe.dialect).base == database.dialect else database.dialect


def schema_of(recipe: Recipe, database: Database | None = None) -> Schema:
    """Return the whole schema, as the guard needs it: from `database.schema` or else the database itself.

    Raises `ConfigError` when there is neither, `DataError` when it cannot be read.
    """
    settings = recipe.database
    if settings.schema_file is not None:
        return read_schema_file(settings.schema_file, recipe.dialect)
    if database is not None:
        return database.read_schema(settings.samples, settings.sample_personal, namespaces=settings.namespaces)
    with open_recipe_database(recipe) as opened:
        return schema_of(recipe, opened)


def granted_schema(recipe: Recipe, schema: Schema) -> Schema:
    """Return the part of the recipe's schema that its grant lets statements name: what a model may see.

    Raises `ConfigError` when the grant names what the schema lacks.
    """
    return _granted(schema, grant_of(recipe), _base_dialect(recipe))


@functools.lru_cache(maxsize=8)
def _granted(schema: Schema, grant: Grant, dialect: str) -> Schema:
    return visible(schema, grant, dialect)


def schema_and_dialect(
    recipe: Recipe, *, schema_file: str | None = None, dialect: str | None = None
) -> tuple[Schema | None, str]:
    """Return what is granted of the schema, None where neither file nor database is named, and the dialect to write.

    What is given here comes before what the recipe says.
    """
    if schema_file is not None:
        written = dialect or recipe.dialect
        return read_schema_file(schema_file, written), written
    if recipe.database.schema_file is not None or recipe.database.url is None:
        known = granted_schema(recipe, schema_of(recipe)) if recipe.database.schema_file is not None else None
        return known, dialect or recipe.dialect
    with open_recipe_database(recipe) as database:
        return granted_schema(recipe, schema_of(recipe, database)), dialect or dialect_for(recipe, database)


def _base_dialect(recipe: Recipe) -> str:
    url = recipe.database.url
    own = dialect_of(url) if url and recipe.database.schema_file is None else None
    return own or load_dialect(recipe.dialect).base


def read_schema_file(path: str | Path, dialect: str = "sqlite") -> Schema:
    """Return the schema in a file of CREATE TABLE statements, or raise `DataError`."""
    try:
        return from_ddl(Path(path).read_text(encoding="utf-8-sig"), dialect)
    except OSError as e:
        raise DataError(f"The schema file '{path}' cannot be read: {e.strerror}.") from e


def prompt_name(recipe: Recipe, reference: str) -> str:
    """Return which prompt a model is asked with: a run's own, else the recipe's, else the one made for the base."""
    recorded = _recorded_prompt(reference)
    if "name" in recorded:
        return str(recorded["name"])
    if recipe.prompt.name != "auto":
        return recipe.prompt.name
    return BASES[reference].prompt if reference in BASES else "reference"


def prompt_hints(recipe: Recipe, reference: str) -> int:
    """Return how many stored values a model is shown at most: as many as a run was taught with, else the recipe's."""
    recorded = _recorded_prompt(reference)
    return int(recorded.get("hints", 0)) if recorded else recipe.prompt.hints


def _recorded_prompt(reference: str) -> dict[str, Any]:
    recorded = Run(Path(reference)).prompt
    return read_json(recorded) if recorded.is_file() else {}


def prompt_builder(recipe: Recipe, reference: str, count_tokens: Callable[[str], int] | None = None) -> BuildPrompt:
    """Return the function that builds a model's prompts by the recipe's settings.

    Given an example and the recipe's whole schema, the prompt shows what is granted of it, and the stored values that
    the question names; an example's own schema is shown whole. Raises `ConfigError` when there is no database to look
    the values up in.
    """
    settings = recipe.prompt
    limit = prompt_hints(recipe, reference)
    build = functools.partial(
        build_prompt,
        name=prompt_name(recipe, reference),
        glossary=recipe.glossary,
        comments=settings.comments,
        samples=settings.samples > 0,
        max_schema_tokens=settings.max_schema_tokens,
        count_tokens=count_tokens,
    )

    hints = _hinter(recipe, limit)

    def ask(example: Example, schema: Schema) -> Prompt:
        if example.schema is not None:
            return build(example, schema)
        return build(example, granted_schema(recipe, schema), hints=hints(example))

    return ask


def completer(recipe: Recipe) -> Callable[[Example], Example]:
    """Return the function that puts all that a prompt says beside the question into an example's evidence.

    For files that are not written by `prompt_builder`: what is trained on elsewhere is then asked in the same words.
    """
    hints = _hinter(recipe, recipe.prompt.hints)

    def complete(example: Example) -> Example:
        found = hints(example) if example.schema is None else []
        return dataclasses.replace(example, evidence="\n".join([*notes_of(example, recipe.glossary), *found]) or None)

    return complete


def _hinter(recipe: Recipe, limit: int) -> Callable[[Example], list[str]]:
    """Return the function that finds the stored values that a question names; it reads them when first asked."""

    @functools.cache
    def linker() -> Linker:
        with open_recipe_database(recipe) as database:
            return read_linker(
                granted_schema(recipe, schema_of(recipe, database)),
                lambda sql: database.run(sql, max_rows=VALUES + 1).rows,
                database.dialect,
                personal=recipe.database.sample_personal,
            )

    return lambda example: linker().hints(example.question, limit) if limit and example.question else []


def read_parts(paths: Sequence[str | Path], *, what: str) -> list[Example]:
    """Return the examples of several files; `source` says which file each is from.

    Raises `DataError` when none of the files exists, or there are no examples.
    """
    existing = [Path(p) for p in paths if Path(p).is_file()]
    if not existing:
        listed = ", ".join(map(str, paths)) or "none is named"
        raise DataError(f"There are no {what} examples ({listed}). Make them: sqltailor data import FILE")
    examples = []
    for path in existing:
        examples += [dataclasses.replace(e, source=path.stem) for e in load_examples(path)]
    if not examples:
        raise DataError(
            f"The {what} files {', '.join(map(str, existing))} hold no example. Divide more rows, or in another way: "
            "sqltailor data import FILE --by question --test 0.3"
        )
    return examples
