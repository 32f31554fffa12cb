"""Parity: what counts as an equal answer, what is listed, and when the gate closes."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sqltailor.errors import DataError
from sqltailor.export.parity import agree, compare
from sqltailor.types import Completion, Generate, GenerateOptions, Message, Prompt

PROMPTS = [Prompt((Message("system", "t: a, b"), Message("user", f"question {i}"))) for i in range(5)]


def canned(*answers: str) -> Callable[[], Generate]:
    """A model that answers question i with answer i, whatever the batches."""

    def generate(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        assert options.temperature == 0
        return [Completion(answers[int(p.messages[-1].content.split()[1])]) for p in prompts]

    return lambda: generate


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("SELECT a FROM t", "SELECT a FROM t", True),
        ("SELECT a FROM t", "select  A from T;", True),
        ('SELECT "a" FROM t', "SELECT a FROM t", True),
        ("SELECT a FROM t WHERE b = 'X'", "SELECT a FROM t WHERE b = 'x'", False),
        ("SELECT a FROM t", "SELECT b FROM t", False),
        ("SELECT a, b FROM t", "SELECT b, a FROM t", False),
        ("Here it is:\n```sql\nSELECT a FROM t\n```", "SELECT a FROM t", True),
        ("SELECT a FROM t; -- all of them", "SQLQuery: SELECT a FROM t", True),
        ("-- cannot answer: no such table", "-- cannot answer: no such table ", True),
        ("-- cannot answer: no such table", "SELECT a FROM t", False),
        ("I do not know", "I know not", False),
        ("SELECT a FROM WHERE", "SELECT a  FROM WHERE", True),
    ],
)
def test_what_agrees(left: str, right: str, same: bool) -> None:
    assert agree(left, right) is same
    assert agree(right, left) is same


def test_every_difference_is_listed_and_only_statements_count() -> None:
    first = canned("SELECT 1", "SELECT a FROM t", "SELECT 3", "SELECT 4", "SELECT 5")
    other = canned("SELECT 1", "select a from t", "SELECT 3", "SELECT 40", "SELECT 5")
    parity = compare(PROMPTS, {"adapter": first, "merged": other}, ids=list("abcde"), threshold=0.8, batch=2)
    [pair] = parity.pairs
    assert (pair.first, pair.other, pair.n, pair.equal_text, pair.agree) == ("adapter", "merged", 5, 0.6, 0.8)
    assert [(d.id, d.question, d.first, d.other, d.agree) for d in pair.differences] == [
        ("b", "question 1", "SELECT a FROM t", "select a from t", True),
        ("d", "question 3", "SELECT 4", "SELECT 40", False),
    ]
    assert parity.passed
    assert json.loads(json.dumps(parity.to_json()))["pairs"][0]["differences"][1]["other"] == "SELECT 40"


@pytest.mark.parametrize(("threshold", "passed"), [(1.0, False), (0.8, True), (0.81, False)])
def test_the_threshold_is_reached_or_not(threshold: float, passed: bool) -> None:
    first, other = canned(*"12345"), canned(*"12346")
    assert compare(PROMPTS, {"a": first, "b": other}, threshold=threshold).passed is passed
    assert compare(PROMPTS, {"a": first, "b": other}, threshold=threshold, told=["b"]).passed


def test_the_gate_closes_when_one_of_several_models_differs() -> None:
    models = {"a": canned(*"12345"), "b": canned(*"12345"), "c": canned(*"92345")}
    parity = compare(PROMPTS, models)
    assert [pair.agree for pair in parity.pairs] == [1.0, 0.8]
    assert not parity.passed


def test_one_model_is_held_at_a_time() -> None:
    alive: list[weakref.ref[Any]] = []

    class Model:
        def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
            return [Completion("SELECT 1")] * len(prompts)

    def open_one() -> Model:
        gc.collect()
        assert not [ref for ref in alive if ref() is not None]
        model = Model()
        alive.append(weakref.ref(model))
        return model

    assert compare(PROMPTS, {"a": open_one, "b": open_one}).passed


def test_nothing_to_compare_is_told() -> None:
    with pytest.raises(DataError, match="there are 0 and 2"):
        compare([], {"a": canned(), "b": canned()})
    with pytest.raises(DataError, match="there are 5 and 1"):
        compare(PROMPTS, {"a": canned()})


def test_weights_are_compared_and_no_constraint_or_vote() -> None:
    seen: list[GenerateOptions] = []

    def model(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        seen.append(options)
        return [Completion("SELECT 1") for _ in prompts]

    options = GenerateOptions(max_tokens=9, temperature=0.5, candidates=7, constrain=True)
    prompts = [Prompt((Message("user", "How many?"),))]
    assert compare(prompts, {"a": lambda: model, "b": lambda: model}, options=options).passed
    assert seen == [GenerateOptions(max_tokens=9)] * 2
