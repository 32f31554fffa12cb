"""What a run keeps of its training: the prompt, the schema, and how the statements join tables."""

from __future__ import annotations

from collections.abc import Iterable

from sqltailor.project import Project
from sqltailor.prompt.text import PROMPTS
from sqltailor.runs import Run, write_json_atomic
from sqltailor.sql.constrain import known_joins
from sqltailor.sql.schema import schema_hash, to_json, without_samples
from sqltailor.taught import prompt_examples, prompt_hints, prompt_name, prompt_nearest, prompt_show
from sqltailor.types import Example


def record_prompt(project: Project, run: Run, base: str) -> None:
    """Write into a run which prompt and schema its model is taught with: checked when it is loaded.

    `base` is the reference of the untuned model.
    """
    recipe = project.recipe
    name = prompt_name(recipe, recipe.base)
    recorded = {
        "name": name,
        "version": PROMPTS[name],
        "hints": prompt_hints(recipe, recipe.base),
        "examples": prompt_examples(recipe, recipe.base),
        "nearest": prompt_nearest(recipe, recipe.base),
        "show": prompt_show(recipe, recipe.base),
        "schema_hash": schema_hash(project.schema) if project.has_schema else None,
        "base": base,
    }
    write_json_atomic(run.prompt, recorded)
    if project.has_schema:
        write_json_atomic(run.schema, to_json(without_samples(project.granted)))


def record_joins(project: Project, run: Run, examples: Iterable[Example]) -> None:
    """Write into a run how the statements that it learns from join the tables of the project's schema."""
    if project.has_schema:
        statements = [sql for example in examples if example.schema is None for sql in example.sql]
        write_json_atomic(
            run.joins, known_joins.to_json(known_joins.joined(statements, project.granted, project.dialect))
        )
