"""Local models kept to a schema: valid whatever the weights, the same in any batch and with either engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqltailor.generate.generic_forward import AnyEngine
from sqltailor.generate.llama_forward import LlamaEngine
from sqltailor.generate.local import LocalModel
from sqltailor.generate.open_model import open_model
from sqltailor.sql.constrain.grammar import DECLINE
from sqltailor.sql.guard import check
from sqltailor.sql.schema import from_ddl
from sqltailor.types import GenerateOptions, Message, Prompt
from tests.support.tiny_model import make_tiny_model

torch = pytest.importorskip("torch")
pytest.importorskip("llguidance")

SCHEMA = from_ddl(
    """
    CREATE TABLE stop (id INTEGER PRIMARY KEY, name TEXT, zone INTEGER, opened DATE);
    CREATE TABLE line (number TEXT PRIMARY KEY, colour TEXT);
    CREATE TABLE serves (line_number TEXT REFERENCES line (number), stop_id INTEGER REFERENCES stop (id), "order" INT);
    """,
    "sqlite",
)
OPTIONS = GenerateOptions(max_tokens=120, constrain=True)
QUESTIONS = ("How many stops?", "Which lines stop in zone 2, and at which stop first?", "Colours", "Oldest stop")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("model"))


def local(folder: Path) -> LocalModel:
    return LocalModel(open_model(str(folder), dtype=torch.float32))


def prompts() -> list[Prompt]:
    return [Prompt((Message("system", "a tram network"), Message("user", q)), SCHEMA) for q in QUESTIONS]


def test_a_model_that_learned_nothing_writes_only_what_may_run(folder: Path) -> None:
    drawn = local(folder)(prompts(), GenerateOptions(120, temperature=1.0, n=6, seed=3, constrain=True))
    written = [completion for completion in drawn if not completion.text.startswith(DECLINE)]
    assert len({completion.text for completion in written}) > 12
    for completion in written:
        assert completion.stop == "end"
        assert completion.tokens_out is not None
        assert completion.tokens_out <= 120
        assert check(completion.text, dialect="sqlite", schema=SCHEMA).allowed, completion.text


def test_an_answer_is_the_same_alone_in_a_batch_and_with_either_engine(folder: Path) -> None:
    model = local(folder)
    together = [completion.text for completion in model(prompts(), OPTIONS)]
    alone = [local(folder)([prompt], OPTIONS)[0].text for prompt in prompts()]
    assert together == alone
    assert "".join(model.stream(prompts()[0], OPTIONS)) == alone[0]
    model.engine = AnyEngine(model.model)
    assert [completion.text for completion in model(prompts(), OPTIONS)] == alone


def test_without_schema_or_wish_nothing_is_kept_to(folder: Path) -> None:
    model = local(folder)
    free = GenerateOptions(max_tokens=12)
    bare = [Prompt(prompt.messages) for prompt in prompts()]
    assert [c.text for c in model(bare, GenerateOptions(12, constrain=True))] == [c.text for c in model(bare, free)]
    assert [c.text for c in model(prompts(), free)] == [c.text for c in model(bare, free)]


@pytest.mark.parametrize("kind", ["lean", "any"])
def test_tokens_read_together_or_again_give_the_same_logits(folder: Path, kind: str) -> None:
    model = local(folder).model
    engine = LlamaEngine(model) if kind == "lean" else AnyEngine(model)
    rows = [[5, 6, 7], [8, 9, 10, 11, 12]]
    with torch.inference_mode():
        state, _ = engine.start(rows, None, 8)  # type: ignore[arg-type]
        engine.extend([[20, 21, 22], [30]], state)
        engine.drop(0, 2, state)
        found = engine.extend([[40, 41], [31, 32, 33]], state)
        found = engine.extend([[42], [34]], state)
        expected = [
            engine.start([row], None, 0)[1][0]  # type: ignore[arg-type]
            for row in ([5, 6, 7, 20, 40, 41, 42], [8, 9, 10, 11, 12, 30, 31, 32, 33, 34])
        ]
    for row, logits in zip(found, expected, strict=True):
        torch.testing.assert_close(row, logits, rtol=1e-4, atol=1e-4)
