"""A model asked through the library, as `eval` asks it."""

from __future__ import annotations

from collections.abc import Sequence

from sqltailor.data.canonical import read_schema_text
from sqltailor.evaluate.votes import with_votes
from sqltailor.generate import context_of, load, token_counter
from sqltailor.ops.timed_calls import Ask
from sqltailor.project import Project
from sqltailor.types import Completion, Example, Schema


def opened_model(project: Project, model: str, examples: Sequence[Example]) -> Ask:
    """Return what asks a model one question, from its prompt on. `examples` are what the model `gold` answers from.

    Known pairs do not answer here: the model is measured. Raises `ConfigError` for a reference without meaning,
    `BackendError` when what it names cannot be opened.
    """
    generate = load(model, examples=examples, batch=1, engine=project.recipe.generate.engine)
    prompt = project.prompts(model, token_counter(generate), context=context_of(generate))
    chosen, options = with_votes(generate, project), project.options

    def ask(example: Example) -> Completion:
        [completion] = chosen([prompt(example, schema_of(project, example))], options)
        return completion

    return ask


def schema_of(project: Project, example: Example) -> Schema:
    """Return the schema that an example is about: its own, else the project's."""
    if example.schema is not None:
        return read_schema_text(example.schema, example.dialect)
    return project.schema
