"""What a training job installs and runs: this package as a wheel, what else it needs without torch, and the entry."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import re
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqltailor.version
from sqltailor.errors import BackendError
from sqltailor.runs import write_text_atomic

CODE = "/opt/ml/input/data/code"
ENTRY = "sm_entry.py"
WITHOUT = ("torch",)
"""What AWS's image brings, built for its GPUs."""
_MADE = (2026, 1, 1, 0, 0, 0)
"""The time of every file in the wheel: equal code is an equal wheel, which is uploaded once."""


def write_code(folder: Path, *, extras: Sequence[str]) -> list[Path]:
    """Write wheel, requirements.txt and entry script into a folder, and return them."""
    wheel = write_wheel(folder)
    needed = sorted({line for extra in extras for line in _needed(extra)})
    write_text_atomic(folder / "requirements.txt", "\n".join([f"{CODE}/{wheel.name}", *needed]) + "\n")
    shutil.copy(Path(__file__).parent / ENTRY, folder / ENTRY)
    return [wheel, folder / "requirements.txt", folder / ENTRY]


def write_wheel(folder: Path) -> Path:
    """Write this package, as it runs here, as a wheel into a folder; equal code gives equal bytes."""
    root = Path(sqltailor.version.__file__).parent
    version = sqltailor.version.__version__
    info, wheel = f"sqltailor-{version}.dist-info", folder / f"sqltailor-{version}-py3-none-any.whl"
    files = {f"sqltailor/{file.relative_to(root).as_posix()}": file.read_bytes() for file in _files(root)}
    metadata = ["Metadata-Version: 2.1", "Name: sqltailor", f"Version: {version}"]
    metadata += [f"Requires-Dist: {line}" for line in _requires()]
    files[f"{info}/METADATA"] = ("\n".join(metadata) + "\n").encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: sqltailor\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\nsqltailor = sqltailor.cli:main\n"
    record = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()]
    files[f"{info}/RECORD"] = ("\n".join([*record, f"{info}/RECORD,,"]) + "\n").encode()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _MADE), content, zipfile.ZIP_DEFLATED)
    return wheel


def _files(root: Path) -> Iterator[Path]:
    for file in sorted(root.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith("."):
            yield file


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _requires() -> list[str]:
    """Return what this package needs, as its installation here says."""
    try:
        found = importlib.metadata.requires("sqltailor")
    except importlib.metadata.PackageNotFoundError as e:
        raise BackendError("sqltailor is not installed here, so what a job has to install is not known.") from e
    return list(found or ())


def _needed(extra: str) -> Iterator[str]:
    """Yield what an extra of this package needs besides what the image brings."""
    for line in _requires():
        requirement, _, marker = line.partition(";")
        if f"'{extra}'" not in marker.replace('"', "'"):
            continue
        own = re.match(r"sqltailor\[([^\]]+)\]", requirement)
        if own:
            for other in own[1].split(","):
                yield from _needed(other.strip())
        elif re.split(r"[\[<>=!~ ]", requirement, maxsplit=1)[0] not in WITHOUT:
            yield requirement.strip()
