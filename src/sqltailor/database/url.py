"""Parse a database URL: the kind of database, its location, and how to show it without its password."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from sqltailor.errors import DatabaseGone, DataError, unknown

Warehouse = Literal["snowflake", "bigquery", "redshift", "databricks", "trino", "mssql"]
Kind = Literal["sqlite", "duckdb", "postgresql", "mysql", "mariadb"] | Warehouse

WAREHOUSES: tuple[Warehouse, ...] = get_args(Warehouse)
"""What is reached through SQLAlchemy, by its own URLs."""
DIALECTS: dict[Kind, str] = {
    "sqlite": "sqlite",
    "duckdb": "duckdb",
    "postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "snowflake": "snowflake",
    "bigquery": "bigquery",
    "redshift": "redshift",
    "databricks": "databricks",
    "trino": "trino",
    "mssql": "tsql",
}
"""The sqlglot dialect that each kind of database speaks."""

_ALIASES: dict[str, Kind] = {"postgres": "postgresql", "pgsql": "postgresql"}
_MAGIC: tuple[tuple[int, bytes, Kind], ...] = ((0, b"SQLite format 3\0", "sqlite"), (8, b"DUCK", "duckdb"))
_SUFFIXES: dict[str, Kind] = {".duckdb": "duckdb", ".ddb": "duckdb"}
_SECRET_NAME = re.compile(r"password|passwd|secret|token|credential|private_?key", re.IGNORECASE)
_SECRET_KEY = r"(?i:(?:password|passwd|secret|token)\w*)[\"']?\s*[=:]\s*[\"']?"
_BEFORE_NAMES = frozenset(
    "user role database host name column table relation schema function operator type alias near for".split()  # noqa: SIM905
)
LEAST_TELLING = 6
"""From how many characters on a secret that is no word is taken for itself wherever it stands."""
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
    if kind not in DIALECTS:
        raise DataError(unknown("database scheme", name, DIALECTS))
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


def is_warehouse(url: str) -> bool:
    """Tell whether a URL is of a warehouse, where no statement runs unless that is wished.

    >>> is_warehouse("mssql+pyodbc://reader@host/shop"), is_warehouse("shop.db")
    (True, False)
    """
    return "://" in url and url.partition(":")[0].partition("+")[0].lower() in WAREHOUSES


def database_name(url: str) -> str:
    """Return the name of the database that a server's URL means.

    >>> database_name("postgresql://reader@host/my%20shop?sslmode=require")
    'my shop'
    """
    return unquote(urlsplit(url).path.strip("/"))


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


def hide(message: str, secrets: Iterable[str], shown: str = "") -> str:
    """Return a driver's message without the secrets: behind `password=`, in a URL, quoted.

    Only one that is no plain word, and no part of `shown`, goes wherever it stands; a word would ruin sentences, and
    give itself away. Nor does a quoted name go: of a user, a table and so on.

    >>> hide('user "p" of host "h" cannot log in with password=p', ["p"])
    'user "p" of host "h" cannot log in with password=***'
    """

    def unquoted(found: re.Match[str]) -> str:
        return found[0] if found[1].lower() in _BEFORE_NAMES else f"{found[1]}{found[2]}{found[3]}***{found[3]}"

    for secret in secrets:
        own = re.escape(secret)
        message = re.sub(rf"({_SECRET_KEY}){own}(?!\w)", r"\1***", message)
        message = re.sub(rf"(://[^\s:/@]*:){own}(?=@)", r"\1***", message)
        message = re.sub(rf"(\w*)([^\w'\"`]*)([\"'`]){own}\3", unquoted, message)
        if len(secret) >= LEAST_TELLING and not secret.isalpha() and secret not in shown:
            message = message.replace(secret, "***")
    return message


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
        raise DatabaseGone(f"No such file: {path}. Next: ls {path.parent}")
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
    if kind not in WAREHOUSES and not parts.path.strip("/"):
        raise DataError(f"'{shown}' names no database. Write {_form(kind)}.")
    options = [value for name, value in parse_qsl(parts.query) if _SECRET_NAME.search(name)]
    secrets = {parts.password or "", unquote(parts.password or ""), *options} - {""}
    written = url if kind in WAREHOUSES else f"{kind}://{rest}"  # their scheme may name a driver
    return Location(kind, shown, url=written, secrets=tuple(sorted(secrets, key=len, reverse=True)))


def _form(kind: Kind) -> str:
    return f"{kind}://USER:PASSWORD@HOST/DATABASE"
