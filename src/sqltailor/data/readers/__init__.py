"""Any known format → examples. A format is one function that turns one row into one example.

| format | a row |
|---|---|
| `examples` | ours: `id, question or spec, sql, schema, db_id, ...` |
| `table` | CSV, TSV, Parquet or any JSON objects, columns named by a mapping |
| `sql-create-context` | `question, context, answer` |
| `wikisql` | structured: `table_id, question, sql: {sel, agg, conds}`, with its `.tables.jsonl` |
| `spider` | `db_id, question, query`, with `tables.json` or database folders |
| `bird` | `db_id, question, evidence, SQL, difficulty`, likewise |
| `defog` | `db_name, question, query`: several accepted statements apart by `;`, `{a, b}` for any of some columns |
| `instruction` | `instruction, input, output`, also with `### Response:` text |
| `input-output` | `input` (a JSON spec or a prompt), `output`; also inside `{"training_data": [...]}` |
| `text` | `text` with `### Instruction:`, `### Input:` and `### Response:` |
| `prompt-completion` | `prompt, completion` |
| `bedrock` | bedrock-conversation-2024: `system, messages` with content blocks |
| `claude` | `system, messages` with text contents |
| `openai` | `messages`, the system message among them |
| `sharegpt` | `conversations` of `from, value` |
"""

from __future__ import annotations

import dataclasses
import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from sqltailor.data.examples import stem
from sqltailor.data.files import container
from sqltailor.data.rows import Reject, Row, RowError, read_rows, shown
from sqltailor.errors import ConfigError, DataError, unknown
from sqltailor.types import Example

READERS: Mapping[str, str] = {
    "examples": "table:read_example",
    "table": "table:read_mapped",
    "sql-create-context": "table:read_context",
    "wikisql": "wikisql:read_wikisql",
    "spider": "spider:read_spider",
    "bird": "spider:read_bird",
    "defog": "defog:read_defog",
    "instruction": "instruction:read_instruction",
    "input-output": "instruction:read_input_output",
    "text": "instruction:read_text",
    "prompt-completion": "chat:read_prompt_completion",
    "bedrock": "chat:read_bedrock",
    "claude": "chat:read_claude",
    "openai": "chat:read_openai",
    "sharegpt": "chat:read_openai",
}
"""Format → function of one row and its `Source`; it raises `RowError` for a row that it cannot read."""

CONTAINERS = ("csv", "tsv", "parquet", "jsonl", "json")
"""`--format` values that name the file's kind and leave the row's format to be recognised."""

LOOSE = frozenset({"sql-create-context", "wikisql", "spider"})
"""Formats whose SQL writes text values in double quotes and odd names bare: read by `dialect.relex`."""

FIELDS = ("id", "question", "sql", "spec", "schema", "db_id", "evidence", "dialect", "difficulty")
"""What a mapping can name."""


@dataclass(frozen=True)
class Source:
    """Where rows come from and how to read them. `tables`: Spider's tables.json or WikiSQL's tables.jsonl."""

    name: str
    format: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    dialect: str = "sqlite"
    tables: Path | None = None
    is_table: bool = False

    @property
    def path(self) -> Path:
        """The file's path; of a Hugging Face data set a path that does not exist."""
        return Path(self.name)

    @property
    def is_loose(self) -> bool:
        """Whether the SQL is in the loose style of the public sets."""
        return self.format in LOOSE


def read_examples(
    path: str | os.PathLike[str],
    format: str | None = None,
    mapping: Mapping[str, str] | None = None,
    dialect: str = "sqlite",
    tables: str | os.PathLike[str] | None = None,
) -> Iterator[Example | Reject]:
    """Yield an `Example` or a `Reject` for each row of a file in any known format, in order.

    `format` None recognises it by the first row; `mapping` names columns: `{"question": "ask", "sql": "query"}`.
    `hf:NAME[:SPLIT]` reads a Hugging Face data set. Gold SQL of public sets becomes canonical; other text is as
    written. Raises `DataError` for a file that cannot be read, `ConfigError` for an unknown format or field.
    """
    from sqltailor.data.canonical import from_loose

    source, rows = open_source(path, format, mapping, dialect, tables)
    convert = converter(source)
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        try:
            example = convert(row)
            yield from_loose(example) if source.is_loose else example
        except RowError as e:
            yield Reject(row.line, e.reason, str(e), shown(row.value), source.name)


def open_source(
    path: str | os.PathLike[str],
    format: str | None = None,
    mapping: Mapping[str, str] | None = None,
    dialect: str = "sqlite",
    tables: str | os.PathLike[str] | None = None,
) -> tuple[Source, Iterator[Row | Reject]]:
    """Return how to read a file, and its rows (rejects name their source)."""
    name = os.fspath(path)
    mapping = dict(mapping or {})
    for key in mapping:
        if key not in FIELDS:
            raise ConfigError(unknown("field in the mapping", key, FIELDS))
    if format is not None and format not in READERS and format not in CONTAINERS:
        raise ConfigError(unknown("format", format, [*READERS, *CONTAINERS]))
    rows, is_table = _rows(name, format)
    if format is None or format in CONTAINERS:
        first = list(islice(rows, 50))
        rows = chain(first, rows)
        if mapping and _lacks_mapped(name, first, mapping, is_table):
            mapping = {}
        format = "table" if mapping else _recognised(name, first, is_table)
    source = Source(name, format, mapping, dialect, Path(tables) if tables else None, is_table)
    return source, (dataclasses.replace(r, source=name) if isinstance(r, Reject) else r for r in rows)


def _rows(name: str, format: str | None) -> tuple[Iterator[Row | Reject], bool]:
    if name.startswith("hf:"):
        from sqltailor.data.readers.hub import hub_rows

        return hub_rows(name.removeprefix("hf:")), True
    kind = format if format in ("csv", "tsv", "parquet") else container(Path(name))
    return read_rows(Path(name), kind), kind in ("csv", "tsv", "parquet")


def _lacks_mapped(name: str, rows: list[Row | Reject], mapping: Mapping[str, str], is_table: bool) -> bool:
    """Return whether a mapping is about other files: the format is known, and the columns are not here or by chance.

    Raises `ConfigError` where the question's or the SQL's column is missing from a file that it must be about.
    """
    columns = dict.fromkeys(str(column) for value in _objects(rows) for column in value)
    missing = [column for column in mapping.values() if column not in columns]
    if not columns or not missing:
        return False
    known = next((f for value in _objects(rows) if (f := recognise(value, is_table))), None)
    if known and (len(missing) == len(mapping) or known not in ("table", "examples")):
        return True
    for field_name in ("question", "spec", "sql"):
        if (column := mapping.get(field_name)) in missing and column is not None:
            raise ConfigError(unknown(f"column for '{field_name}' in {name}", column, columns))
    return False


def _objects(rows: list[Row | Reject]) -> list[Mapping[str, Any]]:
    return [row.value for row in rows if isinstance(row, Row) and isinstance(row.value, Mapping)]


def _recognised(name: str, rows: list[Row | Reject], is_table: bool) -> str:
    objects = _objects(rows)
    found = next((f for value in objects if (f := recognise(value, is_table))), None)
    if found is not None:
        return found
    if not objects:
        said = f" The first row: {rows[0].detail}." if rows and isinstance(rows[0], Reject) else ""
        raise DataError(f"{name} holds no rows that can be read.{said} Known formats: {', '.join(READERS)}.")
    raise DataError(
        f"The format of {name} is not recognised. Its columns: {', '.join(map(str, objects[0]))[:300]}. "
        f"Name the columns (--map question=COL,sql=COL) or the format (--format F): {', '.join(READERS)}."
    )


QUESTION_NAMES = ("question", "ask", "utterance", "nl", "nl_question", "natural_language", "text")
SQL_NAMES = ("sql", "query", "gold", "gold_sql", "sql_query", "answer")


def recognise(row: Mapping[str, Any], is_table: bool = False) -> str | None:
    """Return the format that a row's keys show, or None."""
    has = set(row).__contains__
    if has("messages"):
        return _chat_format(row)
    if has("conversations"):
        return "sharegpt"
    if isinstance(row.get("sql"), Mapping) and has("question") and not has("query"):
        return "wikisql"
    rules: tuple[tuple[str, bool], ...] = (
        ("bird", has("db_id") and has("question") and has("SQL")),
        ("defog", has("db_name") and has("question") and has("query")),
        ("spider", has("db_id") and has("question") and has("query")),
        ("sql-create-context", has("question") and has("context") and (has("answer") or has("sql"))),
        ("instruction", has("instruction") and (has("output") or has("response"))),
        ("prompt-completion", has("prompt") and has("completion")),
        ("input-output", has("input") and has("output")),
        ("examples", (has("question") or has("spec")) and has("sql") and not is_table),
        ("table", any(map(has, QUESTION_NAMES)) and any(map(has, SQL_NAMES))),
        ("text", "### Response:" in str(row.get("text"))),
    )
    return next((name for name, matches in rules if matches), None)


def _chat_format(row: Mapping[str, Any]) -> str:
    messages = row["messages"] if isinstance(row["messages"], list) else []
    blocks = any(isinstance(m, Mapping) and isinstance(m.get("content"), list) for m in messages)
    if "schemaVersion" in row or isinstance(row.get("system"), list) or (blocks and "system" not in row):
        return "bedrock"
    return "claude" if "system" in row else "openai"


def converter(source: Source) -> Callable[[Row], Example]:
    """Return the function that turns a row of this source into an example, SQL as written; it raises `RowError`.

    Where the source is `is_loose`, `canonical.from_loose` is still to come.
    """
    module, _, name = READERS[source.format].partition(":")
    read = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    prefix = stem(source.path)

    def convert(row: Row) -> Example:
        if not isinstance(row.value, Mapping):
            raise RowError("not_an_object", f"a row is an object, not {type(row.value).__name__}")
        example: Example = read(row.value, source)
        return dataclasses.replace(
            example,
            id=example.id or f"{prefix}-{row.line}",
            source=example.source or source.name,
            line=example.line or row.line,
        )

    return convert
