"""The grader as a package for AWS Lambda: handler, this package, what it needs, and a copy of the database."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import platform
import re
import sqlite3
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import sqltailor.version
from sqltailor.cloud.bedrock.grader import DATABASE, SETTINGS
from sqltailor.database.url import locate
from sqltailor.errors import BackendError, ConfigError
from sqltailor.project import Project

NEEDED = ("pydantic", "sqlglot", "PyYAML")
"""What grading imports beside the standard library; what these need comes with them."""
LARGEST_BYTES, LARGEST_UPLOAD = 250 * 1024**2, 50 * 1024**2
"""What a package may hold unpacked, and what can be uploaded without S3 (AWS Lambda, quotas)."""
RUNTIMES = ((3, 10), (3, 14))
"""The first and the last version of Python that Lambda runs."""
HANDLER = "lambda_function.lambda_handler"
_MADE = (2026, 1, 1, 0, 0, 0)


class Built(NamedTuple):
    """A package, and the runtime and architecture that Lambda must run it by."""

    path: Path
    runtime: str
    architecture: str
    size_bytes: int

    @property
    def needs_s3(self) -> bool:
        return self.size_bytes > LARGEST_UPLOAD


def build_grader(project: Project, out: Path) -> Built:
    """Write the package. Raises `ConfigError` for a database that is no SQLite file, or where Lambda would not run it.

    What is installed here is packed, so the package runs where this Python and this kind of machine are.
    """
    architecture = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())
    first, last = RUNTIMES
    if sys.platform != "linux" or architecture is None or not first <= sys.version_info[:2] <= last:
        raise ConfigError(
            f"Lambda runs Linux with Python {first[0]}.{first[1]} to {last[0]}.{last[1]}; this is {sys.platform} with "
            f"{platform.python_version()}. Build the grader in a container of python:3.12."
        )
    url = project.recipe.database.url
    where = locate(url) if url is not None else None
    if where is None or where.kind != "sqlite" or where.path is None:
        shown = "no database" if where is None else where.shown
        raise ConfigError(f"The grader takes a copy of a SQLite file along, not {shown}: --database sqlite:///FILE.")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / DATABASE
        _copy(where.path, copy)
        files = dict(_files(project, copy))
    total = sum(len(content) for content in files.values())
    if total > LARGEST_BYTES:
        raise ConfigError(f"The package has {total:,} bytes; Lambda takes {LARGEST_BYTES:,}. Use a smaller database.")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _MADE)
            entry.external_attr = 0o644 << 16  # Lambda runs it as another user
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    partial.replace(out)
    runtime = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return Built(out, runtime, architecture, out.stat().st_size)


def _copy(database: Path, to: Path) -> None:
    """Copy a SQLite file whole, as one that can be read where nothing can be written: without a journal."""
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as source:
            source.execute("VACUUM INTO ?", (str(to),))
    except sqlite3.Error as e:
        raise BackendError(f"{database} cannot be copied: {e}.") from e


def _files(project: Project, database: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of every file of the package."""
    root = Path(sqltailor.version.__file__).parent
    for file in sorted(root.rglob("*")):
        if file.suffix in (".py", ".yaml", ".txt", ".sql") and "__pycache__" not in file.parts:
            yield f"sqltailor/{file.relative_to(root).as_posix()}", file.read_bytes()
    for name in sorted(_closure(NEEDED)):
        found = importlib.metadata.distribution(name)
        for part in found.files or ():
            path = Path(str(found.locate_file(part)))
            if ".." not in part.parts and part.suffix != ".pyc" and path.is_file():
                yield part.as_posix(), path.read_bytes()
    grant, settings = project.grant, project.recipe.evaluate
    said = {"dialect": project.dialect, "timeout_s": settings.timeout_s, "allow": grant.allow, "deny": grant.deny}
    yield SETTINGS, json.dumps(said).encode()
    yield DATABASE, database.read_bytes()
    yield "lambda_function.py", (Path(__file__).parent / "lambda_function.py").read_bytes()


def _closure(names: tuple[str, ...]) -> set[str]:
    """Return distributions with all that they need here, without their extras."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            needed = importlib.metadata.requires(name) or ()
            waiting += [re.split(r"[^A-Za-z0-9._-]", line)[0] for line in needed if ";" not in line]
    return found
