"""Defaults that commands share: which recipe, its project, and which model when none is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqltailor.cli.output import note
from sqltailor.errors import SQLTailorError

if TYPE_CHECKING:
    from sqltailor.project import Project
    from sqltailor.recipe import Recipe


def recipe_for(path: str | None, database: str | None, words: Sequence[str] = ()) -> Recipe:
    """Return the recipe with the database and the `key=value` words of the command line."""
    from sqltailor.recipe import load_recipe

    more = [f"database.url={database}"] if database else []
    return load_recipe(path, [*words, *more]).recipe


def project_for(path: str | None, database: str | None, *, unprotected: bool = False) -> Project:
    """Return the project of a recipe, with the database that the command line names."""
    from sqltailor.project import Project

    return Project(recipe_for(path, database, unprotected_words(unprotected)))


def unprotected_words(unprotected: bool) -> Sequence[str]:
    """Return what --unprotected says in a recipe's words."""
    return ["database.unprotected=true"] if unprotected else []


def recipe_and_folder(
    path: str | None, database: str | None, words: Sequence[str] = (), *, unprotected: bool = False
) -> tuple[Recipe, str | None]:
    """Return the recipe as `recipe_for` does, and the folder, one database a `db_id`, if the database is one.

    A folder takes the place of the recipe's own database.
    """
    from sqltailor.data.checks.execute import dialect_of_folder

    if database is None or not Path(database).is_dir():
        return recipe_for(path, database, [*words, *unprotected_words(unprotected)]), None
    dialect = dialect_of_folder(Path(database))
    found = recipe_for(path, None, words)
    more: dict[str, Any] = {"database": found.database.model_copy(update={"url": None})}
    return found.model_copy(update=more | ({"dialect": dialect} if found.dialect == "sqlite" else {})), database


def answers_folder(run: str | None, recipe: Recipe) -> Path:
    """Return the folder of an evaluation: the one that is named, or the newest inside it, or of all runs."""
    from sqltailor.runs import newest_with_predictions

    folder = Path(run) if run else Path(recipe.train.out)
    return folder if list(folder.glob("predictions-*.jsonl")) else newest_with_predictions(folder).path


def asked_model(model: str | None, recipe: Recipe) -> str:
    """Return the model that is named, which must be there, or the newest one.

    What is known already, or about something else, is answered without it, so that a typo would not be noticed.
    """
    from sqltailor.generate.references import check_there

    if model is None:
        return newest_model(recipe)
    check_there(model)
    return model


def newest_model(recipe: Recipe) -> str:
    """Return the newest finished training run, or the recipe's base where there is none, and say which."""
    from sqltailor.runs import newest_training

    try:
        model = str(newest_training(Path(recipe.train.out)).path)
    except SQLTailorError:
        model = recipe.base
    note(f"model: {model}")
    return model
