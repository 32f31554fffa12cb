"""A recipe's training data: its examples, read and sampled, and the function that turns each into a prompt."""

from __future__ import annotations

import logging
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.data.canonical import read_schema_text
from sqltailor.data.dataset.overlap import held_out_keys, is_held_out
from sqltailor.data.querylog.entries import is_log, log_text
from sqltailor.errors import DataError, counted, require
from sqltailor.project import Project, opened, read_file
from sqltailor.runs import hash_data
from sqltailor.types import Example, Prompt

if TYPE_CHECKING:
    from sqltailor.recipe import Recipe

logger = logging.getLogger(__name__)


HELD_OUT = 0.05
"""Share of the paragraphs that is held out."""
MANY_PARAGRAPHS = 10
"""A document with fewer paragraphs is read whole."""


class TrainingData(NamedTuple):
    """Examples to learn from and to validate on; `rejected` counts, by reason, the rows that are not examples."""

    train: list[Example]
    validation: list[Example]
    rejected: Counter[str]


def read_material(recipe: Recipe, folder: Path) -> TrainingData:
    """Return the recipe's examples. Where the recipe splits its files, the parts are written to `folder/data`.

    Raises `DataError` when there is nothing to train on, in all files or in one that has rows.
    """
    data = recipe.data
    paths = existing(data.train)
    if not paths:
        listed = ", ".join(data.train) or "nothing"
        raise DataError(f"There is no training data: data.train lists {listed}. Make some: sqltailor data import FILE")
    rejected: Counter[str] = Counter()
    if data.split.validation_share + data.split.test_share > 0:
        train, validation = _split(recipe, paths, folder / "data")
        files = {"data.train": train}
    else:
        files, validation = {path: _learned(path, recipe, rejected) for path in paths}, []
    if data.validation and _held_out([data.validation], recipe):
        validation = list(_read(data.validation, recipe, rejected))
    train = _without_held_out(files, [*validation, *_tests(recipe)])
    if data.train_samples is not None and data.train_samples < len(train):
        train = random.Random(data.split.seed).sample(train, data.train_samples)
    for reason, count in rejected.items():
        logger.warning("left out of training: %s (%s)", counted(count, "row"), reason)
    if not train:
        raise DataError(f"{', '.join(paths)} has no example that can be trained on.")
    return TrainingData(train, validation, rejected)


def _tests(recipe: Recipe) -> Iterator[Example]:
    for path in _held_out(recipe.data.test, recipe):
        yield from _read(path, recipe, Counter())


def _held_out(paths: Sequence[str], recipe: Recipe) -> list[str]:
    """Return the files that hold something, and tell of the others as `existing` does, but for what an import makes.

    It makes `validation.jsonl` and `test.jsonl` with a `train.jsonl`: where that is not there yet, it alone is told.
    """

    def is_awaited(path: str) -> bool:
        file = Path(path)
        train = file.with_name("train.jsonl")
        if file.name not in ("validation.jsonl", "test.jsonl") or file.is_file() or train.is_file():
            return False
        return train in map(Path, recipe.data.train)

    return existing([path for path in paths if not is_awaited(path)])


def _without_held_out(files: Mapping[str, Sequence[Example]], held_out: Iterable[Example]) -> list[Example]:
    """Return the examples of all files but those that are validation or test examples, too; how many is told."""
    keys = held_out_keys(held_out)
    kept: list[Example] = []
    for path, examples in files.items():
        before = len(kept)
        kept += [example for example in examples if not is_held_out(example, keys)]
        dropped = len(examples) - (len(kept) - before)
        if dropped and dropped == len(examples):
            raise DataError(
                f"Nothing can be learned from {path}: each of its {counted(dropped, 'example')} is also a validation "
                "or test example. Leave the file out, or take these questions out of data.validation and data.test."
            )
        if dropped:
            logger.warning(
                "%s: %d of %d examples are also validation or test examples and are dropped. If these were taken "
                "from it by an import, remove it from data.train: the rest resembles them",
                path, dropped, len(examples),
            )  # fmt: skip
    return kept


def existing(paths: Sequence[str]) -> list[str]:
    """Return the files that hold something, folders, and Hub data sets; what is missing or empty is told."""
    found = []
    for path in paths:
        file = Path(path)
        if path.startswith("hf:") or file.is_dir() or (file.is_file() and file.stat().st_size):
            found.append(path)
        else:
            logger.warning("%s is %s and is skipped", path, "empty" if file.is_file() else "not there yet")
    return found


def _learned(path: str, recipe: Recipe, rejected: Counter[str]) -> list[Example]:
    """Return the examples of a training file; raise `DataError` where it has rows and none of them is one."""
    own: Counter[str] = Counter()
    examples = _read(path, recipe, own)
    if not examples and own:
        why = ", ".join(f"{counted(count, 'row')} ({reason})" for reason, count in own.items())
        raise DataError(f"Nothing can be learned from {path}: {why}. Leave the file out of the training.")
    rejected.update(own)
    return examples


def _read(path: str, recipe: Recipe, rejected: Counter[str]) -> list[Example]:
    examples, rejects = read_file(path, recipe)
    rejected.update(reject.reason for reject in rejects)
    return examples


def _split(recipe: Recipe, paths: Sequence[str], out: Path) -> tuple[list[Example], list[Example]]:
    from sqltailor.data import load_examples
    from sqltailor.data.dataset.importing import import_data

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
    paths = existing(recipe.data.train)
    paths += _held_out([recipe.data.validation], recipe) if recipe.data.validation else []
    paths += [str(file) for path in existing(recipe.data.documents) for file in _files(Path(path))]
    hashes = hash_data([Path(path) for path in paths if not path.startswith("hf:")])
    return hashes | {path: {"sha256": path, "rows": None} for path in paths if path.startswith("hf:")}


def build_prompts(recipe: Recipe | Project, examples: Sequence[Example], tokenizer: Any) -> list[Prompt]:
    """Return the prompt of each example, with its own schema or else the recipe's, as evaluation and serving build it.

    Raises `DataError` when an example has no schema, or one that cannot be shown.
    """

    def count_tokens(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    with opened(recipe) as project:
        return asked_prompts(project, examples, count_tokens)


def asked_prompts(
    project: Project, examples: Sequence[Example], count_tokens: Callable[[str], int] | None = None
) -> list[Prompt]:
    """Return the prompt of each example as `build_prompts` does; without a tokenizer, lengths are estimated."""
    ask = project.prompts(project.recipe.base, count_tokens)
    prompts = []
    for example in examples:
        try:
            own = None if example.schema is None else read_schema_text(example.schema, example.dialect)
            prompts.append(ask(example, own or project.schema))
        except DataError as e:
            raise DataError(f"Example '{example.id}': {e}") from e
    return prompts


def read_documents(recipe: Recipe) -> tuple[list[str], list[str]]:
    """Return the texts of `data.documents`, and the share of their paragraphs that is held out to measure perplexity.

    Files are text, PDF or query logs (.jsonl); a folder stands for all its files, and those that are none of these are
    told and left out. Raises `DataError` for nothing, and for a file that is named itself and cannot be read.
    """
    documents, unread = document_texts(recipe)
    if unread:
        logger.warning("skipped in data.documents, since they are not readable text: %s", ", ".join(unread))
    texts, held_out = [], []
    draw = random.Random(recipe.data.split.seed)
    for text in documents:
        paragraphs = re.split(r"\n\s*\n", text)
        kept = [p for p in paragraphs if draw.random() >= HELD_OUT or len(paragraphs) < MANY_PARAGRAPHS]
        held_out += [p for p in paragraphs if p not in set(kept)]
        texts.append("\n\n".join(kept))
    return [text for text in texts if text], held_out


def document_texts(recipe: Recipe) -> tuple[list[str], list[str]]:
    """Return the text of each document, and which files in folders hold none. Raises as `read_documents` does."""
    texts, unread = [], []
    for path in map(Path, recipe.data.documents):
        for file in _files(path):
            try:
                texts.append(_text(file).strip())
            except DataError:
                if file == path:
                    raise
                unread.append(str(file))
    if not any(texts):
        listed = ", ".join(recipe.data.documents) or "nothing"
        raise DataError(f"There are no documents to read: data.documents lists {listed}.")
    return texts, unread


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    if not path.is_file():
        logger.warning("%s does not exist and is skipped", path)
        return []
    return [path]


def _text(file: Path) -> str:
    if file.suffix.lower() == ".pdf":
        return _pdf_text(file)
    if file.suffix == ".jsonl" and is_log(file):
        return log_text(file)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"{file} is not readable text: {e}.") from e
    if "\0" in text:
        raise DataError(f"{file} is not text: it contains zero bytes.")
    return text


def _pdf_text(file: Path) -> str:
    pypdf = require("pypdf", extra="files", feature="A PDF among data.documents")
    try:
        pages = [page.extract_text().strip() for page in pypdf.PdfReader(file).pages]
    except (OSError, pypdf.errors.PyPdfError) as e:
        raise DataError(f"{file} is not a readable PDF: {e}.") from e
    if not any(pages):
        raise DataError(f"{file} contains no text: its pages are images. Run OCR first, or remove it.")
    return "\n\n".join(page for page in pages if page)
