"""Canned answers, the gold SQL or a file's: for tests, docs, and checks of the evaluation itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sqltailor.data.canonical import read_schema_text
from sqltailor.errors import BackendError, DataError
from sqltailor.prompt.text import completion_text
from sqltailor.sql.schema import names
from sqltailor.types import Completion, Example, Generate, GenerateOptions, Prompt

Answer = TypeVar("Answer")


def gold(examples: Iterable[Example]) -> Generate:
    """Return a model that answers each example's question with its preferred gold SQL.

    A question that several databases share is answered by the schema in its prompt.
    """
    known: dict[str, list[Example]] = {}
    for example in examples:
        asked = example.question if example.question is not None else json.dumps(example.spec, ensure_ascii=False)
        known.setdefault(asked, []).append(example)
    find = _finder(known, "gold knows only the examples that it was given")

    def generate(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        chosen = [_of_schema(find(prompt), prompt) for prompt in prompts]
        return [Completion(completion_text(example)) for example in chosen for _ in range(options.n)]

    return generate


def _of_schema(examples: Sequence[Example], prompt: Prompt) -> Example:
    if len({example.sql[0] for example in examples}) > 1:
        for example in examples:
            if example.schema and names(read_schema_text(example.schema, example.dialect)) == names(prompt.schema):
                return example
    return examples[0]


def echo(file: str | Path) -> Generate:
    """Return a model that answers from a file, whatever it is asked.

    A JSON object or JSON Lines with `question` and `sql` answer by question; plain lines are answers in turn, again
    from the first when they are used up. Raises `DataError` for a file that is missing, empty or neither.
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"{path} cannot be read: {e}.") from e
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{path} holds no answers.")
    if lines[0].lstrip().startswith("{"):
        find = _finder(_by_question(path, text, lines), f"{path} has no answer to it")
        return lambda prompts, options: [Completion(find(prompt)) for prompt in prompts for _ in range(options.n)]
    turn = 0

    def generate(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        nonlocal turn
        completions = []
        for _ in range(len(prompts) * options.n):
            completions.append(Completion(lines[turn % len(lines)]))
            turn += 1
        return completions

    return generate


def is_canned(reference: str, question: str) -> bool:
    """Tell whether a model reference is a file that has an answer to just this question."""
    path = Path(reference.removeprefix("echo:"))
    if not reference.startswith("echo:") or not path.is_file():
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and lines[0].lstrip().startswith("{") and question in _by_question(path, text, lines)


def _by_question(path: Path, text: str, lines: Sequence[str]) -> dict[str, str]:
    try:
        rows = [json.loads(line) for line in lines]
    except ValueError:
        try:
            rows = [json.loads(text)]
        except ValueError as e:
            raise DataError(f"{path} is neither JSON nor JSON Lines: {e}.") from e
    answers: dict[str, str] = {}
    for row in rows:
        if "question" not in row:
            answers |= {str(question): str(sql) for question, sql in row.items()}
        else:
            sql = row.get("sql", row.get("predicted", ""))
            answers[row["question"]] = sql[0] if isinstance(sql, list) else sql
    return answers


def _finder(known: Mapping[str, Answer], otherwise: str) -> Callable[[Prompt], Answer]:
    """Return a function that finds what a prompt asks: it is in the last message, whole or as the longest part."""
    longest_first = sorted(known, key=len, reverse=True)

    def find(prompt: Prompt) -> Answer:
        text = prompt.messages[-1].content
        asked = text if text in known else next((asked for asked in longest_first if asked in text), None)
        if asked is None:
            raise BackendError(f"No canned answer for the question {text[-80:]!r}: {otherwise}.")
        return known[asked]

    return find
