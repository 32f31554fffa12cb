"""A recipe as the files that our own trainer reads in a job, where there is no database: its data, schema and recipe.

What a prompt takes out of the database is written into the examples, so that the model learns the words in which it is
asked later.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.cloud.cost import CHARACTERS_PER_TOKEN
from sqltailor.cloud.material import Material
from sqltailor.data.examples import write_examples
from sqltailor.errors import ConfigError
from sqltailor.generate.bases import BASES
from sqltailor.project import Project
from sqltailor.recipe import Recipe, dump, with_values
from sqltailor.recipe.source import KeyPath
from sqltailor.runs import write_text_atomic
from sqltailor.sql.schema import to_ddl
from sqltailor.taught import prompt_name
from sqltailor.train.rows.training_data import read_material

DATA, CONFIG = "/opt/ml/input/data", "/opt/ml/input/data/config"
RECIPE, SCHEMA = "recipe.yaml", "schema.sql"


class Files(NamedTuple):
    """What is uploaded beside the code: examples, and the files of the channel `config`."""

    material: Material
    config: tuple[Path, ...]


def check_portable(recipe: Recipe) -> None:
    """Raise `ConfigError` for what a job cannot do without the database, or cannot find."""
    if recipe.train.method != "sft":
        sessions = (
            " SageMaker's training sessions, in which the answers would be executed here, are not built: no source"
            " gives their price, or the layout of the weights that they save. Bedrock does it by a grader: sqltailor"
            " train nova-2-lite-reinforced."
            if recipe.train.method == "grpo"
            else ""
        )
        raise ConfigError(
            f"train.method is {recipe.train.method}; a job on SageMaker has no database and no documents: train by "
            f"sft there, or on this machine (train.backend=local).{sessions}"
        )
    for name in ("samples", "examples"):
        if getattr(recipe.prompt, name):
            raise ConfigError(f"prompt.{name} reads the database, which a job on SageMaker does not have: set it to 0.")
    if recipe.prompt.hints and prompt_name(recipe, recipe.base) != "reference":
        raise ConfigError(
            "prompt.hints reads the database: for a job on SageMaker set it to 0, or prompt.name=reference."
        )
    if recipe.base not in BASES and (Path(recipe.base).exists() or recipe.base.startswith((".", "/", "~", "runs/"))):
        raise ConfigError(f"base is {recipe.base}, on this machine; a job needs a named base or one of the Hub.")


def write_files(project: Project, folder: Path, *, run: str) -> Files:
    """Write what a job reads into a folder."""
    recipe = project.recipe
    data = read_material(recipe, folder)
    whole = prompt_name(recipe, recipe.base) == "reference"
    paths: dict[str, Path] = {}
    for name, examples in (("train", data.train), ("validation", data.validation)):
        if examples:
            paths[name] = folder / f"{name}.jsonl"
            write_examples(paths[name], (project.complete(e) if whole else e for e in examples))
    material = Material(
        paths["train"],
        paths.get("validation"),
        len(data.train),
        len(data.validation),
        sum(data.rejected.values()),
        -(-paths["train"].stat().st_size // CHARACTERS_PER_TOKEN),
    )
    config: list[Path] = []
    if project.has_schema:
        config.append(folder / SCHEMA)
        write_text_atomic(config[-1], to_ddl(project.schema, project.dialect) + ";\n")
    changes = _in_the_job(project, validated="validation" in paths, completed=whole, run=run)
    for key in (("dialect",), ("prompt", "chat_template")):
        file = recipe.dialect if key == ("dialect",) else recipe.prompt.chat_template
        if file and Path(file).is_file():
            config.append(folder / Path(file).name)
            shutil.copy(file, config[-1])
            changes[key] = f"{CONFIG}/{config[-1].name}"
    config.append(folder / RECIPE)
    write_text_atomic(config[-1], dump(with_values(recipe, changes)))
    return Files(material, tuple(config))


def _in_the_job(project: Project, *, validated: bool, completed: bool, run: str) -> dict[KeyPath, Any]:
    """Return what differs in the recipe of the job. `completed`: the examples hold what prompts say beside them."""
    changes: dict[KeyPath, Any] = {
        ("database", "url"): None,
        ("database", "schema"): f"{CONFIG}/{SCHEMA}" if project.has_schema else None,
        ("dialect",): project.dialect,
        ("prompt", "name"): prompt_name(project.recipe, project.recipe.base),
        ("data",): {"train": [f"{DATA}/train/train.jsonl"], "format": "examples"},
        ("train", "backend"): "local",
        ("train", "name"): run,
    }
    if validated:
        changes["data", "validation"] = f"{DATA}/validation/validation.jsonl"
    if completed:
        changes |= {("glossary",): {}, ("prompt", "hints"): 0}
    return changes
