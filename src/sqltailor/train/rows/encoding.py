"""Examples as token ids, with the loss on the gold SQL and the token that ends it; nothing is ever cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from sqltailor.errors import DataError
from sqltailor.prompt.encode import encode_pair
from sqltailor.prompt.text import completion_text
from sqltailor.types import Example, Message, Prompt

IGNORE_INDEX = -100
"""The label of a token that is not learned (torch's `cross_entropy` leaves it out)."""


class Row(NamedTuple):
    """One training sequence. `labels` are the ids where they are learned, `IGNORE_INDEX` elsewhere; equally long."""

    id: str
    input_ids: list[int]
    labels: list[int]

    @property
    def prompt_tokens(self) -> int:
        """How many tokens come before the first one that is learned."""
        return next((i for i, label in enumerate(self.labels) if label != IGNORE_INDEX), len(self.labels))


class TooLong(NamedTuple):
    """An example that is left out because it has more than `max_length` tokens."""

    id: str
    tokens: int


class Rows(NamedTuple):
    """What a stage learns from, and what is left out for its length."""

    train: list[Row]
    validation: list[Row]
    too_long: list[TooLong]


def encode_examples(
    examples: Sequence[Example],
    prompts: Sequence[Prompt],
    tokenizer: Any,
    *,
    max_length: int,
    turns: Literal["last", "all"] = "last",
) -> tuple[list[Row], list[TooLong]]:
    """Return the rows that fit `max_length`, and those that do not. `turns` all: earlier answers are learned too."""
    rows, too_long = [], []
    for example, prompt in zip(examples, prompts, strict=True):
        row = encode_example(example, prompt, tokenizer, turns=turns)
        if len(row.input_ids) > max_length:
            too_long.append(TooLong(example.id, len(row.input_ids)))
        else:
            rows.append(row)
    return rows, too_long


def shortened(row: Row, max_length: int) -> Row:
    """Return a row for counting only, with no more tokens than fit: the last ones that are not learned are left out."""
    over = max(len(row.input_ids) - max_length, 0)
    end = row.prompt_tokens
    start = max(end - over, 0)
    return Row(row.id, row.input_ids[:start] + row.input_ids[end:], row.labels[:start] + row.labels[end:])


def encode_example(example: Example, prompt: Prompt, tokenizer: Any, *, turns: Literal["last", "all"] = "last") -> Row:
    """Return one example as a row."""
    asked, answer = encode_pair(tokenizer, prompt, completion_text(example))
    labels = [IGNORE_INDEX] * len(asked) + answer
    if turns == "all":
        for number, message in enumerate(prompt.messages):
            if message.role == "assistant":
                _learn_turn(labels, asked, prompt.messages[:number], message, tokenizer, example.id)
    return Row(example.id, asked + answer, labels)


def _learn_turn(
    labels: list[int], asked: list[int], before: Sequence[Message], turn: Message, tokenizer: Any, id: str
) -> None:
    """Label an earlier answer and its end where they stand in the conversation."""
    start, answer = encode_pair(tokenizer, Prompt(tuple(before)), turn.content)
    end = len(start) + len(answer)
    if asked[:end] != start + answer:
        raise DataError(
            f"Example '{id}': the chat template writes an earlier answer differently from a last one, so that "
            "train.turns=all cannot learn it. Use train.turns=last."
        )
    labels[len(start) : end] = answer


def encode_documents(texts: Sequence[str], tokenizer: Any, *, max_length: int) -> list[Row]:
    """Return plain texts as rows of at most `max_length` tokens, every token learned, each text ended once.

    A long text continues in the next row; its first token there is only read.
    """
    rows = []
    for number, text in enumerate(texts, 1):
        ids = [
            *tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"],
            tokenizer.eos_token_id,
        ]
        for start in range(0, len(ids), max_length):
            part = ids[start : start + max_length]
            if len(part) > 1:
                rows.append(Row(f"document-{number}-{start}", part, list(part)))
    return rows
