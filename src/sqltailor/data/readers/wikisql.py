"""WikiSQL's structured queries: `{table_id, question, sql: {sel, agg, conds}}` with the tables file beside them.

Columns get snake_case names of their headers, tables the name `table_<id>`, as in WikiSQL's own databases.
Aggregates and operators: salesforce/WikiSQL lib/query.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqltailor.data.readers import Source
from sqltailor.data.rows import Row, RowError, read_rows
from sqltailor.errors import counted
from sqltailor.sql.dialect import quote_name
from sqltailor.sql.schema import to_ddl
from sqltailor.types import Column, Example, Schema, Table

AGGREGATES = ("", "MAX", "MIN", "COUNT", "SUM", "AVG")
OPERATORS = ("=", ">", "<")


def read_wikisql(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of a WikiSQL row. The table is in the row (`table`) or in a `.tables.jsonl` file."""
    given = row.get("table")
    table_id = str(row.get("table_id") or (given.get("id") if isinstance(given, Mapping) else "") or "")
    table = _table(table_id, given) if isinstance(given, Mapping) else _tables(source).get(table_id)
    if table is None:
        raise RowError("broken_schema", f"table '{table_id}' is not in {tables_file(source) or 'a .tables.jsonl file'}")
    return Example(
        id="",
        question=str(row.get("question") or ""),
        sql=(_sql(row["sql"], table),),
        schema=to_ddl(Schema((table,))),
        db_id=table_id or None,
    )


def tables_file(source: Source) -> Path | None:
    """Return the tables file of a questions file: the one given, else `NAME.tables.jsonl` beside it."""
    if source.tables is not None:
        return source.tables
    stem = source.path.name.split(".jsonl")[0]
    beside = [p for p in sorted(source.path.parent.glob("*.tables.jsonl*")) if p.name.startswith(f"{stem}.tables.")]
    return beside[0] if beside else None


def _tables(source: Source) -> Mapping[str, Table]:
    path = tables_file(source)
    return _read_tables(path) if path is not None else {}


@lru_cache(maxsize=4)
def _read_tables(path: Path) -> Mapping[str, Table]:
    rows = (row.value for row in read_rows(path) if isinstance(row, Row))
    return {str(value["id"]): _table(str(value["id"]), value) for value in rows if "header" in value}


def _table(table_id: str, value: Mapping[str, Any]) -> Table:
    kinds = value.get("types") or ["text"] * len(value["header"])
    names = snake_names(value["header"])
    columns = (Column(n, "REAL" if k in ("real", "number") else "TEXT") for n, k in zip(names, kinds, strict=True))
    return Table("table_" + re.sub(r"\W", "_", table_id), tuple(columns))


def snake_names(headers: Sequence[str]) -> list[str]:
    """Return a different snake_case name for each header.

    >>> snake_names(["School/Club Team", "No.", "No", "%"])
    ['school_club_team', 'no', 'no_2', 'column_4']
    """
    names: list[str] = []
    for i, header in enumerate(headers, 1):
        name = re.sub(r"\W+", "_", header.strip().lower()).strip("_") or f"column_{i}"
        twin = 2
        while name in names:
            name, twin = f"{name.removesuffix(f'_{twin - 1}')}_{twin}", twin + 1
        names.append(name)
    return names


def _sql(query: Mapping[str, Any], table: Table) -> str:
    try:
        column = _column(table, query["sel"])
        aggregate = _at(AGGREGATES, query["agg"], "aggregate")
        conditions = [
            f"{_column(table, column)} {_at(OPERATORS, operator, 'operator')} {_value(value)}"
            for column, operator, value in _conditions(query["conds"])
        ]
    except KeyError as e:
        raise RowError("missing_field", f"`sql` has no `{e.args[0]}`; it needs sel, agg and conds") from e
    except (TypeError, ValueError) as e:
        raise RowError("wrong_type", "`sql` needs numbers in sel and agg, and conds of column, operator, value") from e
    select = f"{aggregate}({column})" if aggregate else column
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {select} FROM {quote_name(table.name)}{where}"


def _column(table: Table, index: int) -> str:
    if not 0 <= index < len(table.columns):
        raise RowError("unknown_column", f"column {index} of a table with {counted(len(table.columns), 'column')}")
    return quote_name(table.columns[index].name)


def _at(names: Sequence[str], index: int, what: str) -> str:
    if not 0 <= index < len(names):
        raise RowError("wrong_type", f"{index} is no {what}: 0 to {len(names) - 1} are")
    return names[index]


def _conditions(conditions: Any) -> list[tuple[int, int, Any]]:
    if isinstance(conditions, Mapping):  # the Hugging Face copy keeps them column-wise
        columns = (conditions["column_index"], conditions["operator_index"], conditions["condition"])
        return list(zip(*columns, strict=True))
    return [(column, operator, value) for column, operator, value in conditions]


def _value(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"
