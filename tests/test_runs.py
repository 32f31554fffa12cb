"""Run folders: complete or absent, locked, found again; and files that a crash cannot tear."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sqltailor import runs
from sqltailor.data.examples import write_examples
from sqltailor.errors import BackendError, ConfigError, DataError
from sqltailor.runs import Run, create_run

DATA = {"train.jsonl": {"sha256": "aa", "rows": 3}}


def make(root: Path, name: str = "shop", *, recipe_hash: str = "r1", done: bool = False, exact: bool = False) -> Run:
    """Make a training run, finished or not."""
    run = create_run(root, name, recipe_text="base: nano\n", recipe_hash=recipe_hash, data=DATA, exact=exact)
    if done:
        run.mark_done()
    return run


def test_a_new_run_records_recipe_data_and_environment(tmp_path: Path) -> None:
    run = make(tmp_path / "runs")
    assert run.name.startswith("shop-2")
    assert run.recipe.read_text() == "base: nano\n"
    assert runs.read_json(run.path / "data.json") == DATA
    found = runs.read_json(run.path / "environment.json")
    assert found["python"].startswith("3.")
    assert found["cpus"] >= 1
    assert "sqlglot" in found["packages"]
    assert run.is_training
    assert not run.is_done
    run.mark_done()
    assert run.is_done


def test_runs_made_at_the_same_moment_get_different_folders(tmp_path: Path) -> None:
    made: list[Run] = []
    threads = [threading.Thread(target=lambda: made.append(make(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.path for run in made}) == 8
    assert all(run.recipe.is_file() for run in made)


def test_an_exact_name_is_never_overwritten(tmp_path: Path) -> None:
    assert make(tmp_path, "first", exact=True).name == "first"
    with pytest.raises(ConfigError, match=r"first already exists.*train\.name"):
        make(tmp_path, "first", exact=True)
    assert not list(tmp_path.glob(".new-*"))


def test_newest_training_is_the_last_finished_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="sqltailor train"):
        runs.newest_training(tmp_path)
    first, second = make(tmp_path, "a", done=True), make(tmp_path, "b", done=True)
    os.utime(first.path / "DONE", (2e9, 2e9))
    make(tmp_path, "c")
    evaluation = runs.evaluation_folder(second)
    evaluation.mark_done()
    assert runs.newest_training(tmp_path) == first


def test_newest_with_predictions_looks_into_evaluations(tmp_path: Path) -> None:
    run = make(tmp_path, done=True)
    with pytest.raises(DataError, match="sqltailor eval"):
        runs.newest_with_predictions(tmp_path)
    runs.append_jsonl(run.predictions("nano"), {"id": "1"})
    evaluation = runs.evaluation_folder(run)
    runs.append_jsonl(evaluation.predictions("hf:a/b"), {"id": "1"})
    os.utime(run.predictions("nano"), (1e9, 1e9))
    assert runs.newest_with_predictions(tmp_path) == evaluation
    assert evaluation.predictions("hf:a/b").name == "predictions-hf-a-b.jsonl"
    assert not evaluation.is_training


def test_find_run_by_name_or_path(tmp_path: Path) -> None:
    run = make(tmp_path, "a", exact=True)
    assert runs.find_run(tmp_path, "a") == runs.find_run(tmp_path, run.path) == run
    with pytest.raises(DataError, match=r"no run 'b'\. Newest in .*: a\."):
        runs.find_run(tmp_path, "b")


def test_only_an_unfinished_run_of_equal_recipe_and_data_is_continued(tmp_path: Path) -> None:
    make(tmp_path, "done", recipe_hash="r1", done=True)
    make(tmp_path, "other", recipe_hash="r2")
    assert runs.unfinished_run(tmp_path, recipe_hash="r1", data=DATA) is None
    wanted = make(tmp_path, "stopped", recipe_hash="r1")
    assert runs.unfinished_run(tmp_path, recipe_hash="r1", data=DATA) == wanted
    moved = {"elsewhere.jsonl": DATA["train.jsonl"]}
    assert runs.unfinished_run(tmp_path, recipe_hash="r1", data=moved) == wanted
    changed = {"train.jsonl": {"sha256": "bb", "rows": 3}}
    assert runs.unfinished_run(tmp_path, recipe_hash="r1", data=changed) is None


def test_a_second_process_cannot_have_the_run_but_a_dead_one_lets_go(tmp_path: Path) -> None:
    run = make(tmp_path)
    code = (
        "import sys, time; from pathlib import Path; from sqltailor.runs import lock\n"
        "with lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(run.path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BackendError, match=f"in use by process {other.pid}"), runs.lock(run.path):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
    with runs.lock(run.path):
        assert (run.path / ".lock").read_text() == f"{os.getpid()}\n"
    with runs.lock(run.path):
        pass


def test_the_workers_of_a_killed_process_are_waited_for(tmp_path: Path) -> None:
    run = make(tmp_path)
    code = (
        "import os, sys, time; from pathlib import Path; from sqltailor.runs import lock\n"
        "def work(parent):\n"
        "    while os.getppid() == parent: time.sleep(0.01)\n"
        "    time.sleep(0.5)\n"
        "with lock(Path(sys.argv[1])):\n"
        "    me = os.getpid()\n"
        "    os.fork() or sys.exit(work(me))\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(run.path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        other.kill()
        other.wait()
        started = time.monotonic()
        with runs.lock(run.path):
            assert time.monotonic() - started > 0.2


def test_log_goes_to_the_run_and_nowhere_after(tmp_path: Path) -> None:
    run = make(tmp_path)
    logger = logging.getLogger("sqltailor.test")
    with runs.log_to(run):
        logger.info("step %d", 1)
    logger.warning("after")
    text = (run.path / "log.txt").read_text()
    assert "INFO sqltailor.test: step 1" in text
    assert "after" not in text


def test_a_warning_is_in_the_log_and_shown_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])  # as in the command line
    run = make(tmp_path)
    with runs.log_to(run):
        logging.getLogger("sqltailor.x").warning("3 rows are left out")
        logging.getLogger("sqltailor.x").info("a detail")
    assert "3 rows are left out" in (run.path / "log.txt").read_text()
    assert capsys.readouterr().err == "3 rows are left out\n"


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    runs.write_json_atomic(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        runs.write_json_atomic(path, {"a": float("nan")})
    with pytest.raises(UnicodeEncodeError):
        runs.write_text_atomic(path, "\ud800")
    assert runs.read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    path.chmod(0o600)
    runs.write_json_atomic(path, {"a": 2})
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("write", [runs.write_text_atomic, lambda path, text: write_examples(path, [])])
def test_what_cannot_be_written_is_named_and_not_its_temporary_file(
    write: Callable[[Path, str], object], tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.mkdir()
    with pytest.raises(IsADirectoryError) as error:
        write(path, "x")
    assert error.value.filename == str(path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.jsonl"]
    if Path("/proc/self").exists():  # nobody may write there
        with pytest.raises(OSError) as error:
            write(Path("/proc/a.jsonl"), "x")
        assert error.value.filename == "/proc/a.jsonl"


def test_read_json_tells_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        runs.read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match="is not JSON"):
        runs.read_json(tmp_path / "a.json")


def test_jsonl_survives_a_torn_last_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "metrics.jsonl"
    runs.append_jsonl(path, {"step": 1, "text": "línea\n"})
    with path.open("ab") as file:
        file.write('{"step": 2, "te\u00ed'.encode()[:-1])
    assert list(runs.read_jsonl(path)) == [{"step": 1, "text": "línea\n"}]
    runs.append_jsonl(path, {"step": 2})
    assert [row["step"] for row in runs.read_jsonl(path)] == [1, 2]
    assert "metrics.jsonl:2 is torn" in caplog.text
    with pytest.raises(ValueError, match="not JSON compliant"):
        runs.append_jsonl(path, {"loss": float("inf")})
    assert len(path.read_bytes().splitlines()) == 3


def test_data_is_hashed_by_content(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n{"a": 2}')
    found = runs.hash_data([path])
    assert found[str(path)]["rows"] == 2
    assert len(found[str(path)]["sha256"]) == 64
    before = runs.data_hash(found)
    path.write_text('{"a": 1}\n\n{"a": 3}')
    assert runs.data_hash(runs.hash_data([path])) != before
    with pytest.raises(DataError, match="cannot be read"):
        runs.hash_data([tmp_path / "none"])


def test_environment_can_be_written(tmp_path: Path) -> None:
    runs.write_json_atomic(tmp_path / "e.json", runs.environment())
    assert json.loads((tmp_path / "e.json").read_text())["platform"]
