"""SQLTailor: a text-to-SQL model, tailored to your database.

    import sqltailor

    recipe = sqltailor.load_recipe("recipe.yaml")
    tuned = sqltailor.train_model(recipe)
    measured = sqltailor.evaluate_models(recipe.recipe, models=["nano", str(tuned.run)])

    with sqltailor.Project(recipe.recipe) as project:
        reply = sqltailor.open_asker(project, str(tuned.run))("How many customers do we have?")
        verdict = sqltailor.check_sql("SELECT count(*) FROM customer", schema=project.schema)

Importing this module imports nothing else: each name is fetched from its own module when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqltailor.asker import Asker, open_asker
    from sqltailor.data import import_data, load_examples, write_examples
    from sqltailor.database import Database, open_database
    from sqltailor.errors import SQLTailorError
    from sqltailor.evaluate import Evaluation
    from sqltailor.evaluate.answer_scorer import open_scorer
    from sqltailor.evaluate.by_recipe import evaluate_models
    from sqltailor.evaluate.report import write_report
    from sqltailor.generate import load as load_model
    from sqltailor.project import Project
    from sqltailor.recipe import Recipe, load_recipe
    from sqltailor.reply import Reply
    from sqltailor.sql.guard import check as check_sql
    from sqltailor.sql.queryspec import compile_spec
    from sqltailor.train import train as train_model
    from sqltailor.types import (
        Column,
        Completion,
        Example,
        GenerateOptions,
        Grant,
        Prediction,
        Prompt,
        QueryResult,
        Schema,
        Table,
        Verdict,
    )

__all__ = [
    "Asker",
    "Column",
    "Completion",
    "Database",
    "Evaluation",
    "Example",
    "GenerateOptions",
    "Grant",
    "Prediction",
    "Project",
    "Prompt",
    "QueryResult",
    "Recipe",
    "Reply",
    "SQLTailorError",
    "Schema",
    "Table",
    "Verdict",
    "__version__",
    "check_sql",
    "compile_spec",
    "evaluate_models",
    "import_data",
    "load_examples",
    "load_model",
    "load_recipe",
    "open_asker",
    "open_database",
    "open_scorer",
    "train_model",
    "write_examples",
    "write_report",
]

_TYPES = "Column Completion Example GenerateOptions Grant Prediction Prompt QueryResult Schema Table Verdict"
_HOMES = dict.fromkeys(_TYPES.split(), "types") | {
    "Asker": "asker",
    "Database": "database",
    "Evaluation": "evaluate",
    "Project": "project",
    "Recipe": "recipe",
    "Reply": "reply",
    "SQLTailorError": "errors",
    "__version__": "version",
    "check_sql": "sql.guard:check",
    "compile_spec": "sql.queryspec",
    "evaluate_models": "evaluate.by_recipe",
    "import_data": "data",
    "load_examples": "data",
    "load_model": "generate:load",
    "load_recipe": "recipe",
    "open_asker": "asker",
    "open_scorer": "evaluate.answer_scorer",
    "open_database": "database",
    "train_model": "train:train",
    "write_examples": "data",
    "write_report": "evaluate.report",
}
"""Public name → the module it comes from; after a colon, its name there where that differs."""


def _fetch(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sqltailor' has no attribute '{name}'")
    home, _, own_name = _HOMES[name].partition(":")
    value = getattr(import_module(f"sqltailor.{home}"), own_name or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:
    __getattr__ = _fetch  # hidden from type checkers, so that they tell of names that are not there
