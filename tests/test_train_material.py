"""What a recipe trains on: never what it is validated or tested with."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from sqltailor.data import write_examples
from sqltailor.errors import DataError
from sqltailor.recipe import load_recipe
from sqltailor.train.planning.ready import check_named
from sqltailor.train.rows.training_data import read_material
from sqltailor.types import Example

DDL = "CREATE TABLE t (a INT)"


def example(number: int, question: str | None = None, **more: str) -> Example:
    return Example(
        str(number), (f"SELECT a FROM t WHERE a > {number}",), question or f"Which a exceed {number}?", **more
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_examples("train.jsonl", [example(n) for n in range(10)])
    return tmp_path


def trained_on(*words: str) -> list[str]:
    recipe = load_recipe(None, ['data.train=["train.jsonl"]', *words], env={}).recipe
    return [e.id for e in read_material(recipe, Path("run")).train]


def test_test_and_validation_examples_are_not_trained_on(caplog: pytest.LogCaptureFixture) -> None:
    write_examples("test.jsonl", [example(1), example(50)])
    write_examples("validation.jsonl", [example(2)])
    kept = trained_on('data.test=["test.jsonl", "later.jsonl"]', "data.validation=validation.jsonl")
    assert kept == [str(n) for n in range(10) if n not in (1, 2)]
    assert "train.jsonl: 2 of 10 examples are also validation or test examples and are dropped" in caplog.text


def test_a_missing_test_or_validation_file_is_told(caplog: pytest.LogCaptureFixture) -> None:
    trained_on("data.test=nope.jsonl", "data.validation=none.jsonl")
    for name in ("nope", "none"):
        assert f"{name}.jsonl is not there yet" in caplog.text


def test_before_an_import_only_its_train_file_is_told(caplog: pytest.LogCaptureFixture) -> None:
    words = 'data.train=["train.jsonl", "data/train.jsonl"]', "data.validation=data/validation.jsonl"
    trained_on(*words, "data.test=[data/test.jsonl, data/tset.jsonl]")
    told = [record.getMessage().split(" ")[0] for record in caplog.records]
    assert told == ["data/train.jsonl", "data/tset.jsonl"]


def test_a_missing_training_file_of_the_command_line_is_an_error() -> None:
    with pytest.raises(DataError, match=r"No such file: nope\.jsonl"):
        check_named(load_recipe(None, ["data.train=[train.jsonl, nope.jsonl]"], env={}))
    Path("recipe.yaml").write_text("data:\n  train: [train.jsonl, nope.jsonl]\n")
    check_named(load_recipe(None, env={}))


def test_a_question_is_known_by_its_words(caplog: pytest.LogCaptureFixture) -> None:
    same = dataclasses.replace(example(3), question="which A  exceed 3", sql=("SELECT t.a FROM t WHERE t.a > 3",))
    write_examples("test.jsonl", [same])
    assert "3" not in trained_on('data.test=["test.jsonl"]')


def test_the_same_question_to_another_database_is_another() -> None:
    write_examples("train.jsonl", [example(n, "How many?", db_id=f"d{n}") for n in range(3)])
    write_examples("test.jsonl", [dataclasses.replace(example(9, "How many?", db_id="d1"))])
    assert trained_on('data.test=["test.jsonl"]') == ["0", "2"]


def test_the_same_pair_is_known_without_its_schema() -> None:
    write_examples("test.jsonl", [example(4, schema=DDL)])
    assert "4" not in trained_on('data.test=["test.jsonl"]')


def test_nothing_left_is_an_error() -> None:
    write_examples("test.jsonl", [example(n) for n in range(10)])
    with pytest.raises(DataError, match="each of its 10 examples is also a validation or test example"):
        trained_on('data.test=["test.jsonl"]')
