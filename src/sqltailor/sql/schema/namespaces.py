"""Statements that choose the database or namespace of those after them: USE, SET search_path, SET SCHEMA and others."""

from __future__ import annotations

from sqltailor.sql.dialect.names import DATABASES_FIRST
from sqltailor.sql.schema.cursor import Words, split_commas


def chosen_home(words: Words, home: list[str]) -> list[str] | None:
    """Return the qualifiers that names get from now on, or None where a statement says nothing about them."""
    base = words.base
    if words.take("USE") or (base == "teradata" and words.take("DATABASE")):
        return _used(words, home)
    if words.take("ALTER", "SESSION", "SET", "CURRENT_SCHEMA"):
        words.take("=")
        return words.path()[-1:]
    if words.take("SELECT"):
        return _set_config(words)
    if not words.take("SET"):
        return None
    words.take("SESSION") or words.take("LOCAL")
    if words.take("SEARCH_PATH"):
        words.take("=") or words.take("TO")
        return _first_of_path(words)
    if words.take("SCHEMA") or words.take("CURRENT", "SCHEMA") or words.take("CURRENT_SCHEMA"):
        words.take("=")
        return words.path()
    if words.take("@", "@", "DATASET_ID"):
        words.take("=")
        return words.path()
    return None


def home_of(path: list[str], home: list[str], base: str) -> list[str]:
    """Return what of the chosen qualifiers stands before a name as it is written."""
    if base in DATABASES_FIRST:
        return home[:1] if len(path) == 2 else home if len(path) == 1 else []
    return home[: max(0, len(home) - len(path) + 1)]


def _used(words: Words, home: list[str]) -> list[str] | None:
    if words.next_word() in ("ROLE", "WAREHOUSE", "SECONDARY"):
        return None
    if words.take("CATALOG"):
        return words.path()[-1:]
    if words.take("SCHEMA"):
        path = words.path()
        catalog = home[:1] if words.base in DATABASES_FIRST else []
        return path if len(path) > 1 else [*catalog, *path]
    if words.take("DATABASE"):
        return words.path()[-1:]
    return words.path()


def _first_of_path(words: Words) -> list[str]:
    """Return the first namespace of a search path that is somebody's own: `"$user"` and `pg_catalog` are not."""
    for part in split_commas(words.tokens[words.place :]):
        name = Words(part, words.base).name()
        if name and not name.startswith(("$", "pg_")) and name.lower() != "default":
            return [name]
    return []


def _set_config(words: Words) -> list[str] | None:
    path = words.path()
    inside = Words(words.group("") or [], words.base) if path[-1:] == ["set_config"] else None
    if inside is None or inside.string() != "search_path" or not inside.take(","):
        return None
    first = (inside.string() or "").split(",")[0].strip().strip('"')
    return [first] if first and not first.startswith(("$", "pg_")) else []
