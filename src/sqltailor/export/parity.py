"""Compare models on the same questions: does one still answer the same after it was merged, converted or deployed?

Two answers agree when they are the same text, or the same statement in comparable form: keywords, unquoted
identifiers, spacing and quotes written alike, values exact (what `exact_match` compares). The gate is on agreement;
equal texts are reported beside it.
"""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqltailor.errors import DataError
from sqltailor.prompt.extract import extract
from sqltailor.sql.dialect import comparable
from sqltailor.types import Generate, GenerateOptions, OnProgress, Prompt

THRESHOLD = 0.99
"""Share of answers that must agree: of 200, two may differ, as rounding turns near ties over."""
QUESTIONS = 200
"""How many test questions are asked."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Two models' answers to one question that are not the same text. `agree`: still the same statement."""

    id: str
    question: str
    first: str
    other: str
    agree: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """How two models' answers compare: shares of equal text and of agreeing statements, and what differs.

    `gated` False: told, and no reason to fail.
    """

    first: str
    other: str
    n: int
    equal_text: float
    agree: float
    differences: tuple[Difference, ...]
    gated: bool = True


@dataclass(frozen=True, slots=True)
class Parity:
    """The first model against each other one. `threshold` is the share that must agree."""

    pairs: tuple[Pair, ...]
    threshold: float

    @property
    def passed(self) -> bool:
        """Whether enough answers of every gated pair agree."""
        return all(pair.agree >= self.threshold for pair in self.pairs if pair.gated)

    def to_json(self) -> dict[str, Any]:
        """Return the content of `parity.json`."""
        pairs = [asdict(pair) | {"differences": [asdict(d) for d in pair.differences]} for pair in self.pairs]
        return {"passed": self.passed, "threshold": self.threshold, "pairs": pairs}


def compare(
    prompts: Sequence[Prompt],
    models: Mapping[str, Callable[[], Generate]],
    *,
    ids: Sequence[str] | None = None,
    options: GenerateOptions | None = None,
    threshold: float = THRESHOLD,
    told: Collection[str] = (),
    batch: int = 16,
    on_progress: OnProgress = lambda model, done, total: None,
) -> Parity:
    """Ask every model every prompt, greedily and unconstrained, and compare each with the first one.

    `models`: name → function that opens it. One model is in memory at a time: each is opened, asked and let go.
    `ids` name the questions, else their numbers do. How far those in `told` are is no reason to fail. Raises
    `DataError` without prompts or a second model.
    """
    if not prompts or len(models) < 2:
        raise DataError(f"Parity needs questions and two models; there are {len(prompts)} and {len(models)}.")
    # a constraint that only one of them has would show as a difference, and one that both have could hide one
    greedy = dataclasses.replace(options or GenerateOptions(), temperature=0.0, n=1, candidates=0, constrain=False)
    answers: dict[str, list[str]] = {}
    for name, open_one in models.items():
        generate, texts = open_one(), []
        for at in range(0, len(prompts), batch):
            on_progress(name, at, len(prompts))
            texts += [answer.text for answer in generate(prompts[at : at + batch], greedy)]
        on_progress(name, len(prompts), len(prompts))
        answers[name] = texts
        del generate
        gc.collect()
    first, *others = answers
    named = list(ids) if ids is not None else [str(number) for number in range(1, len(prompts) + 1)]
    pairs = [_pair(prompts, named, first, answers[first], other, answers[other]) for other in others]
    return Parity(tuple(replace(pair, gated=pair.other not in told) for pair in pairs), threshold)


def _pair(
    prompts: Sequence[Prompt], ids: Sequence[str], first: str, a: Sequence[str], other: str, b: Sequence[str]
) -> Pair:
    rows = zip(ids, prompts, a, b, strict=True)
    differences = tuple(
        Difference(i, prompt.messages[-1].content, left, right, agree(left, right, prompt.dialect))
        for i, prompt, left, right in rows
        if left != right
    )
    n = len(prompts)
    agreeing = n - sum(not difference.agree for difference in differences)
    return Pair(first, other, n, (n - len(differences)) / n, agreeing / n, differences)


def agree(left: str, right: str, dialect: str = "sqlite") -> bool:
    """Say whether two model texts mean the same statement, or decline alike.

    >>> agree("SELECT a FROM t;", "select A from T"), agree("SELECT 1", "SELECT 2")
    (True, False)
    """
    if left == right:
        return True
    a, b = extract(left, dialect), extract(right, dialect)
    if a.sql is None or b.sql is None:
        return a.sql is b.sql and a.declined == b.declined and a.declined is not None
    return comparable(a.sql, dialect) == comparable(b.sql, dialect)
