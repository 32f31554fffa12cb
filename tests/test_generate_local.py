"""Local generation against transformers' own `generate`: same tokens, whatever is shared, batched or sampled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sqltailor.errors import BackendError
from sqltailor.generate.attention import Prefix
from sqltailor.generate.generic_forward import AnyEngine
from sqltailor.generate.leaving import NobodyWaits, watching
from sqltailor.generate.llama_forward import LlamaEngine
from sqltailor.generate.llama_weights import open_lean
from sqltailor.generate.local import LocalModel
from sqltailor.generate.open_model import open_model
from sqltailor.generate.prefixes import KEPT, PrefixFolder
from sqltailor.prompt.encode import encode
from sqltailor.runs import Run
from sqltailor.types import Completion, GenerateOptions, Message, Prompt
from tests.support.tiny_model import make_tiny_model

torch = pytest.importorskip("torch")

SCHEMA = "sqlite\n customer: id* int, name, city, country\n order: id* int, customer_id int > customer.id, total num"
QUESTIONS = (
    "How many customers do we have?",
    "Which customers live in Lyon?",
    "Total of all orders in 2024 by country, without those of customers whose name is not known?",
    "List names.",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("model"))


def prompts(schema: str = SCHEMA) -> list[Prompt]:
    return [Prompt((Message("system", schema), Message("user", question))) for question in QUESTIONS]


def local(folder: Path, **settings: Any) -> LocalModel:
    return LocalModel(open_model(str(folder), dtype=torch.float32), **settings)


def by_transformers(folder: Path, asked: list[Prompt], tokens: int) -> list[list[int]]:
    """What the library writes, one prompt at a time, and never an end."""
    opened = open_model(str(folder), dtype=torch.float32)
    written = []
    for prompt in asked:
        ids = torch.tensor([encode(opened.tokenizer, prompt.messages)])
        out = opened.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=tokens,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )
        written.append(out[0, ids.shape[1] :].tolist())
    return written


def tokens_of(model: LocalModel, completions: list[Completion]) -> list[list[int]]:
    return [
        model.tokenizer(c.text, add_special_tokens=False, split_special_tokens=True)["input_ids"] for c in completions
    ]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"num_key_value_heads": 2},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
        {"attention_bias": True},
        {
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 10000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            }
        },
    ],
    ids=["plain", "grouped heads", "other base", "biases", "scaled rotations"],
)
def test_lean_forward_gives_the_logits_of_the_model_class(tmp_path: Path, config: dict[str, Any]) -> None:
    opened = open_model(str(make_tiny_model(tmp_path, **config)), dtype=torch.float32)
    engine = LlamaEngine(opened.model)
    lean = open_lean(tmp_path, torch.float32)
    assert (lean is None) == (config.get("rope_parameters", {}).get("rope_type") == "llama3")
    rows = [[7, 8, 9, 10, 11, 12], [7, 8, 9, 40], [7, 8, 9, 50, 51, 52, 53, 54]]
    with torch.inference_mode():
        if lean is not None:
            logits = engine.start(rows, None, 4)[1]
            torch.testing.assert_close(LlamaEngine(lean).start(rows, None, 4)[1], logits, atol=2e-6, rtol=1e-5)
        expected = [opened.model(torch.tensor([row])).logits[0, -1] for row in rows]
        alone = engine.start(rows, None, 4)[1]
        prefix = engine.read(rows[0][1:3], engine.read(rows[0][:1], None))
        shared_state, shared = engine.start([row[3:] for row in rows], prefix, 4)
        following = [opened.model(torch.tensor([[*row, 99]])).logits[0, -1] for row in rows]
        stepped = engine.step(torch.tensor([99, 99, 99]), shared_state)
        kept_state = engine.keep(torch.tensor([2]), engine.start([row[3:] for row in rows], prefix, 4)[0])
        kept = engine.step(torch.tensor([99]), kept_state)
    torch.testing.assert_close(alone, torch.stack(expected), atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(shared, torch.stack(expected), atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(stepped, torch.stack(following), atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(kept[0], following[2], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["qwen2", "qwen3", "mistral"])
def test_lean_forward_of_other_families(tmp_path: Path, kind: str) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    shape = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "head_dim": 8}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "sliding_window": None, "pad_token_id": 0}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **shape, **heads)).eval()
    for name, weight in model.named_parameters():
        if "norm" in name or "bias" in name:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    assert LlamaEngine.supports(model)
    row = [3, 9, 27, 17, 51]
    with torch.inference_mode():
        logits = LlamaEngine(model).start([row], None, 1)[1][0]
        model.save_pretrained(tmp_path)
        lean = LlamaEngine(open_lean(tmp_path, torch.float32)).start([row], None, 1)[1][0]
        torch.testing.assert_close(lean, logits, atol=2e-6, rtol=1e-5)
        torch.testing.assert_close(logits, model(torch.tensor([row])).logits[0, -1], atol=2e-5, rtol=1e-4)


def test_a_model_that_only_answers_is_opened_without_its_class(folder: Path) -> None:
    script = f"""
import sys
from sqltailor.generate import load
from sqltailor.types import GenerateOptions, Message, Prompt
print(load({str(folder)!r})([Prompt((Message("user", "List names."),))], GenerateOptions(8))[0].tokens_out)
assert "transformers.modeling_utils" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_model_with_sliding_windows_is_left_to_its_own_class() -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    shape = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "sliding_window": 16}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("mistral", **shape, **heads))
    assert not LlamaEngine.supports(model)


@pytest.mark.parametrize("engine", [LlamaEngine, AnyEngine])
def test_batches_write_what_transformers_writes(folder: Path, engine: Any) -> None:
    model = local(folder)
    model.engine, model.ends = engine(model.model), frozenset()
    expected = by_transformers(folder, prompts(), 80)
    completions = model(prompts(), GenerateOptions(max_tokens=80))
    texts = [model.tokenizer.decode(ids, skip_special_tokens=True) for ids in expected]
    assert [c.text for c in completions] == texts
    assert all(c.stop == "length" and c.tokens_out == 80 for c in completions)


def test_what_was_read_before_changes_no_answer(folder: Path) -> None:
    other = "sqlite\n product: id* int, title, price num, stock int, and a long comment on it"
    asked = [*prompts(), *prompts(other)]
    fresh = [local(folder)([prompt], GenerateOptions(max_tokens=20))[0].text for prompt in asked]
    model = local(folder, batch=3)
    options = GenerateOptions(max_tokens=20)
    assert [c.text for c in model(asked, options)] == fresh
    assert [c.text for c in model(asked, options)] == fresh
    assert [model([prompt], options)[0].text for prompt in asked] == fresh
    assert ["".join(model.stream(prompt, options)) for prompt in asked] == fresh


def test_the_end_token_ends_and_is_not_counted(folder: Path) -> None:
    model = local(folder)
    model.ends = frozenset()
    free = model(prompts()[:1], GenerateOptions(max_tokens=12))[0]
    ids = by_transformers(folder, prompts()[:1], 12)[0]
    at = next(i for i in range(1, 12) if ids[i] not in ids[:i])
    model.ends = frozenset({ids[at]})
    ended = model(prompts()[:1], GenerateOptions(max_tokens=12))[0]
    assert (ended.stop, ended.tokens_out) == ("end", at)
    assert ended.logprob is not None
    assert free.logprob is not None
    assert free.logprob < ended.logprob < 0


def test_logprob_is_the_models_own(folder: Path) -> None:
    model = local(folder)
    model.ends = frozenset()
    prompt = prompts()[0]
    completion = model([prompt], GenerateOptions(max_tokens=5))[0]
    ids = encode(model.tokenizer, prompt.messages)
    written = by_transformers(folder, [prompt], 5)[0]
    with torch.inference_mode():
        logprobs = model.model(torch.tensor([ids + written])).logits[0].log_softmax(-1)
    expected = sum(logprobs[len(ids) - 1 + i, token].item() for i, token in enumerate(written))
    assert completion.logprob == pytest.approx(expected, abs=1e-3)


def test_a_stop_string_ends_and_is_left_out(folder: Path) -> None:
    model = local(folder)
    model.ends = frozenset()
    whole = model(prompts()[:1], GenerateOptions(max_tokens=30))[0].text
    stop = whole[10:13]
    options = GenerateOptions(max_tokens=30, stop=(stop,))
    cut = model(prompts()[:1], options)[0]
    assert cut.text == whole[: whole.index(stop)]
    assert cut.stop == "stop"
    assert "".join(model.stream(prompts()[0], options)) == cut.text


def test_sampling_is_seeded_row_by_row(folder: Path) -> None:
    model = local(folder)
    drawn = GenerateOptions(max_tokens=12, temperature=1.0, n=3, seed=7)
    first, again = model(prompts()[:2], drawn), model(prompts()[:2], drawn)
    assert [c.text for c in first] == [c.text for c in again]
    assert len({c.text for c in first[:3]}) == 3
    model.batch = 1
    assert [c.text for c in model(prompts()[:2], drawn)] == [c.text for c in first]
    likeliest = GenerateOptions(max_tokens=12, temperature=1.0, top_p=1e-6, seed=7)
    assert model(prompts()[:1], likeliest)[0].text == model(prompts()[:1], GenerateOptions(max_tokens=12))[0].text


def test_a_prompt_longer_than_the_model_reads_is_answered_by_nothing(tmp_path: Path) -> None:
    model = local(make_tiny_model(tmp_path, max_position_embeddings=64))
    long, short = Prompt((Message("user", "why " * 100),)), Prompt((Message("user", "why"),))
    lost, found = model([long, short], GenerateOptions(max_tokens=4))
    assert (lost.text, lost.stop, lost.tokens_out) == ("", "length", 0)
    assert found.tokens_out is not None
    with pytest.raises(BackendError, match=r"reads 64"):
        list(model.stream(long, GenerateOptions()))


def test_times_are_measured(folder: Path) -> None:
    first, second = local(folder)(prompts()[:2], GenerateOptions(max_tokens=8))
    assert first.first_token_ms is not None
    assert first.total_ms is not None
    assert 0 < first.first_token_ms < first.total_ms
    assert second.tokens_in is not None


def of_run(folder: Path, run: Path) -> LocalModel:
    opened = open_model(str(folder), dtype=torch.float32)
    return LocalModel(opened._replace(source=opened.source._replace(run=Run(run))))


def test_a_schema_is_read_once_for_all_processes(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "merged").mkdir()
    options = GenerateOptions(max_tokens=12)
    long = "\n".join(f"table_{i}: id* int, name, city, country" for i in range(20))
    asked = prompts(long)
    expected = [local(folder)([prompt], options)[0].text for prompt in asked]
    assert of_run(folder, tmp_path)(asked[:1], options)[0].text == expected[0]
    (file,) = (tmp_path / "merged").iterdir()
    read: list[int] = []
    start = LlamaEngine.start

    def counted(self: LlamaEngine, rows: Any, prefix: Any, room: int) -> Any:
        read.append(sum(map(len, rows)))
        return start(self, rows, prefix, room)

    monkeypatch.setattr(LlamaEngine, "start", counted)
    later = of_run(folder, tmp_path)
    assert [later([prompt], options)[0].text for prompt in asked] == expected
    assert "".join(later.stream(asked[0], options)) == expected[0]
    assert max(read) < len(encode(later.tokenizer, asked[0].messages)) // 2
    # what is torn, or of another model, is read again
    file.write_bytes(file.read_bytes()[:-100])
    assert of_run(folder, tmp_path)(asked[:1], options)[0].text == expected[0]
    other = of_run(make_tiny_model(tmp_path / "other", num_hidden_layers=1), tmp_path)
    other(asked[:1], options)
    for number in range(KEPT + 1):
        of_run(folder, tmp_path)(prompts(f"{number}\n{long}")[:1], options)
    assert len(list((tmp_path / "merged").iterdir())) == KEPT


def test_an_answer_that_nobody_waits_for_is_given_up(folder: Path) -> None:
    model, steps = local(folder), iter(range(100))
    with watching(lambda: next(steps) > 3), pytest.raises(NobodyWaits):
        model(prompts()[:1], GenerateOptions(max_tokens=50))
    assert next(steps) < 8
    assert model(prompts()[:1], GenerateOptions(max_tokens=5))[0].text


def test_a_run_that_was_deleted_does_not_come_back_as_an_empty_folder(tmp_path: Path) -> None:
    read = Prefix((1, 2), torch.zeros(1, 1, 2, 4), torch.zeros(1, 1, 2, 4))
    PrefixFolder(tmp_path / "runs" / "gone" / "merged").save(read)
    assert list(tmp_path.iterdir()) == []
    kept = PrefixFolder(tmp_path)
    kept.save(read)
    assert kept.load((1, 2), read.keys) is not None
