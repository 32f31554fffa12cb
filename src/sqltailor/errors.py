"""Errors that users can cause, or that happen around them. Bugs stay ordinary Python exceptions.

SQLTailorError
├── ConfigError     a recipe, flag or environment value is wrong
├── DataError       a data file or database cannot be read
│   └── DatabaseGone    a database is not there, or ended
├── SQLError        a statement cannot be parsed or run
│   ├── Refused     the guard or the database's own protection said no
│   └── Timeout     it ran past its limit
├── BackendError    a model, trainer or service failed
└── MissingExtra    an optional package is not installed
"""

from __future__ import annotations

import difflib
import importlib
import json
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import ClassVar

from sqltailor.types import Layer


class SQLTailorError(Exception):
    """Base of all expected errors. `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 2


class ConfigError(SQLTailorError):
    """A recipe, flag or environment value is wrong."""


class DataError(SQLTailorError):
    """A data file or database cannot be read."""


class DatabaseGone(DataError):
    """A database is not there, or ended."""


class SQLError(SQLTailorError):
    """A statement cannot be parsed or run."""


class Refused(SQLError):
    """The guard or the database's own protection refused a statement; `layer` says which."""

    def __init__(self, message: str, layer: Layer) -> None:
        super().__init__(message)
        self.layer = layer


class Timeout(SQLError):
    """A statement ran past its time limit."""


class BackendError(SQLTailorError):
    """A model, trainer or service failed."""

    exit_code = 3


class MissingExtra(SQLTailorError):
    """An optional package is not installed."""


_LIKE = 0.49
"""Names that are no more alike are not suggested."""


def did_you_mean(value: str, known: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the nearest known name, or an empty string.

    >>> did_you_mean("exec", ["execution", "exact_match"])
    " Did you mean 'execution'?"
    >>> did_you_mean("nme", ["since", "full_name"])
    " Did you mean 'full_name'?"
    """
    nearest, best = None, _LIKE
    matcher = difflib.SequenceMatcher(None, "", value.lower())
    for name in known:
        for part, most in _parts(name.lower(), value.lower()):
            matcher.set_seq1(part)
            # two bounds from above first: the ratio itself takes long where there are thousands of names
            if all(most * like() > best for like in (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)):
                nearest, best = name, most * matcher.ratio()
    return f" Did you mean '{nearest}'?" if nearest is not None else ""


def _parts(name: str, value: str) -> Iterator[tuple[str, float]]:
    """Yield a name, and its words where `value` is long enough to tell them, with how much being like them counts."""
    yield name, 1.0
    if len(value) < 3:
        return
    if value in name:
        yield value, 0.8
    yield from ((word, 0.9) for word in name.split("_"))


def unknown(what: str, value: str, known: Iterable[str]) -> str:
    """Return the message for a name that is not in a list of choices.

    >>> unknown("metric", "exec", ["execution", "exact_match"])
    "Unknown metric 'exec'. Did you mean 'execution'? Known: execution, exact_match."
    """
    names = list(known)
    return f"Unknown {what} '{value}'.{did_you_mean(value, names)} Known: {', '.join(names)}."


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def require(package: str, *, extra: str, feature: str) -> ModuleType:
    """Import an optional package, or raise `MissingExtra` that names the extra to install.

    `package` may be dotted (`sqlalchemy.engine`); `feature` begins the sentence: "Local training".
    """
    try:
        return importlib.import_module(package)
    except ImportError as e:
        if e.name is not None and e.name.split(".")[0] != package.split(".")[0]:
            raise
        raise MissingExtra(f"{feature} needs {package.split('.')[0]}: {install_command(extra)}") from e


def install_command(extra: str, *, upgrade: bool = False) -> str:
    """Return the command that adds an extra to this installation, from where that came: a clone, a file, the index.

    Without an extra (`""`), it installs the package itself.
    """
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        origin = json.loads(distribution("sqltailor").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        origin = {}
    url, folder = str(origin.get("url", "")), origin.get("dir_info")
    name = f"[{extra}]" if extra else ""
    if folder is not None:
        wanted = f"{'-e ' if folder.get('editable') else ''}'{url2pathname(urlsplit(url).path)}{name}'"
    else:
        wanted = f"'sqltailor{name}{f' @ {url}' if url else ''}'"
    return f"pip install {'--upgrade ' if upgrade else ''}{wanted}"
