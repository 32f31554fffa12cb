"""Rows of named columns: our own format, sql-create-context, and any table with a mapping."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from sqltailor.data.canonical import canonical_ddl
from sqltailor.data.column_names import column_called
from sqltailor.data.examples import from_json, text_field
from sqltailor.data.readers import FIELDS, Source
from sqltailor.data.readers.recognise import FEEDBACK, QUESTION_NAMES, SCHEMA_NAMES, SQL_NAMES
from sqltailor.data.rows import RowError
from sqltailor.types import Example


def read_example(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of a row in our own format, to which `serve` also writes what people say of its answers."""
    if row.get("source") == FEEDBACK and "sql" not in row:
        raise RowError("opinion", "says whether an answer was right, without SQL")
    return from_json(_mapped(row, source), dialect=source.dialect)


def read_context(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of a sql-create-context row: `question, context, answer` (or `sql`)."""
    answer = "answer" if "answer" in row else "sql"
    given = {"id": "id", "db_id": "db_id", "question": "question", "schema": "context", "sql": answer}
    example = _example(_picked(row, given | dict(source.mapping)), source)
    return dataclasses.replace(example, schema=canonical_ddl(example.schema)) if example.schema else example


def read_mapped(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of any row: columns as the mapping says, else by their usual names, however written."""
    names = {field: (field,) for field in FIELDS} | {"schema": SCHEMA_NAMES, "sql": SQL_NAMES}
    if "question" not in source.mapping and "spec" not in source.mapping:
        names["question"] = QUESTION_NAMES
    usual = {field: column for field, known in names.items() if (column := column_called(known, row)) is not None}
    return _example(_picked(row, usual | dict(source.mapping)), source)


def _mapped(row: Mapping[str, Any], source: Source) -> Mapping[str, Any]:
    return dict(row) | _picked(row, source.mapping) if source.mapping else row


def _picked(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    return {field: row.get(column) for field, column in columns.items()}


def _example(values: dict[str, Any], source: Source) -> Example:
    """Build an example from table cells, where an empty cell means none."""
    values = {k: None if isinstance(v, str) and not v.strip() else v for k, v in values.items()}
    question, spec = text_field(values, "question"), values.get("spec")
    if question is None and spec is None:
        raise RowError("empty_question", "no question")
    if isinstance(spec, str):
        try:
            values["spec"] = json.loads(spec)
        except ValueError as e:
            raise RowError("broken_json", f"the spec is not JSON: {e}") from e
    if values.get("sql") is None:
        raise RowError("missing_field", "no SQL")
    return from_json(values, dialect=source.dialect)
