"""What a recipe trains on: its examples, read and sampled, and the function that turns each into a prompt."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.data import Reject, read_examples
from sqltailor.data.canonical import read_schema_text
from sqltailor.data.rows import RowError
from sqltailor.database import open_database
from sqltailor.errors import BackendError, ConfigError, DataError
from sqltailor.generate.weights import resolve
from sqltailor.guard.catalog import Grant, granted_part
from sqltailor.prompt import build
from sqltailor.runs import data_hash, hash_data, read_json
from sqltailor.schema import from_ddl
from sqltailor.types import Example, Prompt, Schema

if TYPE_CHECKING:
    from sqltailor.recipe import Recipe

logger = logging.getLogger(__name__)

BuildPrompt = Callable[[Example, Schema], Prompt]


class Material(NamedTuple):
    """Examples to learn from and to validate on; `rejected` counts, by reason, the rows that are no examples."""

    train: list[Example]
    validation: list[Example]
    rejected: Counter[str]


def read_material(recipe: Recipe, folder: Path) -> Material:
    """Return the recipe's examples. Where the recipe splits its files, the parts are written to `folder/data`.

    Raises `DataError` when there is nothing to train on.
    """
    data = recipe.data
    paths = existing(data.train)
    if not paths:
        listed = ", ".join(data.train) or "nothing"
        raise DataError(f"There is no training data: data.train lists {listed}. Make some: sqltailor data import FILE")
    rejected: Counter[str] = Counter()
    if data.split.validation_share + data.split.test_share > 0:
        train, validation = _split(recipe, paths, folder / "data")
    else:
        train = [example for path in paths for example in _read(path, recipe, rejected)]
        validation = []
    if data.validation and existing((data.validation,)):
        validation = list(_read(data.validation, recipe, rejected))
    if data.train_samples is not None and data.train_samples < len(train):
        train = random.Random(data.split.seed).sample(train, data.train_samples)
    for reason, count in rejected.items():
        logger.warning("%d rows are no examples and are left out: %s", count, reason)
    if not train:
        raise DataError(f"{', '.join(paths)} holds no example that can be trained on.")
    return Material(train, validation, rejected)


def existing(paths: Sequence[str]) -> list[str]:
    """Return the files that are there, and Hub data sets; a missing one is told."""
    found = [path for path in paths if path.startswith("hf:") or Path(path).is_file()]
    for path in paths:
        if path not in found:
            logger.warning("%s is not there yet and is left out", path)
    return found


def _read(path: str, recipe: Recipe, rejected: Counter[str]) -> list[Example]:
    examples = []
    for row in read_examples(path, recipe.data.format, recipe.data.mapping, recipe.dialect):
        if isinstance(row, Reject):
            rejected[row.reason] += 1
        else:
            examples.append(row)
    return examples


def _split(recipe: Recipe, paths: Sequence[str], out: Path) -> tuple[list[Example], list[Example]]:
    from sqltailor.data import load_examples
    from sqltailor.data.import_ import import_data

    if not (out / "train.jsonl").is_file():
        split = recipe.data.split
        import_data(
            paths,
            out,
            by=split.by,
            seed=split.seed,
            validation_share=split.validation_share,
            test_share=split.test_share,
            format=recipe.data.format,
            mapping=recipe.data.mapping,
            dialect=recipe.dialect,
            statements=recipe.data.statements,
        )
    return load_examples(out / "train.jsonl"), load_examples(out / "validation.jsonl")


def hash_material(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Return path → hash of every file that training reads; a Hub data set is named, not hashed."""
    paths = existing([*recipe.data.train, *([recipe.data.validation] if recipe.data.validation else [])])
    paths += existing(recipe.data.documents)
    hashes = hash_data([Path(path) for path in paths if not path.startswith("hf:")])
    return hashes | {path: {"sha256": path, "rows": None} for path in paths if path.startswith("hf:")}


def same_material(recipe: Recipe, recorded: str) -> bool:
    """Say whether the files are still those that a run recorded."""
    return data_hash(hash_material(recipe)) == recorded


def prompt_name(recipe: Recipe) -> str:
    """Return the prompt of a recipe's base: what its run recorded, else `compact` for nano and `reference` for others.

    Raises `ConfigError` when the recipe wants another prompt than the run that it continues.
    """
    wanted = recipe.prompt.name
    recorded = None
    if recipe.base == "nano":
        recorded = "compact" if wanted == "auto" else None
    else:
        try:
            run = resolve(recipe.base).run
        except BackendError:
            run = None
        recorded = read_json(run.prompt)["name"] if run is not None else None
        if recorded is not None and wanted not in ("auto", recorded):
            raise ConfigError(f"base {recipe.base} was trained with prompt '{recorded}'; prompt.name is '{wanted}'.")
    return recorded or ("reference" if wanted == "auto" else wanted)


def recipe_schema(recipe: Recipe) -> Schema | None:
    """Return what a recipe's database or schema file has and its grant shows, or None when it names neither."""
    database = recipe.database
    if database.schema_file:
        path = Path(database.schema_file)
        if not path.is_file():
            raise DataError(f"database.schema: {path} is not there.")
        schema = from_ddl(path.read_text(encoding="utf-8"), recipe.dialect)
    elif database.url:
        with open_database(database.url, timeout_s=database.timeout_s) as opened:
            schema = opened.read_schema(
                max(database.samples, recipe.prompt.samples), database.sample_personal, namespaces=database.namespaces
            )
    else:
        return None
    return granted_part(schema, Grant(database.allow, database.deny))


def prompt_builder(recipe: Recipe, tokenizer: Any, *, name: str | None = None) -> BuildPrompt:
    """Return how this recipe asks: one function for training, evaluation and serving."""
    options = recipe.prompt
    name = name or prompt_name(recipe)

    def count_tokens(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    def ask(example: Example, schema: Schema) -> Prompt:
        return build(
            example,
            schema,
            name=name,
            glossary=recipe.glossary,
            comments=options.comments,
            samples=options.samples > 0,
            max_schema_tokens=options.max_schema_tokens,
            count_tokens=count_tokens,
        )

    return ask


def build_prompts(examples: Sequence[Example], ask: BuildPrompt, schema: Schema | None) -> list[Prompt]:
    """Return the prompt of each example, by its own schema or else the recipe's."""
    prompts = []
    for example in examples:
        try:
            own = read_schema_text(example.schema, example.dialect) if example.schema else schema
        except RowError as e:
            raise DataError(f"Example '{example.id}': {e}") from e
        if own is None:
            raise DataError(
                f"Example '{example.id}' has no schema, and the recipe names no database: set database.url or "
                "database.schema."
            )
        try:
            prompts.append(ask(example, own))
        except DataError as e:
            raise DataError(f"Example '{example.id}': {e}") from e
    return prompts


def with_train(recipe: Recipe, **changes: Any) -> Recipe:
    """Return a recipe with some keys of its `train` section replaced."""
    return recipe.model_copy(update={"train": recipe.train.model_copy(update=changes)})
