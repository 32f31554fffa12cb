"""Walks of a model that knows nothing, over schemas of our own, and the vocabulary of nano."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

import sqltailor
from sqltailor.sql.constrain.constraint import Constraint, Vocabulary
from sqltailor.sql.schema import from_ddl

SHOP = from_ddl(
    """
    CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, joined DATE, "first" TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, total REAL, placed_at DATE, note TEXT);
    CREATE TABLE item (order_id INTEGER, product TEXT, qty INTEGER, price REAL, "order" INTEGER);
    """
)
ODD = from_ddl(
    """
    CREATE TABLE "a/b|c" ("x|y" INTEGER, "we""ird" TEXT, "(a)*" TEXT, "two words" TEXT);
    CREATE TABLE "select" ("from" INTEGER, "naïve" TEXT, "5th" TEXT, Upper TEXT);
    """
)


class Written(NamedTuple):
    """What a walk came to."""

    text: str
    tokens: int
    fell_back: bool


@lru_cache
def vocabulary() -> Vocabulary:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(Path(sqltailor.__file__).parent / "nano")
    return Vocabulary(tokenizer, len(tokenizer), [tokenizer.eos_token_id])


@lru_cache
def leaning() -> np.ndarray:
    """Return logits (V,) of one who comes to an end where that is allowed."""
    logits = np.zeros(vocabulary().size, np.float32)
    weights = {2: " WHERE; GROUP; JOIN; COUNT; SUM; CASE; IN; OVER; (;(;.;';1; T; =", 6: " FROM;SELECT;);'; END"}
    for weight, texts in weights.items():
        for text in texts.split(";"):
            logits[vocabulary().spell(text)[0]] = weight
    logits[list(vocabulary().ends)] = 30
    return logits


def wander(constraint: Constraint, rng: np.random.Generator, *, budget: int = 120, hurry: bool = False) -> Written:
    """Return the statement that random choices come to, with what a caller has to do for it."""
    walk, ids = constraint.walk(budget), list[int]()
    while True:
        logits = rng.standard_normal(vocabulary().size, dtype=np.float32) + (leaning() if hurry else 0)
        move = walk.take(logits, _allowed)
        ids = ids[: len(ids) - move.back] + move.tokens
        if move.is_done:
            return Written(vocabulary().tokens.decode_str(ids), len(ids), walk.fell_back)
        assert ids == walk.ids


def _allowed(logits: np.ndarray) -> int:
    assert logits.max() > -np.inf, "a pick needs a choice"
    return int(logits.argmax())
