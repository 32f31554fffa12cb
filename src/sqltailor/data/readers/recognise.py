"""Recognise a file's format from its columns, and check that a mapping fits them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from sqltailor.data.column_names import column_called
from sqltailor.data.readers.trainers import usual
from sqltailor.data.rows import Reject, Row
from sqltailor.data.sections import has_answer
from sqltailor.errors import ConfigError, unknown

QUESTION_NAMES = ("question", "ask", "utterance", "nl", "nl_question", "natural_language", "text", "sql_prompt")
FEEDBACK = "feedback"
"""The `source` of what people say of answers: rows in our own format, some of them without SQL."""
SCHEMA_NAMES = ("schema", "sql_context")
SQL_NAMES = ("sql", "query", "gold", "gold_sql", "sql_query", "answer")


def recognise(row: Mapping[str, Any], is_table: bool = False) -> str | None:
    """Return the format that a row's keys show, or None."""
    row = usual(row)
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
        ("examples", row.get("source") == FEEDBACK),
        ("table", None not in (column_called(QUESTION_NAMES, row), column_called(SQL_NAMES, row))),
        ("text", has_answer(str(row.get("text") or ""))),
    )
    return next((name for name, matches in rules if matches), None)


def _chat_format(row: Mapping[str, Any]) -> str:
    if "reference_answer" in row:
        return "rft"
    messages = row["messages"] if isinstance(row["messages"], list) else []
    blocks = any(isinstance(m, Mapping) and isinstance(m.get("content"), list) for m in messages)
    if "schemaVersion" in row or isinstance(row.get("system"), list) or (blocks and "system" not in row):
        return "bedrock"
    return "claude" if "system" in row else "openai"


def lacks_mapped(name: str, rows: Sequence[Row | Reject], mapping: Mapping[str, str], is_table: bool) -> bool:
    """Return whether a mapping is about other files: the format is known, and the columns are not here or by chance.

    Raises `ConfigError` where the question's or the SQL's column is missing from a file that it must be about.
    """
    columns = columns_of(rows)
    missing = [column for column in mapping.values() if column not in columns]
    if columns and missing:
        known = next((f for value in objects_of(rows) if (f := recognise(value, is_table))), None)
        if known and (len(missing) == len(mapping) or known not in ("table", "examples")):
            return True
        for field in ("question", "spec", "sql"):
            if (column := mapping.get(field)) in missing and column is not None:
                raise ConfigError(unknown(f"column for '{field}' in {name}", column, columns))
    if columns and "sql" not in mapping and column_called(SQL_NAMES, columns) is None:
        raise ConfigError(
            f"Which column of {name} is the SQL? Name it, too: {map_option({**mapping, 'sql': 'COL'})}. "
            f"Its columns: {', '.join(columns)[:300]}."
        )
    return False


def map_option(mapping: Mapping[str, str]) -> str:
    """Return the option that names columns, as a shell takes it.

    >>> map_option({"question": "COL", "sql": "SQL Query"})
    "--map 'question=COL,sql=SQL Query'"
    """
    return f"--map {shlex.quote(','.join(f'{field}={column}' for field, column in mapping.items()))}"


def columns_of(rows: Sequence[Row | Reject]) -> dict[str, None]:
    """Return the names of the rows' columns, in order."""
    return dict.fromkeys(str(column) for value in objects_of(rows) for column in value)


def objects_of(rows: Sequence[Row | Reject]) -> list[Mapping[str, Any]]:
    """Return the rows that are objects."""
    return [row.value for row in rows if isinstance(row, Row) and isinstance(row.value, Mapping)]
