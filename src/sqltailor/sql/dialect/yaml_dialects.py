"""Dialects by name: those of sqlglot, and YAML files that extend one with a house's own functions."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.errors import ConfigError, did_you_mean

_KEYS = ("name", "base", "functions", "avoid")
_FUNCTION_KEYS = ("name", "arguments", "returns", "meaning")


class Function(NamedTuple):
    """A function that a house dialect adds: `arguments` are "name type" pairs, `meaning` is one line.

    `returns` is its type: only a `number` is summed and averaged. Empty where the file does not tell.
    """

    name: str
    arguments: tuple[str, ...] = ()
    meaning: str = ""
    returns: str = ""


class Dialect(NamedTuple):
    """A dialect of SQL: the sqlglot dialect that it extends, its extra functions, and words to avoid."""

    name: str
    base: str
    functions: tuple[Function, ...] = ()
    avoid: tuple[str, ...] = ()


def load_dialect(name: str) -> Dialect:
    """Return the dialect called `name`: a sqlglot name, or the path of a YAML file.

    A file's `base` is a sqlglot name or another file, relative to it, whose functions and words it takes over.
    Raises `ConfigError` when neither knows the name, or the file is wrong.
    """
    if not name.lower().endswith((".yaml", ".yml")):
        return _sqlglot_dialect(name)
    path = Path(name).resolve()
    return _read_dialect(path, _stamp(path), ())


@lru_cache
def _sqlglot_dialect(name: str) -> Dialect:
    from sqlglot.dialects import Dialects
    from sqlglot.dialects.dialect import Dialect as SqlglotDialect

    if not name or SqlglotDialect.get(name) is None:
        known = [d.value for d in Dialects if d.value]
        raise ConfigError(
            f"Unknown dialect '{name}'.{did_you_mean(name, known)} A dialect is a sqlglot name such as sqlite, "
            "postgres, mysql, duckdb, bigquery or snowflake, or the path of a YAML file that extends one."
        )
    return Dialect(name, name)


@lru_cache
def _read_dialect(path: Path, stamp: tuple[int, int], above: tuple[Path, ...]) -> Dialect:
    """Read a file, anew when its `stamp` (time and size) changes; `above` are the files that extend it."""
    if path in above:
        raise ConfigError(f"Dialect file '{path}' extends itself.")
    content = _read_yaml(path)
    functions = [_function(f, path) for f in _list(content, "functions", path)]
    avoid = [str(word) for word in _list(content, "avoid", path)]
    base = _base(str(content["base"]), path, above)
    own = {function.name for function in functions}
    inherited = [function for function in base.functions if function.name not in own]
    words = tuple(dict.fromkeys([*base.avoid, *avoid]))
    return Dialect(str(content.get("name", path.stem)), base.base, (*inherited, *functions), words)


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as e:
        raise ConfigError(f"Dialect file '{path}' cannot be read: {e.strerror}.") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigError(f"Dialect file '{path}' is not YAML: {e}") from e
    if not isinstance(content, dict) or not isinstance(content.get("base"), str):
        raise ConfigError(f"Dialect file '{path}' needs the key `base`, a sqlglot dialect such as sqlite.")
    _check_keys(content, _KEYS, f"Dialect file '{path}'")
    return content


def _check_keys(content: dict[Any, Any], known: tuple[str, ...], where: str) -> None:
    for key in content.keys() - set(known):
        raise ConfigError(f"{where}: unknown key '{key}'.{did_you_mean(str(key), known)} Known: {', '.join(known)}.")


def _list(content: dict[str, Any], key: str, path: Path) -> list[Any]:
    value = content.get(key) or []
    if not isinstance(value, list):
        raise ConfigError(f"Dialect file '{path}': `{key}` must be a list.")
    return value


def _function(entry: Any, path: Path) -> Function:
    where = f"Dialect file '{path}', functions"
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise ConfigError(f"{where}: each needs a `name`, as in `- name: FISCAL_YEAR`; this one is {entry!r}.")
    _check_keys(entry, _FUNCTION_KEYS, f"{where}, {entry['name']}")
    arguments = entry.get("arguments") or []
    if not isinstance(arguments, list) or not all(isinstance(a, str) for a in arguments):
        raise ConfigError(f'{where}, {entry["name"]}: `arguments` must be a list such as ["day date", "months int"].')
    meaning, returns = (" ".join(str(entry.get(key) or "").split()) for key in ("meaning", "returns"))
    return Function(entry["name"].upper(), tuple(arguments), meaning, returns)


def _base(name: str, path: Path, above: tuple[Path, ...]) -> Dialect:
    if not name.lower().endswith((".yaml", ".yml")):
        try:
            return _sqlglot_dialect(name)
        except ConfigError as e:
            raise ConfigError(f"Dialect file '{path}', base: {e}") from e
    base = (path.parent / name).resolve()
    return _read_dialect(base, _stamp(base), (*above, path))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0  # reading it tells what is wrong
    return status.st_mtime_ns, status.st_size
