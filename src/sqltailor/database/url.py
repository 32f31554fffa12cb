"""What a database URL says: the kind of database, where it is, and how to show it without its password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from sqltailor.errors import DataError, unknown

Kind = Literal["sqlite", "duckdb", "postgresql", "mysql", "mariadb"]

SCHEMES: tuple[Kind, ...] = get_args(Kind)
DIALECTS: dict[Kind, str] = {
    "sqlite": "sqlite",
    "duckdb": "duckdb",
    "postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
}
"""The sqlglot dialect that each kind of database speaks."""

_ALIASES: dict[str, Kind] = {"postgres": "postgresql", "pgsql": "postgresql"}
_MAGIC: tuple[tuple[int, bytes, Kind], ...] = ((0, b"SQLite format 3\0", "sqlite"), (8, b"DUCK", "duckdb"))
_SUFFIXES: dict[str, Kind] = {".duckdb": "duckdb", ".ddb": "duckdb"}
_SECRET_NAME = re.compile(r"password|passwd|secret|token", re.IGNORECASE)
_OPTION = re.compile(r"([?&])([^=&]*)=([^&]*)")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a database is: a file's absolute `path`, or a server's `url`, which holds the password and is not shown."""

    kind: Kind
    shown: str
    path: Path | None = None
    url: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


def locate(url: str) -> Location:
    """Read a database URL, or the path of an existing file.

    Raises `DataError` for an unknown scheme, a missing file and what is no URL; no message holds a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _file(_kind_of_file(Path(url)), url, url)
    name = scheme.lower().partition("+")[0]
    kind = _ALIASES.get(name, name)
    if kind not in SCHEMES:
        raise DataError(unknown("database scheme", name, SCHEMES))
    if kind == "sqlite" or kind == "duckdb":
        if not rest.startswith("/") or rest == "/":
            raise DataError(f"'{url}' names no file. Write {kind}:///relative/path or {kind}:////absolute/path.")
        return _file(kind, rest[1:], url)
    return _server(kind, url, rest)


def dialect_of(url: str) -> str:
    """Return the sqlglot dialect of a database URL.

    >>> dialect_of("postgresql://reader@host/shop")
    'postgres'
    """
    return DIALECTS[locate(url).kind]


def mask(url: str) -> str:
    """Return a URL with its password, and options that look like one, as `***`.

    >>> mask("postgresql://reader:pw@host/shop?sslpassword=x")
    'postgresql://reader:***@host/shop?sslpassword=***'
    """
    scheme, separator, rest = url.partition("://")
    # the last @ ends the password, which may hold others
    account, at, place = rest.rpartition("@")
    user, colon, _ = account.partition(":")
    shown = f"{scheme}{separator}{user}{':***' if colon else ''}{at}{place}"
    return _OPTION.sub(lambda m: f"{m[1]}{m[2]}={'***' if _SECRET_NAME.search(m[2]) else m[3]}", shown)


def _kind_of_file(path: Path) -> Kind:
    try:
        with path.expanduser().open("rb") as file:
            head = file.read(32)
    except OSError:
        # told by `_file`, together with the other faults of a path
        return _SUFFIXES.get(path.suffix, "sqlite")
    return next(
        (kind for at, magic, kind in _MAGIC if head[at:].startswith(magic)), _SUFFIXES.get(path.suffix, "sqlite")
    )


def _file(kind: Kind, name: str, shown: str) -> Location:
    path = Path(name).expanduser().resolve()
    if path.is_dir():
        raise DataError(f"{path} is a folder, not a database. Next: ls {path}")
    if not path.is_file():
        raise DataError(f"No such file: {path}. Next: ls {path.parent}")
    return Location(kind, shown, path)


def _server(kind: Kind, url: str, rest: str) -> Location:
    shown = mask(url)
    try:
        parts = urlsplit(f"{kind}://{rest}")
        _ = parts.port
    except ValueError:
        raise DataError(
            f"Not a database URL. Write {_form(kind)}; %-encode special characters in a password."
        ) from None
    if not parts.path.strip("/"):
        raise DataError(f"'{shown}' names no database. Write {_form(kind)}.")
    options = [value for name, value in parse_qsl(parts.query) if _SECRET_NAME.search(name)]
    secrets = {parts.password or "", unquote(parts.password or ""), *options} - {""}
    return Location(kind, shown, url=f"{kind}://{rest}", secrets=tuple(sorted(secrets, key=len, reverse=True)))


def _form(kind: Kind) -> str:
    return f"{kind}://USER:PASSWORD@HOST/DATABASE"
