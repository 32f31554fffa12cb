"""API keys: what each may do and see. A key is shown once, when it is made; the file holds its hash."""

from __future__ import annotations

import datetime
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sqltailor.errors import ConfigError, DataError, unknown
from sqltailor.runs import read_json
from sqltailor.runs.files import write_text_atomic
from sqltailor.types import Grant

Right = Literal["ask", "sql", "rows", "edit", "own"]
"""Ask a question; see the SQL; see rows; run a statement of one's own; see how the server does."""

ROLES: Mapping[str, frozenset[Right]] = {
    "reader": frozenset({"ask", "rows"}),
    "writer": frozenset({"ask", "sql"}),
    "analyst": frozenset({"ask", "sql", "rows", "edit"}),
    "owner": frozenset({"ask", "sql", "rows", "edit", "own"}),
}
"""Role of a key → what it may do."""
PREFIX = "st-"
"""How every key begins, so that scanners for leaked secrets can find one."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Who asks. `allow` and `deny` narrow the recipe's grant: see `database.allow`."""

    name: str
    role: str = "owner"
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    sha256: str = ""
    made: str = ""

    @property
    def rights(self) -> frozenset[Right]:
        """What the key may do."""
        return ROLES[self.role]

    @property
    def grant(self) -> Grant:
        """What the key's statements may name, of what the recipe grants."""
        return Grant(self.allow, self.deny)


LOCAL = ApiKey("local")
"""Whoever reaches a server that has no keys: such a server listens on this machine only."""


class KeyFile:
    """The keys in a JSON file, read again when it changes, so that a removed key ends at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_at: tuple[int, int] | None = None
        self._keys: dict[str, ApiKey] = {}

    def keys(self) -> list[ApiKey]:
        """Return all keys; none where there is no file. Raises `DataError` for a file that is not ours."""
        return list(self._by_hash().values())

    def find(self, token: str) -> ApiKey | None:
        """Return the key that a client sent, or None for an unknown one."""
        return self._by_hash().get(_hash(token))

    def add(self, name: str, role: str, *, allow: tuple[str, ...] = (), deny: tuple[str, ...] = ()) -> str:
        """Make a key, write its hash, and return it. Raises `ConfigError` for an unknown role or a name in use."""
        if role not in ROLES:
            raise ConfigError(unknown("role", role, ROLES))
        if any(key.name == name for key in self.keys()):
            raise ConfigError(f"There is a key '{name}' already. Remove it first: sqltailor keys remove {name}")
        token = PREFIX + secrets.token_urlsafe(32)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self._write([*self.keys(), ApiKey(name, role, allow, deny, _hash(token), now)])
        return token

    def remove(self, name: str) -> None:
        """Take a key away. Raises `ConfigError` for an unknown name."""
        names = [key.name for key in self.keys()]
        if name not in names:
            raise ConfigError(unknown("key", name, names) if names else f"There are no keys in {self.path}.")
        self._write([key for key in self.keys() if key.name != name])

    def _by_hash(self) -> dict[str, ApiKey]:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._read_at, self._keys = None, {}
            return self._keys
        if (stat.st_mtime_ns, stat.st_ino) != self._read_at:
            self._keys = {key.sha256: key for key in map(self._key, read_json(self.path))}
            self._read_at = (stat.st_mtime_ns, stat.st_ino)
        return self._keys

    def _key(self, row: Any) -> ApiKey:
        try:
            key = ApiKey(**row | {"allow": tuple(row["allow"]), "deny": tuple(row["deny"])})
            _ = key.rights
        except (TypeError, KeyError) as e:
            raise DataError(f"{self.path} holds a key that cannot be read: {e}. Make keys with: sqltailor keys") from e
        return key

    def _write(self, keys: list[ApiKey]) -> None:
        import json

        write_text_atomic(self.path, json.dumps([asdict(key) for key in keys], indent=2) + "\n", mode=0o600)


def _hash(token: str) -> str:
    """Return a key's hash. A key has 256 random bits, so that a fast hash without salt gives nothing away."""
    return hashlib.sha256(token.encode()).hexdigest()
