"""Check that a training has all it needs, before its run folder is made and its first stage begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqltailor.data import Reject, read_examples
from sqltailor.errors import ConfigError, DataError
from sqltailor.project import Project
from sqltailor.recipe import Recipe, Resolved, stages
from sqltailor.recipe.source import COMMAND_LINE
from sqltailor.train.rows.training_data import document_texts

NAME_IT = "set database.url=sqlite:///shop.db or the like after `train`, or DATABASE_URL=… in .env"


def check_ready(resolved: Resolved, project: Project, *, executes: bool = True) -> None:
    """Raise `DataError` or `ConfigError` when a stage lacks its data, schema, or the database that it executes on."""
    recipe = resolved.recipe
    methods = [stage.train.method for stage in stages(recipe)]
    for number, method in enumerate(methods, 1):
        stage = f"Stage {number}, method {method}," if len(methods) > 1 else f"Method {method}"
        if method == "pretrain":
            document_texts(recipe)
            continue
        if not any(path.startswith("hf:") or _holds_something(Path(path)) for path in recipe.data.train):
            listed = ", ".join(recipe.data.train) or "nothing"
            raise DataError(
                f"{stage} has no training data: data.train lists {listed}. Make some: sqltailor data import FILE"
            )
        if executes and method in ("dpo", "grpo") and not project.may_run:
            raise ConfigError(f"{stage} runs its answers on a database: {NAME_IT}.{_not_read(resolved)}")
        if not project.has_schema and _lacks_schema(recipe):
            raise ConfigError(
                f"{stage} needs the database's schema, which the examples do not bring: {NAME_IT}, or "
                f"database.schema=FILE.{_not_read(resolved)}"
            )
    if project.has_schema:
        _ = project.schema  # is it there, and can it be read?


def check_named(resolved: Resolved) -> None:
    """Raise `DataError` for a training file that the command line names and that is not there.

    A recipe may list files that are still to be made.
    """
    if resolved.origins.get("data.train") != COMMAND_LINE:
        return
    for path in resolved.recipe.data.train:
        if not path.startswith("hf:") and not Path(path).exists():
            raise DataError(f"No such file: {path} (data.train on the command line).")


def _holds_something(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def _lacks_schema(recipe: Recipe) -> bool:
    return any(example_schema is None for example_schema in _schemas(recipe))


def _schemas(recipe: Recipe) -> Iterator[str | None]:
    data = recipe.data
    for path in data.train:
        if _holds_something(Path(path)):
            for row in read_examples(path, data.format, data.mapping, recipe.dialect):
                if not isinstance(row, Reject):
                    yield row.schema


def _not_read(resolved: Resolved) -> str:
    """Say that the folder's own recipe is not read, where another one was named."""
    own = Path("recipe.yaml")
    if resolved.path is None or not own.is_file() or resolved.path.resolve() == own.resolve():
        return ""
    return f" The recipe.yaml of this folder is not read, since the recipe '{resolved.name}' was named."
