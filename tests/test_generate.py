"""Model references, canned answers, batches of prompts, and weights that do not belong together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sqltailor.errors import BackendError, ConfigError, DataError
from sqltailor.generate import load
from sqltailor.generate.batches import Batch, common, plan
from sqltailor.generate.references import check_base, fingerprint, resolve
from sqltailor.prompt.text import build_prompt
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Example, GenerateOptions, Prompt

SHOP = "CREATE TABLE customer (id INT, name TEXT)"
ZOO = "CREATE TABLE animal (id INT, name TEXT)"
OPTIONS = GenerateOptions()


def asked(question: str, ddl: str = SHOP, name: str = "reference") -> Prompt:
    return build_prompt(Example("x", ("SELECT 1",), question=question), from_ddl(ddl), name=name)


def test_gold_answers_with_the_preferred_gold_sql() -> None:
    examples = [Example("1", ("SELECT COUNT(*) FROM customer;", "SELECT 1"), question="How many?", schema=SHOP)]
    model = load("gold", examples=examples)
    for name in ("reference", "compact"):
        assert [c.text for c in model([asked("How many?", name=name)], OPTIONS)] == ["SELECT COUNT(*) FROM customer"]
    with pytest.raises(BackendError, match="Why"):
        model([asked("Why?")], OPTIONS)


def test_gold_tells_equal_questions_apart_by_their_schema() -> None:
    examples = [
        Example("1", ("SELECT COUNT(*) FROM customer",), question="How many?", schema=SHOP),
        Example("2", ("SELECT COUNT(*) FROM animal",), question="How many?", schema=ZOO),
    ]
    answers = load("gold", examples=examples)([asked("How many?", ZOO), asked("How many?", SHOP)], OPTIONS)
    assert [c.text for c in answers] == ["SELECT COUNT(*) FROM animal", "SELECT COUNT(*) FROM customer"]


def test_gold_needs_examples() -> None:
    with pytest.raises(ConfigError, match="--data"):
        load("gold")


def test_echo_answers_in_turn_or_by_question(tmp_path: Path) -> None:
    lines = tmp_path / "answers.txt"
    lines.write_text("SELECT 1\n\nSELECT 2\n")
    model = load(f"echo:{lines}")
    assert [c.text for c in model([asked("a"), asked("b"), asked("c")], OPTIONS)] == [
        "SELECT 1",
        "SELECT 2",
        "SELECT 1",
    ]
    by_question = tmp_path / "answers.jsonl"
    rows = [{"question": "How many?", "sql": ["SELECT 3"]}, {"question": "How many? Really?", "sql": "SELECT 4"}]
    by_question.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = load(f"echo:{by_question}")
    assert [c.text for c in model([asked("How many? Really?"), asked("How many?")], OPTIONS)] == [
        "SELECT 4",
        "SELECT 3",
    ]
    mapping = tmp_path / "answers.json"
    mapping.write_text(json.dumps({"How many?": "SELECT 5"}, indent=2))
    assert load(f"echo:{mapping}")([asked("How many?")], GenerateOptions(n=2, temperature=1))[1].text == "SELECT 5"


@pytest.mark.parametrize(("text", "message"), [("", "no answers"), ('{"question": ', "neither JSON")])
def test_echo_of_a_bad_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        load(f"echo:{path}")
    with pytest.raises(DataError, match="cannot be read"):
        load(f"echo:{tmp_path / 'absent'}")


@pytest.mark.parametrize("reference", ["", "gpt:4", "hf:", "nano:1"])
def test_unknown_references(reference: str) -> None:
    with pytest.raises(ConfigError, match="echo:FILE"):
        load(reference)


@pytest.mark.parametrize("reference", ["runs/absent", "hf:./absent", "/absent/model", "a/b/c"])
def test_references_to_nothing(reference: str) -> None:
    with pytest.raises(BackendError, match="no model at"):
        load(reference)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="neither a model"):
        resolve(str(tmp_path))


def test_a_plain_hub_id_is_a_model() -> None:
    assert resolve("org/name").base == resolve("hf:org/name").base == "org/name"
    assert resolve("hf:org/name+org/adapter").adapter == "org/adapter"


def run_folder(path: Path, *, version: int = 1, base: str = "org/base", fingerprint: str = "0") -> Path:
    (path / "adapter").mkdir(parents=True)
    (path / "prompt.json").write_text(json.dumps({"name": "compact", "version": version, "schema_hash": None}))
    (path / "adapter" / "base.json").write_text(json.dumps({"reference": base, "fingerprint": fingerprint}))
    return path


def test_a_run_is_its_adapter_on_its_base(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    source = resolve(str(run))
    assert (source.base, source.adapter) == ("org/base", str(run / "adapter"))


def test_a_run_of_another_prompt_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="'compact' version 99; this SQLTailor writes version 1"):
        resolve(str(run_folder(tmp_path / "run", version=99)))


def test_an_adapter_of_another_base_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.support.tiny_model import make_tiny_model

    first, second = make_tiny_model(tmp_path / "a"), make_tiny_model(tmp_path / "b", seed=1)
    assert fingerprint(str(first)) == fingerprint(str(make_tiny_model(tmp_path / "c")))
    assert fingerprint(str(first)) != fingerprint(str(second))
    run = run_folder(tmp_path / "run", base=str(second), fingerprint=fingerprint(str(first)))
    with pytest.raises(BackendError, match="another base model"):
        check_base(resolve(str(run)))


def test_prompts_of_one_schema_are_read_together() -> None:
    shop, zoo = list(range(100)), list(range(200, 300))
    rows = [[*shop, 1, 2, 3], [*zoo, 1], [*shop, 4], [*shop, 5, 6], [9, 9], [8]]
    assert plan(rows, 2) == [Batch([2, 3], 100), Batch([0], 100), Batch([5, 4], 0), Batch([1], 0)]


def test_equal_prompts_keep_a_token_of_their_own() -> None:
    row = list(range(50))
    assert plan([row, row, row], 8) == [Batch([0, 1, 2], 49)]
    assert plan([], 8) == []
    assert common([], [1]) == 0


def test_prefixes_are_found_again_and_the_oldest_dropped() -> None:
    torch = pytest.importorskip("torch")
    from sqltailor.generate.attention import Prefix
    from sqltailor.generate.prefixes import PrefixCache

    def prefix(ids: list[int]) -> Prefix:
        return Prefix(tuple(ids), torch.zeros(1, 1, len(ids), 2), torch.zeros(1, 1, len(ids), 2))

    cache = PrefixCache()
    assert cache.longest(list(range(40))) is None
    cache.add(prefix(list(range(40))))
    found = cache.longest([*range(30), 7, 7])
    assert found is not None
    assert len(found.ids) == found.keys.shape[2] == 30
    whole = cache.longest(list(range(40)))
    assert whole is not None
    assert len(whole.ids) == 39
    for start in (100, 200, 300, 400):
        cache.add(prefix(list(range(start, start + 40))))
    assert cache.longest(list(range(40))) is None
    assert cache.longest(list(range(400, 450))) is not None
