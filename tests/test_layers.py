"""Imports go one way: a module imports only from lower layers, or from what stands earlier in its own layer."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import sqltailor

PACKAGE = Path(sqltailor.__file__).parent

LAYERS = (
    ("types", "errors"),
    ("dialect", "schema", "guard", "database", "prompt", "spec", "recipe", "cost", "runs"),
    ("data", "synth", "metrics", "linking", "project", "workspace"),
    ("generate", "answer", "evaluate", "augment", "parity", "report", "train", "journey"),
    ("demo", "doctor"),
    ("cli", "__main__"),
)
"""The rooms of the package, the lowest layer first; a room is a module or a folder.

`sqltailor/__init__.py` is the door: it may name any room but the last layer's, lazily, and no room goes through it.
"""
ORDER = {room: place for place, room in enumerate(room for layer in LAYERS for room in layer)}


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
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for target in _targets(node):
                if target.split(".")[0] == package.name:
                    imported = target if target in known else target.rpartition(".")[0]
                    yield Import(name, imported, f"{path}:{getattr(node, 'lineno', 0)}: imports {target}")


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
        room, other = room_of(importer), room_of(imported)
        if other == "":
            if not place.endswith(".__version__"):
                found.append(f"{place} through the door; import it from the module that defines it")
        elif room == "":
            if other in LAYERS[-1]:
                found.append(f"{place}, of the last layer")
        elif ORDER[other] > ORDER[room]:
            found.append(f"{place}, but {other} stands above {room}")
    return found


def room_of(module: str) -> str:
    """Return the room of a module; the door has none."""
    return module.split(".")[1] if "." in module else ""


def cycle(package: Path) -> list[str]:
    """Return modules that import each other in a circle, or nothing."""
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for importer, imported, _ in imports(package):
        if imported != importer and room_of(importer):
            sorter.add(importer, imported)
    try:
        sorter.prepare()
    except graphlib.CycleError as e:
        return [str(name) for name in e.args[1]]
    return []


def test_every_room_has_a_layer() -> None:
    rooms = {room_of(name) for name in modules(PACKAGE)} - {""}
    assert rooms == set(ORDER), "a new room needs a place in LAYERS; one that is gone leaves it"


def test_no_module_imports_upward() -> None:
    assert not faults(PACKAGE), "\n".join(faults(PACKAGE))


def test_no_module_imports_itself_through_others() -> None:
    assert not cycle(PACKAGE), " → ".join(cycle(PACKAGE))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of three rooms, without a fault."""
    folder = tmp_path / "sqltailor"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text('__version__ = "1"\n')
    (folder / "errors.py").write_text("import json\n")
    (folder / "schema.py").write_text("from sqltailor import errors, __version__\n")
    (folder / "data" / "__init__.py").write_text("from sqltailor.data.rows import Row\n")
    (folder / "data" / "rows.py").write_text("from sqltailor.schema import Schema\n")
    return folder


def test_an_upward_import_is_named_with_its_line(package: Path) -> None:
    assert not faults(package)
    assert not cycle(package)
    (package / "schema.py").write_text("def f():\n    from sqltailor.data.rows import Row\n")
    [fault] = faults(package)
    assert fault == f"{package}/schema.py:2: imports sqltailor.data.rows.Row, but data stands above schema"
    assert set(cycle(package)) == {"sqltailor.schema", "sqltailor.data.rows"}


def test_a_later_room_of_the_same_layer_is_upward(package: Path) -> None:
    (package / "errors.py").write_text("import sqltailor.schema\n")
    (package / "types.py").write_text("from sqltailor import errors\n")
    assert [fault.partition("imports ")[2] for fault in faults(package)] == [
        "sqltailor.schema, but schema stands above errors",
        "sqltailor.errors, but errors stands above types",
    ]


def test_the_door_is_for_users(package: Path) -> None:
    (package / "schema.py").write_text("from sqltailor import Example\n")
    assert len(faults(package)) == 1


def test_a_circle_inside_a_room_is_found(package: Path) -> None:
    (package / "data" / "rows.py").write_text("from sqltailor.data import Row\n")
    assert not faults(package)
    assert set(cycle(package)) == {"sqltailor.data", "sqltailor.data.rows"}
