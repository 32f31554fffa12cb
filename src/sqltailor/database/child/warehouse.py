"""A warehouse through SQLAlchemy, inside the child process. Only `program.py` loads it, by path, not the package.

Nothing on the server holds a hostile statement: there is no read-only session and no limit common to warehouses. So a
statement runs only with the option `unprotected`; then it must begin with SELECT or WITH, its transaction is rolled
back where the warehouse knows transactions, and the process ends when its time is up, while the server may go on.
"""

from __future__ import annotations

import contextlib
import decimal
import re
from typing import Any

MISSING = "no read-only session, and no limit that the server enforces"
HOW = "--unprotected, or database.unprotected=true"

_BEFORE_SELECT = re.compile(r"^\s*CREATE\b.*?\bAS\b\s*", re.IGNORECASE | re.DOTALL)
_HEAD = re.compile(r"(?>(?:[\s(]+|--[^\n]*|/\*.*?\*/)*)(?:select|with)\b", re.IGNORECASE | re.DOTALL)


class Engine:
    """A connection by SQLAlchemy's dialect for the URL, whose driver must be installed."""

    def __init__(self, options: dict[str, Any]) -> None:
        import sqlalchemy
        from sqlalchemy.exc import NoSuchModuleError

        self._shown: str = options["shown"]
        self._kind: str = options["kind"]
        self._unprotected: bool = options["unprotected"]
        role = f"Statements run unprotected on {self._kind} ({MISSING}): use a role that may only SELECT."
        self.warnings = [role] if self._unprotected else []
        try:
            self._engine = sqlalchemy.create_engine(options["url"])
            self._connection = self._engine.connect()
        except (NoSuchModuleError, ImportError) as e:
            raise OSError(
                f"{self._shown} needs a driver: {e}. Next: pip install a SQLAlchemy dialect for {self._kind}"
            ) from e
        except Exception as e:  # drivers raise what they like
            raise OSError(
                f"{self._shown} cannot be reached: {_first_line(e)}. Next: check the URL and the network"
            ) from e

    def run(self, sql: str, timeout_s: float, max_rows: int, catalog: bool) -> tuple[list[str], list[Any], bool]:
        """Run one SELECT. `catalog`: `columns` or `references` of the schema, as `catalog_rows.py` has them."""
        try:
            if catalog:
                rows = self._columns() if sql == "columns" else self._references()
                return [], rows[:max_rows], len(rows) > max_rows
            if not self._unprotected:
                raise PermissionError(f"On {self._kind} there is {MISSING}: nothing runs there without {HOW}.")
            if not _HEAD.match(sql):
                raise PermissionError("Only SELECT may run here.")
            return self._fetch(sql, max_rows)
        except (PermissionError, MemoryError):
            raise
        except Exception as e:  # as above
            raise ValueError(_first_line(e)) from e
        finally:
            with contextlib.suppress(Exception):  # of a connection that is lost, and opened anew by the next statement
                self._connection.rollback()

    def _fetch(self, sql: str, max_rows: int) -> tuple[list[str], list[Any], bool]:
        # without parameters a driver takes % for itself
        options = {"no_parameters": True, "stream_results": True}
        with self._connection.exec_driver_sql(sql, execution_options=options) as result:
            if not result.returns_rows:
                raise PermissionError("Only a SELECT that returns rows may run here.")
            rows = result.fetchmany(max_rows + 1)
            return list(result.keys()), [tuple(map(cell, row)) for row in rows[:max_rows]], len(rows) > max_rows

    def _columns(self) -> list[list[Any]]:
        from sqlalchemy import inspect
        from sqlalchemy.engine.reflection import ObjectKind

        found = inspect(self._connection)
        views = {*found.get_view_names()}
        keys = _told(found.get_multi_pk_constraint)
        comments = _told(found.get_multi_table_comment, kind=ObjectKind.ANY)
        queries = {view: _query(found, view) for view in views}
        rows = []
        for place, columns in found.get_multi_columns(kind=ObjectKind.ANY).items():
            table, is_view = place[1], place[1] in views
            key = keys.get(place, {}).get("constrained_columns", ())
            about = [None, table, found.default_schema_name, is_view, comments.get(place, {}).get("text")]
            for column in columns:
                name, kind = column["name"], self._type(column["type"])
                rows.append([*about, name, kind, name in key, column.get("comment"), queries.get(table)])
        return sorted(rows, key=lambda row: (row[3], row[1]))  # the columns of a table keep their order

    def _references(self) -> list[list[Any]]:
        from sqlalchemy import inspect

        found = inspect(self._connection)
        return [
            [found.default_schema_name, table, column, key.get("referred_schema"), key["referred_table"], target]
            for (_, table), keys in _told(found.get_multi_foreign_keys).items()
            for key in keys
            for column, target in zip(key["constrained_columns"], key["referred_columns"], strict=False)
        ]

    def _type(self, kind: Any) -> str:
        from sqlalchemy.exc import CompileError

        try:
            return str(kind.compile(dialect=self._engine.dialect))
        except CompileError:  # one that SQLAlchemy does not know
            return ""


def _told(ask: Any, **arguments: Any) -> Any:
    """Return what an inspector says; nothing where its dialect cannot say it."""
    try:
        return ask(**arguments)
    except NotImplementedError:
        return {}


def _query(found: Any, view: str) -> str | None:
    """Return the SELECT of a view, where the dialect and the role may see it."""
    try:
        text = found.get_view_definition(view)
    except Exception:  # drivers raise what they like
        return None
    return _BEFORE_SELECT.sub("", text).rstrip("; \n") if text else None


def _first_line(e: Exception) -> str:
    return str(getattr(e, "orig", None) or e).strip().partition("\n")[0].rstrip(".")


def cell(value: Any) -> Any:
    """Return a decimal as int or float, dates and the like as text; other values as they are."""
    if isinstance(value, decimal.Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    return value if value is None or isinstance(value, (bool, int, float, str, bytes)) else str(value)
