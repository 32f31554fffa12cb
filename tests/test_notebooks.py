"""The notebooks of `examples/`: their form, and their cells run one after the other as Jupyter would, small."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sqltailor.types import Completion
from tests.support.http_service import serving

EXAMPLES = Path(__file__).parent.parent / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def cells(name: str) -> list[dict[str, Any]]:
    return list(json.loads((EXAMPLES / name).read_text(encoding="utf-8"))["cells"])


def test_there_are_notebooks() -> None:
    assert [path.name for path in NOTEBOOKS] == ["ask.ipynb", "colab.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_valid_and_holds_no_output(path: Path) -> None:
    """nbformat 4.5: https://nbformat.readthedocs.io/en/latest/format_description.html"""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert isinstance(notebook["metadata"]["kernelspec"]["name"], str)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell["id"])
        assert all(isinstance(line, str) for line in cell["source"])
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | code
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def run_cell(source: str, names: dict[str, Any]) -> str:
    """Run a cell's Python, then its `!` commands, with `{NAME}` put in; return what they print, or the cell's value."""
    lines = source.replace("\\\n", " ").splitlines()
    tree = ast.parse("\n".join(line for line in lines if not line.startswith(("!", "%"))))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if isinstance(last, ast.Expr) else None
    said = "" if value is None else str(value)
    for line in lines:
        if line.startswith("!"):
            command = re.sub(r"\{(\w+)\}", lambda found: str(names[found[1]]), line[1:])
            done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
            answered = (0, 1) if " ask " in command else (0,)  # 1: a model that has learned little is refused
            assert done.returncode in answered, f"{command}\n{done.stdout}{done.stderr}"
            said += done.stdout + done.stderr
    return said


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_cell_of_the_journey_runs_with_nano(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("trl")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    names: dict[str, Any] = {}
    said = {}
    for cell in cells("colab.ipynb"):
        if cell["cell_type"] == "code":
            said[cell["id"]] = run_cell("".join(cell["source"]), names)
        if cell["id"] == "settings":
            names |= {"PAIRS": 60, "STEPS": 4, "LIMIT": 6}
    assert "4 steps" in said["train"]
    assert "runs/shop" in said["eval"]
    assert "parity: of" in said["export"]
    assert (tmp_path / "runs" / "shop" / "export" / "merged" / "model.safetensors").is_file()


def counts(prompts: Any, options: Any) -> list[Completion]:
    return [Completion("SELECT count(*) FROM stop") for _ in prompts]


@pytest.mark.parametrize("model", ["echo:answers.json", pytest.param("nano", marks=pytest.mark.slow)])
def test_every_cell_that_asks_runs(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    brand = "SELECT COUNT(*) FROM item WHERE brand = 'Fjellborg'"
    Path("answers.json").write_text(json.dumps({"How many items do we sell of the brand Fjellborg?": brand}))
    names: dict[str, Any] = {}
    said = {}
    with serving(tmp_path, model=counts) as server:
        for cell in cells("ask.ipynb"):
            if cell["cell_type"] == "code":
                said[cell["id"]] = run_cell("".join(cell["source"]), names) + capsys.readouterr().out
            if cell["id"] == "settings":
                names |= {"MODEL": model, "SERVER": server.url}
    assert "'cust'" in said["open"]
    assert "city = 'Vienna'\nverified" in said["ask"]
    assert "2015-09-19" in said["ask"]
    assert "city = 'Leeds'\nverified" in said["values"]
    assert "2014-11-01" in said["values"]
    assert f"{brand}\n" in said["model"]
    assert "layer='policy'" in said["refused"]
    assert "[[4]]" in said["server"]
