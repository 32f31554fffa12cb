"""Spider and BIRD: questions with a `db_id`, schemas in a tables file or in database folders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqltailor.data.checks.execute import database_file
from sqltailor.data.examples import text_field
from sqltailor.data.file_kinds import TABLES_FILES, has_tables, open_bytes
from sqltailor.data.readers import Source
from sqltailor.data.rows import RowError
from sqltailor.database import open_database
from sqltailor.errors import DataError
from sqltailor.sql.schema import to_ddl
from sqltailor.types import Column, Example, Reference, Schema, Table

FOLDERS = ("database", "databases", "dev_databases", "train_databases", "test_database")
TYPES = {"number": "NUMERIC", "boolean": "BOOLEAN", "time": "DATETIME"}
"""Spider's kinds of columns that are not text."""


def read_spider(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of a Spider row: `db_id, question, query`; the parse tree and tokens are not used."""
    return _example(row, source, "query")


def read_bird(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of a BIRD row: `db_id, question, evidence, SQL, difficulty`."""
    return _example(row, source, "SQL")


def _example(row: Mapping[str, Any], source: Source, sql_key: str) -> Example:
    db_id, sql = text_field(row, "db_id") or "", text_field(row, sql_key)
    if not sql or not db_id:
        raise RowError("missing_field", f"`db_id` and `{sql_key}` must not be empty")
    question_id = text_field(row, "question_id")
    return Example(
        id=f"{source.path.name.split('.')[0]}-{question_id}" if question_id else "",
        question=text_field(row, "question") or "",
        sql=(sql,),
        evidence=text_field(row, "evidence") or None,
        schema=schema_of(db_id, source),
        db_id=db_id,
        difficulty=text_field(row, "difficulty"),
    )


def schema_of(db_id: str, source: Source) -> str | None:
    """Return the DDL of a database: from its file in a database folder, else from the tables file; None without both.

    Files know types and keys better than the tables file does.
    """
    folder = source.path.parent
    return _from_database(folder, db_id) or _from_tables(_tables_file(source), db_id)


def _tables_file(source: Source) -> Path | None:
    places = [source.tables] if source.tables else [source.path.parent / name for name in TABLES_FILES]
    found = next((p for p in places if p.is_file()), None)
    return found or (source.path if has_tables(source.path) else None)


@lru_cache(maxsize=512)
def _from_database(folder: Path, db_id: str) -> str | None:
    for name in FOLDERS:
        file = database_file(folder / name, db_id)
        if file is not None:
            with open_database(str(file)) as database:
                return to_ddl(database.read_schema())
    return None


@lru_cache(maxsize=512)
def _from_tables(path: Path | None, db_id: str) -> str | None:
    if path is None:
        return None
    known = _read_tables(path)
    if db_id not in known:
        raise RowError("unknown_database", f"no database '{db_id}' in {path}")
    return to_ddl(known[db_id])


@lru_cache(maxsize=4)
def _read_tables(path: Path) -> Mapping[str, Schema]:
    with open_bytes(path, tables=True) as file:
        try:
            return {str(entry["db_id"]): tables_schema(entry) for entry in json.load(file)}
        except (ValueError, KeyError, TypeError, IndexError) as e:
            raise DataError(f"{path} is not a tables file of Spider or BIRD: {e!r}") from e


def tables_schema(entry: Mapping[str, Any]) -> Schema:
    """Return the schema that one entry of tables.json describes."""
    table_names = entry["table_names_original"]
    names = entry["column_names_original"]
    primary = {key for keys in entry.get("primary_keys", ()) for key in (keys if isinstance(keys, list) else [keys])}
    references = {
        source: Reference(table_names[names[target][0]], names[target][1])
        for source, target in entry.get("foreign_keys", ())
    }
    columns: dict[int, list[Column]] = {i: [] for i in range(len(table_names))}
    for i, ((table, name), kind) in enumerate(zip(names, entry["column_types"], strict=True)):
        if table >= 0:
            columns[table].append(Column(name, TYPES.get(kind, "TEXT"), i in primary, references.get(i)))
    return Schema(tuple(Table(name, tuple(columns[i])) for i, name in enumerate(table_names)))
