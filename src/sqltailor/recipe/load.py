"""Recipe file, environment and command line → one validated `Recipe`, with the origin of every value."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqltailor.errors import ConfigError, unknown
from sqltailor.recipe.check import message, validate
from sqltailor.recipe.keys import leaves, origin_of, unset
from sqltailor.recipe.limits import backend_defaults
from sqltailor.recipe.model import Recipe
from sqltailor.recipe.source import Fault, Layer, dotted, has_password, merge, read_overrides, read_yaml
from sqltailor.recipe.variables import from_variables, resolve_aliases, substitute, variables

SHIPPED = Path(__file__).parent.parent / "recipes"
"""Folder of the recipes that come with the package."""


@dataclass(frozen=True)
class Resolved:
    """A recipe with the origin of every value.

    Origins: `recipe.yaml:12`, `.env NAME`, `environment NAME`, `command line`, `default`, `default of bedrock`.
    """

    recipe: Recipe
    origins: dict[str, str]
    path: Path | None
    name: str
    """What runs of this recipe are called: the file's name, or the folder's when the file is `recipe.yaml`."""


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_recipe(
    path_or_name: str | Path | None = None,
    overrides: Sequence[str] = (),
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Resolved:
    """Return the recipe that a file or shipped name, `.env`, the environment and `key=value` words make together.

    Without a path it is `recipe.yaml` in `cwd`, or else the defaults. Raises one ConfigError that lists every fault.
    """
    cwd = Path.cwd() if cwd is None else Path(cwd)
    path = find_recipe(path_or_name, cwd=cwd)
    env_file = cwd / ".env"
    known = variables(os.environ if env is None else env, env_file)
    shown = _shown(path, cwd) if path else "defaults"
    layers = []
    if path:
        layers.append(resolve_aliases(read_yaml(_text(path), shown)))
        layers[0].faults += _literal_passwords(layers[0], env_file)
    layers += [from_variables(known), resolve_aliases(read_overrides(overrides))]
    faults = [fault for layer in layers for fault in layer.faults]
    merged = merge(layers)
    written = substitute(merged, known, env_file, faults)
    unset(merged, Recipe, ())
    backend_defaults(merged)
    recipe = validate(merged, written, faults)
    if recipe is not None:
        faults += _unknown_dialect(recipe.dialect, origin_of(merged.origins, ("dialect",)), cwd)
    if faults or recipe is None:
        raise ConfigError(message(faults, shown))
    recipe._written.update(written)
    origins = {dotted(leaf): origin_of(merged.origins, leaf) for leaf in leaves(Recipe)}
    stem = path.stem if path else "recipe"
    return Resolved(recipe, origins, path, (cwd.resolve().name or "run") if stem == "recipe" else stem)


def find_recipe(path_or_name: str | Path | None, *, cwd: Path) -> Path | None:
    """Return the file of a recipe: a path, a folder that holds `recipe.yaml`, or the name of a shipped recipe."""
    if path_or_name is None:
        path = cwd / "recipe.yaml"
        return path if path.is_file() else None
    path = cwd / path_or_name
    if path.is_dir():
        path = path / "recipe.yaml"
    if path.is_file():
        return path
    name = str(path_or_name)
    if (SHIPPED / f"{name.removesuffix('.yaml')}.yaml").is_file() and "/" not in name:
        return SHIPPED / f"{name.removesuffix('.yaml')}.yaml"
    if "/" in name or name.endswith((".yaml", ".yml")):
        raise ConfigError(f"There is no recipe {path}. `sqltailor init URL` writes recipe.yaml.")
    raise ConfigError(unknown("recipe", name, shipped_recipes()) + " Or give the path of a file.")


def _shown(path: Path, cwd: Path) -> str:
    if path.parent == SHIPPED:
        return f"shipped {path.name}"
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path} is not UTF-8 text (byte {e.start}). Save it as UTF-8.") from e
    except OSError as e:
        raise ConfigError(f"{path} cannot be read: {e.strerror}.") from e


def _unknown_dialect(dialect: str, origin: str, cwd: Path) -> list[Fault]:
    if dialect in ("sqlite", "postgres", "mysql", "duckdb"):  # known without loading sqlglot
        return []
    from sqltailor.sql.dialect import load_dialect

    is_file = dialect.endswith((".yaml", ".yml"))
    try:
        load_dialect(str(cwd / dialect) if is_file else dialect)
    except ConfigError as e:
        return [Fault(("dialect",), origin, str(e))]
    return []


def _literal_passwords(layer: Layer, env_file: Path) -> list[Fault]:
    database = layer.tree.get("database")
    url = database.get("url") if isinstance(database, dict) else None
    if not isinstance(url, str) or not has_password(url):
        return []
    message = f"holds a password. Put DATABASE_URL=… into {env_file} and write `url: ${{DATABASE_URL}}`."
    return [Fault(("database", "url"), layer.origins["database", "url"], message)]
