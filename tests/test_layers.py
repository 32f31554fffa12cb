"""Imports go one way: a module imports only from lower layers, or from what stands earlier in its own layer."""

from __future__ import annotations

import ast
import functools
import graphlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import sqltailor

PACKAGE = Path(sqltailor.__file__).parent
ROOT = Path(__file__).parent.parent

LAYERS = (
    ("types", "errors", "version"),
    ("sql", "database", "runs", "aws", "wire"),
    ("recipe", "naming", "prompt", "synth", "data"),
    ("generate", "taught", "prompt_builder", "project", "evaluate"),
    ("reply", "answer_verdict", "asker", "conversation", "init", "doctor"),
    ("augment", "train", "export", "cloud", "ops"),
    ("local_bedrock", "demo", "serve"),
    ("cli", "__main__"),
)
"""The wings of the package, the lowest layer first; a wing is a module or a folder.

`sqltailor/__init__.py` is the door: it may name any wing but the last layer's, lazily, and no wing goes through it.
"""
ROOMS = {
    "sql": ("dialect", "schema", "guard", "queryspec", "constrain"),
    "data": ("checks", "readers", "writers", "dataset", "querylog"),
    "evaluate": (
        *("metrics", "audit", "statistics", "slices", "mistakes", "summary", "fuzzed", "scoring", "golds", "scorer"),
        *(
            "certificate",
            "grading",
            "prepare",
            "eval_folder",
            "predictions_file",
            "run",
            "pooled_scoring",
            "compat",
            "beside",
            "judge",
            "review",
            "report",
        ),
        *("comparison", "markdown", "run_list", "scoring_options", "by_recipe"),
    ),
    "train": ("rows", "running", "planning", "methods", "local_training", "sweep"),
}
"""The rooms of some wings, the lowest first: among these, too, imports go one way."""
TWINS = (("data/readers", "data/writers"), ("database", "database/child"), ("synth/shapes", "synth/wording"))
"""Folders that mirror each other: a file of one may have the name of its twin in the other."""
ORDER = {wing: place for place, wing in enumerate(wing for layer in LAYERS for wing in layer)}


class Import(NamedTuple):
    """One import: which module imports which, and where."""

    importer: str
    imported: str
    place: str


def modules(package: Path) -> dict[str, Path]:
    """Return dotted name → file of every module below a package."""
    names = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imports(package: Path) -> Iterator[Import]:
    """Yield every import of the package's own modules, also those inside functions and for types only."""
    known = modules(package)
    for name, path in known.items():
        for target, line in targets(path):
            if target.split(".")[0] == package.name:
                imported = target if target in known else target.rpartition(".")[0]
                yield Import(name, imported, f"{path}:{line}: imports {target}")


def targets(path: Path) -> tuple[tuple[str, int], ...]:
    """Return all that a file imports, each with its line."""
    return _targets_of(path.read_text(encoding="utf-8"))


@functools.cache  # several tests read the whole package
def _targets_of(source: str) -> tuple[tuple[str, int], ...]:
    nodes = ast.walk(ast.parse(source))
    return tuple((target, getattr(node, "lineno", 0)) for node in nodes for target in _targets(node))


def _targets(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"line {node.lineno}: a relative import; write the whole name"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def faults(package: Path) -> list[str]:
    """Return every import that goes upward, or through the door, each with its line."""
    found = []
    for importer, imported, place in imports(package):
        wing, other = wing_of(importer), wing_of(imported)
        if other == "":
            found.append(f"{place} through the door; import it from the module that defines it")
        elif wing == "":
            if other in LAYERS[-1]:
                found.append(f"{place}, of the last layer")
        elif ORDER[other] > ORDER[wing]:
            found.append(f"{place}, but {other} stands above {wing}")
        elif other == wing and rank(imported) > rank(importer) >= 0:
            found.append(f"{place}, but {room_of(imported)} stands above {room_of(importer)}")
    return found


def wing_of(module: str) -> str:
    """Return the wing of a module; the door has none."""
    return module.split(".")[1] if "." in module else ""


def room_of(module: str) -> str:
    """Return the room of a module within its wing; a wing's own `__init__.py` has none."""
    return ".".join(module.split(".")[1:3]) if module.count(".") > 1 else ""


def rank(module: str) -> int:
    """Return the place of a module's room in its wing, or -1 where `ROOMS` does not list it."""
    rooms, (_, _, room) = ROOMS.get(wing_of(module), ()), room_of(module).partition(".")
    return rooms.index(room) if room in rooms else -1


def cycle(package: Path) -> list[str]:
    """Return modules that import each other in a circle, or nothing."""
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for importer, imported, _ in imports(package):
        if imported != importer and (wing_of(importer) or package.name != PACKAGE.name):
            sorter.add(importer, imported)
    try:
        sorter.prepare()
    except graphlib.CycleError as e:
        return [str(name) for name in e.args[1]]
    return []


def namesakes(package: Path) -> list[list[str]]:
    """Return files of one name in several rooms: in the tabs of an editor they look the same.

    Not counted: `__init__.py` and `__main__.py`, a command's file in `cli/`, and a file and its twin.
    """
    rooms: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        room = path.parent.relative_to(package).as_posix()
        if not path.name.startswith("__") and room.split("/")[0] != "cli":
            rooms.setdefault(path.name, []).append(room)
    return [
        [f"{room}/{name}" for room in found]
        for name, found in rooms.items()
        if len(found) > 1 and tuple(sorted(found)) not in TWINS
    ]


def test_every_wing_has_a_layer() -> None:
    wings = {wing_of(name) for name in modules(PACKAGE)} - {""}
    assert wings == set(ORDER), "a new wing needs a place in LAYERS; one that is gone leaves it"


def test_listed_rooms_exist() -> None:
    rooms = {room_of(name) for name in modules(PACKAGE)}
    assert {f"{wing}.{room}" for wing, listed in ROOMS.items() for room in listed} <= rooms


def test_no_module_imports_upward() -> None:
    assert not faults(PACKAGE), "\n".join(faults(PACKAGE))


def test_no_two_files_share_a_name() -> None:
    assert not namesakes(PACKAGE), "name each file by what is in it"


@pytest.mark.parametrize("folder", [PACKAGE, ROOT / "base", ROOT / "bench"], ids=lambda folder: folder.name)
def test_no_module_imports_itself_through_others(folder: Path) -> None:
    assert not cycle(folder), " → ".join(cycle(folder))


def test_the_package_needs_neither_base_nor_bench_and_base_not_bench() -> None:
    for folder, others in ((PACKAGE, ("base", "bench")), (ROOT / "base", ("bench",))):
        found = [t for path in folder.rglob("*.py") for t, _ in targets(path) if t.split(".")[0] in others]
        assert not found, f"{folder.name} imports {found}"


@pytest.mark.parametrize("folder", ["base", "bench"])
def test_base_and_bench_import_what_defines_a_name(folder: str) -> None:
    # not from the command line, and of the package only modules that are there
    known = modules(PACKAGE)
    for path in sorted((ROOT / folder).rglob("*.py")):
        for target, _ in targets(path):
            if target.startswith("sqltailor."):
                assert target in known or target.rpartition(".")[0] in known, f"{path}: there is no {target}"
                assert wing_of(target) not in LAYERS[-1], f"{path} imports {target}, of the last layer"


def test_ask_takes_three_names_of_the_library() -> None:
    named = {target for target, _ in targets(PACKAGE / "cli" / "ask.py") if target.startswith("sqltailor.")}
    assert {target for target in named if wing_of(target) != "cli"} == {
        "sqltailor.asker.open_asker",
        "sqltailor.conversation.Conversation",
        "sqltailor.reply.Reply",
    }


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of three wings, without a fault."""
    folder = tmp_path / "sqltailor"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "errors.py").write_text("import json\n")
    (folder / "sql.py").write_text("from sqltailor import errors\n")
    (folder / "data" / "__init__.py").write_text("from sqltailor.data.rows import Row\n")
    (folder / "data" / "rows.py").write_text("from sqltailor.sql import Schema\n")
    return folder


def test_an_upward_import_is_named_with_its_line(package: Path) -> None:
    assert not faults(package)
    assert not cycle(package)
    (package / "sql.py").write_text("def f():\n    from sqltailor.data.rows import Row\n")
    [fault] = faults(package)
    assert fault == f"{package}/sql.py:2: imports sqltailor.data.rows.Row, but data stands above sql"
    assert set(cycle(package)) == {"sqltailor.sql", "sqltailor.data.rows"}


def test_a_later_wing_of_the_same_layer_is_upward(package: Path) -> None:
    (package / "errors.py").write_text("import sqltailor.sql\n")
    (package / "types.py").write_text("from sqltailor import errors\n")
    assert [fault.partition("imports ")[2] for fault in faults(package)] == [
        "sqltailor.sql, but sql stands above errors",
        "sqltailor.errors, but errors stands above types",
    ]


def test_a_later_room_of_the_same_wing_is_upward(package: Path) -> None:
    (package / "data" / "checks.py").write_text("from sqltailor.data import readers, rows\n")
    (package / "data" / "readers.py").write_text("from sqltailor.data import checks\n")
    [fault] = faults(package)
    assert fault.endswith("imports sqltailor.data.readers, but data.readers stands above data.checks")


def test_the_door_is_for_users(package: Path) -> None:
    (package / "sql.py").write_text("from sqltailor import Example, __version__\n")
    assert len(faults(package)) == 2


def test_a_circle_inside_a_wing_is_found(package: Path) -> None:
    (package / "data" / "rows.py").write_text("from sqltailor.data import Row\n")
    assert not faults(package)
    assert set(cycle(package)) == {"sqltailor.data", "sqltailor.data.rows"}


def test_only_commands_and_twins_share_a_name(package: Path) -> None:
    for path in ("cli/rows.py", "data/readers/chat.py", "data/writers/chat.py"):
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text("")
    assert not namesakes(package)
    (package / "data" / "readers" / "rows.py").write_text("")
    assert namesakes(package) == [["data/readers/rows.py", "data/rows.py"]]
