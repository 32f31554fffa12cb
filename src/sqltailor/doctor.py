"""Checks of this machine and project: each says what it found and which command fixes it. Needs no extras."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqltailor.database import open_database
from sqltailor.errors import ConfigError, DataError, SQLError, SQLTailorError, counted, install_command
from sqltailor.generate.bases import BASES, bytes_to_download
from sqltailor.project import SHOWN, Project
from sqltailor.recipe import Resolved, load_recipe, mask
from sqltailor.runs import cores, newest_training, package_version

Status = Literal["ok", "warn", "fail"]
GIB = 1 << 30
ROLE_REMEDY = "use a role that may only SELECT; its SQL: sqltailor init URL --out DIR"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `fail` stops work, `warn` limits it; `remedy` is a command or a short sentence."""

    name: str
    status: Status
    found: str
    remedy: str | None = None


def examine(
    recipe: str | Path | None = None, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> list[Check]:
    """Return all checks, of the machine first, then of the recipe and its database."""
    cwd = Path.cwd() if cwd is None else Path(cwd)
    machine = [_python(), *_packages(), _torch(), _cpu(), _memory(), _disk(cwd), _nano()]
    check, resolved = _recipe(recipe, cwd, env)
    return [*machine, check, *_base(resolved), _database(resolved), *_drift(resolved, cwd)]


def _python() -> Check:
    return Check("python", "ok", f"{platform.python_version()} at {sys.executable}")


def _packages() -> Iterator[Check]:
    """Yield one check for the packages that are always needed, and one for each extra."""
    try:
        requirements = importlib.metadata.requires("sqltailor") or []
    except importlib.metadata.PackageNotFoundError:
        yield Check("packages", "fail", "sqltailor is not installed", "pip install sqltailor")
        return
    groups: dict[str, dict[str, str]] = {}
    for line in requirements:
        if found := _REQUIREMENT.match(line):
            name, bound, extra = found["name"], found["bound"] or "0", found["extra"] or ""
            if name.lower() != "sqltailor" and extra not in ("all", "dev"):
                groups.setdefault(extra, {})[name] = bound
    for extra, bounds in groups.items():
        yield _group(extra, bounds)


_REQUIREMENT = re.compile(
    r"""(?P<name>[A-Za-z0-9_.-]+)(?:\[[^\]]*\])?\s*(?:>=(?P<bound>[\d.]+))?[^;]*(?:;.*extra\s*==\s*["'](?P<extra>[\w-]+)["'])?"""
)


def _group(extra: str, bounds: Mapping[str, str]) -> Check:
    versions = {name: package_version(name) for name in bounds}
    wrong = [
        f"{name} {version or 'is missing'}{f' is older than {bounds[name]}' if version else ''}"
        for name, version in versions.items()
        if version is None or _numbers(version) < _numbers(bounds[name])
    ]
    title = f"extra {extra}" if extra else "packages"
    if not wrong:
        return Check(title, "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))
    return Check(title, "warn" if extra else "fail", ", ".join(wrong), install_command(extra, upgrade=True))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0].split("rc")[0])[:3])


def _torch() -> Check:
    if package_version("torch") is None:
        return Check("device", "warn", "torch is not installed: no local models", install_command("train"))
    try:
        import torch
    except (ImportError, OSError) as e:
        return Check("device", "fail", f"torch cannot be loaded: {e}", "pip install --force-reinstall torch")
    if torch.cuda.is_available():
        device = torch.cuda.get_device_properties(0)
        more = f", {torch.cuda.device_count()} of them" if torch.cuda.device_count() > 1 else ""
        bf16 = "bf16" if torch.cuda.is_bf16_supported() else "fp16, no bf16"
        return Check("device", "ok", f"{device.name}, {device.total_memory / GIB:.0f} GiB, {bf16}{more}")
    if shutil.which("nvidia-smi"):
        remedy = "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu128"
        return Check("device", "warn", "an NVIDIA driver is here, but torch is built for the CPU", remedy)
    return Check("device", "ok", f"CPU, {counted(torch.get_num_threads(), 'thread')}")


def _cpu() -> Check:
    try:
        flags = set(re.findall(r"[a-z0-9_]+", Path("/proc/cpuinfo").read_text(encoding="utf-8").lower()))
    except OSError:
        return Check("cpu", "ok", f"{counted(cores(), 'core')}, {platform.machine()}")
    wanted = {"amx_bf16": "AMX", "avx512_bf16": "AVX-512 bf16", "avx512f": "AVX-512", "avx2": "AVX2", "bf16": "bf16"}
    has = [name for flag, name in wanted.items() if flag in flags]
    fast = "bf16 is fast" if {"amx_bf16", "avx512_bf16", "bf16"} & flags else "bf16 is slow, fp32 is used"
    return Check("cpu", "ok", f"{counted(cores(), 'core')}, {', '.join(has) or platform.machine()}: {fast}")


def _memory() -> Check:
    free = _available_bytes()
    if free is None:
        return Check("memory", "ok", "not known on this system")
    if free < 2 * GIB:
        return Check("memory", "warn", f"{free / GIB:.1f} GiB free", "sqltailor train train.local.micro_batch=1")
    return Check("memory", "ok", f"{free / GIB:.1f} GiB free")


def _available_bytes() -> int | None:
    """Return free memory, or what a container's limit leaves if that is less."""
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
        free = int(found[1]) * 1024 if found else None
    except OSError:
        return None
    try:
        group = Path("/sys/fs/cgroup")
        room = int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return free
    return room if free is None else min(free, room)


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    status: Status = "fail" if free < GIB else "warn" if free < 5 * GIB else "ok"
    remedy = None if status == "ok" else "rm -r runs/*/checkpoints of finished runs, or give train.out another place"
    return Check("disk", status, f"{free / GIB:.1f} GiB free at {folder}", remedy)


def _nano() -> Check:
    folder = Path(__file__).parent / "nano"
    weights = [path for path in folder.glob("*.safetensors") if path.stat().st_size > 100_000]
    if weights and (folder / "tokenizer.json").is_file():
        return Check("nano", "ok", f"{sum(path.stat().st_size for path in weights) / 1e6:.0f} MB")
    return Check("nano", "fail", f"no weights in {folder}", "pip install --force-reinstall --no-deps sqltailor")


def _recipe(recipe: str | Path | None, cwd: Path, env: Mapping[str, str] | None) -> tuple[Check, Resolved | None]:
    try:
        resolved = load_recipe(recipe, env=env, cwd=cwd)
    except ConfigError as e:
        return Check("recipe", "fail", str(e), "sqltailor config, after mending the recipe"), None
    if resolved.path is None:
        return Check("recipe", "warn", f"no recipe.yaml in {cwd}", "sqltailor init URL"), resolved
    return Check(
        "recipe", "ok", f"{resolved.path}: tunes {resolved.recipe.base} ({resolved.recipe.train.backend})"
    ), resolved


def _base(resolved: Resolved | None) -> Iterator[Check]:
    """Yield one check of the recipe's base where it is a named one that is trained here."""
    if resolved is None or resolved.recipe.train.backend != "local" or resolved.recipe.base not in BASES:
        return
    base = BASES[resolved.recipe.base]
    if size := bytes_to_download(base.name):
        found = f"{base.name} is not here: {size / 1e6:,.0f} MB are downloaded when it is first used"
        yield Check("base", "warn", found, f"sqltailor bases pull {base.name}")
    else:
        yield Check("base", "ok", f"{base.name} is here")


def _database(resolved: Resolved | None) -> Check:
    url = resolved.recipe.database.url if resolved else None
    if resolved is None or url is None:
        return Check("database", "warn", "the recipe names none", "sqltailor init URL")
    try:
        with open_database(url, timeout_s=20, unprotected=resolved.recipe.database.unprotected) as database:
            tables = database.read_schema().tables
            shown, warnings = database.url_shown, database.warnings
    except (DataError, SQLError) as e:
        return Check("database", "fail", mask(str(e)), f"check database.url: {mask(url)}")
    except SQLTailorError as e:
        return Check("database", "fail", mask(str(e)), str(e).partition(": ")[2] or None)
    columns = sum(len(table.columns) for table in tables)
    found = f"{shown}: {counted(len(tables), 'table')}, {counted(columns, 'column')}"
    if warnings:
        return Check("database", "warn", f"{found}; {'; '.join(warnings)}", ROLE_REMEDY)
    return Check("database", "ok", found)


def _drift(resolved: Resolved | None, cwd: Path) -> Iterator[Check]:
    """Yield one check where the newest run learned another schema than the recipe's database has now."""
    if resolved is None or resolved.recipe.database.url is None:
        return
    try:
        run = newest_training(cwd / resolved.recipe.train.out)
        with Project(resolved.recipe) as project:
            changes = project.drift(str(run.path))
    except SQLTailorError:
        return
    if changes:
        found = f"changed since {run.name} learned it: {'; '.join(changes[:SHOWN])}"
        yield Check("schema", "warn", found, "sqltailor data check, then train again")
