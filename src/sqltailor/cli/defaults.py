"""Defaults that commands share: which recipe, its project, and which model when none is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqltailor.cli.output import note
from sqltailor.errors import SQLTailorError

if TYPE_CHECKING:
    from sqltailor.project import Project
    from sqltailor.recipe import Recipe


def recipe_for(path: str | None, database: str | None, words: Sequence[str] = ()) -> Recipe:
    """Return the recipe with the database that the command line names."""
    from sqltailor.recipe import load_recipe

    more = [f"database.url={database}"] if database else []
    return load_recipe(path, [*words, *more]).recipe


def project_for(path: str | None, database: str | None) -> Project:
    """Return the project of a recipe, with the database that the command line names."""
    from sqltailor.project import Project

    return Project(recipe_for(path, database))


def newest_model(recipe: Recipe) -> str:
    """Return the newest finished training run, or the recipe's base where there is none, and say which."""
    from sqltailor.runs import newest_training

    try:
        model = str(newest_training(Path(recipe.train.out)).path)
    except SQLTailorError:
        model = recipe.base
    note(f"model: {model}")
    return model
