"""Help and documents: every command has an example that parses, is documented, and starts fast with no extras."""

from __future__ import annotations

import re
import resource
import shlex
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from sqltailor import init
from sqltailor.cli import app
from sqltailor.cli.help_pages import WIDTH, commands, page

ROOT = Path(__file__).parent.parent
HEAVY = {"torch", "transformers", "peft", "trl", "datasets", "accelerate", "numpy", "pandas", "pyarrow", "sqlglot"}
HEAVY |= {"sqlalchemy", "duckdb", "psycopg", "pymysql", "jinja2", "matplotlib", "rich", "boto3", "botocore", "moto"}
HEAVY |= {"starlette", "uvicorn", "prometheus_client"}
START_UP_S = 0.3
SLACK = 3.0
"""Start-up may take so many times longer on a slow or busy machine."""


def leaves(command: Any, words: tuple[str, ...] = ("sqltailor",)) -> dict[tuple[str, ...], Any]:
    """Return the words of each command → the command, without groups."""
    children = getattr(command, "commands", None)
    if children is None:
        return {words: command}
    found: dict[tuple[str, ...], Any] = {words: command} if command.invoke_without_command else {}
    for name, child in children.items():
        found |= leaves(child, (*words, name))
    return found


COMMANDS = leaves(typer.main.get_command(app))
BY_NAME = {" ".join(words): command for words, command in COMMANDS.items()}


def examples(command: Any) -> list[str]:
    """Return the example command lines of a command's help."""
    return [line.removeprefix("Example: ") for line in command.help.splitlines() if line.startswith("Example: ")]


def find(words: list[str]) -> tuple[str, ...] | None:
    """Return the command that a command line begins with."""
    return max((name for name in COMMANDS if tuple(words[: len(name)]) == name), key=len, default=None)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_command_has_help_with_an_example_that_parses(name: str) -> None:
    command = BY_NAME[name]
    summary = command.help.partition("\n")[0]
    assert summary.endswith("."), "the first line of the help is a sentence"
    assert len(summary) <= 63, "the first line is cut in an 80 columns wide list of commands"
    assert examples(command), f"the help of {name} has no line `Example: {name} …`"
    for example in examples(command):
        words = shlex.split(example.rpartition("| ")[2])
        found = find(words)
        assert found == tuple(name.split()), example
        command.make_context(found[-1], words[len(found) :])


@pytest.mark.parametrize("name", BY_NAME)
def test_every_option_says_what_it_does(name: str) -> None:
    for option in BY_NAME[name].params:
        assert getattr(option, "help", None), option.name


def test_the_reference_is_fresh() -> None:
    documented = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    missing = [name for name in BY_NAME if f"\n## {name}\n" not in documented]
    assert not missing, "run: make docs"
    assert page(app) in documented, "run: make docs"


def test_the_reference_is_the_same_in_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = list(commands(app))
    monkeypatch.setenv("COLUMNS", "50")
    assert list(commands(app)) == wide
    assert max(len(line) for _, text in wide for line in text.splitlines()) <= WIDTH


PROMISES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", *sorted((ROOT / "docs").glob("*.md"))]
PROMISES += sorted((ROOT / "src" / "sqltailor" / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", PROMISES, ids=lambda path: path.name)
def test_documents_name_only_commands_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for line in re.findall(r"(?m)(?:^\s*(?:#\s+|\$ )?|`)(sqltailor [a-z][a-z-]*(?: [a-z][a-z-]*)?)", text):
        assert find(line.split()), f"{path.name}: {line}"


@pytest.mark.parametrize("line", [line for line in init.NEXT if line.startswith("sqltailor")])
def test_what_init_says_next_can_be_typed(line: str) -> None:
    words = shlex.split(line)
    found = find(words)
    assert found
    COMMANDS[found].make_context(found[-1], words[len(found) :])


def named_paths(text: str) -> dict[str, Path]:
    """Return what the page on architecture names, as it stands there → where that must be: paths and modules."""
    package = ROOT / "src" / "sqltailor"
    found = {}
    for path in re.findall(r"`([\w.]+(?:/[\w.]*)+|\w+\.py)`", text):
        outside = path.split("/")[0] in ("src", "tests", "docs", "base", "bench")
        found[path] = (ROOT if outside else package) / path
    tree, journeys = re.findall(r"(?s)```\n(.*?)```", text)
    wing = ""
    for indent, names in re.findall(r"(?m)^( *)((?:[a-z_]+(?:/|\.py) ?)+)", tree):
        wing = wing if indent else names.strip()
        for name in names.split():
            found[f"{wing} {name}"] = package / (f"{wing}{name}" if indent else name)
    for name in re.findall(r"[a-z_]+(?:\.[a-z_]+)*(?= →|$)", journeys, re.MULTILINE):
        place = package / name.replace(".", "/")
        found[name] = place if place.is_dir() else place.with_suffix(".py")
    return found


def test_the_page_on_architecture_names_what_is_there() -> None:
    found = named_paths((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    assert len(found) > 100
    assert [name for name, path in found.items() if not path.exists()] == []


def test_help_loads_nothing_heavy() -> None:
    # one process shows the help of every command; the first that loads something is named
    script = (
        "import sys\n"
        "from sqltailor.cli import main\n"
        f"heavy = {HEAVY!r}\n"
        f"for name in ['sqltailor', 'sqltailor data', *{list(BY_NAME)!r}]:\n"
        "    sys.argv = [*name.split(), '--help']\n"
        "    try:\n"
        "        main()\n"
        "    except SystemExit as e:\n"
        "        assert not e.code, (name, e.code)\n"
        "    loaded = heavy & {module.split('.')[0] for module in sys.modules}\n"
        "    assert not loaded, (name, loaded)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Usage: ") == 2 + len(BY_NAME)


def test_help_needs_only_what_is_always_installed() -> None:
    # as after `pip install sqltailor`: everything else cannot be imported
    needed = {"typer", "click", "rich", "pydantic", "yaml", "sqlglot"}
    script = (
        "import sys, importlib.metadata as metadata\n"
        f"heavy = {HEAVY!r}\n"
        f"sys.modules |= dict.fromkeys(heavy - {needed!r})\n"
        "from sqltailor.cli import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_line_starts_fast() -> None:
    # processor time, because other programs of a busy machine do not count
    seconds = []
    for _ in range(5):
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "sqltailor", "--help"], capture_output=True, check=True)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime)
    median = statistics.median(seconds)
    print(f"sqltailor --help: {median * 1000:.0f} ms, the median of {len(seconds)}; {START_UP_S * 1000:.0f} is the aim")
    assert median < SLACK * START_UP_S, seconds
