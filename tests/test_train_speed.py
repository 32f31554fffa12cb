"""What makes training fast on a CPU changes no result: a loss in pieces, a schema read apart, checkpoints by time."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sqltailor.runs import read_jsonl
from tests.test_train import DDL, Stop, crash_at, folder, losses, run

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from sqltailor.generate import open_model as opening  # noqa: E402
from sqltailor.generate.open_model import open_model  # noqa: E402
from sqltailor.train.rows.encoding import IGNORE_INDEX  # noqa: E402
from sqltailor.train.running import loss as pieces  # noqa: E402
from sqltailor.train.running.watch import SaveByTime  # noqa: E402

__all__ = ["folder"]


@pytest.mark.parametrize("rows", [1, 8, 64])
def test_the_loss_in_pieces_is_the_whole_one(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    torch.manual_seed(0)
    head = torch.nn.Linear(16, 100, bias=False).requires_grad_(False)
    labels = torch.randint(0, 100, (37,))
    labels[::5] = IGNORE_INDEX
    found = []
    monkeypatch.setattr(pieces, "MOST_LOGITS", rows * 100)
    for trained in (True, False):  # a head that is trained takes the plain path
        head.requires_grad_(trained)
        hidden = torch.arange(37 * 16).reshape(37, 16).sin().requires_grad_()
        loss = pieces.summed_loss(hidden, head, labels)
        (loss * 0.5).backward()
        found.append((loss.item(), hidden.grad))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    torch.testing.assert_close(found[0][1], found[1][1])


def test_a_loss_without_gradient_is_the_same() -> None:
    head = torch.nn.Linear(4, 9, bias=False).requires_grad_(False)
    hidden, labels = torch.ones(3, 4), torch.tensor([1, IGNORE_INDEX, 2])
    expected = torch.nn.functional.cross_entropy(head(hidden), labels, ignore_index=IGNORE_INDEX, reduction="sum")
    assert pieces.summed_loss(hidden, head, labels).item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_schema_read_every_two_steps_is_learned_from_and_resumed(folder: Path) -> None:
    rows = list(read_jsonl(folder / "train.jsonl"))
    wide = DDL.replace("country TEXT", ", ".join(f"country_{number} TEXT" for number in range(12)))
    for number, row in enumerate(rows):  # no two questions begin alike: all batches share the same, the schema
        row |= {"question": f"{chr(ord('A') + number)}: {row['question']}", "schema": wide}
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("train.local.prefix_steps=2", "train.local.save_steps=3")  # a checkpoint between two readings
    unbroken = run(*words, "train.name=unbroken")
    assert losses(unbroken)[-1] < losses(unbroken)[0] / 2
    for step in (4, 7):
        with pytest.raises(Stop):
            run(*words, progress=crash_at(step))
    assert losses(run(*words)) == pytest.approx(losses(unbroken), abs=1e-6)


def test_checkpoints_by_time_wait_for_a_step_that_reads_the_schema() -> None:
    callback = SaveByTime(1e-9, steps=4)
    asked = []
    for step in range(1, 10):
        control = SimpleNamespace(should_save=False)
        callback.on_step_end(None, SimpleNamespace(global_step=step), control)
        asked.append(control.should_save)
    assert [step for step, saved in enumerate(asked, 1) if saved] == [4, 8]


def test_checkpoints_that_take_long_are_written_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("sqltailor.train.running.watch.time.perf_counter", lambda: now[0])
    callback = SaveByTime(2, steps=1)
    control = SimpleNamespace(should_save=False)
    now[0] = 121.0
    callback.on_step_end(None, SimpleNamespace(global_step=1), control)
    assert control.should_save
    now[0] = 151.0  # it took 30 s
    callback.on_save(None, None, None)
    assert callback.wait_s == 600


def test_a_run_that_is_killed_loses_the_time_between_checkpoints_at_most(folder: Path) -> None:
    with pytest.raises(Stop):
        run("train.name=r", "train.local.save_minutes=1e-9", progress=crash_at(7))
    [kept, *_] = sorted((folder / "runs" / "r" / "checkpoints").glob("*/COMPLETE"))
    assert kept.parent.name.startswith("checkpoint-")
    assert losses(run("train.name=r", "train.local.save_minutes=1e-9"))


def test_questions_are_answered_again_while_it_trains_and_change_nothing(folder: Path) -> None:
    (folder / "schema.sql").write_text(DDL)
    told: list[dict[str, Any]] = []
    words = ("database.schema=schema.sql", 'train.local.watch=["How many customers live in Lyon?"]')
    watched = run(*words, "train.name=watched", progress=lambda row, steps: told.append(dict(row)))
    rows = list(read_jsonl(Path(watched.run) / "answers.jsonl"))
    assert [row["step"] for row in rows] == [0, 2, 5, 7]
    assert all(row["question"] == "How many customers live in Lyon?" and row["sql"] for row in rows)
    assert [row["step"] for row in told if "answers" in row] == [0, 2, 5, 7]
    assert losses(watched) == pytest.approx(losses(run(words[0], "train.name=plain")), abs=1e-6)


def test_a_run_is_merged_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = run()
    first = open_model(trained.run, dtype=torch.float32).model
    kept = Path(trained.run) / "merged"
    assert (kept / "source.json").is_file()
    monkeypatch.setattr(opening, "_parameters", lambda base: 0)
    monkeypatch.setattr("peft.PeftModel.from_pretrained", lambda *args: pytest.fail("merged again"))
    again = open_model(trained.run, dtype=torch.float32).model
    for name, weight in first.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight)


def test_another_precision_or_adapter_is_merged_anew(folder: Path) -> None:
    trained = run()
    open_model(trained.run, dtype=torch.float32)
    source = (Path(trained.run) / "merged" / "source.json").read_text()
    assert open_model(trained.run, dtype=torch.bfloat16).model.dtype == torch.bfloat16
    assert (Path(trained.run) / "merged" / "source.json").read_text() != source
