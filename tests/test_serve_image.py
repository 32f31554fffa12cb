"""The Dockerfile, as far as it can be read: nobody's root, all files and extras are there, and its command is ours."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import typer

from sqltailor.cli import app

ROOT = Path(__file__).parent.parent
LINES = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8")).splitlines()


def told(word: str) -> list[str]:
    """Return what follows an instruction, each time that it stands there."""
    return [line.partition(" ")[2] for line in LINES if line.startswith(f"{word} ")]


def test_the_image_runs_as_nobody_and_offline() -> None:
    assert told("USER") == ["10001"]
    assert "HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1" in told("ENV")


def test_what_it_copies_and_installs_is_there() -> None:
    copied = [name for line in told("COPY") if not line.startswith("--from") for name in line.split()[:-1]]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {f"!{name}" for name in copied} <= set(allowed)
    [extras] = re.findall(r'"\.\[(.+?)\]"', " ".join(told("RUN")))
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(extras.split(",")) <= set(known)


def test_its_command_is_ours() -> None:
    [entry], [words] = map(json.loads, told("ENTRYPOINT")), map(json.loads, told("CMD"))
    assert entry == ["sqltailor"]
    command = typer.main.get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    assert command.make_context(words[0], words[1:]).params["host"] == "0.0.0.0"
