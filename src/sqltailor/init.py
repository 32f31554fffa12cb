"""`sqltailor init`: recipe.yaml, and `.env` for a password, from the URL of a database; and a server's role for it."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqltailor.data.schema_file import is_schema_file, read_schema_file
from sqltailor.database import open_database
from sqltailor.database.read_role import read_role
from sqltailor.database.url import database_name
from sqltailor.errors import ConfigError
from sqltailor.prompt_builder import schema_tokens
from sqltailor.recipe import find_recipe, has_password, load_recipe, mask, read_env_file
from sqltailor.runs import write_text_atomic
from sqltailor.sql.dialect import load_dialect
from sqltailor.sql.guard.granted_views import visible
from sqltailor.types import Grant, Schema

_TEMPLATE = """\
# Tailors a model to one database: sqltailor train, then sqltailor eval.
# Every key: docs/recipe.md. What counts, and where it comes from: sqltailor config

{database}

# glossary:                     # what words of your business mean
#   active customer: has an order in the last 90 days

{prompt}

{data}

base: small                     # others: sqltailor bases; a Hugging Face id, a folder or a .gguf file works, too

train:
  epochs: 3
  learning_rate: 3e-4           # nano takes 1e-3
  schedule: cosine
  warmup_steps: 10
  batch: 8
  max_length: {max_length}              # tokens; longer examples are left out and reported
  lora:
    r: 16
    alpha: 32
"""
_DATA = """\
data:
  train: [data/train.jsonl, data/synth.jsonl]   # from: sqltailor data import FILE; sqltailor data synth -n 500
  validation: data/validation.jsonl
  test: data/test.jsonl                         # what is validated or tested with is never trained on"""
_DATABASE = """\
database:
  {key}: {place}
{grant}

dialect: {dialect}"""
_PROMPT = """\
prompt:
  hints: 8                      # the model sees the stored values that a question names; 0 keeps them from it
  # examples: 3                 # also the nearest known pairs: worth it where questions have several wordings
  # nearest: meaning            # found by a small encoder of English (91 MB), not by equal words"""
_NO_VALUES = """\
# prompt:
#   hints: 8                    # needs a database: show the model the stored values that a question names"""
_NO_GRANT = "  # deny: [customer.email]      # tables and columns that no statement may name"

_BESIDE = 384
"""Room in `max_length` beside the schema: the question, hints, the answer."""
_CONTEXT = 32_768
"""Tokens that `small` reads."""

_SECTION = r"(?m)^{}:\n(?:[ \t]+.*\n|[ \t]*\n(?=[ \t]))*\n*"
"""Pattern of a whole section of a recipe, up to the next one."""
_ENV_HEADER = "# Secrets of this project: NAME=value a line. Read by sqltailor, kept out of git."

NEXT = (
    "sqltailor data import questions.csv",
    "sqltailor data synth -n 500",
    "sqltailor train",
    "sqltailor eval",
)
"""The commands that follow `init`."""


@dataclass(frozen=True, slots=True)
class InitResult:
    """What `init` found and wrote. `notes` are things to know; `next_commands` are what to do now.

    `role_sql` makes a role of the database server that may read what is granted and nothing else; a file has none.
    """

    recipe: Path
    written: tuple[Path, ...]
    url_shown: str
    dialect: str
    tables: int
    columns: int
    notes: tuple[str, ...]
    next_commands: tuple[str, ...]
    role_sql: tuple[str, ...] = ()


def init(
    url: str,
    *,
    out: str | Path = ".",
    dialect: str | None = None,
    recipe: str | None = None,
    grant: Grant = Grant(),  # noqa: B008
    force: bool = False,
) -> InitResult:
    """Connect to a database, and write `recipe.yaml` for it into a folder, and `.env` (mode 0600) for a password.

    In place of a URL, a file or folder of CREATE TABLE statements will do, in `dialect`. `grant` is written into the
    recipe, and narrows the role whose SQL is returned. `recipe` copies a shipped recipe instead of the short one; a
    public data set in it gives way to the project's own files. An existing `recipe.yaml`, and another DATABASE_URL in
    `.env`, are replaced only with `force`. Raises ConfigError, and what `open_database` raises, before it writes.
    """
    folder = Path(out)
    target = folder / "recipe.yaml"
    if target.exists() and not force:
        raise ConfigError(f"{target} already exists. Another folder: --out DIR; replace it: --force")
    is_ddl = is_schema_file(url)
    template = _shipped(recipe) if recipe is not None else _own(with_values=not is_ddl)
    warnings: tuple[str, ...] = ()
    if is_ddl:
        spoken, shown = dialect or "sqlite", url
        schema = read_schema_file(url, spoken)
    else:
        with open_database(url) as database:
            schema = database.read_schema()
            spoken, shown, warnings = database.dialect, database.url_shown, database.warnings
    dialect = dialect or spoken
    granted = visible(schema, grant, load_dialect(dialect).base)
    template = template.replace("{max_length}", str(_max_length(granted)))
    is_file = dialect.lower().endswith((".yaml", ".yml"))
    written_dialect = _below(Path(dialect), folder) if is_file else dialect
    key, place = ("schema", _below(Path(url), folder)) if is_ddl else ("url", _portable(url, folder, spoken))
    where = "${DATABASE_URL}" if has_password(url) else _quoted_yaml(place)

    def filled(dialect: str) -> str:
        section = _DATABASE.format(key=key, place=where, grant=_written(grant), dialect=_quoted_yaml(dialect))
        return template.replace("{database}", section)

    text = filled(written_dialect)
    _must_be_valid(filled(str(Path(dialect).resolve())) if is_file else text, url)
    folder.mkdir(parents=True, exist_ok=True)
    written = _write_env(folder, url if has_password(url) else None, force=force)
    write_text_atomic(target, text)
    return InitResult(
        target,
        (target, *written),
        shown,
        written_dialect,
        len(schema.tables),
        sum(len(table.columns) for table in schema.tables),
        (*warnings, *_notes(folder, url)),
        NEXT if folder.resolve() == Path.cwd() else (f"cd {shlex.quote(str(folder))}", *NEXT),
        () if is_ddl else tuple(read_role(schema, granted, spoken, database=database_name(url))),
    )


def _own(*, with_values: bool) -> str:
    """Return the short recipe, with `{database}` and `{max_length}` still open."""
    return _TEMPLATE.replace("{data}", _DATA).replace("{prompt}", _PROMPT if with_values else _NO_VALUES)


def _max_length(schema: Schema) -> int:
    """Return a `train.max_length` that the whole schema fits into, with a question and its answer."""
    needed = schema_tokens(schema, "reference") + _BESIDE
    return min(max(1024, math.ceil(needed / 256) * 256), _CONTEXT)


def _written(grant: Grant) -> str:
    """Return the lines of the recipe that hold a grant."""
    lists = {"allow": grant.allow, "deny": grant.deny}
    # JSON is YAML, and quotes what needs it
    return "\n".join(f"  {key}: {json.dumps(names)}" for key, names in lists.items() if names) or _NO_GRANT


def _shipped(name: str) -> str:
    """Return a shipped recipe with `{database}` where its own database and dialect stood, and the project's data."""
    path = find_recipe(name, cwd=Path.cwd())
    text = path.read_text(encoding="utf-8") if path else ""
    text = re.sub(rf"\bsqltailor train {re.escape(name)}\b", "sqltailor train", text)
    text = re.sub(_SECTION.format("database"), "", text)
    if "train: hf:" in text:
        text = re.sub(_SECTION.format("data"), f"{_DATA}\n\n", text)
    text = re.sub(r"(?m)^dialect:.*\n\n*", "", text)
    header = re.match(r"(?:#.*\n|\n)*", text)
    end = header.end() if header else 0
    return f"{text[:end].rstrip()}\n\n{{database}}\n\n{text[end:]}"


def _portable(url: str, folder: Path, spoken: str) -> str:
    """Return a URL as the recipe holds it: a file below the folder by its relative path, others by the whole one."""
    scheme, separator, rest = url.partition("://")
    if separator and scheme not in ("sqlite", "duckdb"):
        return url
    path = Path(rest[1:] if separator else url).expanduser()
    return f"{scheme if separator else spoken}:///{_below(path, folder)}"


def _below(path: Path, folder: Path) -> str:
    """Return a path as it is seen from a folder when it lies below it, else the whole path."""
    path, folder = path.resolve(), folder.resolve()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _quoted_yaml(text: str) -> str:
    return text if re.fullmatch(r"[\w/][\w:/.@%?=&+~,-]*", text) else json.dumps(text, ensure_ascii=False)


def _must_be_valid(text: str, url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.yaml"
        path.write_text(text, encoding="utf-8")
        load_recipe(path, env={"DATABASE_URL": url}, cwd=Path(folder))


def _write_env(folder: Path, url: str | None, *, force: bool) -> list[Path]:
    """Make `.env` or put DATABASE_URL beside what is there, keep it out of git, and return the files written."""
    env_file, ignore = folder / ".env", folder / ".gitignore"
    if url is None and env_file.exists():
        return []
    lines = env_file.read_text(encoding="utf-8-sig").splitlines() if env_file.exists() else [_ENV_HEADER]
    known = read_env_file(env_file).get("DATABASE_URL")
    if url and known not in (None, "", url) and not force:
        raise ConfigError(f"{env_file} has another DATABASE_URL, {mask(str(known))}. Replace it: --force")
    if url is None or known != url:
        kept = [line for line in lines if not re.match(r"\s*(export\s+)?DATABASE_URL\s*=", line)]
        secret = [f"DATABASE_URL={_quoted(url)}"] if url else []
        write_text_atomic(env_file, "\n".join([*kept, *secret]) + "\n", mode=0o600)
    env_file.chmod(0o600)
    ignored = ignore.read_text(encoding="utf-8").splitlines() if ignore.exists() else []
    if ".env" in (line.strip().lstrip("/") for line in ignored):
        return [env_file]
    write_text_atomic(ignore, "\n".join([*ignored, ".env"]) + "\n")
    return [env_file, ignore]


def _quoted(value: str) -> str:
    """Return a value as `.env` holds it."""
    if re.fullmatch(r"[^\s'\"#\\$`]+", value):
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def _notes(folder: Path, url: str) -> list[str]:
    set_here = os.environ.get("DATABASE_URL")
    if set_here and set_here != url:
        return [f"DATABASE_URL of the environment, {mask(set_here)}, wins over this recipe: unset DATABASE_URL"]
    known = read_env_file(folder / ".env").get("DATABASE_URL")
    if known and known != url:
        return [f"DATABASE_URL in {folder / '.env'}, {mask(known)}, wins over this recipe: take it out"]
    return []
