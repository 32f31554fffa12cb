"""Two evaluations side by side, as a command, as a gate, as Markdown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.cli_project import QUESTIONS, make_database, ok, ok_json, run, write_test_file

CHANGED = {
    "Colours of the lines": ("SELECT number FROM line", None),
    "Which stop opened last?": (None, "SELECT name FROM stop ORDER BY opened LIMIT 1"),
    "Names of the stops in zone 1": ("SELECT name FROM stop", "SELECT DISTINCT zone FROM stop"),
}
"""What run A and run B answer wrong; None: they answer right."""


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, its questions, and the evaluations of runs A and B."""
    folder = tmp_path_factory.mktemp("evaluated")
    make_database(folder / "tram.db")
    write_test_file(folder / "test.jsonl")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for place, name in enumerate("AB"):
            answers = [CHANGED.get(question, (None, None))[place] or sql for question, sql in QUESTIONS.items()]
            (folder / f"{name}.json").write_text(json.dumps(answers))
            ok("eval", *words(name))
    return folder


@pytest.fixture
def runs(evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(evaluated, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(name: str, out: str | None = None) -> list[str]:
    files = ["--predictions", f"{name}.json", "--data", "test.jsonl", "--database", "tram.db"]
    return [*files, "--out", out or name, "--workers", "1"]


def test_compare_says_what_was_fixed_and_broken(runs: Path) -> None:
    found = ok_json("compare", "A", "B")
    assert (found["fixed"], found["broken"], found["n"], found["p"]) == (1, 1, 6, 1.0)
    assert found["ids"] == {"fixed": ["t4"], "broken": ["t3"]}
    assert (found["a"], found["b"], found["metric"]) == ("A (A.json)", "B (B.json)", "execution")
    assert found["rates"]["a"]["value"] == found["rates"]["b"]["value"] == pytest.approx(4 / 6, abs=1e-6)
    assert found["slices"]["feature"]["order by"] == {"n": 1, "a": 1.0, "b": 0.0, "fixed": 0, "broken": 1}
    assert (found["left_out"], found["warnings"]) == (0, [])
    told = ok("compare", "A", "B")
    assert "execution: +0.0 points" in told.stdout
    assert "t3 (broken: correct → wrong, value)" in told.stdout


@pytest.mark.parametrize(
    ("search", "ids"),
    [
        ((), {"t2", "t3", "t4"}),
        (("--only", "broken"), {"t3"}),
        (("--only", "other"), {"t2"}),
        (("--only", "truncation"), {"t2"}),
        (("--find", "COLOUR"), {"t4"}),
        (("--find", "nowhere"), set()),
    ],
)
def test_disagreements_are_searched(search: tuple[str, ...], ids: set[str], runs: Path) -> None:
    assert {change["id"] for change in ok_json("compare", "A", "B", *search)["chosen"]} == ids


def test_questions_with_other_gold_are_left_out(runs: Path) -> None:
    rows = [json.loads(line) for line in Path("test.jsonl").read_text().splitlines()]
    rows[3]["sql"] = ["SELECT number FROM line"]
    Path("test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows[1:], rows[0] | {"id": "t9"}]))
    Path("C.json").write_text(json.dumps(["SELECT 1"] * 6))
    ok("eval", *words("C"))
    found = ok_json("compare", "B", "C")
    assert (found["n"], found["left_out"]) == (4, 3)


def test_what_cannot_be_compared_is_told(runs: Path) -> None:
    assert "does not exist" in str(run("compare", "A", "nowhere").exception)
    assert "metric of both runs 'exact'" in str(run("compare", "A", "B", "--metric", "exact").exception)
    assert "Did you mean 'broken'" in str(run("compare", "A", "B", "--only", "brokn").exception)


def test_markdown_is_made_for_a_ci_job(runs: Path) -> None:
    text = ok("compare", "A", "B", "--markdown").stdout
    assert text.startswith("|  | run | execution |\n|---|---|---|\n| before | `A (A.json)` | 66.7 % (30–90 %, n = 6) |")
    assert "1 fixed, 1 broken, p = 1, n = 6." in text
    assert "| Which stop opened last? | `SELECT name FROM stop ORDER BY opened DESC LIMIT 1` |" in text
    scores = ok("eval", *words("B", "again"), "--against", "A", "--markdown").stdout
    assert "| execution | 66.7 % (30–90 %, n = 6) |" in scores
    assert "| before | `A (A.json)` |" in scores


def test_eval_fails_when_it_is_worse_than_another_run(runs: Path) -> None:
    same = run("eval", *words("B", "same"), "--fail-if-worse-than", "A")
    assert same.exit_code == 0, same.output
    Path("C.json").write_text(json.dumps(["SELECT 1"] * 6))
    worse = run("eval", *words("C"), "--fail-if-worse-than", "A")
    assert worse.exit_code == 1
    assert "worse than A: execution -66.7 points" in worse.stderr
    assert ok_json("eval", *words("C", "D"), "--against", "A")["against"]["broken"] == 4
    # a run may be compared with its own last evaluation, as it was before
    assert run("eval", *words("A", "C/eval-1"), "--fail-if-worse-than", "C").exit_code == 0
    assert "give one of them" in str(run("eval", *words("B"), "--against", "A", "--fail-if-worse-than", "A").exception)
