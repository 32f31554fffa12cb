"""Learning from executed answers: what earns a reward and what does not, then dpo and grpo really run."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sqltailor.data.facts import tables_read
from sqltailor.database import open_database
from sqltailor.errors import ConfigError, DataError
from sqltailor.evaluate.reward import PARTLY
from sqltailor.evaluate.scoring import Scoring
from sqltailor.prompt.text import build_prompt
from sqltailor.recipe import load_recipe
from sqltailor.runs import read_json, read_jsonl
from sqltailor.sql.dialect import parse
from sqltailor.sql.schema import from_ddl
from sqltailor.train import plan, train
from sqltailor.train.methods import dpo
from sqltailor.train.methods.rewards import Question, Rewarder, rewards
from sqltailor.train.running.progress import live
from sqltailor.types import Example

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from tests.support.tiny_model import make_tiny_model  # noqa: E402
from tests.test_train import Stop, losses, metrics  # noqa: E402

DDL = """CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
CREATE TABLE "order" (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer(id), total REAL);"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.executescript(DDL)
        database.executemany("INSERT INTO customer VALUES (?, ?, ?)", [(1, "Ann", "Lyon"), (2, "Bo", "Rome")])
        database.execute('INSERT INTO "order" VALUES (1, 1, 9.5)')
    return path


@pytest.fixture
def rewarder(shop: Path) -> Iterator[Rewarder]:
    with open_database(str(shop)) as database:
        yield Rewarder(Scoring(database, timeout_s=2))


def question(*gold: str) -> Question:
    example = Example("x", gold, question="?")
    return Question(example, build_prompt(example, from_ddl(DDL)), [], [])


COUNT = "SELECT COUNT(*) FROM customer"


@pytest.mark.parametrize(
    ("gold", "answer", "earned"),
    [
        (COUNT, COUNT, 1.0),
        (COUNT, "SELECT COUNT(id) AS n FROM customer", 1.0),
        (COUNT, "SELECT MAX(id) + 5 FROM customer", PARTLY),
        (COUNT, 'SELECT COUNT(*) FROM "order"', 0.0),
        (
            'SELECT c.name FROM customer AS c JOIN "order" AS o ON o.customer_id = c.id',
            "SELECT name FROM customer",
            PARTLY / 2,
        ),
    ],
)
def test_the_right_result_earns_all_and_the_right_tables_a_little(
    rewarder: Rewarder, gold: str, answer: str, earned: float
) -> None:
    assert rewarder(question(gold), answer).reward == pytest.approx(earned)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I do not know",
        "-- cannot answer: no such data",
        "SELECT 1",
        "SELECT 2",  # a guess of the number
        "WITH customer AS (SELECT 1 UNION ALL SELECT 2) SELECT COUNT(*) FROM customer",  # a table of its own
        "SELECT id FROM nothing",
        "SELECT nothing FROM customer",
        "SELECT * FROM customer; DROP TABLE customer",
        "DELETE FROM customer",
        "SELECT name FROM sqlite_master",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT COUNT(*) FROM t, customer",
        COUNT + " WHERE",
    ],
)
def test_what_looks_like_an_answer_earns_little_or_nothing(rewarder: Rewarder, answer: str) -> None:
    assert rewarder(question(COUNT), answer).reward == 0


def test_more_tables_than_needed_earn_less(rewarder: Rewarder) -> None:
    every = rewarder(question(COUNT), 'SELECT 1 FROM customer, "order"')
    assert 0 < every.reward < PARTLY


def test_declining_is_right_where_the_gold_declines(rewarder: Rewarder) -> None:
    unknown = question("-- cannot answer: no such data")
    assert rewarder(unknown, "-- cannot answer: who knows").reward == 1
    assert rewarder(unknown, COUNT).reward == 0


def test_empty_beside_empty_is_not_right(rewarder: Rewarder) -> None:
    nobody = question("SELECT name FROM customer WHERE city = 'Oslo'")
    found = rewarder(nobody, "SELECT name FROM customer WHERE city = 'Bonn'")
    assert found.outcome != "correct"
    assert found.reward <= PARTLY


def test_an_answer_that_was_cut_earns_nothing_of_its_own(rewarder: Rewarder) -> None:
    answers = [COUNT, COUNT + " WHERE city = 'Ly", COUNT]
    assert rewards(rewarder, [question(COUNT)] * 3, answers, [False, True, True]) == [1.0, 0.0, 0.0]


def test_equal_answers_run_once(rewarder: Rewarder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rewarder(question(COUNT), COUNT)
    monkeypatch.setattr(rewarder.scorer, "attempt", lambda *a, **k: pytest.fail("it ran again"))
    assert rewarder(question(COUNT), COUNT) == first


def test_tables_of_a_statement() -> None:
    tree = parse('WITH c AS (SELECT * FROM customer) SELECT * FROM c, main."order"')
    assert set(tables_read(tree.walk())) == {"customer", "order"}
    tree = parse(
        'WITH a AS (SELECT 1) SELECT * FROM a JOIN "order.items" AS i ON TRUE JOIN hr.a AS h ON TRUE', "duckdb"
    )
    assert tables_read(tree.walk()) == ("order.items", "a")  # of the two, not the query


WORDS = (
    "data.train=train.jsonl",
    "base=./tiny",
    "prompt.name=compact",
    "database.url=sqlite:///shop.db",
    "train.name=r",
    "train.batch=4",
    "train.local.dtype=fp32",
)


@pytest.fixture
def folder(tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_tiny_model(tmp_path / "tiny")
    golds = [
        COUNT,
        "SELECT name FROM customer WHERE city = 'Lyon'",
        "SELECT city FROM customer",
        "SELECT id FROM customer",
    ]
    rows = [{"id": str(i), "question": f"Question {i}?", "sql": [sql]} for i, sql in enumerate(golds)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def run(*words: str, progress: Any = None) -> Any:
    return train(load_recipe(None, [*WORDS, *words], env={}), progress=progress)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def half(folder: Path, kept: Path) -> Callable[..., str]:
    """What trains a run that knows some of the answers, once for all tests that want it by the same words."""

    def trained(*words: str) -> str:
        before, run_folder = kept / "-".join(words), folder / "runs" / "half"
        if before.exists():
            shutil.copytree(before, run_folder)
        else:
            run(*words, "train.name=half")
            shutil.copytree(run_folder, before)
        return "runs/half"

    return trained


def test_dpo_prefers_the_gold_to_its_own_wrong_answers(half: Callable[..., str]) -> None:
    words = (
        f"base={half('train.epochs=45', 'train.learning_rate=0.02')}",
        "prompt.name=auto",
        "train.method=dpo",
        "train.epochs=4",
        "train.local.save_steps=2",
    )
    words = (*words, "train.batch=2")
    unbroken = run(*words, "train.name=unbroken")
    assert losses(unbroken)[-1] < losses(unbroken)[0]
    assert metrics(unbroken)[-1]["preferred"] >= metrics(unbroken)[0]["preferred"]
    pairs = list(read_jsonl(Path(unbroken.run) / "pairs.jsonl"))
    assert 3 <= len(pairs) <= 4  # so that an epoch has two steps
    assert not (Path(unbroken.run) / "adapter" / "ref").exists()
    assert read_json(Path(unbroken.run) / "adapter" / "base.json")["reference"] == "./tiny"

    def crash(row: dict[str, Any], steps: int) -> None:
        if row["step"] == 5:
            raise Stop

    with pytest.raises(Stop):
        run(*words, progress=crash)
    assert losses(run(*words)) == pytest.approx(losses(unbroken), abs=1e-6)


def test_what_the_base_has_answered_is_kept_when_asking_ends_early(
    folder: Path, half: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (
        f"base={half('train.epochs=45', 'train.learning_rate=0.02')}",
        "prompt.name=auto",
        "train.method=dpo",
        "train.epochs=1",
        "train.batch=2",
    )
    unbroken = run(*words, "train.name=unbroken")
    monkeypatch.setattr(dpo, "TOGETHER", 1)

    def crash(row: dict[str, Any], steps: int) -> None:
        if row.get("asked") == 2:
            raise Stop

    with pytest.raises(Stop):
        run(*words, progress=crash)
    partial = folder / "runs" / "r" / "pairs.partial"
    assert [row["number"] for row in read_jsonl(partial)] == [0, 1]

    def press(row: dict[str, Any], steps: int) -> None:
        if row.get("asked") == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(*words, progress=press)
    assert [row["number"] for row in read_jsonl(partial)] == [0, 1, 2]
    asked = []
    resumed = run(*words, progress=lambda row, steps: asked.append(row.get("asked")))
    assert asked[:2] == [3, 4]
    assert not partial.exists()
    pairs = "pairs.jsonl"
    assert list(read_jsonl(Path(resumed.run) / pairs)) == list(read_jsonl(Path(unbroken.run) / pairs))


def test_questions_to_the_base_are_shown_as_steps_are() -> None:
    rows = [{"stage": 2, "step": 0, "asked": n, "questions": 600, "left_s": left} for n, left in ((0, None), (600, 0))]
    plain, terminal = io.StringIO(), io.StringIO()
    for file in (plain, terminal):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FORCE_COLOR", "1" if file is terminal else "")
            with live(file) as progress:
                for row in rows:
                    progress(row, 0)
    assert plain.getvalue() == "stage 2 asked 600 of 600 questions, about 0 s left\n"
    assert re.search("asking the base, stage 2.*600/600", terminal.getvalue())


GRPO = (
    "train.method=grpo",
    "train.batch=8",
    "train.learning_rate=0.001",
    "train.grpo.temperature=0.7",
    "train.grpo.generations=4",
    "train.grpo.max_tokens=24",
)


@pytest.mark.parametrize(
    "words",
    [
        (*GRPO, "train.grpo.beta=0.1"),
        (*GRPO, "train.grpo.beta=0.1", "train.lora.enabled=false"),
        (*GRPO, "train.local.quantization=nf4", "train.local.micro_batch=2"),
        ("train.method=dpo", "train.lora.enabled=false"),
        ("train.method=dpo", "train.dpo.sft_weight=0", "train.local.quantization=nf4"),
    ],
)
def test_methods_train_adapters_or_all_weights_quantised_or_not(
    half: Callable[..., str], words: tuple[str, ...]
) -> None:
    base = half("train.epochs=45", "train.learning_rate=0.005", "train.lora.enabled=false")
    words = (f"base={base}/model", "train.epochs=1", *words)
    resolved = load_recipe(None, [*WORDS, *words], env={})
    (planned,) = plan(resolved).stages
    result = train(resolved)
    assert 1 <= result.steps <= planned.steps
    assert result.tokens_per_s is not None
    assert result.tokens_per_s > 0
    kinds = {name for name in ("adapter", "model") if (Path(result.run) / name).is_dir()}
    assert kinds == {"model" if "train.lora.enabled=false" in words else "adapter"}
    assert planned.memory_gb.get("reference") == (planned.memory_gb["weights"] if "model" in kinds else None)


def test_grpo_continues_after_a_crash_as_if_unbroken(half: Callable[..., str]) -> None:
    base = half("train.epochs=45", "train.learning_rate=0.02")
    words = (*GRPO, f"base={base}", "prompt.name=auto", "train.max_steps=5", "train.local.save_steps=1")
    unbroken = run(*words, "train.name=unbroken")

    def crash(row: dict[str, Any], steps: int) -> None:
        if row["step"] == 3:
            raise Stop

    with pytest.raises(Stop):
        run(*words, progress=crash)
    resumed = run(*words)
    earned = [row["reward"] for row in metrics(unbroken)]
    assert len(set(earned)) > 1
    assert [row["reward"] for row in metrics(resumed)] == earned
    assert losses(resumed) == pytest.approx(losses(unbroken), abs=1e-6)


def test_grpo_may_be_rewarded_by_another_function(folder: Path) -> None:
    words = (*GRPO, "train.max_steps=1", "database.url=null", "database.schema=schema.sql")
    Path("schema.sql").write_text(DDL)
    result = train(load_recipe(None, [*WORDS, *words], env={}), reward=lambda asked, texts, cut: [0.25] * len(texts))
    assert [row["reward"] for row in metrics(result)] == [0.25]


def test_a_step_of_grpo_needs_enough_questions(folder: Path) -> None:
    with pytest.raises(DataError, match=r"One step takes 8 questions .*; there are 4\. Lower train\.batch"):
        run(*GRPO, "train.batch=32")


def test_grpo_after_sft_learns_from_what_it_earns(folder: Path) -> None:
    """First the questions by heart, so that some answers are right; then answers that are executed."""
    once = (folder / "train.jsonl").read_text()
    (folder / "train.jsonl").write_text(once * 50)  # not 150 epochs, each with its checkpoint
    stages = [
        {"method": "sft", "epochs": 3, "learning_rate": 0.02},
        {
            "method": "grpo",
            "max_steps": 4,
            "learning_rate": 0.001,
            "batch": 8,
            "grpo": {"generations": 4, "max_tokens": 24, "temperature": 0.7},
        },
    ]
    result = run(f"train.stages={json.dumps(stages)}")
    earned = [row["reward"] for row in metrics(result) if row["stage"] == 2]
    assert len(earned) == 4
    assert max(earned) > 0.2
    assert (Path(result.run) / "adapter" / "adapter_model.safetensors").is_file()


def test_grpo_says_when_nothing_was_learned(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A base that writes nonsense earns nothing, whatever it draws."""
    run(*GRPO, "train.max_steps=2")
    assert sum("grpo learned nothing" in message for message in caplog.messages) == 1
    assert "sft first" in caplog.text


def test_methods_that_execute_need_a_database(folder: Path) -> None:
    rows = [json.loads(line) | {"schema": DDL} for line in (folder / "train.jsonl").read_text().splitlines()]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for method in ("dpo", "grpo"):
        with pytest.raises(ConfigError, match=r"set database\.url"):
            run(f"train.method={method}", "database.url=null", "train.grpo.generations=2", f"train.name={method}")
