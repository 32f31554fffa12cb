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
| `instruction` | `instruction, input, output`, in any of the two the question or the schema |
| `input-output` | `input` (a JSON spec or a prompt), `output`; also inside `{"training_data": [...]}` |
| `text` | `text` with `### Instruction:`, `### Input:` and `### Response:`, or of a chat template (`[INST]`, ChatML) |
| `prompt-completion` | `prompt, completion` |
| `bedrock` | bedrock-conversation-2024: `system, messages` with content blocks |
| `claude` | `system, messages` with text contents |
| `openai` | `messages`, the system message among them |
| `rft` | `id, messages, reference_answer`: a question, and the SQL apart from it |
| `sharegpt` | `conversations` of `from, value` |

Of preference pairs (`chosen, rejected`; OpenAI's `preferred_output`) the preferred answer is read, a row with `label`
false is left out, and the keys of Gemini, Vertex AI, XTuner and LLaMA-Factory are taken for those above.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from sqltailor.data.column_names import column_called
from sqltailor.data.examples import stem
from sqltailor.data.file_kinds import container
from sqltailor.data.layouts import SELECTS
from sqltailor.data.readers.recognise import (
    QUESTION_NAMES,
    columns_of,
    lacks_mapped,
    map_option,
    objects_of,
    recognise,
)
from sqltailor.data.readers.trainers import is_wrong, usual
from sqltailor.data.rows import Reject, Row, RowError, read_rows, shown
from sqltailor.data.sections import without_marks
from sqltailor.errors import ConfigError, DataError, unknown
from sqltailor.types import Example

READERS: Mapping[str, str] = {
    "examples": "named_columns:read_example",
    "table": "named_columns:read_mapped",
    "sql-create-context": "named_columns:read_context",
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
    "rft": "chat:read_rft",
    "sharegpt": "chat:read_openai",
}
"""Format → function of one row and its `Source`; it raises `RowError` for a row that it cannot read."""

CONTAINERS = ("csv", "tsv", "parquet", "jsonl", "json")
"""`--format` values that name the file's kind and leave the row's format to be recognised."""

LOOSE = frozenset({"sql-create-context", "wikisql", "spider"})
"""Formats whose SQL writes text values in double quotes and odd names bare: read by `dialect.relex`."""

CONVERSATIONS = frozenset({"bedrock", "claude", "openai", "sharegpt"})
"""Formats whose rows may hold several questions with their SQL, of which the last is the example."""

_OF_TRAINERS = frozenset({"prompt-completion", "instruction", "openai", "sharegpt"})
"""Formats in which `label` says whether the answer is wanted."""

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
    `hf:NAME[:SPLIT]` reads a Hugging Face data set. Gold SQL of public sets becomes canonical, that of other
    rows with a schema is read `as_meant`, and the rest is as written. Raises `DataError` for a file that cannot be
    read, `ConfigError` for an unknown format or field.
    """
    from sqltailor.data.canonical import as_meant, from_loose

    source, rows = open_source(path, format, mapping, dialect, tables)
    convert = converter(source)
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        try:
            example = convert(row)
            if source.is_loose:
                yield from_loose(example)
            else:
                yield as_meant(example) if example.schema is not None else example
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
        if mapping and lacks_mapped(name, first, mapping, is_table):
            mapping = {}
        format = "table" if mapping else _recognised(name, first, is_table)
    source = Source(name, format, mapping, dialect, Path(tables) if tables else None, is_table)
    return source, (dataclasses.replace(r, source=name) if isinstance(r, Reject) else r for r in rows)


def check_mapping(sources: Sequence[str], format: str | None, mapping: Mapping[str, str]) -> None:
    """Raise `ConfigError` for a mapped column that is in none of the files."""
    columns: dict[str, None] = {}
    for source in sources:
        columns |= columns_of(list(islice(open_source(source, format, mapping)[1], 50)))
    for field_name, column in mapping.items() if columns else ():
        if column not in columns:
            raise ConfigError(unknown(f"column for '{field_name}' in {', '.join(sources)[:200]}", column, columns))


def _rows(name: str, format: str | None) -> tuple[Iterator[Row | Reject], bool]:
    if name.startswith("hf:"):
        from sqltailor.data.readers.hub import hub_rows

        return hub_rows(name.removeprefix("hf:")), True
    kind = format if format in ("csv", "tsv", "parquet") else container(Path(name))
    return read_rows(Path(name), kind), kind in ("csv", "tsv", "parquet")


def _recognised(name: str, rows: list[Row | Reject], is_table: bool) -> str:
    objects = objects_of(rows)
    found = next((f for value in objects if (f := recognise(value, is_table))), None)
    if found is not None:
        return found
    if is_table and not rows:
        raise DataError(f"{name} has a header and no rows.")
    if not objects:
        said = f" The first row, line {rows[0].line}: {rows[0].detail}." if rows and isinstance(rows[0], Reject) else ""
        said += f" A log of statements: sqltailor data log {name}." if name.endswith((".log", ".sql", ".txt")) else ""
        raise DataError(f"{name} has no rows that can be read.{said} Known formats: {', '.join(READERS)}.")
    columns = ", ".join(map(str, objects[0]))[:300]
    if any(SELECTS.match(str(column)) for column in objects[0]):
        raise DataError(
            f"{name} has no header line: its first line is a row. Put the names of the columns before it, such as "
            "question,sql"
        )
    sql, question = _sql_column(objects), column_called(QUESTION_NAMES, objects[0])
    if sql is not None and question is not None:
        raise DataError(
            f"{name} has questions ('{question}'), and statements in '{sql}', which is no usual name for them. "
            f"Its columns: {columns}. Name both: {map_option({'question': question, 'sql': sql})}"
        )
    if sql is not None:
        raise DataError(
            f"{name} has statements ('{sql}') and no questions that can be told by their name. Its columns: {columns}. "
            f"Name the questions ({map_option({'question': 'COL', 'sql': sql})}); if there are none: "
            f"sqltailor data log {name}"
        )
    raise DataError(
        f"The format of {name} is not recognised. Its columns: {columns}. "
        f"Name the columns (--map question=COL,sql=COL) or the format (--format F): {', '.join(READERS)}."
    )


def _sql_column(objects: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the first column that holds a query."""
    cells = ((name, cell) for value in objects for name, cell in value.items())
    return next((name for name, cell in cells if isinstance(cell, str) and SELECTS.match(cell)), None)


def converter(source: Source) -> Callable[[Row], Example]:
    """Return the function that turns a row of this source into an example, SQL as written; it raises `RowError`.

    Where the source is `is_loose`, `canonical.from_loose` is still to come.
    """
    module, _, name = READERS[source.format].partition(":")
    read = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    from sqltailor.data.canonical import gold_text

    prefix = stem(source.path)

    def convert(row: Row) -> Example:
        if not isinstance(row.value, Mapping):
            raise RowError("not_an_object", f"a row is an object, not {type(row.value).__name__}")
        if source.format in _OF_TRAINERS and is_wrong(row.value):
            raise RowError("not_wanted", "`label` is false: the row shows an answer that is not wanted")
        example: Example = read(row.value if source.mapping else usual(row.value), source)
        return dataclasses.replace(
            example,
            question=example.question and without_marks(example.question),
            sql=tuple(gold_text(sql, example.dialect) or sql for sql in example.sql),
            id=example.id or f"{prefix}-{row.line}",
            source=example.source or source.name,
            line=example.line or row.line,
        )

    return convert
