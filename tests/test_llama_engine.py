"""The engine llama beside the engine torch: the same tokens and answers, whatever is shared, kept or asked at once."""

from __future__ import annotations

import dataclasses
import importlib.util
import logging
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sqltailor.errors import BackendError, ConfigError, MissingExtra, install_command
from sqltailor.generate import load
from sqltailor.generate.engines import llama_file
from sqltailor.generate.gguf_tokens import _tokenizer
from sqltailor.generate.leaving import NobodyWaits, watching
from sqltailor.generate.llama_cpp import LlamaCppModel
from sqltailor.generate.llama_sequences import Part, Sequences
from sqltailor.prompt.encode import encode, end_of_turn
from sqltailor.runs import Run, write_json_atomic
from sqltailor.sql.constrain.grammar import DECLINE
from sqltailor.sql.constrain.known_joins import Pair, Place, to_json
from sqltailor.sql.guard import check
from sqltailor.sql.schema import from_ddl
from sqltailor.types import GenerateOptions, Message, Prompt
from tests.support.missing import missing
from tests.support.tiny_model import make_tiny_model

torch = pytest.importorskip("torch")
pytest.importorskip("gguf")
if importlib.util.find_spec("cyllama") is None:
    missing("llama.cpp", "pip install cyllama")

from sqltailor.export.gguf import write_gguf  # noqa: E402
from sqltailor.generate.local import LocalModel  # noqa: E402
from sqltailor.generate.open_model import open_model  # noqa: E402

SCHEMA = from_ddl(
    """
    CREATE TABLE stop (id INTEGER PRIMARY KEY, name TEXT, zone INTEGER, opened DATE);
    CREATE TABLE line (number TEXT PRIMARY KEY, colour TEXT);
    CREATE TABLE serves (line_number TEXT REFERENCES line (number), stop_id INTEGER REFERENCES stop (id), "order" INT);
    """,
    "sqlite",
)
NETWORK = "a tram network, with stops in zones, lines in colours, and the order in which lines serve their stops: " * 6
QUESTIONS = ("How many stops?", "Which lines stop in zone 2, and at which stop first?", "Colours", "Oldest stop")
FREE = GenerateOptions(max_tokens=24)
KEPT_TO_SCHEMA = GenerateOptions(max_tokens=80, constrain=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("model"), hidden=64)


@pytest.fixture(scope="module")
def file(folder: Path) -> Path:
    write_gguf(folder, folder / "tiny.gguf", name="tiny", prompt={"name": "compact", "version": 1})
    return folder / "tiny.gguf"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLTAILOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def model(file: Path) -> LlamaCppModel:
    return LlamaCppModel(file, threads=1)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens llama.cpp read, step by step."""
    steps: list[int] = []
    plain = Sequences.read

    def counted(self: Sequences, parts: list[Part]) -> list[int]:
        steps.append(sum(len(part.ids) for part in parts))
        return plain(self, parts)

    monkeypatch.setattr(Sequences, "read", counted)
    return steps


def prompts(network: str = NETWORK) -> list[Prompt]:
    return [Prompt((Message("system", network), Message("user", q)), SCHEMA) for q in QUESTIONS]


def texts(model: Any, asked: list[Prompt], options: GenerateOptions) -> list[str]:
    return [completion.text for completion in model(asked, options)]


@pytest.mark.parametrize("family", ["Llama", "Qwen2"])
def test_token_ids_are_those_of_the_models_own_tokenizer(tmp_path: Path, family: str) -> None:
    own = open_model(str(make_tiny_model(tmp_path / "m", hidden=64, family=family)), dtype=torch.float32).tokenizer
    write_gguf(tmp_path / "m", tmp_path / "m.gguf", name="m")
    ours = LlamaCppModel(tmp_path / "m.gguf", threads=1).tokenizer
    draw = random.Random(0)
    odd = ["<|end|>", "<|im_end|>", "</s>", "'s", "e\u0301", "Ä", "ß", "数", "\U0001f600", "\u200b", "\t", "  ", "\r\n"]
    for _ in range(200):
        text = "".join(draw.choice([*odd, *"aB1 .;_'\"("]) for _ in range(draw.randint(0, 25)))
        for plain in (False, True):
            ids = own(text, add_special_tokens=False, split_special_tokens=plain)["input_ids"]
            assert ours(text, split_special_tokens=plain)["input_ids"] == ids, text
            for bare in (False, True):
                said = own.decode(ids, skip_special_tokens=bare)
                assert ours.decode(ids, skip_special_tokens=bare) == said, text
    messages = [Message("system", "it's Año <|end|>"), Message("user", "Total in 2024?")]
    assert encode(ours, messages) == encode(own, messages)
    assert end_of_turn(ours) == end_of_turn(own)


@pytest.mark.parametrize("options", [FREE, KEPT_TO_SCHEMA], ids=["free", "kept to the schema"])
def test_answers_are_those_of_the_engine_torch(folder: Path, model: LlamaCppModel, options: GenerateOptions) -> None:
    other = LocalModel(open_model(str(folder), dtype=torch.float32))
    expected = other(prompts(), options)
    found = model(prompts(), options)
    # F16 turns near ties over: a model that learned nothing has many
    equal = [a.text == b.text for a, b in zip(found, expected, strict=True)]
    assert sum(equal) >= len(equal) - 1
    for a, b in zip(found, expected, strict=True):
        assert (a.tokens_in, a.logprob) == (b.tokens_in, None)
        if a.text == b.text:
            assert (a.stop, a.tokens_out, a.led) == (b.stop, b.tokens_out, b.led)
    assert model.count_tokens("How many stops?") == other.count_tokens("How many stops?")


def test_a_model_that_learned_nothing_writes_only_what_may_run(file: Path, model: LlamaCppModel) -> None:
    options = GenerateOptions(100, temperature=1.0, n=5, seed=3, constrain=True)
    drawn = model(prompts(), options)
    written = [completion for completion in drawn if not completion.text.startswith(DECLINE)]
    assert len({completion.text for completion in written}) > 8
    for completion in written:
        assert completion.stop == "end"
        assert check(completion.text, dialect="sqlite", schema=SCHEMA).allowed, completion.text
    again = texts(LlamaCppModel(file, threads=1), prompts(), options)
    assert again == [completion.text for completion in drawn], "drawn by the seed"
    other = texts(LlamaCppModel(file, threads=1), prompts(), dataclasses.replace(options, seed=40, top_p=0.9))
    assert other != again


def test_what_prompts_share_is_read_once(file: Path, model: LlamaCppModel, read: list[int]) -> None:
    lengths = [len(encode(model.tokenizer, prompt.messages)) for prompt in prompts()]
    first = texts(model, prompts()[:1], FREE)
    assert sum(read) < lengths[0] + 24
    read.clear()
    rest = texts(model, prompts(), FREE)
    assert sum(read) < 4 * (24 + 60)
    assert first == rest[:1]
    read.clear()
    anew = LlamaCppModel(file, threads=1)
    assert texts(anew, prompts()[:1], FREE) == first
    assert sum(read) < 24 + 60, "another process had written down what it read"
    read.clear()
    assert len(texts(anew, prompts()[1:2], dataclasses.replace(FREE, temperature=1.0, n=7, seed=1))) == 7
    assert sum(read) < 7 * 24 + 60 + 7


def test_a_damaged_file_of_what_was_read_is_read_again(file: Path, tmp_path: Path, model: LlamaCppModel) -> None:
    expected = texts(model, prompts()[:1], FREE)
    [state] = (tmp_path / "cache" / "prefixes").iterdir()
    for damaged in (b"", b"nonsense" * 100, state.read_bytes()[:-1000]):
        state.write_bytes(damaged)
        assert texts(LlamaCppModel(file, threads=1), prompts()[:1], FREE) == expected
        assert state.stat().st_size > 1000, "written down anew"


def test_more_rows_than_there_is_room_for_wait_their_turn(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = prompts() * 5
    expected = texts(LlamaCppModel(file, threads=1), asked, FREE)
    monkeypatch.setattr("sqltailor.generate.llama_sequences.CELLS", 512)
    small = LlamaCppModel(file, threads=1)
    assert texts(small, asked, FREE) == expected
    assert small._turns.writer._sequences.cells < 4096
    longer = prompts(NETWORK + "and much more about trams " * 40)
    assert len(encode(small.tokenizer, longer[0].messages)) > 512
    assert texts(small, longer[:2], FREE) == texts(LlamaCppModel(file, threads=1), longer[:2], FREE)


def test_a_prompt_as_long_as_the_context_is_answered_by_nothing(
    model: LlamaCppModel, caplog: pytest.LogCaptureFixture
) -> None:
    endless = Prompt((Message("user", "how many stops? " * 800),))
    with caplog.at_level(logging.WARNING):
        long, short = model([endless, prompts()[0]], FREE)
    assert (long.text, long.stop, long.tokens_out) == ("", "length", 0)
    assert short.tokens_out
    assert "1 of 2 prompts have 1024 tokens or more" in caplog.text
    with pytest.raises(BackendError, match="the model reads 1,024 with its answer"):
        next(model.stream(endless, FREE))


def test_a_stream_is_the_answer_in_pieces_and_its_end_frees_its_sequence(model: LlamaCppModel) -> None:
    prompt = prompts()[0]
    [whole] = texts(model, [prompt], FREE)
    pieces = list(model.stream(prompt, FREE))
    assert "".join(pieces) == whole
    assert len(pieces) > 5
    stop = whole[6:8]
    [cut] = model([prompt], dataclasses.replace(FREE, stop=(stop,)))
    assert (cut.text, cut.stop) == (whole[: whole.find(stop)], "stop")
    assert "".join(model.stream(prompt, dataclasses.replace(FREE, stop=(stop,)))) == cut.text
    writer = model._turns.writer
    free = len(writer._free)
    leaving = model.stream(prompt, FREE)
    next(leaving)
    assert len(writer._free) == free - 1
    leaving.close()
    assert len(writer._free) == free
    assert texts(model, [prompt], FREE) == [whole]


def test_an_answer_that_nobody_waits_for_is_given_up(model: LlamaCppModel) -> None:
    expected = texts(model, prompts(), FREE)
    steps = iter(range(100))
    with watching(lambda: next(steps) > 5), pytest.raises(NobodyWaits):
        model(prompts(), FREE)
    assert 5 < next(steps) < 10
    assert model._turns.writer.rows == []
    assert texts(model, prompts(), FREE) == expected


def test_threads_that_ask_at_once_are_answered_side_by_side(file: Path, model: LlamaCppModel, read: list[int]) -> None:
    asked = prompts() * 2
    expected = [texts(LlamaCppModel(file, threads=1), [prompt], KEPT_TO_SCHEMA)[0] for prompt in asked]
    alone = len(read)
    read.clear()
    found: dict[int, str] = {}

    def ask(number: int) -> None:
        found[number] = texts(model, [asked[number]], KEPT_TO_SCHEMA)[0]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(asked))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(len(asked))] == expected
    assert len(read) < alone * 2 / 3, "steps were shared"
    done = len(read)
    model._turns.writer.step()
    assert len(read) == done, "nothing is left to read"


def test_a_failure_of_llama_cpp_is_told_to_everyone_and_forgotten(
    model: LlamaCppModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = texts(model, prompts(), FREE)

    def failing(self: Sequences, parts: list[Part]) -> list[int]:
        raise BackendError("llama.cpp cannot read 3 tokens: no room")

    with monkeypatch.context() as broken:
        broken.setattr(Sequences, "read", failing)
        with pytest.raises(BackendError, match="no room"):
            model(prompts(), FREE)
    assert texts(model, prompts(), FREE) == expected


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model", b"GGUF\x03\0\0\0" + b"\xff" * 64])
def test_a_file_that_is_no_model_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(content)
    with pytest.raises(BackendError, match=r"bad\.gguf"):
        load(f"gguf:{bad}")


def test_a_tokenizer_that_is_not_known_names_the_other_engine() -> None:
    with pytest.raises(BackendError, match=r"of kind llama/default, .* reads gpt2/qwen2.*generate\.engine: torch"):
        _tokenizer(Path("x.gguf"), "llama/default", [], [])


def make_run(tmp_path: Path, file: Path, *kinds: str) -> Path:
    run = Run(tmp_path / "runs" / "shop")
    (run.path / "export" / "gguf").mkdir(parents=True)
    write_json_atomic(run.prompt, {"name": "compact", "version": 1})
    for kind in kinds:
        shutil.copyfile(file, run.path / "export" / "gguf" / f"shop-{kind}.gguf")
    return run.path


def test_a_run_exported_in_eight_bits_is_answered_by_llama_cpp(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqltailor.generate.engines.llama_is_fit", lambda: True)
    run = make_run(tmp_path, file, "q4_k_m", "f16")
    assert llama_file(str(run), "auto") is None
    assert llama_file(str(run), "torch") is None
    assert llama_file(str(run), "llama") == run / "export" / "gguf" / "shop-f16.gguf"
    exact = run / "export" / "gguf" / "shop-q8_0.gguf"
    shutil.copyfile(file, exact)
    assert [llama_file(str(run), engine) for engine in ("auto", "llama", "torch")] == [exact, exact, None]
    assert isinstance(load(str(run), engine="auto"), LlamaCppModel)
    monkeypatch.setattr("sqltailor.generate.engines.llama_is_fit", lambda: False)
    assert llama_file(str(run), "auto") is None


def test_the_joins_that_a_run_learned_lead_its_export_too(tmp_path: Path, file: Path) -> None:
    run = make_run(tmp_path, file, "q8_0")
    known = [Pair(Place("serves", "stop_id"), Place("stop", "id"))]
    write_json_atomic(Run(run).joins, to_json(known))
    assert LlamaCppModel(run / "export" / "gguf" / "shop-q8_0.gguf", threads=1).text.joins == known
    assert LlamaCppModel(file, threads=1).text.joins == ()


def test_what_llama_cpp_cannot_answer_for_is_told(tmp_path: Path, file: Path) -> None:
    run = make_run(tmp_path, file)
    with pytest.raises(ConfigError, match=f"no GGUF file of {run}.*sqltailor export {run} --to gguf --quantize q8_0"):
        load(str(run), engine="llama")
    with pytest.raises(BackendError, match=r"no GGUF file runs/none\.gguf"):
        load("gguf:runs/none.gguf")
    assert llama_file(str(file), "llama") == file
    assert llama_file(f"gguf:{file}", "torch") == file
    assert isinstance(load(f"gguf:{file}"), LlamaCppModel)
    old = tmp_path / "old.gguf"
    write_gguf(file.parent, old, name="old", prompt={"name": "compact", "version": 0})
    with pytest.raises(BackendError, match="trained with prompt 'compact' version 0"):
        load(f"gguf:{old}")


def test_without_cyllama_the_extra_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cyllama.llama.llama_cpp", None)
    with pytest.raises(MissingExtra, match=re.escape(f"The engine llama needs cyllama: {install_command('llama')}")):
        load(f"gguf:{file}")


WITHOUT_TORCH = """
import sys
sys.modules.update(torch=None, transformers=None, gguf=None)
from sqltailor.cli import main
main()
"""


def test_asking_needs_no_torch(tmp_path: Path, file: Path) -> None:
    with sqlite3.connect(tmp_path / "tram.db") as database:
        database.execute("CREATE TABLE stop (id INTEGER PRIMARY KEY, name TEXT)")
    command = ["ask", "How many stops?", "--model", f"gguf:{file}", "--database", "tram.db", "--json"]
    asked = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *command], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert '"sql": "SELECT' in asked.stdout, asked.stderr
