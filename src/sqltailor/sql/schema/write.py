"""A schema as CREATE TABLE text, within a token budget."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqltailor.errors import DataError, counted
from sqltailor.sql.dialect import quote_name
from sqltailor.sql.dialect.names import always_quoted
from sqltailor.types import Cell, Column, Schema, Table


def to_ddl(
    schema: Schema,
    dialect: str = "sqlite",
    *,
    comments: bool = True,
    samples: bool = False,
    max_tokens: int | None = None,
    count_tokens: Callable[[str], int] | None = None,
) -> str:
    """Return `CREATE TABLE` text, one statement a table, joined by `; `.

    Comments and sample values follow their column as `/* … */`. With `max_tokens`, samples go first and comments
    next until the text fits. Raises `DataError` when the bare schema is still too long: dropping tables unasked
    would make right answers impossible.
    """
    count = count_tokens or _estimate_tokens
    variants = dict.fromkeys([(comments, samples), (comments, False), (False, False)])
    for with_comments, with_samples in variants:
        text = "; ".join(_table_ddl(t, dialect, with_comments, with_samples) for t in schema.tables)
        if max_tokens is None or (tokens := count(text)) <= max_tokens:
            return text
    raise DataError(too_large(schema, tokens, max_tokens or 0))


def too_large(schema: Schema, tokens: int, max_tokens: int) -> str:
    """Return the message for a schema that does not fit the prompt."""
    return (
        f"The schema has {counted(len(schema.tables), 'table')} and needs {tokens:,} tokens, but only {max_tokens:,} "
        "are available. Name the tables that questions are about in `database.allow`, or raise "
        "`prompt.max_schema_tokens`."
    )


def _estimate_tokens(text: str) -> int:
    # characters / 3 is the worst case seen for SQL with common tokenizers
    return -(-len(text) // 3)


def _table_ddl(table: Table, dialect: str, comments: bool, samples: bool) -> str:
    keys = [c for c in table.columns if c.primary_key]
    items = [_column_ddl(c, dialect, comments, samples, inline_key=len(keys) == 1) for c in table.columns]
    if len(keys) > 1:
        items.append(f"PRIMARY KEY ({', '.join(quote_name(c.name, dialect) for c in keys)})")
    kind = "VIEW" if table.is_view else "TABLE"
    note = f" /* {_one_line(table.comment)} */" if comments and table.comment else ""
    return f"CREATE {kind} {qualified_name(table, dialect)}{note} ({', '.join(items)})"


def _column_ddl(column: Column, dialect: str, comments: bool, samples: bool, *, inline_key: bool) -> str:
    text = quote_name(column.name, dialect) + (f" {_type_text(column.type)}" if column.type else "")
    if column.primary_key and inline_key:
        text += " PRIMARY KEY"
    if column.references:
        target = f"({quote_name(column.references.column, dialect)})" if column.references.column else ""
        text += f" REFERENCES {dotted(column.references.namespace, column.references.table, dialect=dialect)}{target}"
    notes = [_one_line(column.comment)] if comments and column.comment else []
    if samples and column.samples:
        notes.append("e.g. " + ", ".join(show_value(v) for v in column.samples))
    return f"{text} /* {'; '.join(notes)} */" if notes else text


_QUOTED = re.compile(r"'(?:[^'\\\n]|'')*+'|\"[^\"\n]+\"")


def _type_text(declared: str) -> str:
    """Return a type as its database spells it; what SQLite stored as a type but cannot be one is quoted."""
    return declared if _is_type(declared) else always_quoted(declared)


def _is_type(declared: str) -> bool:
    depth = 0
    bare = _QUOTED.sub("", declared)
    for sign in bare:
        depth += (sign in "(<[") - (sign in ")>]")
        if depth < 0 or (sign == "," and depth == 0):
            return False
    return depth == 0 and re.fullmatch(r"[\w .,<>()\[\]]*|[\w .,<>():]*<[\w .,<>():]*", bare) is not None


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("*/", "* /").replace("/*", "/ *")).strip()


def show_value(value: Cell) -> str:
    """Return a value as a prompt shows it: a SQL literal on one line, long text cut at 40 characters."""
    if isinstance(value, str):
        short = value if len(value) <= 40 else value[:37] + "..."
        return "'" + _one_line(short).replace("'", "''") + "'"
    return f"x'{value.hex()[:32]}'" if isinstance(value, bytes) else str(value)


def qualified_name(table: Table, dialect: str = "sqlite") -> str:
    """Return the table's name as a statement writes it, with its catalog and namespace where it has them."""
    return dotted(*(table.catalog or "").split("."), table.namespace, table.name, dialect=dialect)


def dotted(*parts: str | None, dialect: str = "sqlite") -> str:
    """Return a name with what qualifies it as a statement writes it; empty parts are left out."""
    return ".".join(quote_name(part, dialect) for part in parts if part)
