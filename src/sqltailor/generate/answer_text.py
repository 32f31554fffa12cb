"""What every local model makes of tokens: whether they are kept to the schema, the answer's text, and its pieces."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqltailor.runs import Run, read_json
from sqltailor.sql.constrain.known_joins import Pair, from_json
from sqltailor.sql.constrain.syntax import SYNTAXES
from sqltailor.sql.dialect import load_dialect
from sqltailor.types import GenerateOptions, Prompt

logger = logging.getLogger(__name__)


def is_kept_to_schema(prompt: Prompt, options: GenerateOptions) -> bool:
    """Say whether an answer may name only what its prompt's schema has."""
    return options.constrain and bool(prompt.schema.tables) and _has_grammar(prompt.dialect)


@functools.cache  # told once
def _has_grammar(dialect: str) -> bool:
    base = load_dialect(dialect).base
    if base not in SYNTAXES:
        known = ", ".join(SYNTAXES)
        logger.warning("answers in '%s' are not constrained: generate.constrain has grammars of %s", base, known)
    return base in SYNTAXES


def learned_joins(run: Run | None) -> Sequence[Pair]:
    """Return the joins of the statements that a run learned from."""
    learned = run.joins if run is not None else None
    return from_json(read_json(learned)) if learned is not None and learned.is_file() else ()


def stops_in(tokenizer: Any, ids: list[int], options: GenerateOptions) -> bool:
    """Say whether an answer has a stop string."""
    text = str(tokenizer.decode(ids, skip_special_tokens=True)) if options.stop else ""
    return any(stop in text for stop in options.stop)


def text_of(tokenizer: Any, ids: list[int], options: GenerateOptions) -> str:
    """Return the text of an answer, up to its first stop string."""
    text = str(tokenizer.decode(ids, skip_special_tokens=True))
    return text[: min([at for stop in options.stop if (at := text.find(stop)) >= 0], default=len(text))]


def pieces(growing: Iterable[tuple[str, bool]], options: GenerateOptions) -> Iterator[str]:
    """Yield what is new of a growing text; with each state comes whether more may follow."""
    shown = text = ""
    for text, is_open in growing:
        # half a character, and what may become a stop string, wait for what follows
        if is_open and (text.endswith("\ufffd") or _may_stop(text, options)):
            continue
        yield text[len(shown) :]
        shown = text
    if len(text) > len(shown):
        yield text[len(shown) :]


def _may_stop(text: str, options: GenerateOptions) -> bool:
    return any(text.endswith(stop[:length]) for stop in options.stop for length in range(1, len(stop)))
