"""Decide whether a statement from a model or a log is fit to learn from: parsed, guarded, run, worth asking."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqltailor.data.canonical import parse_gold
from sqltailor.data.querylog.reader import NO_QUERY
from sqltailor.data.rows import RowError
from sqltailor.errors import Refused, SQLError, Timeout
from sqltailor.naming.joins import key
from sqltailor.naming.values import Values
from sqltailor.sql.dialect import write
from sqltailor.sql.guard import check
from sqltailor.sql.schema import find_table
from sqltailor.sql.schema.unknown_names import unknown_names
from sqltailor.synth.result_filter import MAX_ROWS, fault_of_tree
from sqltailor.types import Grant, Schema

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

    from sqltailor.database import Database


@dataclass(frozen=True)
class Trial:
    """Where statements are tried: the database with its whole schema, the grant, and how many rows its tables hold."""

    database: Database
    schema: Schema
    values: Values
    dialect: str
    grant: Grant = field(default_factory=Grant)
    timeout_s: float = 10.0

    def passed(self, sql: str) -> str:
        """Return a statement in canonical form when it runs here and its result says something, or raise `RowError`."""
        from sqlglot import exp

        if word := NO_QUERY.match(sql):
            raise RowError("not_select", f"the statement is {word[1].upper()}, not SELECT")
        tree = parse_gold(sql, self.dialect, self.schema)
        if not isinstance(tree, exp.Query):
            raise RowError("not_select", f"the statement is {tree.key.upper()}, not SELECT")
        try:
            if unknown := unknown_names(tree, self.schema):
                raise RowError(unknown[0].kind, "; ".join(u.detail for u in unknown[:3]))
            text = write(tree, self.dialect)
        except (SQLError, RecursionError) as e:
            raise RowError("unparsed", "the statement is nested too deeply") from e
        verdict = check(text, dialect=self.dialect, schema=self.schema, grant=self.grant)
        if not verdict.allowed:
            raise RowError("refused", f"{verdict.layer}: {verdict.reason}")
        self._run(text, tree)
        return text

    def _run(self, sql: str, tree: Expression) -> None:
        try:
            result = self.database.run(sql, timeout_s=self.timeout_s, max_rows=MAX_ROWS)
        except Timeout as e:
            raise RowError("cannot_run", str(e)) from e
        except Refused as e:
            raise RowError("cannot_run" if e.layer == "limits" else "refused", f"{e.layer}: {e}") from e
        except SQLError as e:
            raise RowError("fails", str(e)) from e
        if fault := fault_of_tree(tree, result, self._held(tree)):
            raise RowError("says_nothing", f"the result is {fault}")

    def _held(self, tree: Expression) -> int | None:
        """Return the number of rows of the table that a statement reads first, where it is known."""
        from sqlglot import exp

        first = tree.args.get("from_") or tree.args.get("from")
        source = first.this if first is not None else None
        if not isinstance(source, exp.Table):
            return None
        table = find_table(self.schema, source.name, source.db or None)
        return self.values.counts.get(key(table)) if table is not None else None
