"""The notebook of `examples/`: its form, and its cells run one after the other as Jupyter would, at a small scale."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parent.parent / "examples" / "colab.ipynb"


def cells() -> list[dict[str, Any]]:
    return list(json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"])


def test_the_notebook_is_valid_and_holds_no_output() -> None:
    """nbformat 4.5: https://nbformat.readthedocs.io/en/latest/format_description.html"""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
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
    """Run a cell's Python, then its `!` commands, with `{NAME}` put in; return what they print."""
    lines = source.replace("\\\n", " ").splitlines()
    exec("\n".join(line for line in lines if not line.startswith(("!", "%"))), names)
    said = ""
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
def test_every_cell_runs_with_nano(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("trl")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    names: dict[str, Any] = {}
    said = {}
    for cell in cells():
        if cell["cell_type"] == "code":
            said[cell["id"]] = run_cell("".join(cell["source"]), names)
        if cell["id"] == "settings":
            names |= {"PAIRS": 60, "STEPS": 4, "LIMIT": 6}
    assert "4 steps" in said["train"]
    assert "runs/shop" in said["eval"]
    assert "parity: of" in said["export"]
    assert (tmp_path / "runs" / "shop" / "export" / "merged" / "model.safetensors").is_file()
