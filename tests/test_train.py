"""Training end to end on a two-layer model: what the run folder holds, what is resumed, and what is refused."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sqltailor.data.examples import to_line
from sqltailor.errors import BackendError, ConfigError, DataError
from sqltailor.generate import load
from sqltailor.generate.local import LocalModel
from sqltailor.generate.open_model import open_model
from sqltailor.prompt.encode import encode
from sqltailor.prompt.text import build_prompt
from sqltailor.recipe import load_recipe
from sqltailor.runs import Run, read_json, read_jsonl
from sqltailor.sql.schema import from_ddl
from sqltailor.train import TrainResult, plan, train
from sqltailor.types import Example, GenerateOptions

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from safetensors.torch import load_file  # noqa: E402

from tests.support.tiny_model import make_tiny_model  # noqa: E402

DDL = "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, country TEXT)"
CITIES = ("Lyon", "Rome", "Oslo", "Bonn")


def write_examples(path: Path, count: int, *, begin: str = "") -> None:
    rows = []
    for i in range(count):
        city = CITIES[i % 4]
        asked, sql = (
            (f"How many customers live in {city}?", f"SELECT COUNT(*) FROM customer WHERE city = '{city}'"),
            (f"Names in {city}{'?' * (i // 8)}", f"SELECT name FROM customer WHERE country = '{city}'"),
        )[i % 2]
        rows.append({"id": str(i), "question": begin + asked, "sql": [sql], "schema": DDL})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a model, 20 training examples and 4 for validation."""
    monkeypatch.chdir(tmp_path)
    make_tiny_model(tmp_path / "tiny")
    write_examples(tmp_path / "train.jsonl", 20)
    write_examples(tmp_path / "validation.jsonl", 4, begin="Please tell me. ")
    return tmp_path


BASIC = ("data.train=train.jsonl", "base=./tiny", "prompt.name=compact", "train.learning_rate=0.02", "train.batch=4")


def run(*words: str, progress: Any = None) -> TrainResult:
    return train(load_recipe(None, [*BASIC, "train.epochs=2", "train.name=r", *words], env={}), progress=progress)


def metrics(result: TrainResult | str) -> list[dict[str, Any]]:
    path = Path(result if isinstance(result, str) else result.run) / "metrics.jsonl"
    return list(read_jsonl(path))


def losses(result: TrainResult | str) -> list[float]:
    return [row["loss"] for row in metrics(result) if "loss" in row]


class Stop(Exception):
    """Ends training from inside, as a crash would."""


def crash_at(step: int) -> Callable[..., None]:
    def progress(row: dict[str, Any], steps: int) -> None:
        if row["step"] == step:
            raise Stop

    return progress


def test_a_run_holds_everything_that_it_made(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    result = run("data.validation=validation.jsonl", progress=lambda row, steps: seen.append((row["step"], steps)))
    assert result.steps == 10
    made = Run(Path(result.run))
    assert made.is_done
    names = {path.name for path in made.path.iterdir()}
    assert names >= {
        "recipe.yaml",
        "environment.json",
        "data.json",
        "log.txt",
        "metrics.jsonl",
        "adapter",
        "prompt.json",
    }
    rows = metrics(result)
    steps = [row for row in rows if "loss" in row]
    assert [row["step"] for row in steps] == list(range(1, 11))
    assert set(steps[0]) == {"step", "loss", "lr", "grad_norm", "tokens_per_s", "elapsed_s", "epoch"}
    assert losses(result)[-1] < losses(result)[0]
    assert [row["step"] for row in rows if "eval_loss" in row] == [5, 10]
    assert result.eval_loss == [row["eval_loss"] for row in rows if "eval_loss" in row][-1]
    assert seen[-1][1] == 10
    assert read_json(made.prompt) == {
        "name": "compact", "version": 1, "hints": 0, "examples": 0, "nearest": "words", "show": "auto",
        "schema_hash": None, "base": "./tiny",
    }  # fmt: skip
    assert read_json(made.adapter / "base.json")["reference"] == "./tiny"
    assert sorted(p.name for p in made.checkpoints.iterdir()) == ["checkpoint-10", "checkpoint-5"]


def test_what_a_run_learned_is_generated(folder: Path) -> None:
    """Two questions by heart, with the adapter beside the weights or in them."""
    write_examples(folder / "train.jsonl", 2)
    result = run("train.epochs=60")
    example = Example("x", ("",), question="How many customers live in Lyon?")
    asked = build_prompt(example, from_ddl(DDL), name="compact")
    options = GenerateOptions(max_tokens=40)
    for merge in (False, True):
        model = LocalModel(open_model(result.run, dtype=torch.float32, merge=merge))
        (completion,) = model([asked], options)
        assert completion.text == "SELECT COUNT(*) FROM customer WHERE city = 'Lyon'"
        assert completion.stop == "end"
    assert load(result.run)([asked], options)[0].text == completion.text


def test_the_same_seed_gives_the_same_losses(folder: Path) -> None:
    first = losses(run())
    assert losses(run("train.name=again")) == first
    assert losses(run("train.name=other", "train.seed=1")) != first


def test_micro_batches_change_no_loss(folder: Path) -> None:
    whole = losses(run("train.local.dtype=fp32"))
    parts = losses(run("train.local.dtype=fp32", "train.local.micro_batch=1", "train.name=parts"))
    assert parts == pytest.approx(whole, rel=1e-4)


def test_packing_keeps_examples_apart(folder: Path) -> None:
    """One pack holds all rows: the loss of its first step is the mean loss of all examples, as without packing."""
    words = ("train.local.dtype=fp32", "train.max_steps=1", "data.train_samples=8")
    alone = losses(run(*words, "train.batch=8"))
    packed = losses(run(*words, "train.batch=1", "train.local.packing=bfd", "train.name=packed"))
    assert packed == pytest.approx(alone, rel=1e-5)


def test_all_weights_can_be_trained(folder: Path) -> None:
    result = run("train.lora.enabled=false", "train.learning_rate=0.005")
    assert (Path(result.run) / "model" / "model.safetensors").is_file()
    assert losses(result)[-1] < losses(result)[0]
    completion = load(result.run)(
        [build_prompt(Example("x", ("",), question="?"), from_ddl(DDL))], GenerateOptions(max_tokens=3)
    )
    assert completion[0].tokens_out is not None


@pytest.mark.parametrize("kind", ["nf4", "int8"])
def test_a_quantised_base_is_tuned(folder: Path, kind: str) -> None:
    """QLoRA for real: the frozen base in 4 or 8 bits, the adapter in fp32, an optimizer with 8-bit states, a resume."""
    pytest.importorskip("bitsandbytes")
    make_tiny_model(folder / "tiny", hidden=64)
    words = (f"train.local.quantization={kind}", "train.local.save_steps=3")
    optimizer = ("train.local.optimizer=paged_adamw_8bit",) if kind == "nf4" else ()
    unbroken = run(*words, *optimizer, "train.name=unbroken")
    with pytest.raises(Stop):
        run(*words, *optimizer, progress=crash_at(5))
    resumed = run(*words, *optimizer)
    assert losses(resumed) == pytest.approx(losses(unbroken), abs=1e-6)
    assert losses(resumed)[-1] < losses(resumed)[0]
    from safetensors.torch import load_file

    adapter = Path(resumed.run) / "adapter"
    assert {w.dtype for w in load_file(adapter / "adapter_model.safetensors").values()} == {torch.float32}
    assert read_json(adapter / "base.json")["quantization"] == kind
    asked = build_prompt(Example("x", ("",), question="How many?"), from_ddl(DDL), name="compact")
    merged, apart = (LocalModel(open_model(resumed.run, dtype=torch.float32, merge=merge)) for merge in (True, False))
    ids = torch.tensor([encode(merged.tokenizer, asked.messages)])
    with torch.no_grad():
        one, other = merged.model(ids).logits, apart.model(ids).logits
    # kernels for 4 and 8 bits round their inputs, too: near, not equal
    assert (one - other).norm() < 0.05 * one.norm()


def test_embeddings_are_trained_and_resumed_with_the_adapter(folder: Path) -> None:
    words = ("train.lora.embeddings=true", "train.local.save_steps=3")
    unbroken = run(*words, "train.name=unbroken")
    with pytest.raises(Stop):
        run(*words, progress=crash_at(5))
    resumed = run(*words)
    assert losses(resumed) == pytest.approx(losses(unbroken), abs=1e-6)
    from safetensors.torch import load_file

    [name] = [n for n in load_file(Path(resumed.run) / "adapter" / "adapter_model.safetensors") if "embed_tokens" in n]
    trained = load_file(Path(resumed.run) / "adapter" / "adapter_model.safetensors")[name]
    [base] = [t for n, t in load_file(folder / "tiny" / "model.safetensors").items() if "embed_tokens" in n]
    assert (trained != base.float()).any()
    run("train.lora.embeddings=true", f"base={resumed.run}", "train.name=further")
    with pytest.raises(ConfigError, match=r"train\.lora\.embeddings=true"):
        run(f"base={resumed.run}", "train.name=without")


def test_an_unfinished_run_says_what_it_was_begun_with(folder: Path) -> None:
    words = ("train.name=mine", "train.local.save_steps=3")
    with pytest.raises(Stop):
        run(*words, progress=crash_at(5))
    with pytest.raises(ConfigError, match=r"mine is unfinished and was begun with another train\.learning_rate\."):
        run(*words, "train.learning_rate=1e-4")
    run(*words)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_schedules(folder: Path, schedule: str) -> None:
    result = run(f"train.schedule={schedule}", "train.warmup_steps=2")
    rates = [row["lr"] for row in metrics(result)]
    assert rates[0] == 0
    assert rates[2] == pytest.approx(0.02)
    assert rates[-1] == pytest.approx(0.02) if schedule == "constant" else rates[-1] < 0.006


def test_rows_that_are_too_long_are_listed_not_cut(folder: Path) -> None:
    lengths = plan(load_recipe(None, [*BASIC], env={})).stages[0]
    result = run(f"train.max_length={lengths.longest - 1}")
    listed = list(read_jsonl(Path(result.run) / "too_long.jsonl"))
    assert listed
    assert all(row["tokens"] >= lengths.longest for row in listed)
    with pytest.raises(DataError, match=rf"train.max_length={lengths.longest} takes them all"):
        run("train.max_length=16", "train.name=none")


def test_rejected_rows_and_missing_files(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (folder / "train.jsonl").open("a") as file:
        file.write('{"question": "no sql"}\nnot json\n')
    run("train.epochs=1", "data.train=[train.jsonl, later.jsonl]")
    assert "later.jsonl is not there yet" in caplog.text
    assert caplog.text.count("left out of training: ") == 2
    with pytest.raises(DataError, match="no training data"):
        run("data.train=later.jsonl", "train.name=none")


def test_a_finished_run_is_never_overwritten(folder: Path) -> None:
    result = run("train.epochs=1")
    before = (Path(result.run) / "metrics.jsonl").read_bytes()
    with pytest.raises(ConfigError, match="never overwritten"):
        run("train.epochs=1")
    with pytest.raises(ConfigError, match="is finished"):
        run("train.epochs=1", f"train.resume={result.run}")
    assert (Path(result.run) / "metrics.jsonl").read_bytes() == before


def test_a_run_continues_an_earlier_one(folder: Path) -> None:
    first = run()
    second = run("train.name=second", f"base={first.run}", "prompt.name=auto")
    assert losses(second)[0] < losses(first)[0]
    assert read_json(Path(second.run) / "adapter" / "base.json")["reference"] == "./tiny"
    with pytest.raises(ConfigError, match="has r 16, the recipe 8"):
        run("train.name=third", f"base={first.run}", "prompt.name=auto", "train.lora.r=8")


@pytest.mark.parametrize(
    "words", [(), ("train.lora.dropout=0.2", "train.schedule=cosine"), ("train.lora.enabled=false",)]
)
def test_a_crashed_run_ends_as_an_unbroken_one(folder: Path, words: tuple[str, ...]) -> None:
    saved = (*words, "train.local.save_steps=3", "train.local.keep_checkpoints=1")
    unbroken = run(*saved, "train.name=unbroken")
    for step in (2, 5, 9):
        with pytest.raises(Stop):
            run(*saved, progress=crash_at(step))
    resumed = run(*saved)
    assert losses(resumed) == pytest.approx(losses(unbroken), abs=1e-6)
    assert [row["step"] for row in metrics(resumed)] == list(range(1, 11))
    assert resumed.train_loss == pytest.approx(unbroken.train_loss, abs=1e-6)


def test_kill_9_resumes(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    words = [*BASIC, "train.epochs=8", "train.local.save_steps=10"]
    code = "import sys; from sqltailor.recipe import load_recipe; from sqltailor.train import train; "
    code += "train(load_recipe(None, sys.argv[1:]))"
    source = str(Path(__file__).parent.parent / "src")
    process = subprocess.Popen([sys.executable, "-c", code, *words], env=os.environ | {"PYTHONPATH": source})
    found: list[Path] = []
    deadline = time.monotonic() + 120
    while not found and time.monotonic() < deadline and process.poll() is None:
        found = list(folder.glob("runs/*/checkpoints/*/COMPLETE"))
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert found, f"no checkpoint was made; exit code {process.returncode}"
    half = folder / "runs" / found[0].parts[-4] / "checkpoints" / "checkpoint-999"
    half.mkdir()
    resumed = train(load_recipe(None, words, env={}))
    assert re.search(r"continuing .* after step [1-9]0", caplog.text)
    assert Path(resumed.run).name == found[0].parts[-4]
    assert not half.exists()
    assert [row["step"] for row in metrics(resumed)] == list(range(1, 41))


def test_ctrl_c_saves_and_the_same_command_continues(folder: Path) -> None:
    def press(row: dict[str, Any], steps: int) -> None:
        if row["step"] == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match=r"Saved step \d+ of .*r\. Continue with the same command"):
        run(progress=press)
    assert not Run(folder / "runs" / "r").is_done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    resumed = run()
    assert losses(resumed) == pytest.approx(losses(run("train.name=unbroken")), abs=1e-6)


def test_another_recipe_or_other_data_is_another_run(folder: Path) -> None:
    with pytest.raises(Stop):
        run(progress=crash_at(7))
    with pytest.raises(ConfigError, match="another recipe"):
        run("train.resume=r", "train.learning_rate=0.01")
    write_examples(folder / "train.jsonl", 24)
    with pytest.raises(ConfigError, match="another data"):
        run("train.resume=r")
    with pytest.raises(ConfigError, match="unfinished and was begun on other data"):
        run()


def test_a_second_process_on_a_run_is_told(folder: Path) -> None:
    told: list[str] = []

    def second(row: dict[str, Any], steps: int) -> None:
        if row["step"] == 2:
            script = "import sys; from sqltailor.recipe import load_recipe; from sqltailor.train import train; "
            script += "train(load_recipe(None, sys.argv[1:]))"
            words = [*BASIC, "train.epochs=2", "train.name=r"]
            source = str(Path(__file__).parent.parent / "src")
            environment = os.environ | {"PYTHONPATH": source}
            done = subprocess.run(
                [sys.executable, "-c", script, *words], capture_output=True, text=True, env=environment
            )
            told.append(done.stderr)

    run(progress=second)
    assert f"in use by process {os.getpid()}" in told[0]
    assert "continuing" not in told[0]


def test_a_loss_that_is_no_number_ends_the_run(folder: Path) -> None:
    with pytest.raises(BackendError, match=r"not finite at step \d.*learning_rate"):
        run("train.learning_rate=1", "train.max_grad_norm=0", "train.lora.alpha=1e30", "train.local.dtype=fp32")
    assert not Run(folder / "runs" / "r").is_done


def test_a_full_disk_keeps_older_checkpoints(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers.trainer

    def full(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc] PytorchStreamWriter failed writing file data/0")

    words = ("train.local.save_steps=4",)

    def fill(row: dict[str, Any], steps: int) -> None:
        if row["step"] == 6:
            monkeypatch.setattr(transformers.trainer.Trainer, "_save_optimizer_and_scheduler", full)

    with pytest.raises(BackendError, match=r"step 8 could not be written.*Free some space"):
        run(*words, progress=fill)
    checkpoints = folder / "runs" / "r" / "checkpoints"
    assert [p.name for p in checkpoints.iterdir()] == ["checkpoint-4"]
    monkeypatch.undo()
    os.chdir(folder)
    assert run(*words).steps == 10


def test_early_stop_keeps_the_best(folder: Path) -> None:
    words = ("data.validation=validation.jsonl", "train.local.evaluate_steps=2", "train.local.early_stop_patience=2")
    result = run(*words, "train.epochs=40", "train.learning_rate=0.3", "train.max_grad_norm=0")
    found = {row["step"]: row["eval_loss"] for row in metrics(result) if "eval_loss" in row}
    best = min(found, key=lambda step: found[step])
    assert result.steps < 200
    kept = sorted(p.name for p in (Path(result.run) / "checkpoints").iterdir())
    assert f"checkpoint-{best}" in kept
    assert result.eval_loss == pytest.approx(found[best], abs=1e-5)


def test_early_stop_needs_validation(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.validation"):
        run("train.local.early_stop_patience=2")


def test_only_upper_layers_get_an_adapter(folder: Path) -> None:
    result = run("train.lora.layers=1", "train.max_steps=1")
    weights = load_file(Path(result.run) / "adapter" / "adapter_model.safetensors")
    assert {re.findall(r"layers\.(\d)", name)[0] for name in weights} == {"1"}
    with pytest.raises(ConfigError, match=r"train\.lora\.layers is 3; the base model has 2 layers"):
        run("train.lora.layers=3", "train.name=deeper")


def test_a_run_keeps_the_joins_that_it_learned(folder: Path) -> None:
    ddl = f"{DDL}; CREATE TABLE visit (id INTEGER, customer_id INTEGER REFERENCES customer(id))"
    (folder / "shop.sql").write_text(ddl)
    sql = "SELECT COUNT(*) FROM visit AS v JOIN customer AS c ON v.customer_id = c.id WHERE c.city = 'Lyon'"
    example = Example("1", (sql,), question="How many visits from Lyon?")
    with (folder / "train.jsonl").open("a") as file:
        file.write(to_line(example))
    result = run("database.schema=shop.sql", "train.max_steps=1")
    (pair,) = read_json(Run(Path(result.run)).joins)
    assert pair == {"left": ["visit", "customer_id"], "right": ["customer", "id"], "count": 1}


def test_unknown_target_modules_are_told_with_the_known(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"'q_prj'.*Did you mean 'q_proj'.*down_proj"):
        run("train.lora.target_modules=[q_prj]")


@pytest.mark.parametrize(
    "word", ["train.local.device=cuda", "train.local.dtype=fp16", "train.local.attention=flash_attention_2"]
)
def test_what_this_machine_cannot_do_is_told_first(folder: Path, word: str) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(ConfigError, match=r"auto|cpu"):
        run(word)
    assert not list(folder.glob("runs/*/metrics.jsonl"))


def test_a_base_without_template_gets_a_plain_one_or_the_recipes(folder: Path) -> None:
    (folder / "tiny" / "chat_template.jinja").unlink()
    asked = build_prompt(Example("x", ("",), question="?"), from_ddl(DDL), name="compact")
    plain = run("train.epochs=1")
    assert "### assistant" in (Path(plain.run) / "adapter" / "chat_template.jinja").read_text()
    (folder / "t.jinja").write_text(
        "{% for m in messages %}\n{{ m.role }}: {{ m.content }}{% if m.role == 'assistant' %}<|end|>{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}\nassistant: {% endif %}"
    )
    own = run("train.epochs=1", "prompt.chat_template=t.jinja", "train.name=own")
    assert "assistant: " in (Path(own.run) / "adapter" / "chat_template.jinja").read_text()
    for reference in ("./tiny", plain.run, own.run):
        assert load(reference)([asked], GenerateOptions(max_tokens=2))
    (folder / "bad.jinja").write_text("<|im_start|>{{ messages[0].content }}")
    with pytest.raises(ConfigError, match=r"writes <\|im_start\|>"):
        run("prompt.chat_template=bad.jinja", "train.name=bad")


def test_training_outside_the_main_thread_leaves_signals_alone(folder: Path) -> None:
    results: list[TrainResult] = []
    thread = threading.Thread(target=lambda: results.append(run("train.epochs=1")))
    thread.start()
    thread.join()
    assert results[0].steps == 5


def test_cloud_backends_are_neither_planned_nor_trained_here(folder: Path) -> None:
    words = ("train.backend=bedrock", "base=amazon.nova-micro-v1:0", "train.learning_rate=1e-5")
    with pytest.raises(ConfigError, match="train there with sqltailor train"):
        run(*words)
    with pytest.raises(ConfigError, match="train there with sqltailor train"):
        plan(load_recipe(None, [*BASIC, *words], env={}))
